#include "bindings.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_of_memory.h"

static const uint64_t now = UINT64_C(1) << 40;
static const int64_t epoch = 1700000000000;

static struct bindings *set;
static int alive;       /* bindings that were put and not freed */
static char said[4096]; /* what the handlers were told */

static uint64_t hash(const void *bytes, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
	return h;
}

static void on_put(struct binding *b, bool is_new, void *arg)
{
	(void)arg;
	assert_ptr_equal(b->attached, is_new ? NULL : &alive);
	alive += is_new;
	b->attached = &alive;
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s %s\n", is_new ? "+" : "=",
		b->endpoint, b->contact);
}

static void on_removed(struct binding *b, enum bindings_end end, void *arg)
{
	(void)arg;
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "-%s %s %s\n", b->endpoint, b->contact,
		bindings_end_name(end));
}

static void on_freed(struct binding *b, void *arg)
{
	(void)arg;
	assert_ptr_equal(b->attached, &alive);
	alive--;
}

static int set_up(void **state)
{
	static const struct bindings_handlers handlers = {on_put, on_removed, on_freed, NULL};

	(void)state;
	*said = '\0';
	alive = 0;
	return bindings_create(&set, hash, &handlers, now);
}

static int tear_down(void **state)
{
	(void)state;
	bindings_destroy(set);
	assert_int_equal(alive, 0);
	return 0;
}

static void assert_said(const char *expected)
{
	assert_string_equal(said, expected);
	*said = '\0';
}

static struct binding_source from(const char *host, uint16_t port, const char *transport)
{
	struct binding_source s = {.transport = transport};

	s.address.v4.sin_family = AF_INET;
	s.address.v4.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, host, &s.address.v4.sin_addr), 1);
	return s;
}

/** What a REGISTER with this contact is, for an hour; "" = without. */
static struct bindings_request request(
	const char *endpoint, struct bindings_contact *room, const char *contact, uint32_t cseq)
{
	*room = (struct bindings_contact){.key = contact, .uri = contact, .expires_s = 3600, .q = 1000};
	return (struct bindings_request){.endpoint = endpoint,
		.call_id = endpoint,
		.path = "",
		.user_agent = "phone",
		.listener = "192.0.2.9:5060",
		.source = from("192.0.2.1", 5060, "udp"),
		.cseq = cseq,
		.contacts = room,
		.n = *contact != '\0',
		.max = 1,
		.replace = true};
}

static int put(const char *endpoint, const char *contact, uint32_t cseq)
{
	struct bindings_contact room;
	struct bindings_request r = request(endpoint, &room, contact, cseq);

	return bindings_register(set, &r, now, epoch);
}

static void a_contact_is_put_refreshed_and_removed(void **state)
{
	struct bindings_contact room;
	struct bindings_request r = request("1001", &room, "a", 1);
	const struct binding *b;

	(void)state;
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_said("+1001 a\n");
	b = bindings_first(set, "1001");
	assert_non_null(b);
	assert_null(binding_next(b));
	assert_string_equal(b->contact, "a");
	assert_string_equal(b->user_agent, "phone");
	assert_int_equal(b->since_ms, epoch);
	assert_int_equal(b->expires_epoch_ms, epoch + 3600000);
	r.cseq = 2;
	assert_int_equal(bindings_register(set, &r, now + 60000, epoch + 60000), 0);
	assert_said("=1001 a\n");
	b = bindings_first(set, "1001");
	assert_int_equal(b->since_ms, epoch);
	assert_int_equal(b->expires_epoch_ms, epoch + 3660000);
	assert_int_equal(bindings_count(set), 1);
	r.cseq = 3;
	room.expires_s = 0;
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_said("-1001 a unregistered\n");
	assert_null(bindings_first(set, "1001"));
	assert_int_equal(bindings_count(set), 0);
}

/* RFC 3261 section 10.3 step 7 */
static void a_request_that_comes_late_changes_nothing(void **state)
{
	struct bindings_contact two[2] = {{"a", "a", 60, 1000}, {"b", "b", 60, 1000}}, room;
	struct bindings_request r = request("1001", &room, "a", 5);

	(void)state;
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_said("+1001 a\n");
	assert_int_equal(put("1001", "a", 5), -ESTALE);
	assert_int_equal(put("1001", "a", 4), -ESTALE);
	r.contacts = two;
	r.n = 2;
	r.max = 2;
	assert_int_equal(bindings_register(set, &r, now, epoch), -ESTALE);
	r.n = 0;
	r.remove_all = true;
	assert_int_equal(bindings_register(set, &r, now, epoch), -ESTALE);
	assert_said("");
	r.call_id = "another"; /* the phone was restarted */
	r.cseq = 1;
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_said("-1001 a unregistered\n");
}

