#include "record.h"

#include "json_text.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

void record_init(struct record *r)
{
	STAILQ_INIT(&r->attempts);
}

void record_clear(struct record *r)
{
	struct record_attempt *a;

	while ((a = STAILQ_FIRST(&r->attempts))) {
		STAILQ_REMOVE_HEAD(&r->attempts, link);
		free(a->gateway);
		free(a);
	}
}

void record_add(struct record *r, const char *gateway, const struct record_attempt *what)
{
	struct record_attempt *a = malloc(sizeof(*a));

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

char *record_attempts_json(const struct record *r)
{
	json_t *array = json_array();
	const struct record_attempt *a;
	char *text;

	STAILQ_FOREACH (a, &r->attempts, link)
		json_array_append_new(array,
			json_pack("{s:s, s:s, s:s, s:i, s:o, s:I, s:I}", "gateway", a->gateway, "address", a->address,
				"stage", a->stage, "code", a->code, "reason", json_text(a->reason), "begin_ms",
				(json_int_t)a->begin_ms, "duration_ms", (json_int_t)a->duration_ms));
	text = array ? json_dumps(array, JSON_COMPACT) : NULL;
	json_decref(array);
	return text;
}
