/* Each column of a row that is reloaded in place must be noticed when it changes, or an operator's change is lost. */
#include "gateways.h"
#include "endpoints.h"
#include "mapping_gateways.h"
#include "registrations.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* The sets seen alike: apply one row, give back the row in force under this name. */
struct set {
	const struct db_table *table;
	void *set;
	void (*apply)(void *set, const void *row);
	const void *(*row)(void *set, const char *name);
};

static void apply_gateway(void *set, const void *row)
{
	assert_int_equal(gateways_apply(set, row, 1), 0);
}

static const void *gateway_row_of(void *set, const char *name)
{
	return gateway_row(gateways_find(set, name));
}

static void apply_mapping_gateway(void *set, const void *row)
{
	assert_int_equal(mapping_gateways_apply(set, row, 1, NULL, NULL), 0);
}

static const void *mapping_gateway_row_of(void *set, const char *name)
{
	return mapping_gateway_row(mapping_gateways_by_name(set, name));
}

static void apply_registration(void *set, const void *row)
{
	assert_int_equal(registrations_apply(set, row, 1, &(struct parameters){0}, 0), 0);
}

static const void *registration_row_of(void *set, const char *name)
{
	return registration_row(registrations_find(set, name));
}

static void set_code(struct parameter_codes *codes, unsigned i)
{
	if (i)
		codes->code[0] = 500;
	else
		codes->n = 1;
}

/* Make the i-th of the changes that a value of this type can see, each on top of the one before. */
static bool change(enum db_table_type type, void *value, unsigned i)
{
	struct db_override_resend *resend = value;
	struct db_override_codes *codes = value;
	struct db_override_breaker_on *breaker_on = value;
	struct db_override_100rel *rel100 = value;
	struct db_override_expiry *expiry = value;

	switch (type) {
	case DB_TABLE_TEXT:
		*(const char **)value = i ? "10.0.0.2" : "10.0.0.1"; /* an address is good for every column */
		return i < 2;
	case DB_TABLE_ID:
		*(int64_t *)value = (int64_t)1 << 40 | i;
		return i < 2;
	case DB_TABLE_FLAG:
	case DB_TABLE_SWITCH:
		*(bool *)value = !*(bool *)value;
		return i < 2;
	case DB_TABLE_INBOUND_FROM:
		*(enum db_table_inbound_from *)value = i ? DB_TABLE_INBOUND_REGISTRAR : DB_TABLE_INBOUND_ANY;
		return i < 2;
	case DB_TABLE_EXPIRY:
		if (i == 0)
			expiry->set = true;
		else
			expiry->value_s = 600;
		return i < 2;
	case DB_TABLE_PORT:
		*(uint16_t *)value = (uint16_t)(0x100 + i);
		return i < 2;
	case DB_TABLE_NUMBER:
	case DB_TABLE_SECONDS:
		*(uint32_t *)value = 0x10000 + i;
		return i < 2;
	case DB_TABLE_OVERRIDE:
		*(enum db_override *)value = i ? DB_OVERRIDE_OFF : DB_OVERRIDE_ON;
		return i < 2;
	case DB_TABLE_RESEND:
		if (i == 0)
			resend->set = true;
		else if (i == 1)
			resend->value.n = 2;
		else if (i == 2)
			resend->value.wait_ms[1] = 7;
		else
			resend->value.automatic = true;
		return i < 4;
	case DB_TABLE_STOP_CODES:
	case DB_TABLE_ALIVE_CODES:
		if (i == 0)
			codes->set = true;
		else
			set_code(&codes->value, i - 1);
		return i < 3;
	case DB_TABLE_BREAKER_ON:
		if (i == 0)
			breaker_on->set = true;
		else if (i == 1)
			breaker_on->value.timeout = true;
		else if (i == 2)
			breaker_on->value.transport = true;
		else
			set_code(&breaker_on->value.codes, i - 3);
		return i < 5;
	case DB_TABLE_100REL:
		if (i == 0)
			rel100->set = true;
		else
			rel100->value = PARAMETER_100REL_REQUIRED;
		return i < 2;
	}
	return false;
}

static void assert_noticed(const struct set *s, const void *row, const struct db_table_column *column)
{
	const char *name = db_table_row_name(s->table, row);
	const void *in_force;

	s->apply(s->set, row);
	in_force = s->row(s->set, name);
	if (!db_table_rows_equal(s->table, in_force, row))
		fail_msg("a change of %s.%s is not noticed", s->table->name, column->name);
	s->apply(s->set, row);
	if (s->row(s->set, name) != in_force)
		fail_msg("%s is replaced though nothing of it has changed", s->table->name);
}

