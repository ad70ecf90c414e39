/** @file signals.h  What the switch does on signals. */
#ifndef SIGNALS_H
#define SIGNALS_H

struct loop;
struct reload;
struct restart;
struct signals;
struct stop;

/** No signal that somebody may send by mistake ends the calls. First of all. */
void signals_ignore(void);

/** All of it borrowed. */
struct signals_parts {
	struct stop *stop;       /* SIGTERM, SIGINT, SIGQUIT */
	struct restart *restart; /* SIGUSR2 */
	struct reload *config;   /* SIGHUP */
};
/** From now on they are handled. @return 0; -ENOMEM */
int signals_create(struct signals **out, struct loop *loop, const struct signals_parts *parts);
/** NULL is fine. */
void signals_destroy(struct signals *s);

#endif
