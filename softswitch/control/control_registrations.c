#include "control_registrations.h"

#include "address.h"
#include "json_text.h"

/** Whole seconds until then, rounded up; null for never. */
static json_t *seconds_until(uint64_t then_ms, uint64_t now_ms)
{
	if (!then_ms)
		return json_null();
	return json_integer(then_ms > now_ms ? (json_int_t)((then_ms - now_ms + 999) / 1000) : 0);
}

/* Fields are named one by one, so the password stays inside. */
json_t *control_registration(const struct registration *r, uint64_t now_ms)
{
	const struct db_registration *row = registration_row(r);
	struct registration_info info;
	char registrar[ADDRESS_HOST_PORT_MAX];
	json_t *entry = json_object();
	registration_info(r, now_ms, &info);
	address_host_port(registrar, row->host, row->port);
	json_object_set_new(entry, "name", json_text(row->name));
	json_object_set_new(entry, "state", json_string(registration_state_name(info.state)));
	json_object_set_new(entry, "since_s",
		info.since_ms ? json_integer((json_int_t)(now_ms - info.since_ms) / 1000) : json_null());
	json_object_set_new(entry, "registrar", json_text(registrar));
	json_object_set_new(entry, "user", json_text(row->user));
	json_object_set_new(entry, "expires_s", seconds_until(info.expires_ms, now_ms));
	json_object_set_new(entry, "next_s", seconds_until(info.due_ms, now_ms));
	json_object_set_new(entry, "code", info.code ? json_integer(info.code) : json_null());
	json_object_set_new(entry, "reason", json_text(info.words));
	return entry;
}
