#include "registration_saved.h"

#include "clock.h"
#include "hop_state.h"
#include "registration_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct field driver_fields[] = {
	FIELD(1, ARRAY, struct registration_driver, call_id),
	FIELD(2, ARRAY, struct registration_driver, tag),
	FIELD(3, NUMBER, struct registration_driver, cseq),
};

static const struct field binding_fields[] = {
	FIELD(10, NUMBER, struct registration_binding, fixed_s),
	FIELD(11, NUMBER, struct registration_binding, asked_s),
	FIELD(12, NUMBER, struct registration_binding, privacy),
	FIELD(13, NUMBER, struct registration_binding, expires_ms),
	FIELD(14, NUMBER, struct registration_binding, next_ms),
};

/** What of its row a REGISTER is made from. */
static const struct field row_fields[] = {
	FIELD(20, TEXT, struct db_registration, name),
	FIELD(21, TEXT, struct db_registration, host),
	FIELD(22, TEXT, struct db_registration, transport),
	FIELD(23, NUMBER, struct db_registration, port),
	FIELD(24, TEXT, struct db_registration, proxy),
	FIELD(25, NUMBER, struct db_registration, local_port),
	FIELD(26, TEXT, struct db_registration, user),
	FIELD(27, TEXT, struct db_registration, auth_user),
	FIELD(28, TEXT, struct db_registration, password),
	FIELD(29, TEXT, struct db_registration, realm),
	FIELD(30, TEXT, struct db_registration, contact_host),
	FIELD(31, TEXT, struct db_registration, line),
	FIELD(32, NUMBER, struct db_registration, tls_verify),
	FIELD(33, TEXT, struct db_registration, tls_fingerprint),
	FIELD(34, TEXT, struct db_registration, tls_certificate),
};
enum { ROW_FIELDS = sizeof(row_fields) / sizeof(row_fields[0]) };

static const struct field route_fields[] = {
	FIELD(40, TEXT, struct registration_route, lines),
	FIELD(41, TEXT, struct registration_route, host),
	FIELD(42, ARRAY, struct registration_route, transport),
	FIELD(43, NUMBER, struct registration_route, port),
};

/** Fields that stand in no table. */
enum { HOP = 50, SENT_BY /* of the listener in our Contact */ };

/* Writing ----------------------------------------------------------------------------------- */

void registration_saved_write(const struct registration_driver *d, struct text *t)
{
	const uint64_t now_ms = clock_now_ms();
	const struct registration_route *route = registration_route(d->registration, now_ms);
	const char *sent_by = d->hop.listener->sent_by;
	struct registration_binding binding;
	size_t begun;

	registration_binding(d->registration, now_ms, &binding);
	field_write(t, FIELD_TABLE(driver_fields), d);
	field_write(t, FIELD_TABLE(binding_fields), &binding);
	field_write(t, FIELD_TABLE(row_fields), binding.used);
	if (route)
		field_write(t, FIELD_TABLE(route_fields), route);
	field_add(t, SENT_BY, sent_by, strlen(sent_by));
	begun = field_begin(t, HOP);
	hop_state_write(&d->hop, t);
	field_end(t, begun);
}

/* Reading ----------------------------------------------------------------------------------- */

static char **text_of(struct db_registration *row, const struct field *field)
{
	return (char **)(void *)((char *)row + field->offset);
}

static void free_row(struct db_registration *row)
{
	for (size_t i = 0; i < ROW_FIELDS; i++)
		if (row_fields[i].type == FIELD_TEXT)
			free(*text_of(row, &row_fields[i]));
}

/** Texts are never NULL, also those that were not written. */
static int read_row(struct db_registration *row, const struct field_bytes *bytes)
{
	int err = field_read(row, FIELD_TABLE(row_fields), bytes);

	for (size_t i = 0; !err && i < ROW_FIELDS; i++)
		if (row_fields[i].type == FIELD_TEXT && !*text_of(row, &row_fields[i]))
			err = text_set(text_of(row, &row_fields[i]), "");
	return err;
}

char *registration_saved_name(const struct field_bytes *bytes)
{
	struct db_registration row = {0};
	int err = field_read(&row, &row_fields[0], 1, bytes);

	if (!err)
		return (char *)(uintptr_t)row.name;
	free_row(&row);
	return NULL;
}

/** By the listener that our Contact names, and no other. */
static int read_hop(struct hop *hop, struct transport *transport, const struct field_bytes *bytes)
{
	struct field_bytes value, sent_by;
	int err;

	if (!field_find(&value, HOP, bytes) || !field_find(&sent_by, SENT_BY, bytes))
		return -EINVAL;
	err = hop_state_read(hop, transport, &value);
	if (!err &&
		(strlen(hop->listener->sent_by) != sent_by.size ||
			memcmp(hop->listener->sent_by, sent_by.data, sent_by.size) != 0))
		err = -ENOTCONN;
	return err;
}

static int read_binding(struct registration *r, const struct field_bytes *bytes)
{
	struct registration_route route = {0};
	struct db_registration row = {.enabled = true, .expiry.set = false};
	struct registration_binding binding = {.used = &row};
	int err = read_row(&row, bytes);

	if (!err)
		err = field_read(&binding, FIELD_TABLE(binding_fields), bytes);
	if (!err)
		err = field_read(&route, FIELD_TABLE(route_fields), bytes);
	if (!err)
		err = registration_resume(r, &binding, clock_now_ms());
	if (!err) {
		registration_set_route(r, &route);
	} else {
		free(route.lines);
		free(route.host);
	}
	free_row(&row);
	return err;
}

int registration_saved_read(struct registration_driver *d, const struct field_bytes *bytes)
{
	struct registration_driver read = {.cseq = 0};
	int err = field_read(&read, FIELD_TABLE(driver_fields), bytes);

	if (!err)
		err = read_hop(&read.hop, d->stack->transport, bytes);
	if (!err)
		err = read_binding(d->registration, bytes);
	if (err) {
		hop_clear(&read.hop);
		return err;
	}
	memcpy(d->call_id, read.call_id, sizeof(d->call_id));
	memcpy(d->tag, read.tag, sizeof(d->tag));
	d->cseq = read.cseq;
	d->hop = read.hop;
	registration_driver_resume(d);
	return 0;
}