/* The row is compared member by member here, so that a comparison which overlooks one is found. */
static void assert_equal_but_for(const struct set *s, const void *a, const void *b, size_t but)
{
	for (size_t i = 0; i < s->table->n_columns; i++) {
		const struct db_table_column *column = &s->table->columns[i];
		const struct db_table one = {s->table->name, s->table->row_size, column, 1};

		assert_int_equal(db_table_rows_equal(&one, a, b), i != but);
	}
}

static void walk(const struct set *s, const void *first)
{
	_Alignas(max_align_t) char row[1024], before[1024];

	assert_true(s->table->row_size <= sizeof(row));
	memcpy(row, first, s->table->row_size);
	s->apply(s->set, row);
	for (size_t i = 0; i < s->table->n_columns; i++) {
		const struct db_table_column *column = &s->table->columns[i];

		for (unsigned k = 0; memcpy(before, row, s->table->row_size),
			      change(column->type, row + column->offset, k);
			k++) {
			assert_false(db_table_rows_equal(s->table, before, row));
			assert_equal_but_for(s, before, row, i);
			assert_noticed(s, row, column);
		}
		memcpy(row, before, s->table->row_size);
	}
}

static void every_column_of_a_gateway_is_noticed(void **unused)
{
	const struct db_gateway row = unit_gateway("a");
	struct set s = {&db_gateway_table, NULL, apply_gateway, gateway_row_of};
	struct gateways *set;

	(void)unused;
	assert_int_equal(gateways_create(&set), 0);
	s.set = set;
	walk(&s, &row);
	gateways_destroy(set);
}

static void apply_endpoint(void *set, const void *row)
{
	assert_int_equal(endpoints_apply(set, row, 1), 0);
}

static const void *endpoint_row_of(void *set, const char *name)
{
	return endpoint_row(endpoints_recognise(set, 0, name));
}

static void every_column_of_an_endpoint_is_noticed(void **unused)
{
	const struct db_endpoint row = unit_endpoint("a", "100");
	struct set s = {&db_endpoint_table, NULL, apply_endpoint, endpoint_row_of};
	struct endpoints *set;

	(void)unused;
	assert_int_equal(endpoints_create(&set), 0);
	s.set = set;
	walk(&s, &row);
	endpoints_destroy(set);
}

static void every_column_of_a_mapping_gateway_is_noticed(void **unused)
{
	const struct db_mapping_gateway row = unit_mapping("a", "127.0.0.1");
	struct set s = {&db_mapping_gateway_table, NULL, apply_mapping_gateway, mapping_gateway_row_of};
	struct mapping_gateways *set;

	(void)unused;
	assert_int_equal(mapping_gateways_create(&set), 0);
	s.set = set;
	walk(&s, &row);
	mapping_gateways_destroy(set);
}

static void every_column_of_a_registration_is_noticed(void **unused)
{
	const struct db_registration row = unit_registration("a");
	struct set s = {&db_registration_table, NULL, apply_registration, registration_row_of};
	struct registrations *set;

	(void)unused;
	assert_int_equal(registrations_create(&set), 0);
	s.set = set;
	walk(&s, &row);
	registrations_destroy(set);
}

static void a_copy_owns_its_texts(void **unused)
{
	char host[] = "10.0.0.1", name[] = "a";
	struct db_gateway row = unit_gateway(name), *copy;

	(void)unused;
	row.host = host;
	copy = db_table_copy_row(&db_gateway_table, &row);
	assert_non_null(copy);
	memset(host, 'x', sizeof(host) - 1);
	memset(name, 'x', sizeof(name) - 1);
	assert_string_equal(copy->host, "10.0.0.1");
	assert_string_equal(copy->name, "a");
	assert_string_equal(copy->transport, "udp");
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_column_of_a_gateway_is_noticed),
		cmocka_unit_test(every_column_of_a_mapping_gateway_is_noticed),
		cmocka_unit_test(every_column_of_an_endpoint_is_noticed),
		cmocka_unit_test(every_column_of_a_registration_is_noticed),
		cmocka_unit_test(a_copy_owns_its_texts),
	};

	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
