#include "control_strangers.h"

#include "address.h"
#include "clock.h"
#include "json_text.h"

static void set_time(json_t *entry, const char *ago, const char *at, uint64_t then_ms, uint64_t now_ms)
{
	json_int_t ms = (json_int_t)(now_ms - then_ms);

	json_object_set_new(entry, ago, json_integer(ms / 1000));
	json_object_set_new(entry, at, json_integer(clock_epoch_ms() - ms));
}

json_t *control_stranger(const struct strangers_entry *e, uint64_t now_ms)
{
	char source[ADDRESS_HOST_MAX];
	json_t *entry = json_object();

	address_host(&e->source.any, source);
	json_object_set_new(entry, "source", json_string(source));
	json_object_set_new(entry, "port", json_integer(address_port(&e->source.any)));
	json_object_set_new(entry, "transport", json_string(e->transport));
	json_object_set_new(entry, "reason", json_string(strangers_reason_name(e->reason)));
	json_object_set_new(entry, "method", json_text(e->method));
	json_object_set_new(entry, "user", json_text(e->user));
	json_object_set_new(entry, "name", json_text(e->name));
	json_object_set_new(entry, "count", json_integer((json_int_t)e->count));
	set_time(entry, "first_s", "first_ms", e->first_ms, now_ms);
	set_time(entry, "last_s", "last_ms", e->last_ms, now_ms);
	return entry;
}

json_t *control_strangers_counts(const struct strangers *set)
{
	json_t *counts = json_object();

	for (int i = 0; i < STRANGERS_REASONS; i++)
		json_object_set_new(counts, strangers_reason_name((enum strangers_reason)i),
			json_integer((json_int_t)strangers_total(set, (enum strangers_reason)i)));
	return counts;
}
