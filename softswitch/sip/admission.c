#include "admission.h"

#include <stddef.h>

enum {
	CALLS_PER_PASS = 16,     /* new ones, before what belongs to others has its turn */
	CALLS_PER_BUSY_PASS = 2, /* when others do not get through */
	WAIT_MAX_MS = 200,       /* the first one has waited so long: the next ones are refused */
	STALE_MS = 400,          /* it was resent by now: no use to answer it */
	WAITING_MAX = 4096,      /* INVITEs */
};

void admission_init(struct admission *a)
{
	*a = (struct admission){0};
	STAILQ_INIT(&a->waiting);
}

static bool may_serve(struct admission *a, uint64_t pass, unsigned most)
{
	if (pass != a->pass)
		a->served = 0;
	a->pass = pass;
	return a->served < most;
}

enum admission_verdict admission_judge(struct admission *a, uint64_t pass, uint64_t now_ms)
{
	const struct admission_entry *first = STAILQ_FIRST(&a->waiting);

	if (!first && may_serve(a, pass, CALLS_PER_PASS)) {
		a->served++;
		return ADMISSION_SERVE;
	}
	return a->n_waiting >= WAITING_MAX || (first && now_ms - first->since_ms > WAIT_MAX_MS)
		? ADMISSION_REFUSE
		: ADMISSION_WAIT;
}

void admission_wait(struct admission *a, struct admission_entry *entry, uint64_t now_ms)
{
	entry->since_ms = now_ms;
	STAILQ_INSERT_TAIL(&a->waiting, entry, link);
	a->n_waiting++;
}

struct admission_entry *admission_next(struct admission *a, uint64_t pass, bool busy)
{
	struct admission_entry *first = STAILQ_FIRST(&a->waiting);

	if (!first || !may_serve(a, pass, busy ? CALLS_PER_BUSY_PASS : CALLS_PER_PASS))
		return NULL;
	STAILQ_REMOVE_HEAD(&a->waiting, link);
	a->n_waiting--;
	a->served++;
	return first;
}

bool admission_is_stale(const struct admission_entry *entry, uint64_t now_ms)
{
	return now_ms - entry->since_ms >= STALE_MS;
}
