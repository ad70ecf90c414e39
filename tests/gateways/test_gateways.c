#include "gateways.h"

#include "out_of_memory.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct gateways *set_of(const struct db_gateway *rows, size_t n)
{
	struct gateways *set;

	assert_int_equal(gateways_create(&set), 0);
	assert_int_equal(gateways_apply(set, rows, n), 0);
	return set;
}

static void an_empty_set_finds_nothing(void **unused)
{
	struct gateways *set = set_of(NULL, 0);

	(void)unused;
	assert_int_equal(gateways_count(set), 0);
	assert_null(gateways_find(set, "a"));
	gateways_destroy(set);
	gateways_destroy(NULL);
}

static void gateways_are_in_order_of_name(void **unused)
{
	const struct db_gateway rows[] = {
		unit_gateway("c"), unit_gateway("B"), unit_gateway("a"), unit_gateway("aa")};
	struct gateways *set = set_of(rows, 4);

	(void)unused;
	assert_int_equal(gateways_count(set), 4);
	assert_string_equal(gateway_name(gateways_at(set, 0)), "B");
	assert_string_equal(gateway_name(gateways_at(set, 1)), "a");
	assert_string_equal(gateway_name(gateways_at(set, 2)), "aa");
	assert_string_equal(gateway_name(gateways_at(set, 3)), "c");
	gateways_destroy(set);
}

static void a_row_of_another_process_is_recognised_by_id_then_by_name(void **unused)
{
	struct db_gateway rows[] = {unit_gateway("a"), unit_gateway("b"), unit_gateway("c")};
	struct gateways *set;

	(void)unused;
	for (int i = 0; i < 3; i++)
		rows[i].id = 10 + i;
	set = set_of(rows, 3);
	assert_string_equal(gateway_name(gateways_recognise(set, 11, "b")), "b");
	assert_string_equal(gateway_name(gateways_recognise(set, 12, "b")), "c"); /* it was renamed */
	assert_string_equal(
		gateway_name(gateways_recognise(set, 99, "b")), "b"); /* deleted and inserted again */
	assert_string_equal(gateway_name(gateways_recognise(set, 0, "b")), "b");
	assert_null(gateways_recognise(set, 99, "d"));
	gateways_destroy(set);
}