static void above_the_limit_the_oldest_goes_or_the_new_one_is_refused(void **state)
{
	struct bindings_contact room, two[2] = {{"d", "d", 60, 1000}, {"e", "e", 60, 1000}};
	struct bindings_request r;

	(void)state;
	assert_int_equal(put("1001", "a", 1), 0);
	assert_int_equal(put("1001", "b", 2), 0);
	assert_said("+1001 a\n+1001 b\n-1001 a replaced\n");
	r = request("1001", &room, "c", 3);
	r.replace = false;
	assert_int_equal(bindings_register(set, &r, now, epoch), -EBUSY);
	assert_said("");
	r = request("1001", &room, "b", 3);
	r.replace = false;
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_said("=1001 b\n");
	r.cseq = 4;
	r.contacts = two;
	r.n = 2;
	assert_int_equal(bindings_register(set, &r, now, epoch), -E2BIG);
	assert_said("");
	two[1] = (struct bindings_contact){"b", "b", 0, 1000}; /* one goes as another comes */
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_said("+1001 d\n-1001 b unregistered\n");
}

static void contacts_are_called_by_preference_and_then_the_newest_first(void **state)
{
	static const struct {
		const char *contact;
		unsigned q;
	} order[] = {{"a", 500}, {"b", 1000}, {"c", 500}, {"d", 100}, {"e", 1000}};
	char found[8] = "";

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct bindings_contact room;
		struct bindings_request r = request("1001", &room, order[i].contact, i + 1);

		room.q = order[i].q;
		r.max = 5;
		assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	}
	for (const struct binding *b = bindings_first(set, "1001"); b; b = binding_next(b))
		strncat(found, b->contact, 1);
	assert_string_equal(found, "ebcad");
	assert_null(bindings_first(set, "1002"));
}

static void all_contacts_go_with_the_asterisk(void **state)
{
	struct bindings_contact room;
	struct bindings_request r = request("1001", &room, "", 9);

	(void)state;
	assert_int_equal(put("1001", "a", 1), 0);
	assert_int_equal(put("1002", "a", 1), 0);
	*said = '\0';
	r.remove_all = true;
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_said("-1001 a unregistered\n");
	assert_non_null(bindings_first(set, "1002"));
}

static void they_are_found_by_where_they_came_from(void **state)
{
	struct bindings_contact room;
	struct bindings_request r = request("1001", &room, "a", 1);
	struct binding_source here = from("192.0.2.1", 5060, "udp"), tcp = from("192.0.2.1", 5060, "tcp"),
			      port = from("192.0.2.1", 5061, "udp"), host = from("192.0.2.2", 5060, "udp");
	struct binding *b;

	(void)state;
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_int_equal(put("1002", "a", 1), 0);
	b = bindings_at(set, &here);
	assert_non_null(b);
	assert_non_null(binding_next_at(b));
	assert_null(binding_next_at(binding_next_at(b)));
	assert_string_equal(bindings_of_at(set, "1001", &here)->endpoint, "1001");
	assert_string_equal(bindings_of_at(set, "1002", &here)->endpoint, "1002");
	assert_ptr_equal(bindings_of_at(set, "1003", &here), b);
	assert_null(bindings_of_at(set, "1001", &port));
	assert_null(bindings_at(set, &tcp));
	assert_null(bindings_at(set, &port));
	assert_null(bindings_at(set, &host));
	assert_true(bindings_have_host(set, &port.address.any));
	assert_false(bindings_have_host(set, &host.address.any));
	r.cseq = 2;
	r.source = tcp; /* it has moved */
	assert_int_equal(bindings_register(set, &r, now, epoch), 0);
	assert_string_equal(bindings_at(set, &tcp)->endpoint, "1001");
	assert_string_equal(bindings_at(set, &here)->endpoint, "1002");
	assert_string_equal(bindings_of_at(set, "1001", &here)->endpoint, "1002");
	bindings_remove(set, bindings_first(set, "1001"), BINDINGS_DISCONNECTED);
	bindings_remove(set, bindings_first(set, "1002"), BINDINGS_REMOVED);
	assert_false(bindings_have_host(set, &here.address.any));
}

static void what_is_not_refreshed_expires(void **state)
{
	static const uint32_t seconds[] = {30, 60, 4096, 4097, 86400};
	char name[8];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct bindings_contact room;
		struct bindings_request r;

		snprintf(name, sizeof(name), "%u", seconds[i]);
		r = request(name, &room, "a", 1);
		room.expires_s = seconds[i];
		assert_int_equal(bindings_register(set, &r, now + 500, epoch), 0);
	}
	*said = '\0';
	for (uint32_t at = 1, next = 0; at <= 86403; at++) {
		bindings_expire(set, now + 1000 * (uint64_t)at);
		if (!*said)
			continue;
		assert_in_range(at, seconds[next], seconds[next] + 2);
		snprintf(name, sizeof(name), "%u", seconds[next++]);
		assert_int_equal(strncmp(said + 1, name, strlen(name)), 0);
		*said = '\0';
	}
	assert_int_equal(bindings_count(set), 0);
}

