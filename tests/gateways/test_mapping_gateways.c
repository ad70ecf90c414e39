#include "mapping_gateways.h"

#include "out_of_memory.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

union source {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union source source(const char *address, uint16_t port)
{
	union source s = {.in6 = {0}};

	if (inet_pton(AF_INET, address, &s.in.sin_addr) == 1) {
		s.in.sin_family = AF_INET;
		s.in.sin_port = htons(port);
		return s;
	}
	memset(&s, 0, sizeof(s));
	assert_int_equal(inet_pton(AF_INET6, address, &s.in6.sin6_addr), 1);
	s.in6.sin6_family = AF_INET6;
	s.in6.sin6_port = htons(port);
	return s;
}

static struct mapping_gateways *set_of(const struct db_mapping_gateway *rows, size_t n)
{
	struct mapping_gateways *set;

	assert_int_equal(mapping_gateways_create(&set), 0);
	assert_int_equal(mapping_gateways_apply(set, rows, n, NULL, NULL), 0);
	return set;
}

/* The name of who sends from there, "" for nobody. */
static const char *who(const struct mapping_gateways *set, const char *address, uint16_t port)
{
	const union source s = source(address, port);
	const struct mapping_gateway *mg = mapping_gateways_find(set, &s.any);

	return mg ? mapping_gateway_row(mg)->name : "";
}

/* One row with this host: does it hold the address? */
static bool holds(const char *host, const char *address)
{
	const struct db_mapping_gateway row = unit_mapping("a", host);
	struct mapping_gateways *set = set_of(&row, 1);
	const bool found = strcmp(who(set, address, 5060), "a") == 0;

	mapping_gateways_destroy(set);
	return found;
}

static void blocks_hold_what_their_length_says(void **unused)
{
	static const struct {
		const char *host, *in, *out;
	} cases[] = {
		{"10.0.0.5", "10.0.0.5", "10.0.0.4"},
		{"10.0.0.5/32", "10.0.0.5", "10.0.0.4"},
		{"10.0.0.4/31", "10.0.0.5", "10.0.0.6"},
		{"10.0.0.0/24", "10.0.0.255", "10.0.1.0"},
		{"10.0.0.5/24", "10.0.0.0", "9.255.255.255"}, /* host bits are dropped */
		{"255.255.255.255/9", "255.128.0.0", "255.127.255.255"},
		{"128.0.0.0/1", "255.1.2.3", "127.255.255.255"},
		{"0.0.0.0/0", "0.0.0.0", "::1"},
		{"0.0.0.0/0", "255.255.255.255", "2001:db8::1"},
		{"0.0.0.0", "0.0.0.0", "0.0.0.1"},
		{"2001:db8::1", "2001:db8::1", "2001:db8::"},
		{"2001:db8::1/128", "2001:db8:0::1", "2001:db8::2"},
		{"2001:db8::/33", "2001:db8:7fff:ffff::1", "2001:db8:8000::"},
		{"2001:db8:ffff::1/47", "2001:db8:fffe::1", "2001:db8:fffd:ffff::"},
		{"::/0", "fe80::1", "10.0.0.1"}, /* IPv6 only */
		{"::1", "::1", "0.0.0.1"},
		{"::/96", "::7f00:1", "127.0.0.1"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(holds(cases[i].host, cases[i].in));
		assert_false(holds(cases[i].host, cases[i].out));
	}
}

static void an_ipv4_mapped_address_is_ipv4(void **unused)
{
	(void)unused;
	assert_true(holds("10.0.0.0/24", "::ffff:10.0.0.7"));
	assert_true(holds("::ffff:10.0.0.7", "10.0.0.7"));
	assert_true(holds("::ffff:10.0.0.0/120", "10.0.0.255"));
	assert_false(holds("::ffff:10.0.0.0/120", "10.0.1.0"));
	assert_true(holds("::ffff:0:0/96", "1.2.3.4"));
	assert_true(holds("::ffff:10.0.0.7", "::ffff:10.0.0.7"));
	assert_false(holds("::/0", "::ffff:10.0.0.7"));
}

struct bad {
	unsigned n;
	char name[8], host[64];
};

static void on_bad(const char *name, const char *host, void *arg)
{
	struct bad *bad = arg;

	bad->n++;
	snprintf(bad->name, sizeof(bad->name), "%s", name);
	snprintf(bad->host, sizeof(bad->host), "%s", host);
}

static void what_is_no_block_is_named_and_left_out(void **unused)
{
	static const char *const hosts[] = {" ", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.0/a",
		"10.0.0.0/4294967304", "10.0.0", "10.0.0.256", "10.0.0.0.0", " 10.0.0.1", "10.0.0.1 ",
		"::/129", "::/0128", ":::", "[::1]", "fe80::1%lo", "2001:db8::g", "localhost", "example.com",
		"10.0.0.1:5060", "::ffff:10.0.0.256", "1234:1234:1234:1234:1234:1234:123.123.123.123456"};
	struct mapping_gateways *set;

	(void)unused;
	assert_int_equal(mapping_gateways_create(&set), 0);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const struct db_mapping_gateway rows[] = {unit_mapping("good", "10.0.0.1"),
			unit_mapping("bad", hosts[i]), unit_mapping("z", "10.0.0.2")};
		struct bad bad = {0};

		assert_int_equal(mapping_gateways_apply(set, rows, 3, on_bad, &bad), 0);
		assert_int_equal(bad.n, 1);
		assert_string_equal(bad.name, "bad");
		assert_string_equal(bad.host, hosts[i]);
		assert_null(mapping_gateways_by_name(set, "bad"));
		assert_string_equal(who(set, "10.0.0.1", 1), "good");
		assert_string_equal(who(set, "10.0.0.2", 1), "z");
		assert_int_equal(mapping_gateways_apply(set, rows, 3, NULL, NULL), 0);
	}
	mapping_gateways_destroy(set);
}

static void the_longest_block_wins(void **unused)
{
	const struct db_mapping_gateway rows[] = {unit_mapping("all", "0.0.0.0/0"),
		unit_mapping("a8", "10.0.0.0/8"), unit_mapping("a31", "10.1.1.0/31"),
		unit_mapping("host", "10.1.1.1"), unit_mapping("all6", "::/0")};
	struct mapping_gateways *set = set_of(rows, 5);

	(void)unused;
	assert_string_equal(who(set, "10.1.1.1", 5060), "host");
	assert_string_equal(who(set, "10.1.1.0", 5060), "a31");
	assert_string_equal(who(set, "10.1.1.2", 5060), "a8");
	assert_string_equal(who(set, "11.1.1.2", 5060), "all");
	assert_string_equal(who(set, "2001:db8::1", 5060), "all6");
	mapping_gateways_destroy(set);
}

static void a_port_beats_any_port_of_the_same_block(void **unused)
{
	struct db_mapping_gateway rows[] = {unit_mapping("any", "10.0.0.0/24"),
		unit_mapping("p5070", "10.0.0.0/24"), unit_mapping("p5080", "10.0.0.0/24"),
		unit_mapping("wide", "10.0.0.0/8"), unit_mapping("host", "10.0.0.9")};
	struct mapping_gateways *set;

	(void)unused;
	rows[1].port = 5070;
	rows[2].port = 5080;
	rows[3].port = 5090;
	set = set_of(rows, 5);
	assert_string_equal(who(set, "10.0.0.1", 5060), "any");
	assert_string_equal(who(set, "10.0.0.1", 5070), "p5070");
	assert_string_equal(who(set, "10.0.0.1", 5080), "p5080");
	assert_string_equal(who(set, "10.0.0.1", 5090), "any"); /* the longer block first */
	assert_string_equal(who(set, "10.0.0.9", 5070), "host");
	assert_string_equal(who(set, "10.1.0.1", 5090), "wide");
	assert_string_equal(who(set, "10.1.0.1", 5060), "");
	assert_string_equal(who(set, "::ffff:10.0.0.1", 5080), "p5080");
	mapping_gateways_destroy(set);
}

/* A customer who is switched off must not call on the account of a wider block. */
static void a_disabled_block_is_unknown(void **unused)
{
	struct db_mapping_gateway rows[] = {
		unit_mapping("off", "10.0.0.5"), unit_mapping("wide", "10.0.0.0/8")};
	struct mapping_gateways *set;

	(void)unused;
	rows[0].enabled = false;
	set = set_of(rows, 2);
	assert_string_equal(who(set, "10.0.0.5", 5060), "");
	assert_string_equal(who(set, "10.0.0.6", 5060), "wide");
	rows[0].enabled = true;
	assert_int_equal(mapping_gateways_apply(set, rows, 2, NULL, NULL), 0);
	assert_string_equal(who(set, "10.0.0.5", 5060), "off");
	mapping_gateways_destroy(set);
}

static void of_two_rows_for_one_block_the_enabled_counts(void **unused)
{
	struct db_mapping_gateway rows[] = {unit_mapping("a", "10.0.0.0/24"),
		unit_mapping("b", "10.0.0.7/24"), unit_mapping("c", "10.0.0.0/24")};
	struct mapping_gateways *set = set_of(rows, 3);

	(void)unused;
	assert_string_equal(who(set, "10.0.0.1", 1), "a");
	rows[0].enabled = false;
	assert_int_equal(mapping_gateways_apply(set, rows, 3, NULL, NULL), 0);
	assert_string_equal(who(set, "10.0.0.1", 1), "b");
	mapping_gateways_destroy(set);
}

static const char *bearer(const struct mapping_gateways *set, const char *name)
{
	const struct mapping_gateway *mg = mapping_gateways_by_tls_name(set, name);

	return mg ? mapping_gateway_row(mg)->name : "";
}

static void the_name_in_a_certificate_is_that_of_an_enabled_row(void **unused)
{
	struct db_mapping_gateway rows[] = {unit_mapping("a", "10.0.0.1"), unit_mapping("b", "10.0.0.2"),
		unit_mapping("c", "10.0.0.3"), unit_mapping("d", "10.0.0.4")};
	struct mapping_gateways *set;

	(void)unused;
	rows[0].tls_name = rows[1].tls_name = "One.Test";
	rows[0].enabled = false;
	rows[2].tls_name = "two.test";
	rows[2].enabled = false;
	set = set_of(rows, 4);
	assert_string_equal(bearer(set, "one.test"), "b");
	assert_string_equal(bearer(set, "two.test"), "");
	assert_string_equal(bearer(set, ""), "");
	assert_int_equal(mapping_gateways_apply(set, &rows[2], 2, NULL, NULL), 0);
	assert_string_equal(bearer(set, "one.test"), "");
	mapping_gateways_destroy(set);
}

static void other_families_are_unknown(void **unused)
{
	const struct db_mapping_gateway rows[] = {unit_mapping("a", "0.0.0.0/0"), unit_mapping("b", "::/0")};
	struct mapping_gateways *set = set_of(rows, 2);
	const struct sockaddr other = {.sa_family = AF_UNIX};

	(void)unused;
	assert_null(mapping_gateways_find(set, &other));
	mapping_gateways_destroy(set);
	mapping_gateways_destroy(NULL);
}

static struct ingress *named(const struct mapping_gateways *set, const char *name)
{
	return mapping_gateway_ingress(mapping_gateways_by_name(set, name));
}

static void limits_belong_to_the_trunk(void **unused)
{
	struct db_mapping_gateway row = unit_mapping("a", "10.0.0.1");
	struct mapping_gateways *set;
	struct ingress *in;
	struct call_limits_channel ch[2] = {0};
	char text[32];

	(void)unused;
	row.capacity = 1;
	row.cps = 1;
	set = set_of(&row, 1);
	in = named(set, "a");
	assert_int_equal(ingress_seize(in, &ch[0], 0), 0);
	assert_int_equal(ingress_seize(in, &ch[1], 0), -EBUSY);
	ingress_explain(in, -EBUSY, text, sizeof(text));
	assert_string_equal(text, "full 1/1");
	call_limits_release(&ch[0]);
	assert_int_equal(ingress_seize(in, &ch[1], 999), -EAGAIN);
	ingress_explain(in, -EAGAIN, text, sizeof(text));
	assert_string_equal(text, "cps 1/1");
	assert_int_equal(ingress_limits(in)->in_use, 0);
	mapping_gateways_destroy(set);
}

static void what_a_trunk_does_not_set_is_left_to_the_parameters(void **unused)
{
	const struct parameters p = {
		.session_timer = true, .sip_100rel = PARAMETER_100REL_SUPPORTED, .max_call_duration_ms = 6};
	struct db_mapping_gateway row = unit_mapping("a", "10.0.0.0/8");
	struct mapping_gateways *set = set_of(&row, 1);
	struct ingress_policy policy;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		ingress_policy(i ? named(set, "a") : NULL, &p, &policy);
		assert_true(policy.session_timer);
		assert_int_equal(policy.sip_100rel, PARAMETER_100REL_SUPPORTED);
		assert_int_equal(policy.max_call_duration_ms, 6);
	}
	mapping_gateways_destroy(set);
}

