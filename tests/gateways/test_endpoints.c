/* The set of endpoints: whom a user and a number belong to, before and after a reload. */
#include "endpoints.h"

#include "out_of_memory.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct endpoints *set_of(const struct db_endpoint *rows, size_t n)
{
	struct endpoints *set;

	assert_int_equal(endpoints_create(&set), 0);
	assert_int_equal(endpoints_apply(set, rows, n), 0);
	return set;
}

static const char *user(const struct endpoints *set, const char *name)
{
	const struct endpoint *e = endpoints_by_user(set, name);

	return e ? endpoint_row(e)->name : "";
}

static const char *number(const struct endpoints *set, const char *called)
{
	const struct endpoint *e = endpoints_by_number(set, called);

	return e ? endpoint_row(e)->name : "";
}

static void users_and_numbers_are_found(void **unused)
{
	struct db_endpoint rows[] = {
		unit_endpoint("a", "100"), unit_endpoint("100", "200"), unit_endpoint("off", "300")};
	struct endpoints *set;

	(void)unused;
	rows[2].enabled = false;
	set = set_of(rows, 3);
	assert_string_equal(user(set, "a"), "a");
	assert_string_equal(user(set, "100"), "100");
	assert_string_equal(user(set, "A"), "");
	assert_string_equal(user(set, "200"), "");
	assert_string_equal(user(set, "off"), "");
	assert_string_equal(user(set, ""), "");
	assert_string_equal(number(set, "100"), "a");
	assert_string_equal(number(set, "200"), "100");
	assert_string_equal(number(set, "10"), "");
	assert_string_equal(number(set, "300"), "");
	assert_int_equal(endpoints_enabled(set), 2);
	assert_int_equal(endpoints_count(set), 3);
	assert_string_equal(endpoint_row(endpoints_at(set, 2))->name, "off");
	assert_false(endpoint_is_enabled(endpoints_at(set, 2)));
	endpoints_destroy(set);
	endpoints_destroy(NULL);
}

static void a_call_comes_from_one_like_from_a_trunk(void **unused)
{
	struct db_endpoint row = unit_endpoint("a", "100");
	const struct parameters p = {.session_timer = true};
	struct call_limits_channel ch = {0};
	struct ingress_policy policy;
	struct endpoints *set;
	struct ingress *in;

	(void)unused;
	row.id = 7;
	row.capacity = 1;
	row.strict_source = true;
	row.session_timer = DB_OVERRIDE_OFF;
	row.max_call_duration_ms = 5;
	set = set_of(&row, 1);
	in = endpoint_ingress(endpoints_by_user(set, "a"));
	assert_int_equal(ingress_kind(in), INGRESS_ENDPOINT);
	assert_string_equal(ingress_name(in), "a");
	assert_int_equal(ingress_id(in), 7);
	assert_string_equal(ingress_pass_headers(in), "");
	assert_true(ingress_strict_source(in));
	ingress_policy(in, &p, &policy);
	assert_false(policy.session_timer);
	assert_int_equal(policy.max_call_duration_ms, 5);
	assert_int_equal(ingress_seize(in, &ch, 0), 0);
	assert_int_equal(ingress_limits(in)->in_use, 1);
	endpoints_recount(set);
	assert_int_equal(endpoints_channel_drift(set), 1);
	call_limits_recount(&ch);
	assert_int_equal(endpoints_channel_drift(set), 0);
	call_limits_release(&ch);
	assert_null(endpoint_ingress(NULL));
	endpoints_destroy(set);
}

static void it_may_show_what_its_row_says(void **unused)
{
	static const struct {
		const char *callers, *good[5], *bad[6];
	} cases[] = {
		{"", {"a", "100"}, {"", "10", "1000", "b", "*"}},
		{"49,4930*,+1", {"49", "4930", "493099", "+1"}, {"", "4", "491", "493", "+12"}},
		{"*", {"", "anything", "a"}, {NULL}},
		{"7*,", {"7", "77"}, {"a", "100", "8"}},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct db_endpoint row = unit_endpoint("a", "100");
		struct endpoints *set;

		row.callers = cases[i].callers;
		set = set_of(&row, 1);
		for (const char *const *t = cases[i].good; *t; t++)
			assert_true(endpoint_may_show(endpoints_at(set, 0), *t));
		for (const char *const *t = cases[i].bad; *t; t++)
			assert_false(endpoint_may_show(endpoints_at(set, 0), *t));
		endpoints_destroy(set);
	}
}

struct told {
	unsigned times;
	char line[200];
	const struct endpoints *set;
};

static void on_change(struct endpoint *e, const struct db_endpoint *before, void *arg)
{
	struct told *told = arg;
	const struct db_endpoint *row = endpoint_row(e);

	told->times++;
	snprintf(told->line, sizeof(told->line), "%s > %s%s%s", before ? before->name : "new", row->name,
		endpoint_is_enabled(e) ? "" : ", not in force",
		endpoints_by_user(told->set, row->name) ? ", found" : "");
}

