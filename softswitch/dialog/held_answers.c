#include "held_answers.h"

#include "address.h"
#include "loop.h"
#include "nat.h"
#include "next_hop.h"
#include "scan.h"
#include "stack.h"
#include "uri.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { HELD_MAX = 64, HELD_MS = 1500 };

struct held_answer {
	LIST_ENTRY(held_answer) link;
	struct held_answers *set;
	struct received_kept answer;
	struct resolver_query *query;
	struct event late;
};

struct held_answers {
	const struct stack *stack;
	held_answers_h *on_answer;
	void *arg;
	LIST_HEAD(held_answer_list, held_answer) held;
	unsigned n;
};

static void held_answer_free(struct held_answer *a)
{
	resolver_cancel(a->query);
	event_del(&a->late);
	LIST_REMOVE(a, link);
	a->set->n--;
	received_drop(&a->answer);
	free(a);
}

static void release(struct held_answer *a)
{
	a->set->on_answer(&a->answer.rx, a->set->arg);
	held_answer_free(a);
}

static void on_resolved(int error, const struct resolver_answer *answer, void *arg)
{
	struct held_answer *a = arg;

	(void)error;
	(void)answer; /* the dialog finds it in the cache */
	a->query = NULL;
	release(a);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	release(arg);
}

/** Is there something to send now to where it leads: an ACK or a PRACK? */
static bool opens_dialog(const sip_t *sip)
{
	int status = sip->sip_status->st_status;

	return sip->sip_cseq->cs_method == sip_method_invite &&
		((status >= 200 && status < 300) || (status > 100 && status < 200 && sip->sip_rseq));
}

/** The first route of the dialog, which is the last Record-Route here, else Contact. */
static bool find_next(const sip_t *sip, struct uri *out)
{
	struct uri_list list = {.header = sip->sip_record_route};
	struct scan text, last = {0};

	while (uri_list_next(&list, &text))
		last = text;
	return last.n ? uri_read(out, &last) == 0 : uri_read_first(out, sip->sip_contact);
}

bool held_answers_take(struct held_answers *set, const struct received *rx, const struct hop *hop)
{
	struct resolver *resolver = set->stack->resolver;
	struct resolver_target target;
	struct resolver_answer answer;
	struct timeval tv;
	struct held_answer *a;
	char maddr[URI_MADDR_MAX];
	struct uri uri;

	if (!opens_dialog(rx->sip) || !find_next(rx->sip, &uri) ||
		nat_hides(hop_nat(hop), NULL, rx->source) || next_hop_target(&uri, hop, maddr, &target) ||
		resolver_try(resolver, &target, &answer) != -EAGAIN || set->n >= HELD_MAX)
		return false;
	a = calloc(1, sizeof(*a));
	if (!a || resolver_lookup(&a->query, resolver, &target, on_resolved, a)) {
		free(a);
		return false;
	}
	a->set = set;
	received_keep(&a->answer, rx);
	LIST_INSERT_HEAD(&set->held, a, link);
	set->n++;
	event_assign(&a->late, loop_base(set->stack->loop), -1, 0, on_late, a);
	event_add(&a->late, loop_delay(set->stack->loop, HELD_MS, &tv));
	return true;
}

int held_answers_create(
	struct held_answers **out, const struct stack *stack, held_answers_h *on_answer, void *arg)
{
	struct held_answers *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->stack = stack;
	set->on_answer = on_answer;
	set->arg = arg;
	*out = set;
	return 0;
}

void held_answers_destroy(struct held_answers *set)
{
	struct held_answer *a, *next;

	if (!set)
		return;
	for (a = LIST_FIRST(&set->held); a; a = next) {
		next = LIST_NEXT(a, link);
		held_answer_free(a);
	}
	free(set);
}