/* Each column alone is noticed by a reload. */
static void what_a_trunk_sets_wins_from_the_next_load_on(void **unused)
{
	const struct parameters p = {
		.session_timer = true, .sip_100rel = PARAMETER_100REL_SUPPORTED, .max_call_duration_ms = 6};
	struct db_mapping_gateway row = unit_mapping("a", "10.0.0.0/8");
	struct mapping_gateways *set = set_of(&row, 1);
	const struct ingress *in = named(set, "a");
	struct ingress_policy policy;

	(void)unused;
	row.session_timer = DB_OVERRIDE_OFF;
	assert_int_equal(mapping_gateways_apply(set, &row, 1, NULL, NULL), 0);
	ingress_policy(in, &p, &policy);
	assert_false(policy.session_timer);
	row.sip_100rel.set = true;
	row.sip_100rel.value = PARAMETER_100REL_OFF;
	assert_int_equal(mapping_gateways_apply(set, &row, 1, NULL, NULL), 0);
	ingress_policy(in, &p, &policy);
	assert_int_equal(policy.sip_100rel, PARAMETER_100REL_OFF);
	row.sip_100rel.value = PARAMETER_100REL_REQUIRED;
	assert_int_equal(mapping_gateways_apply(set, &row, 1, NULL, NULL), 0);
	ingress_policy(in, &p, &policy);
	assert_int_equal(policy.sip_100rel, PARAMETER_100REL_REQUIRED);
	row.max_call_duration_ms = 16;
	assert_int_equal(mapping_gateways_apply(set, &row, 1, NULL, NULL), 0);
	ingress_policy(in, &p, &policy);
	assert_int_equal(policy.max_call_duration_ms, 16);
	mapping_gateways_destroy(set);
}