/** The process was stopped for a day. */
static void a_long_pause_leaves_nothing_behind(void **state)
{
	(void)state;
	assert_int_equal(put("1001", "a", 1), 0);
	assert_int_equal(put("1002", "a", 1), 0);
	bindings_expire(set, now + 86400000);
	assert_int_equal(bindings_count(set), 0);
}

static void what_was_restored_counts_as_before(void **state)
{
	struct binding b = {.endpoint = "1001",
		.key = "a",
		.contact = "a",
		.path = "",
		.call_id = "1001",
		.user_agent = "",
		.listener = "",
		.source = from("192.0.2.1", 5060, "udp"),
		.cseq = 7,
		.since_ms = epoch - 1000,
		.expires_epoch_ms = epoch + 1000,
		.expires_ms = now + 1000};

	(void)state;
	assert_int_equal(bindings_restore(set, &b), 0);
	assert_int_equal(bindings_restore(set, &b), -EEXIST);
	assert_said("+1001 a\n");
	assert_int_equal(put("1001", "a", 7), -ESTALE);
	bindings_expire(set, now + 2000);
	assert_said("-1001 a expired\n");
}

static void without_memory_nothing_changes(void **state)
{
	struct bindings_contact three[3] = {{"a", "a", 60, 1000}, {"b", "b", 60, 1000}, {"c", "c", 60, 1000}},
				room;
	struct bindings_request r = request("1002", &room, "a", 1);
	int err = -ENOMEM;

	(void)state;
	assert_int_equal(put("1001", "a", 1), 0);
	*said = '\0';
	r.contacts = three;
	r.n = 3;
	r.max = 3;
	for (long n = 0; err; n++) {
		fail_at = allocations + n;
		err = bindings_register(set, &r, now, epoch);
		fail_at = -1;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_said("");
		assert_int_equal(bindings_count(set), 1);
		assert_null(bindings_first(set, "1002"));
	}
	assert_said("+1002 a\n+1002 b\n+1002 c\n");
}

/** Whatever phones do: the set says what a plain list says. */
static void a_model_agrees(void **state)
{
	enum { ENDPOINTS = 4, KEYS = 4, STEPS = 20000, MAX = 2 };
	static const char *const names[ENDPOINTS] = {"1", "2", "3", "4"},
				 *const keys[KEYS] = {"a", "b", "c", "d"};
	struct {
		uint64_t expires, order; /* expires 0 = there is none */
	} model[ENDPOINTS][KEYS] = {0};
	uint64_t random = 7, at = now;

	(void)state;
	for (uint32_t step = 1; step <= STEPS; step++) {
		const unsigned e = unit_random_below(&random, ENDPOINTS),
			       k = unit_random_below(&random, KEYS);
		struct bindings_contact room;
		struct bindings_request r = request(names[e], &room, keys[k], step);
		unsigned n = 0, all = 0;

		*said = '\0';
		at += 1000 * unit_random_below(&random, 20);
		bindings_expire(set, at);
		room.expires_s = unit_random_below(&random, 4) ? 30 + unit_random_below(&random, 100) : 0;
		r.max = MAX;
		assert_int_equal(bindings_register(set, &r, at, epoch), 0);
		for (unsigned i = 0; i < ENDPOINTS; i++)
			for (unsigned j = 0; j < KEYS; j++)
				if (model[i][j].expires / 1000 < at / 1000)
					model[i][j].expires = 0;
		model[e][k].expires = room.expires_s ? at + 1000 * (uint64_t)room.expires_s : 0;
		model[e][k].order = step;
		for (unsigned j = 0; j < KEYS; j++)
			n += model[e][j].expires > 0;
		if (n > MAX) {
			unsigned oldest = k;

			for (unsigned j = 0; j < KEYS; j++)
				if (model[e][j].expires && model[e][j].order < model[e][oldest].order)
					oldest = j;
			model[e][oldest].expires = 0;
		}
		for (unsigned i = 0; i < ENDPOINTS; i++) {
			unsigned listed = 0, expected = 0;

			for (const struct binding *b = bindings_first(set, names[i]); b;
				b = binding_next(b)) {
				assert_int_equal(b->expires_ms, model[i][*b->key - 'a'].expires);
				listed++;
			}
			for (unsigned j = 0; j < KEYS; j++)
				expected += model[i][j].expires > 0;
			assert_int_equal(listed, expected);
			all += expected;
		}
		assert_int_equal(bindings_count(set), all);
	}
}

int main(void)
{
#define IN_SET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_SET(a_contact_is_put_refreshed_and_removed),
		IN_SET(a_request_that_comes_late_changes_nothing),
		IN_SET(above_the_limit_the_oldest_goes_or_the_new_one_is_refused),
		IN_SET(contacts_are_called_by_preference_and_then_the_newest_first),
		IN_SET(all_contacts_go_with_the_asterisk),
		IN_SET(they_are_found_by_where_they_came_from),
		IN_SET(what_is_not_refreshed_expires),
		IN_SET(a_long_pause_leaves_nothing_behind),
		IN_SET(what_was_restored_counts_as_before),
		IN_SET(without_memory_nothing_changes),
		IN_SET(a_model_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
