#include "response_time.h"

#include <stdlib.h>

enum { SHARE = 8 }; /* a new measurement weighs one eighth */

struct response_time {
	unsigned references;
	uint64_t eighths; /* of a ms, 0 = not known */
};

struct response_time *response_time_of(struct response_time **row)
{
	if (!*row) {
		*row = calloc(1, sizeof(**row));
		response_time_ref(*row);
	}
	return *row;
}

struct response_time *response_time_ref(struct response_time *t)
{
	if (t)
		t->references++;
	return t;
}

void response_time_unref(struct response_time *t)
{
	if (t && !--t->references)
		free(t);
}

/** Kept in eighths, the sum moves by an eighth of the difference and loses nothing to rounding. */
void response_time_learn(struct response_time *t, uint64_t ms)
{
	if (!t)
		return;
	ms = ms < 1 ? 1 : ms > UINT32_MAX ? UINT32_MAX : ms; /* 0 means not known */
	if (t->eighths)
		t->eighths += ms - t->eighths / SHARE;
	else
		t->eighths = ms * SHARE;
}

uint32_t response_time_ms(const struct response_time *t)
{
	return t ? (uint32_t)((t->eighths + SHARE / 2) / SHARE) : 0;
}