static void where_a_call_comes_from_says_what_the_row_says(void **unused)
{
	struct db_mapping_gateway row = unit_mapping("a", "10.0.0.0/8");
	struct mapping_gateways *set;
	const struct ingress *in;

	(void)unused;
	row.id = 7;
	row.pass_headers = "X-A";
	row.strict_source = true;
	set = set_of(&row, 1);
	in = named(set, "a");
	assert_int_equal(ingress_kind(in), INGRESS_MAPPING_GATEWAY);
	assert_string_equal(ingress_name(in), "a");
	assert_int_equal(ingress_id(in), 7);
	assert_string_equal(ingress_pass_headers(in), "X-A");
	assert_true(ingress_strict_source(in));
	row.name = "b";
	row.pass_headers = "X-B";
	row.strict_source = false;
	assert_int_equal(mapping_gateways_apply(set, &row, 1, NULL, NULL), 0);
	assert_ptr_equal(named(set, "b"), in);
	assert_string_equal(ingress_name(in), "b");
	assert_string_equal(ingress_pass_headers(in), "X-B");
	assert_false(ingress_strict_source(in));
	mapping_gateways_destroy(set);
}

static void a_reload_moves_the_source_and_keeps_the_calls(void **unused)
{
	struct db_mapping_gateway rows[] = {unit_mapping("a", "10.0.0.1"), unit_mapping("b", "10.0.0.2")};
	struct mapping_gateways *set = set_of(rows, 2);
	struct ingress *in = ingress_ref(named(set, "a"));
	struct call_limits_channel ch = {0};

	(void)unused;
	assert_int_equal(ingress_seize(in, &ch, 0), 0);
	rows[0].host = "10.0.0.3";
	rows[0].capacity = 9;
	assert_int_equal(mapping_gateways_apply(set, rows, 2, NULL, NULL), 0);
	assert_string_equal(who(set, "10.0.0.1", 1), "");
	assert_string_equal(who(set, "10.0.0.3", 1), "a");
	assert_ptr_equal(named(set, "a"), in);
	assert_int_equal(ingress_limits(in)->in_use, 1);
	assert_int_equal(ingress_limits(in)->capacity, 9);
	assert_int_equal(mapping_gateways_apply(set, &rows[1], 1, NULL, NULL), 0);
	assert_string_equal(who(set, "10.0.0.3", 1), "");
	assert_string_equal(ingress_name(in), "a");
	assert_int_equal(mapping_gateways_apply(set, rows, 2, NULL, NULL), 0);
	assert_ptr_equal(named(set, "a"), in);
	ingress_unref(in);
	mapping_gateways_destroy(set); /* under the call */
	assert_int_equal(ch.limits->in_use, 1);
	call_limits_release(&ch);
	ingress_unref(NULL);
}

