#include "call_limits.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_MS = 1000 };

int call_limits_reserve(struct call_limits *l, uint32_t cps)
{
	if (cps <= l->recent_size)
		return 0;
	uint64_t *ring = calloc(cps, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	/* Oldest first; the rest is 0, "long ago", and is overwritten next. */
	for (uint32_t i = 0; i < l->recent_size; i++)
		ring[i] = l->recent_ms[(l->recent_next + i) % l->recent_size];
	free(l->recent_ms);
	l->recent_ms = ring;
	l->recent_next = l->recent_size;
	l->recent_size = cps;
	return 0;
}

int call_limits_set(struct call_limits *l, uint32_t capacity, uint32_t cps)
{
	int err = call_limits_reserve(l, cps);

	if (err)
		return err;
	l->capacity = capacity;
	l->cps = cps;
	return 0;
}

void call_limits_clear(struct call_limits *l)
{
	assert(l->in_use == 0);
	free(l->recent_ms);
	*l = (struct call_limits){0};
}

/* The seizure that was made cps seizures ago decides: while it is less than a second old, the limit is reached. */
static uint64_t next_free_ms(const struct call_limits *l)
{
	uint64_t i = (uint64_t)l->recent_next + l->recent_size - l->cps;

	return l->recent_ms[i % l->recent_size];
}

int call_limits_check(const struct call_limits *l, uint64_t now_ms)
{
	if (l->capacity && l->in_use >= l->capacity)
		return -EBUSY;
	if (l->cps && now_ms < next_free_ms(l))
		return -EAGAIN;
	return 0;
}

static void hold(struct call_limits *l, struct call_limits_channel *ch)
{
	assert(!ch->limits);
	LIST_INSERT_HEAD(&l->channels, ch, link);
	ch->limits = l;
	l->in_use++;
}

void call_limits_resume(struct call_limits *l, struct call_limits_channel *ch)
{
	hold(l, ch);
	ch->serial = 0;
}

int call_limits_seize(struct call_limits *l, struct call_limits_channel *ch, uint64_t now_ms)
{
	int err = call_limits_check(l, now_ms);

	if (err)
		return err;
	hold(l, ch);
	ch->serial = ++l->total;
	if (l->recent_size) {
		l->recent_ms[l->recent_next] = now_ms + SECOND_MS;
		l->recent_next = (l->recent_next + 1) % l->recent_size;
	}
	return 0;
}

void call_limits_release(struct call_limits_channel *ch)
{
	struct call_limits *l = ch->limits;

	if (!l)
		return;
	LIST_REMOVE(ch, link);
	ch->limits = NULL;
	l->in_use--;
	if (l->on_release)
		l->on_release(l, ch);
}

void call_limits_recount(const struct call_limits_channel *ch)
{
	if (ch->limits)
		ch->limits->counted++;
}

void call_limits_explain(const struct call_limits *l, int error, char *out, size_t size)
{
	if (error == -EBUSY)
		snprintf(out, size, "full %" PRIu32 "/%" PRIu32, l->in_use, l->capacity);
	else if (error == -EAGAIN)
		snprintf(out, size, "cps %" PRIu32 "/%" PRIu32, l->cps, l->cps);
	else
		snprintf(out, size, "usable");
}
