#include "overload.h"

#include "address.h"
#include "admission.h"
#include "clock.h"
#include "datagram.h"
#include "log.h"
#include "loop.h"
#include "refusal.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUIET_MS = 2000 }; /* overload is over when nothing was refused for so long */

/** What has to wait, the more urgent first. */
enum kind { CALLS, REGISTRATIONS, KINDS };

struct waiting {
	struct admission_entry entry; /* the first field */
	enum kind kind;
	struct hop_listener *listener;
	struct sockaddr_storage source;
	size_t n;
	char data[];
};

struct overload {
	struct loop *loop;
	const struct overload_handlers *handlers;
	void *arg;
	struct admission admission[KINDS];
	struct event serve, quiet, calm;
	uint64_t registrations; /* refused since that was said last */
	uint64_t refused;       /* calls, in all; */
	uint64_t refused_before,
		refused_lately; /* of them: when this overload began; when the timer was set */
};

/* Refusing ---------------------------------------------------------------------------------- */

static void start_quiet(struct overload *o)
{
	struct timeval tv;

	o->refused_lately = o->refused;
	event_add(&o->quiet, loop_delay(o->loop, QUIET_MS, &tv));
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
	struct overload *o = arg;

	(void)fd;
	(void)what;
	if (o->refused != o->refused_lately) {
		start_quiet(o);
		return;
	}
	log_warning(
		NULL, "overload is over refused=%llu", (unsigned long long)(o->refused - o->refused_before));
}

static void note_refusal(struct overload *o)
{
	if (!event_pending(&o->quiet, EV_TIMEOUT, NULL)) {
		o->refused_before = o->refused;
		log_warning(NULL, "overloaded, new calls are refused with 503 waiting=%u",
			o->admission[CALLS].n_waiting);
		start_quiet(o);
	}
	o->refused++;
}

static void on_calm(evutil_socket_t fd, short what, void *arg)
{
	struct overload *o = arg;

	(void)fd;
	(void)what;
	log_warning(NULL, "registrations were refused with 503 n=%llu", (unsigned long long)o->registrations);
	o->registrations = 0;
}

/** Said once they are over, or each two seconds. */
static void note_registration(struct overload *o)
{
	struct timeval tv;

	if (!o->registrations++)
		event_add(&o->calm, loop_delay(o->loop, QUIET_MS, &tv));
}

/** One too much. @return false when it has to be served all the same */
static bool turn_away(struct overload *o, enum kind kind, struct hop_listener *l, const struct scan *s,
	const struct sockaddr *source)
{
	struct scan via;

	if (!scan_header(s, "Via", 'v', &(size_t){0}, &via))
		return false;
	switch (o->handlers->on_excess(source, &via, o->arg)) {
	case OVERLOAD_SERVE:
		return false;
	case OVERLOAD_REFUSE:
		refusal_send(l, s, source);
		break;
	case OVERLOAD_DROP:
		break;
	}
	if (kind == CALLS)
		note_refusal(o);
	else
		note_registration(o);
	return true;
}

/* Waiting ----------------------------------------------------------------------------------- */

static void serve_later(struct overload *o)
{
	static const struct timeval now = {0};

	if (!event_pending(&o->serve, EV_TIMEOUT, NULL))
		event_add(&o->serve, &now);
}

/** The next one that waits, if it is its turn. Registrations are served while no call waits. */
static struct waiting *next_waiting(struct overload *o)
{
	struct admission *a = &o->admission[o->admission[CALLS].n_waiting ? CALLS : REGISTRATIONS];
	const struct waiting *first = (const struct waiting *)STAILQ_FIRST(&a->waiting);

	if (!first)
		return NULL;
	return (struct waiting *)admission_next(
		a, loop_passes(o->loop), datagram_has_more(first->listener->datagram));
}

static void on_serve(evutil_socket_t fd, short what, void *arg)
{
	struct overload *o = arg;
	struct waiting *w;

	(void)fd;
	(void)what;
	while ((w = next_waiting(o))) {
		struct scan s = {.data = w->data, .n = w->n};
		const struct sockaddr *source = (struct sockaddr *)&w->source;

		if (!admission_is_stale(&w->entry, clock_real_ms()) ||
			!turn_away(o, w->kind, w->listener, &s, source))
			o->handlers->on_serve(w->listener, w->data, w->n, source, o->arg);
		free(w);
	}
	if (overload_waiting(o))
		serve_later(o);
}

/** @return false without memory */
static bool wait(struct overload *o, enum kind kind, struct hop_listener *l, const struct scan *s,
	const struct sockaddr *source, uint64_t now_ms)
{
	struct waiting *w = malloc(sizeof(*w) + s->n + 1);

	if (!w)
		return false;
	w->listener = l;
	memcpy(&w->source, source, address_length(source));
	w->kind = kind;
	w->n = s->n;
	memcpy(w->data, s->data, s->n);
	admission_wait(&o->admission[kind], &w->entry, now_ms);
	serve_later(o);
	return true;
}

/** Does it begin a call that can wait? */
static bool is_new_call(const struct scan *s)
{
	struct scan to, tag;

	return scan_is_request(s, "INVITE") && !scan_uri_begins(s, "urn:service:sos") &&
		!(scan_header(s, "To", 't', &(size_t){0}, &to) && scan_parameter(&to, "tag", &tag));
}

void overload_take(
	struct overload *o, struct hop_listener *l, char *data, size_t n, const struct sockaddr *source)
{
	struct scan s = {.data = data, .n = n};
	const enum kind kind = is_new_call(&s)    ? CALLS
		: scan_is_request(&s, "REGISTER") ? REGISTRATIONS
						  : KINDS;

	if (refusal_is_acknowledged(&s))
		return;
	if (kind != KINDS) {
		uint64_t now_ms = clock_real_ms();
		enum admission_verdict verdict =
			admission_judge(&o->admission[kind], loop_passes(o->loop), now_ms);

		if (verdict == ADMISSION_WAIT && wait(o, kind, l, &s, source, now_ms))
			return;
		if (verdict != ADMISSION_SERVE && turn_away(o, kind, l, &s, source))
			return;
	}
	o->handlers->on_serve(l, data, n, source, o->arg);
}

/* Life -------------------------------------------------------------------------------------- */

int overload_create(
	struct overload **out, struct loop *loop, const struct overload_handlers *handlers, void *arg)
{
	struct overload *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->loop = loop;
	o->handlers = handlers;
	o->arg = arg;
	for (unsigned i = 0; i < KINDS; i++)
		admission_init(&o->admission[i]);
	event_assign(&o->serve, loop_base(loop), -1, 0, on_serve, o);
	event_assign(&o->quiet, loop_base(loop), -1, 0, on_quiet, o);
	event_assign(&o->calm, loop_base(loop), -1, 0, on_calm, o);
	*out = o;
	return 0;
}

void overload_destroy(struct overload *o)
{
	struct admission_entry *first;

	if (!o)
		return;
	event_del(&o->serve);
	event_del(&o->quiet);
	event_del(&o->calm);
	for (unsigned i = 0; i < KINDS; i++)
		while ((first = STAILQ_FIRST(&o->admission[i].waiting))) {
			STAILQ_REMOVE_HEAD(&o->admission[i].waiting, link);
			free(first); /* of a struct waiting */
		}
	free(o);
}

unsigned overload_waiting(const struct overload *o)
{
	return o->admission[CALLS].n_waiting + o->admission[REGISTRATIONS].n_waiting;
}

uint64_t overload_refused(const struct overload *o)
{
	return o->refused;
}