/* Random blocks of all lengths in a small part of the address space, each source sought linearly.
 */
enum { BLOCKS = 400, SOURCES = 20000 };

struct naive {
	uint32_t address;
	unsigned bits;
};

static const struct db_mapping_gateway *naive_find(
	const struct naive *naive, const struct db_mapping_gateway *rows, uint32_t address, uint16_t port)
{
	const struct db_mapping_gateway *best = NULL;
	int best_rank = -1;

	for (unsigned i = 0; i < BLOCKS; i++) {
		const uint32_t mask = naive[i].bits ? UINT32_MAX << (32 - naive[i].bits) : 0;
		/* the longest, then the one with the port, then an enabled one, then the first */
		const int rank = (int)naive[i].bits * 4 + (rows[i].port ? 2 : 0) + rows[i].enabled;

		if ((address & mask) != (naive[i].address & mask) || (rows[i].port && rows[i].port != port))
			continue;
		if (rank > best_rank) {
			best = &rows[i];
			best_rank = rank;
		}
	}
	return best && best->enabled ? best : NULL;
}

static void finds_what_a_naive_search_finds(void **unused)
{
	static struct db_mapping_gateway rows[BLOCKS];
	static char names[BLOCKS][8], hosts[BLOCKS][24];
	static struct naive naive[BLOCKS];
	struct mapping_gateways *set;
	uint64_t state = 5;
	unsigned known = 0;

	(void)unused;
	for (unsigned i = 0; i < BLOCKS; i++) {
		naive[i].address = (uint32_t)unit_random(&state) & 0x0f0f03ff;
		naive[i].bits = i ? 4 + unit_random_below(&state, 29) : 0;
		snprintf(names[i], sizeof(names[i]), "%u", i);
		snprintf(hosts[i], sizeof(hosts[i]), "%u.%u.%u.%u/%u", naive[i].address >> 24,
			naive[i].address >> 16 & 255, naive[i].address >> 8 & 255, naive[i].address & 255,
			naive[i].bits);
		rows[i] = unit_mapping(names[i], hosts[i]);
		rows[i].enabled = unit_random_below(&state, 5) != 0;
		rows[i].port = (uint16_t)unit_random_below(&state, 4);
	}
	set = set_of(rows, BLOCKS);
	for (unsigned i = 0; i < SOURCES; i++) {
		const uint32_t address = i % 2
			? naive[unit_random_below(&state, BLOCKS)].address ^ 1u << (i % 32)
			: (uint32_t)unit_random(&state) & 0x0f0f03ff;
		const uint16_t port = (uint16_t)(1 + unit_random_below(&state, 4));
		const struct sockaddr_in in = {
			.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
		const struct db_mapping_gateway *expected = naive_find(naive, rows, address, port);
		const struct mapping_gateway *found =
			mapping_gateways_find(set, (const struct sockaddr *)&in);

		assert_int_equal(found != NULL, expected != NULL);
		if (found)
			assert_string_equal(mapping_gateway_row(found)->name, expected->name);
		known += found != NULL;
	}
	assert_in_range(known, SOURCES / 10, SOURCES * 9 / 10);
	mapping_gateways_destroy(set);
}

enum { OOM_ROWS = 400 };

static void out_of_memory_leaves_the_set_as_it_was(void **unused)
{
	static struct db_mapping_gateway rows[OOM_ROWS];
	static char names[OOM_ROWS][8], hosts[OOM_ROWS][16];
	const struct db_mapping_gateway old = unit_mapping("old", "10.0.0.1");
	struct mapping_gateways *set = set_of(&old, 1);
	unsigned failures = 0;

	(void)unused;
	for (unsigned i = 0; i < OOM_ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "%u", i);
		snprintf(hosts[i], sizeof(hosts[i]), "10.%u.%u.1", i / 256, i % 256);
		rows[i] = unit_mapping(names[i], hosts[i]);
		rows[i].cps = 1;
	}
	for (;; failures++) {
		fail_at = allocations + failures;
		const int err = mapping_gateways_apply(set, rows, OOM_ROWS, NULL, NULL);
		fail_at = -1;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_string_equal(who(set, "10.0.0.1", 1), "old");
		assert_string_equal(who(set, "10.0.1.1", 1), "");
		assert_non_null(mapping_gateways_by_name(set, "old"));
		assert_null(mapping_gateways_by_name(set, "0"));
	}
	assert_true(failures > 3 * OOM_ROWS);
	assert_string_equal(who(set, "10.0.0.1", 1), "0");
	assert_null(mapping_gateways_by_name(set, "old"));
	mapping_gateways_destroy(set);
}