static void a_reload_changes_rows_in_place_and_tells(void **unused)
{
	struct db_endpoint rows[] = {unit_endpoint("a", "100"), unit_endpoint("b", "200")};
	struct call_limits_channel ch = {0};
	struct endpoints *set;
	struct ingress *in;
	struct told told = {0};

	(void)unused;
	rows[0].id = 7;
	told.set = set = set_of(rows, 2);
	in = endpoint_ingress(endpoints_by_user(set, "a"));
	assert_int_equal(ingress_seize(in, &ch, 0), 0);
	endpoints_on_change(set, on_change, &told);
	assert_int_equal(endpoints_apply(set, rows, 2), 0);
	assert_int_equal(told.times, 0);
	rows[0].name = "c";
	rows[0].number = "300";
	rows[1].number = "100";
	assert_int_equal(endpoints_stage(set, rows, 2), 0);
	assert_string_equal(user(set, "a"), "a");
	endpoints_abandon(set);
	assert_string_equal(number(set, "100"), "a");
	assert_int_equal(told.times, 0);
	assert_int_equal(endpoints_apply(set, rows, 1), 0);
	assert_int_equal(told.times, 2); /* a > c, b is gone */
	assert_ptr_equal(endpoint_ingress(endpoints_by_user(set, "c")), in);
	assert_ptr_equal(endpoint_ingress(endpoints_by_number(set, "300")), in);
	assert_string_equal(user(set, "a"), "");
	assert_string_equal(number(set, "100"), "");
	assert_string_equal(number(set, "200"), "");
	assert_ptr_equal(endpoints_recognise(set, 7, "a"), endpoints_by_user(set, "c"));
	assert_string_equal(told.line, "a > c, found");
	rows[0].enabled = false;
	assert_int_equal(endpoints_apply(set, rows, 1), 0);
	assert_string_equal(told.line, "c > c, not in force");
	assert_int_equal(endpoints_apply(set, rows, 0), 0);
	assert_string_equal(told.line, "c > c, not in force");
	rows[0].enabled = true;
	assert_int_equal(endpoints_apply(set, rows, 1), 0);
	assert_string_equal(told.line, "c > c, found");
	assert_ptr_equal(endpoint_ingress(endpoints_by_user(set, "c")), in); /* the call has kept it */
	endpoints_destroy(set);
	assert_string_equal(ingress_name(in), "c");
	call_limits_release(&ch);
}

/* Random loads, each look-up compared with the rows. */
static void finds_what_a_naive_search_finds(void **unused)
{
	enum { NAMES = 40, LOADS = 300 };
	uint64_t state = 9;
	struct endpoints *set = set_of(NULL, 0);

	(void)unused;
	for (unsigned load = 0; load < LOADS; load++) {
		struct db_endpoint rows[NAMES];
		char names[NAMES][8], numbers[NAMES][8];
		unsigned n = 0, enabled = 0;

		for (unsigned i = 0; i < NAMES; i++) {
			snprintf(names[i], sizeof(names[i]), "%u", i);
			snprintf(numbers[i], sizeof(numbers[i]), "%u", (i + load) % NAMES);
			if (unit_random_below(&state, 3) == 0)
				continue;
			rows[n] = unit_endpoint(names[i], numbers[i]);
			rows[n].id = (int64_t)(1 + (i + load / 7) % NAMES);
			rows[n].enabled = unit_random_below(&state, 4) != 0;
			enabled += rows[n++].enabled;
		}
		assert_int_equal(endpoints_apply(set, rows, n), 0);
		assert_int_equal(endpoints_enabled(set), enabled);
		assert_int_equal(endpoints_count(set), n);
		for (unsigned i = 0; i < NAMES; i++) {
			const char *by_user = "", *by_number = "";

			for (unsigned k = 0; k < n; k++)
				if (rows[k].enabled) {
					by_user = strcmp(rows[k].name, names[i]) ? by_user : names[i];
					by_number =
						strcmp(rows[k].number, names[i]) ? by_number : rows[k].name;
				}
			assert_string_equal(user(set, names[i]), by_user);
			assert_string_equal(number(set, names[i]), by_number);
		}
	}
	endpoints_destroy(set);
}

enum { OOM_ROWS = 400 };

static void out_of_memory_leaves_the_set_as_it_was(void **unused)
{
	static struct db_endpoint rows[OOM_ROWS];
	static char names[OOM_ROWS][8];
	const struct db_endpoint old = unit_endpoint("old", "1");
	struct endpoints *set = set_of(&old, 1);
	unsigned failures = 0;
	int err;

	(void)unused;
	for (unsigned i = 0; i < OOM_ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "%u", i);
		rows[i] = unit_endpoint(names[i], names[i]);
		rows[i].id = 1000 + i;
	}
	for (;; failures++) {
		fail_at = allocations + failures;
		err = endpoints_apply(set, rows, OOM_ROWS);
		fail_at = -1;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_string_equal(number(set, "1"), "old");
		assert_string_equal(user(set, "0"), "");
		assert_int_equal(endpoints_count(set), 1);
	}
	assert_true(failures > 2 * OOM_ROWS);
	assert_string_equal(number(set, "1"), "1");
	assert_string_equal(user(set, "old"), "");
	endpoints_destroy(set);
	for (unsigned i = 0; i < 2; i++) {
		set = NULL;
		fail_at = allocations + i;
		assert_int_equal(endpoints_create(&set), -ENOMEM);
		fail_at = -1;
		assert_null(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_and_numbers_are_found),
		cmocka_unit_test(a_call_comes_from_one_like_from_a_trunk),
		cmocka_unit_test(it_may_show_what_its_row_says),
		cmocka_unit_test(a_reload_changes_rows_in_place_and_tells),
		cmocka_unit_test(finds_what_a_naive_search_finds),
		cmocka_unit_test(out_of_memory_leaves_the_set_as_it_was),
	};

	return cmocka_run_group_tests_name("endpoints", tests, NULL, NULL);
}
