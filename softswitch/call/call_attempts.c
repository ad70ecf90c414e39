#include "call_attempts.h"

#include "json_text.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

void call_attempts_init(struct call_attempts *r)
{
	STAILQ_INIT(&r->attempts);
}

void call_attempts_clear(struct call_attempts *r)
{
	struct call_attempt *a;

	while ((a = STAILQ_FIRST(&r->attempts))) {
		STAILQ_REMOVE_HEAD(&r->attempts, link);
		free(a->gateway);
		free(a);
	}
}

void call_attempts_add(struct call_attempts *r, const char *gateway, const struct call_attempt *what)
{
	struct call_attempt *a = malloc(sizeof(*a));

	if (!a)
		return;
	*a = *what;
	a->gateway = strdup(gateway);
	if (!a->gateway) {
		free(a);
		return;
	}
	STAILQ_INSERT_TAIL(&r->attempts, a, link);
}

char *call_attempts_attempts_json(const struct call_attempts *r)
{
	json_t *array = json_array();
	const struct call_attempt *a;
	char *text;

	STAILQ_FOREACH (a, &r->attempts, link)
		json_array_append_new(array,
			json_pack("{s:s, s:s, s:s, s:i, s:o, s:I, s:I}", "gateway", a->gateway, "address",
				a->address, "stage", a->stage, "code", a->code, "reason",
				json_text(a->reason), "begin_ms", (json_int_t)a->begin_ms, "duration_ms",
				(json_int_t)a->duration_ms));
	text = array ? json_dumps(array, JSON_COMPACT) : NULL;
	json_decref(array);
	return text;
}