static void out_of_memory_creates_nothing(void **unused)
{
	struct mapping_gateways *set = NULL;

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		fail_at = allocations + i;
		assert_int_equal(mapping_gateways_create(&set), -ENOMEM);
		fail_at = -1;
		assert_null(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_hold_what_their_length_says),
		cmocka_unit_test(an_ipv4_mapped_address_is_ipv4),
		cmocka_unit_test(what_is_no_block_is_named_and_left_out),
		cmocka_unit_test(the_longest_block_wins),
		cmocka_unit_test(a_port_beats_any_port_of_the_same_block),
		cmocka_unit_test(a_disabled_block_is_unknown),
		cmocka_unit_test(of_two_rows_for_one_block_the_enabled_counts),
		cmocka_unit_test(the_name_in_a_certificate_is_that_of_an_enabled_row),
		cmocka_unit_test(other_families_are_unknown),
		cmocka_unit_test(limits_belong_to_the_trunk),
		cmocka_unit_test(what_a_trunk_does_not_set_is_left_to_the_parameters),
		cmocka_unit_test(what_a_trunk_sets_wins_from_the_next_load_on),
		cmocka_unit_test(where_a_call_comes_from_says_what_the_row_says),
		cmocka_unit_test(a_reload_moves_the_source_and_keeps_the_calls),
		cmocka_unit_test(finds_what_a_naive_search_finds),
		cmocka_unit_test(out_of_memory_leaves_the_set_as_it_was),
		cmocka_unit_test(out_of_memory_creates_nothing),
	};

	return cmocka_run_group_tests_name("mapping_gateways", tests, NULL, NULL);
}