static void a_removed_gateway_keeps_its_calls(void **unused)
{
	const struct db_gateway rows[] = {unit_gateway("a"), unit_gateway("b")};
	struct gateways *set = set_of(rows, 2);
	struct gateway *gw = gateway_ref(gateways_find(set, "a"));
	struct call_limits_channel ch = {0}, other = {0};

	(void)unused;
	assert_int_equal(gateway_seize(gw, &ch, 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateways_apply(set, &rows[1], 1), 0);
	assert_null(gateways_find(set, "a"));
	assert_int_equal(gateways_count(set), 1);
	assert_int_equal(gateway_calls(gw), 1);
	assert_int_equal(gateway_seize(gw, &other, 0), GATEWAY_VERDICT_REMOVED);
	call_limits_release(&ch);
	assert_int_equal(gateway_calls(gw), 0);
	gateway_unref(gw);
	gateways_destroy(set);
}

/* The channel alone keeps it, whichever of channel and reference goes first. */
static void a_channel_keeps_a_removed_gateway(void **unused)
{
	const struct db_gateway row = unit_gateway("a");
	struct gateways *set = set_of(&row, 1);
	struct call_limits_channel ch[2] = {0};

	(void)unused;
	assert_int_equal(gateway_seize(gateways_find(set, "a"), &ch[0], 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateway_seize(gateways_find(set, "a"), &ch[1], 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateways_apply(set, NULL, 0), 0);
	assert_int_equal(ch[0].limits->in_use, 2);
	call_limits_release(&ch[0]);
	assert_int_equal(ch[1].limits->in_use, 1);
	assert_int_equal(gateways_apply(set, &row, 1), 0);
	assert_int_equal(gateway_calls(gateways_find(set, "a")), 1); /* the same one came back */
	assert_int_equal(gateways_apply(set, NULL, 0), 0);
	call_limits_release(&ch[1]);
	assert_int_equal(gateways_apply(set, &row, 1), 0);
	assert_int_equal(gateway_calls_total(gateways_find(set, "a")), 0); /* a new one */
	gateways_destroy(set);
}

static void a_name_that_comes_back_revives_its_gateway(void **unused)
{
	struct db_gateway row = unit_gateway("a");
	struct gateways *set = set_of(&row, 1);
	struct gateway *gw = gateway_ref(gateways_find(set, "a"));
	struct call_limits_channel ch = {0}, other = {0};

	(void)unused;
	assert_int_equal(gateway_seize(gw, &ch, 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateways_apply(set, NULL, 0), 0);
	row.capacity = 1;
	row.host = "127.0.0.9";
	assert_int_equal(gateways_apply(set, &row, 1), 0);
	assert_ptr_equal(gateways_find(set, "a"), gw);
	assert_string_equal(gateway_row(gw)->host, "127.0.0.9");
	assert_int_equal(gateway_seize(gw, &other, 0), GATEWAY_VERDICT_FULL); /* the live call counts */
	call_limits_release(&ch);
	assert_int_equal(gateway_seize(gw, &other, 0), GATEWAY_VERDICT_USABLE);
	call_limits_release(&other);
	gateway_unref(gw);
	assert_ptr_equal(gateways_find(set, "a"), gw);
	gateways_destroy(set);
}

/* In one load a is removed, b and c exchange their names, and d is a row that was deleted and inserted again. */
static void a_gateway_is_recognised_by_its_id_and_then_by_its_name(void **unused)
{
	struct db_gateway rows[] = {
		unit_gateway("a"), unit_gateway("b"), unit_gateway("c"), unit_gateway("d")};
	struct gateway *before[4];
	struct call_limits_channel ch[4] = {0};
	struct gateways *set;

	(void)unused;
	for (unsigned i = 0; i < 4; i++)
		rows[i].id = 100 - i;
	set = set_of(rows, 4);
	for (unsigned i = 0; i < 4; i++) {
		before[i] = gateways_at(set, i);
		assert_int_equal(gateway_seize(before[i], &ch[i], 0), GATEWAY_VERDICT_USABLE);
	}
	rows[1].name = "c";
	rows[2].name = "b";
	rows[3].id = 7;
	assert_int_equal(gateways_apply(set, &rows[1], 3), 0);
	assert_ptr_equal(gateways_find(set, "b"), before[2]);
	assert_ptr_equal(gateways_find(set, "c"), before[1]);
	assert_ptr_equal(gateways_find(set, "d"), before[3]);
	assert_string_equal(gateway_name(before[2]), "b");
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(gateway_calls(before[i]), 1);
	rows[1].name = "a"; /* the name of a removed one that lives on, which comes back under another */
	rows[0].name = "e";
	assert_int_equal(gateways_apply(set, rows, 4), 0);
	assert_ptr_equal(gateways_find(set, "a"), before[1]);
	assert_ptr_equal(gateways_find(set, "e"), before[0]);
	assert_null(gateways_find(set, "c"));
	for (unsigned i = 0; i < 4; i++)
		call_limits_release(&ch[i]);
	gateways_destroy(set);
}

static void calls_outlive_the_set(void **unused)
{
	const struct db_gateway rows[] = {unit_gateway("a"), unit_gateway("b"), unit_gateway("c")};
	struct gateways *set = set_of(rows, 3);
	struct gateway *held = gateway_ref(gateways_find(set, "a"));
	struct gateway *removed = gateway_ref(gateways_find(set, "c"));
	struct call_limits_channel ch = {0};

	(void)unused;
	assert_int_equal(gateway_seize(gateways_find(set, "b"), &ch, 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateways_apply(set, rows, 2), 0);
	gateways_destroy(set);
	assert_int_equal(gateway_check(held, 0), GATEWAY_VERDICT_REMOVED);
	assert_string_equal(gateway_name(removed), "c");
	call_limits_release(&ch);
	gateway_unref(held);
	gateway_unref(removed);
}

static void a_reload_changes_limits_under_live_calls(void **unused)
{
	struct db_gateway row = unit_gateway("a");
	struct gateways *set = set_of(&row, 1);
	struct gateway *gw = gateways_find(set, "a");
	struct call_limits_channel ch[4] = {0};

	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(gateway_seize(gw, &ch[i], 0), GATEWAY_VERDICT_USABLE);
	row.capacity = 2;
	row.cps = 1;
	assert_int_equal(gateways_apply(set, &row, 1), 0);
	assert_int_equal(gateway_calls(gw), 3);
	assert_int_equal(gateway_check(gw, 0), GATEWAY_VERDICT_FULL);
	row.capacity = 9;
	row.cps = 2;
	assert_int_equal(gateways_apply(set, &row, 1), 0);
	assert_int_equal(gateway_seize(gw, &ch[3], 10), GATEWAY_VERDICT_USABLE);
	row.cps = 1;
	assert_int_equal(gateways_apply(set, &row, 1), 0);
	assert_int_equal(
		gateway_check(gw, 1009), GATEWAY_VERDICT_CPS); /* the seizure before the reload counts */
	assert_int_equal(gateway_check(gw, 1010), GATEWAY_VERDICT_USABLE);
	for (unsigned i = 0; i < 4; i++)
		call_limits_release(&ch[i]);
	assert_int_equal(gateway_calls(gw), 0);
	gateways_destroy(set);
}

enum { MANY = 10000 };

static struct db_gateway *many_rows(char (*names)[16], unsigned n)
{
	struct db_gateway *rows = calloc(n, sizeof(*rows));

	assert_non_null(rows);
	for (unsigned i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "gw%06u", i);
		rows[i] = unit_gateway(names[i]);
		rows[i].cps = 1 + i % 3;
	}
	return rows;
}

/* What makes a reload cheap is that nothing is copied but the change; time would only measure the
 * machine. */
static void one_changed_row_of_10000_is_all_that_is_copied(void **unused)
{
	static char names[MANY][16];
	static const struct db_gateway *before[MANY];
	struct db_gateway *rows = many_rows(names, MANY);
	struct gateways *set = set_of(rows, MANY);
	struct call_limits_channel ch = {0};

	(void)unused;
	assert_int_equal(gateways_count(set), MANY);
	assert_int_equal(gateway_seize(gateways_find(set, names[77]), &ch, 0), GATEWAY_VERDICT_USABLE);
	for (unsigned i = 0; i < MANY; i++)
		before[i] = gateway_row(gateways_find(set, names[i]));
	rows[77].capacity = 5;
	const long allocations_before = allocations;
	assert_int_equal(gateways_apply(set, rows, MANY), 0);
	assert_true(allocations - allocations_before <= 3); /* the orders of names and ids, and the row */
	for (unsigned i = 0; i < MANY; i++)
		if (i != 77)
			assert_ptr_equal(gateway_row(gateways_at(set, i)), before[i]);
	assert_int_equal(gateway_row(gateways_find(set, names[77]))->capacity, 5);
	assert_int_equal(gateway_calls(gateways_find(set, names[77])), 1);
	call_limits_release(&ch);
	gateways_destroy(set);
	free(rows);
}

enum { OOM_ROWS = 400 }; /* enough for the hash table to grow on the way */

/* Of three gateways c is removed but still held: nothing of this may differ after a failed reload.
 */
/* In processor time: a walk over all rows for each row would take a hundred times as long. */
static void many_rows_are_loaded_at_once(void **unused)
{
	enum { ROWS = 40000 };
	struct db_gateway *rows = calloc(ROWS, sizeof(*rows));
	char(*names)[8] = calloc(ROWS, sizeof(*names));
	struct gateways *set;
	clock_t begin;

	(void)unused;
	assert_true(rows && names);
	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "%05u", i);
		rows[i] = unit_gateway(names[i]);
		rows[i].id = 1 + (int64_t)i * 2654435761;
	}
	assert_int_equal(gateways_create(&set), 0);
	begin = clock();
	assert_int_equal(gateways_apply(set, rows, ROWS), 0);
	assert_int_equal(gateways_apply(set, rows, 0), 0);
	assert_int_equal(gateways_apply(set, rows, ROWS), 0);
	assert_true(clock() - begin < 3 * CLOCKS_PER_SEC);
	assert_int_equal(gateways_count(set), ROWS);
	gateways_destroy(set);
	free(rows);
	free(names);
}

static void assert_untouched(struct gateways *set, struct gateway *held, const struct call_limits_channel *ch)
{
	assert_int_equal(gateways_count(set), 2);
	assert_string_equal(gateway_name(gateways_at(set, 0)), "a");
	assert_string_equal(gateway_name(gateways_at(set, 1)), "b");
	assert_null(gateways_find(set, "c"));
	assert_null(gateways_find(set, "gw000005"));
	assert_int_equal(gateway_row(gateways_find(set, "a"))->capacity, 3);
	assert_int_equal(gateway_row(gateways_find(set, "a"))->cps, 1);
	assert_int_equal(gateway_check(gateways_find(set, "a"), 0), GATEWAY_VERDICT_CPS);
	assert_int_equal(gateway_calls(gateways_find(set, "a")), 1);
	assert_ptr_equal(ch->limits->channels.lh_first, ch);
	assert_int_equal(gateway_check(held, 0), GATEWAY_VERDICT_REMOVED);
	assert_int_equal(gateway_row(held)->capacity, 0);
}

static void out_of_memory_leaves_the_set_as_it_was(void **unused)
{
	static char names[OOM_ROWS][16];
	struct db_gateway old[] = {unit_gateway("a"), unit_gateway("b"), unit_gateway("c")};
	struct db_gateway *rows = many_rows(names, OOM_ROWS);
	struct call_limits_channel ch = {0};
	struct gateway *held;
	unsigned failures = 0;
	int err;

	(void)unused;
	old[0].capacity = 3;
	old[0].cps = 1;
	struct gateways *set = set_of(old, 3);
	held = gateway_ref(gateways_find(set, "c"));
	assert_int_equal(gateway_seize(gateways_find(set, "a"), &ch, 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateways_apply(set, old, 2), 0);
	rows[0].name = "c"; /* revived and changed */
	rows[0].capacity = 8;
	rows[1].name = "a"; /* changed */
	rows[1].cps = 100;
	for (;; failures++) {
		fail_at = allocations + failures;
		err = gateways_apply(set, rows, OOM_ROWS);
		fail_at = -1;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_untouched(set, held, &ch);
	}
	assert_true(failures > 2 * OOM_ROWS); /* at least a peer and a row each */
	assert_int_equal(gateways_count(set), OOM_ROWS);
	assert_ptr_equal(gateways_find(set, "c"), held);
	assert_int_equal(gateway_calls(gateways_find(set, "a")), 1);
	call_limits_release(&ch);
	gateway_unref(held);
	gateways_destroy(set);
	free(rows);
}

static void out_of_memory_creates_nothing(void **unused)
{
	struct gateways *set = NULL;

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		fail_at = allocations + i;
		assert_int_equal(gateways_create(&set), -ENOMEM);
		fail_at = -1;
		assert_null(set);
	}
}

/*
 * Random events against a model that counts by hand.
 */
enum { NAMES = 12, HOLDS = 6, CALLS = 30, EVENTS = 200000 };

struct model {
	bool in_force, enabled;
	uint32_t capacity;
	uint64_t total;
	struct gateway *hold[HOLDS]; /* references */
	struct call_limits_channel call[CALLS];
	unsigned n_holds, n_calls;
};

struct world {
	struct gateways *set;
	struct model model[NAMES];
	char name[NAMES][4];
	uint64_t random;
};

static unsigned roll(struct world *w, unsigned n)
{
	return unit_random_below(&w->random, n);
}

/* A gateway that nothing holds is gone: its counts start from zero when the name comes back. */
static void forget_unused(struct model *m)
{
	if (!m->in_force && !m->n_holds && !m->n_calls)
		m->total = 0;
}

static void reload(struct world *w)
{
	struct db_gateway rows[NAMES];
	size_t n = 0;
	const unsigned keep = roll(w, 4); /* of 4 rows so many stay, so all go at times */

	for (unsigned i = 0; i < NAMES; i++) {
		const unsigned at = i % 2 ? NAMES - i : i; /* any order */
		struct model *m = &w->model[at];

		m->in_force = roll(w, 4) <= keep && (keep || roll(w, 2));
		if (m->in_force) {
			if (roll(w, 2)) {
				m->capacity = roll(w, 6);
				m->enabled = roll(w, 5) != 0;
			}
			rows[n] = unit_gateway(w->name[at]);
			rows[n].id = roll(w, 2) ? 0 : at + 1; /* 0: by its name */
			rows[n].capacity = m->capacity;
			rows[n++].enabled = m->enabled;
		}
		forget_unused(m);
	}
	assert_int_equal(gateways_apply(w->set, rows, n), 0);
}

static enum gateway_verdict expected_verdict(const struct model *m)
{
	if (!m->in_force)
		return GATEWAY_VERDICT_REMOVED;
	if (!m->enabled)
		return GATEWAY_VERDICT_DISABLED;
	return m->capacity && m->n_calls >= m->capacity ? GATEWAY_VERDICT_FULL : GATEWAY_VERDICT_USABLE;
}

/* Any way to it: by name, or by a reference from before it was removed. */
static struct gateway *reach(struct world *w, unsigned i)
{
	struct model *m = &w->model[i];
	struct gateway *found = gateways_find(w->set, w->name[i]);

	assert_int_equal(found != NULL, m->in_force);
	if (m->n_holds && found)
		assert_ptr_equal(found, m->hold[0]);
	return found ? found : m->n_holds ? m->hold[roll(w, m->n_holds)] : NULL;
}

static void seize(struct world *w, unsigned i)
{
	struct model *m = &w->model[i];
	struct gateway *gw = reach(w, i);
	enum gateway_verdict verdict;

	if (!gw || m->n_calls == CALLS)
		return;
	verdict = gateway_seize(gw, &m->call[m->n_calls], 0);
	assert_int_equal(verdict, expected_verdict(m));
	if (verdict == GATEWAY_VERDICT_USABLE) {
		m->n_calls++;
		m->total++;
	}
}

static void release(struct world *w, struct model *m)
{
	struct call_limits_channel *last, *any;

	if (!m->n_calls)
		return;
	any = &m->call[roll(w, m->n_calls)];
	last = &m->call[m->n_calls - 1];
	call_limits_release(any);
	if (any != last) { /* keep the array dense: the last call moves, as no real call does */
		struct call_limits *l = last->limits;

		LIST_REMOVE(last, link);
		LIST_INSERT_HEAD(&l->channels, any, link);
		any->limits = l;
		last->limits = NULL;
	}
	m->n_calls--;
	forget_unused(m);
}

static void hold(struct world *w, unsigned i)
{
	struct model *m = &w->model[i];
	struct gateway *gw = reach(w, i);

	if (gw && m->n_holds < HOLDS)
		m->hold[m->n_holds++] = gateway_ref(gw);
}

static void let_go(struct model *m)
{
	if (!m->n_holds)
		return;
	gateway_unref(m->hold[--m->n_holds]);
	forget_unused(m);
}

static unsigned list_length(const struct model *m)
{
	struct call_limits_channel *ch;
	unsigned n = 0;

	if (m->n_calls)
		LIST_FOREACH (ch, &m->call[0].limits->channels, link)
			n++;
	return n;
}

static void check_world(struct world *w)
{
	size_t in_force = 0;

	for (unsigned i = 0; i < NAMES; i++) {
		struct model *m = &w->model[i];
		struct gateway *gw = reach(w, i);

		assert_int_equal(list_length(m), m->n_calls);
		if (m->in_force)
			assert_ptr_equal(gateways_at(w->set, in_force++), gw);
		if (!gw)
			continue;
		assert_string_equal(gateway_name(gw), w->name[i]);
		assert_int_equal(gateway_calls(gw), m->n_calls);
		assert_int_equal(gateway_calls_total(gw), m->total);
		assert_int_equal(gateway_check(gw, 0), expected_verdict(m));
	}
	assert_int_equal(gateways_count(w->set), in_force);
}

static void event(struct world *w)
{
	const unsigned i = roll(w, NAMES), what = roll(w, 100);

	if (what < 3)
		reload(w);
	else if (what < 40)
		seize(w, i);
	else if (what < 75)
		release(w, &w->model[i]);
	else if (what < 87)
		hold(w, i);
	else
		let_go(&w->model[i]);
}

static void counts_are_exact_through_random_events(void **unused)
{
	static struct world w;

	(void)unused;
	w.random = 99;
	for (unsigned i = 0; i < NAMES; i++)
		snprintf(w.name[i], sizeof(w.name[i]), "n%02u", i);
	w.set = set_of(NULL, 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		event(&w);
		check_world(&w);
	}
	gateways_destroy(w.set); /* under what is still held */
	for (unsigned i = 0; i < NAMES; i++) {
		struct model *m = &w.model[i];

		for (unsigned j = 0; j < m->n_calls; j++)
			call_limits_release(&m->call[j]);
		for (unsigned j = 0; j < m->n_holds; j++)
			gateway_unref(m->hold[j]);
	}
}

/* One call holds two channels, of which one gateway is removed; then a call is forgotten, then one counted twice. */
static void channels_that_are_not_those_of_calls_are_drift(void **unused)
{
	const struct db_gateway rows[] = {unit_gateway("a"), unit_gateway("b")};
	struct gateways *set = set_of(rows, 2);
	struct call_limits_channel ch[3] = {0};

	(void)unused;
	assert_int_equal(gateway_seize(gateways_find(set, "a"), &ch[0], 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateway_seize(gateways_find(set, "b"), &ch[1], 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateways_apply(set, &rows[1], 1), 0);
	for (unsigned times = 0; times < 3; times++) {
		gateways_recount(set);
		for (unsigned i = 0; i < times; i++)
			call_limits_recount(&ch[0]);
		call_limits_recount(&ch[1]);
		call_limits_recount(&ch[2]); /* seized nothing */
		assert_int_equal(gateways_channel_drift(set), times == 1 ? 0 : 1);
	}
	call_limits_release(&ch[0]);
	call_limits_release(&ch[1]);
	gateways_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_set_finds_nothing),
		cmocka_unit_test(gateways_are_in_order_of_name),
		cmocka_unit_test(a_row_of_another_process_is_recognised_by_id_then_by_name),
		cmocka_unit_test(a_removed_gateway_keeps_its_calls),
		cmocka_unit_test(a_channel_keeps_a_removed_gateway),
		cmocka_unit_test(a_name_that_comes_back_revives_its_gateway),
		cmocka_unit_test(a_gateway_is_recognised_by_its_id_and_then_by_its_name),
		cmocka_unit_test(calls_outlive_the_set),
		cmocka_unit_test(a_reload_changes_limits_under_live_calls),
		cmocka_unit_test(one_changed_row_of_10000_is_all_that_is_copied),
		cmocka_unit_test(many_rows_are_loaded_at_once),
		cmocka_unit_test(out_of_memory_leaves_the_set_as_it_was),
		cmocka_unit_test(out_of_memory_creates_nothing),
		cmocka_unit_test(counts_are_exact_through_random_events),
		cmocka_unit_test(channels_that_are_not_those_of_calls_are_drift),
	};

	return cmocka_run_group_tests_name("gateways", tests, NULL, NULL);
}
