/** @file successor.h  Can another program go on in place of this one? It is asked itself, without holding up the loop. */
#ifndef SUCCESSOR_H
#define SUCCESSOR_H

struct loop;
struct successor;

struct successor_parts {
	struct loop *loop;
	const char *program; /* its file; copied */
	char *const *argv;   /* what it would be given, with its name in front; borrowed */
	/**
	 * Called once, and never before successor_ask() has returned.
	 *
	 * @param refusal  why it cannot, one sentence; NULL = it can
	 * @param version  its own
	 */
	void (*on_answer)(const char *refusal, const char *version, void *arg);
	void *arg;
};

/**
 * Ask it which state it reads (`--state-version`), and whether it would start with these arguments (`--check`).
 *
 * @return 0; -ENOMEM
 */
int successor_ask(struct successor **out, const struct successor_parts *parts);
/** What has been asked, all links followed: to be executed. It lives as long as the successor. */
const char *successor_file(const struct successor *s);
/** And with what: its name, and what it would be given. They live as long. */
char *const *successor_arguments(const struct successor *s);
/** The answer is not wanted any more, or has come. A program that still runs is killed, and not waited for. NULL is fine. */
void successor_destroy(struct successor *s);

#endif
