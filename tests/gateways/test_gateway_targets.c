#include "gateway_targets.h"

#include "out_of_memory.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned gone;

static void on_gone(void *probe)
{
	gone += *(unsigned *)probe;
}

struct fixture {
	struct gateways *gateways;
	struct gateway_targets *targets;
};

static struct fixture fixture_of(const struct db_gateway *rows, size_t n)
{
	struct fixture f;

	gone = 0;
	assert_int_equal(gateways_create(&f.gateways), 0);
	assert_int_equal(gateway_targets_create(&f.targets, on_gone), 0);
	assert_int_equal(gateways_apply(f.gateways, rows, n), 0);
	assert_int_equal(gateway_targets_apply(f.targets, f.gateways), 0);
	return f;
}

static void reload(struct fixture *f, const struct db_gateway *rows, size_t n)
{
	assert_int_equal(gateways_apply(f->gateways, rows, n), 0);
	assert_int_equal(gateway_targets_apply(f->targets, f->gateways), 0);
}

static void fixture_end(struct fixture *f)
{
	gateway_targets_destroy(f->targets);
	gateways_destroy(f->gateways);
}

static struct db_gateway row_at(const char *name, const char *host, uint16_t port)
{
	struct db_gateway row = unit_gateway(name);

	row.host = host;
	row.port = port;
	return row;
}

struct lookup {
	const char *host;
	uint16_t port;
	struct gateway_target *found;
};

static void compare(struct gateway_target *target, void *arg)
{
	struct lookup *lookup = arg;

	if (strcmp(target->host, lookup->host) == 0 && target->port == lookup->port)
		lookup->found = target;
}

static struct gateway_target *target_of(const struct fixture *f, const char *host, uint16_t port)
{
	struct lookup lookup = {host, port, NULL};

	gateway_targets_each(f->targets, compare, &lookup);
	return lookup.found;
}

static void count(struct gateway_target *target, void *arg)
{
	(void)target;
	++*(unsigned *)arg;
}

static unsigned targets_of(const struct fixture *f)
{
	unsigned n = 0;

	gateway_targets_each(f->targets, count, &n);
	return n;
}

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union address address_of(const char *text, uint16_t port)
{
	union address a = {.in6 = {0}};

	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		return a;
	}
	memset(&a, 0, sizeof(a));
	assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons(port);
	return a;
}

static int learn(struct fixture *f, struct gateway_target *target, const char *text, uint16_t port)
{
	const union address address = address_of(text, port);
	const struct sockaddr *list[] = {&address.any};

	assert_non_null(target);
	return gateway_targets_learn(f->targets, target, list, 1);
}

static void add_name(struct gateway *gw, void *arg)
{
	strcat(arg, gateway_name(gw));
}

/* The names of the gateways that send from there, one after the other. */
static const char *who(const struct fixture *f, const char *text, uint16_t port)
{
	static char names[64];
	const union address address = address_of(text, port);
	size_t n;

	names[0] = '\0';
	n = gateway_targets_at(f->targets, &address.any, add_name, names);
	assert_int_equal(n, strlen(names)); /* of one letter each */
	assert_int_equal(gateway_targets_at(f->targets, &address.any, NULL, NULL), n);
	return names;
}

static void gateways_with_one_host_port_and_transport_share_a_target(void **unused)
{
	struct db_gateway rows[] = {row_at("a", "gw.test", 5060), row_at("b", "gw.test", 5060),
		row_at("c", "gw.test", 5070), row_at("d", "gw.test", 5060), row_at("e", "other.test", 5060)};
	struct fixture f;

	(void)unused;
	rows[3].transport = "tcp";
	f = fixture_of(rows, 5);
	assert_int_equal(targets_of(&f), 4);
	assert_string_equal(
		gateway_name(STAILQ_FIRST(&target_of(&f, "gw.test", 5070)->members)->gateway), "c");
	assert_int_equal(learn(&f, target_of(&f, "other.test", 5060), "192.0.2.1", 5060), 0);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "e");
	fixture_end(&f);
}

static void a_gateway_that_is_an_endpoint_has_no_target(void **unused)
{
	struct db_gateway rows[] = {
		row_at("a", "gw.test", 5060), row_at("b", "", 5060), row_at("c", "gw.test", 5060)};
	struct fixture f;

	(void)unused;
	rows[1].endpoint = "pbx";
	f = fixture_of(rows, 3);
	assert_int_equal(targets_of(&f), 1);
	assert_int_equal(learn(&f, target_of(&f, "gw.test", 5060), "192.0.2.1", 5060), 0);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "ac");
	rows[0].host = "";
	rows[0].endpoint = "pbx";
	reload(&f, rows, 3);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "c");
	fixture_end(&f);
}

static void gateways_share_a_target_over_tls_if_they_want_the_same_certificates(void **unused)
{
	struct db_gateway rows[] = {row_at("a", "gw.test", 5061), row_at("b", "gw.test", 5061),
		row_at("c", "gw.test", 5061), row_at("d", "gw.test", 5061)};
	struct fixture f;

	(void)unused;
	for (unsigned i = 0; i < 4; i++)
		rows[i].transport = "tls";
	rows[1].tls_verify = true;
	rows[2].tls_certificate = "other.pem";
	f = fixture_of(rows, 4);
	assert_int_equal(targets_of(&f), 3);
	for (unsigned i = 0; i < 4; i++)
		rows[i].transport = "udp";
	reload(&f, rows, 4);
	assert_int_equal(targets_of(&f), 1);
	fixture_end(&f);
}

static unsigned targets_of_two(
	const char *host, uint16_t port, const char *transport, const char *other_transport)
{
	struct db_gateway rows[] = {row_at("a", host, 0), row_at("b", host, port)};
	struct fixture f;
	unsigned n;

	rows[0].transport = transport;
	rows[1].transport = other_transport;
	f = fixture_of(rows, 2);
	n = targets_of(&f);
	fixture_end(&f);
	return n;
}

static void what_the_row_of_an_address_leaves_open_is_5060_over_udp(void **unused)
{
	(void)unused;
	assert_int_equal(targets_of_two("192.0.2.1", 5060, "", "udp"), 1);
	assert_int_equal(targets_of_two("2001:db8::1", 5060, "tcp", "tcp"), 1);
	assert_int_equal(targets_of_two("192.0.2.1", 5061, "tls", "tls"), 1);
	assert_int_equal(targets_of_two("192.0.2.1", 5061, "udp", "udp"), 2);
	assert_int_equal(targets_of_two("192.0.2.1", 5060, "", "tcp"), 2);
}

static void what_the_row_of_a_name_leaves_open_is_for_dns_to_say(void **unused)
{
	(void)unused;
	assert_int_equal(targets_of_two("gw.test", 5060, "udp", "udp"), 2);
	assert_int_equal(targets_of_two("gw.test", 0, "", "udp"), 2);
}

static void members_are_in_order_of_name(void **unused)
{
	const struct db_gateway rows[] = {
		row_at("c", "gw.test", 0), row_at("a", "gw.test", 0), row_at("b", "gw.test", 0)};
	struct fixture f = fixture_of(rows, 3);

	(void)unused;
	assert_int_equal(learn(&f, target_of(&f, "gw.test", 0), "192.0.2.1", 5060), 0);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "abc");
	fixture_end(&f);
}

static void nobody_is_known_before_an_address_is_learned(void **unused)
{
	const struct db_gateway row = row_at("a", "192.0.2.1", 5060);
	struct fixture f = fixture_of(&row, 1);
	const struct sockaddr other = {.sa_family = AF_UNIX};

	(void)unused;
	assert_string_equal(who(&f, "192.0.2.1", 5060), "");
	assert_int_equal(learn(&f, target_of(&f, "192.0.2.1", 5060), "192.0.2.1", 5060), 0);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "a");
	assert_string_equal(who(&f, "192.0.2.2", 5060), "");
	assert_int_equal(gateway_targets_at(f.targets, &other, NULL, NULL), 0);
	fixture_end(&f);
}

static void who_sends_from_the_port_is_preferred(void **unused)
{
	const struct db_gateway rows[] = {row_at("a", "192.0.2.1", 5060), row_at("b", "192.0.2.1", 5070)};
	struct fixture f = fixture_of(rows, 2);

	(void)unused;
	assert_int_equal(learn(&f, target_of(&f, "192.0.2.1", 5060), "192.0.2.1", 5060), 0);
	assert_int_equal(learn(&f, target_of(&f, "192.0.2.1", 5070), "192.0.2.1", 5070), 0);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "a");
	assert_string_equal(who(&f, "192.0.2.1", 5070), "b");
	assert_int_equal(strlen(who(&f, "192.0.2.1", 40000)), 2);
	fixture_end(&f);
}

static void a_datagram_proves_a_port_and_a_connection_an_address(void **unused)
{
	const struct db_gateway rows[] = {row_at("a", "192.0.2.1", 5060), row_at("b", "192.0.2.1", 5070)};
	struct fixture f = fixture_of(rows, 2);
	const union address own = address_of("192.0.2.1", 5060), other = address_of("192.0.2.1", 40000);

	(void)unused;
	assert_int_equal(learn(&f, target_of(&f, "192.0.2.1", 5060), "192.0.2.1", 5060), 0);
	assert_int_equal(learn(&f, target_of(&f, "192.0.2.1", 5070), "192.0.2.1", 5070), 0);
	assert_int_equal(gateway_targets_from(f.targets, &own.any, true, NULL, NULL), 1);
	assert_int_equal(gateway_targets_from(f.targets, &other.any, true, NULL, NULL), 0);
	assert_int_equal(gateway_targets_from(f.targets, &own.any, false, NULL, NULL), 2);
	assert_int_equal(gateway_targets_from(f.targets, &other.any, false, NULL, NULL), 2);
	fixture_end(&f);
}

static void a_mapped_source_is_its_ipv4_address(void **unused)
{
	const struct db_gateway rows[] = {row_at("a", "192.0.2.1", 5060), row_at("b", "2001:db8::1", 5060)};
	struct fixture f = fixture_of(rows, 2);

	(void)unused;
	assert_int_equal(learn(&f, target_of(&f, "192.0.2.1", 5060), "192.0.2.1", 5060), 0);
	assert_int_equal(learn(&f, target_of(&f, "2001:db8::1", 5060), "2001:db8::1", 5060), 0);
	assert_string_equal(who(&f, "::ffff:192.0.2.1", 5060), "a");
	assert_string_equal(who(&f, "2001:db8::1", 5060), "b");
	fixture_end(&f);
}

static void what_is_learned_replaces_what_was_known(void **unused)
{
	const struct db_gateway row = row_at("a", "gw.test", 0);
	const union address two[] = {address_of("192.0.2.2", 5060), address_of("192.0.2.2", 5070)};
	const struct sockaddr *list[] = {&two[0].any, &two[1].any};
	struct fixture f = fixture_of(&row, 1);

	(void)unused;
	assert_int_equal(learn(&f, target_of(&f, "gw.test", 0), "192.0.2.1", 5060), 0);
	assert_int_equal(gateway_targets_learn(f.targets, target_of(&f, "gw.test", 0), list, 2), 0);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "");
	assert_string_equal(who(&f, "192.0.2.2", 5070), "a");
	assert_string_equal(who(&f, "192.0.2.2", 1), "a"); /* once, though two of its addresses fit */
	fixture_end(&f);
}

static void a_target_in_use_stays_over_a_reload(void **unused)
{
	const struct db_gateway rows[] = {
		row_at("a", "gw.test", 0), row_at("b", "gw.test", 0), row_at("c", "c.test", 0)};
	struct fixture f = fixture_of(rows, 2);
	struct gateway_target *target = target_of(&f, "gw.test", 0);
	unsigned one = 1;

	(void)unused;
	target->probe = &one;
	assert_int_equal(learn(&f, target, "192.0.2.1", 5060), 0);
	reload(&f, &rows[1], 2);
	assert_ptr_equal(target_of(&f, "gw.test", 0), target);
	assert_int_equal(gone, 0);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "b");
	fixture_end(&f);
	assert_int_equal(gone, 1);
}

static void a_target_without_gateways_goes(void **unused)
{
	struct db_gateway row = row_at("a", "gw.test", 0);
	struct fixture f = fixture_of(&row, 1);
	unsigned one = 1;

	(void)unused;
	target_of(&f, "gw.test", 0)->probe = &one;
	assert_int_equal(learn(&f, target_of(&f, "gw.test", 0), "192.0.2.1", 5060), 0);
	row.host = "elsewhere.test";
	reload(&f, &row, 1);
	assert_int_equal(gone, 1);
	assert_null(target_of(&f, "gw.test", 0));
	assert_string_equal(who(&f, "192.0.2.1", 5060), "");
	fixture_end(&f);
	assert_int_equal(gone, 1);
}

static void a_reload_without_memory_changes_nothing(void **unused)
{
	const struct db_gateway rows[] = {
		row_at("a", "a.test", 0), row_at("b", "b.test", 0), row_at("c", "a.test", 0)};
	struct fixture f = fixture_of(rows, 1);
	int err;

	(void)unused;
	assert_int_equal(learn(&f, target_of(&f, "a.test", 0), "192.0.2.1", 5060), 0);
	assert_int_equal(gateways_apply(f.gateways, rows, 3), 0);
	for (long i = 0;; i++) {
		fail_at = allocations + i;
		err = gateway_targets_apply(f.targets, f.gateways);
		fail_at = -1;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(targets_of(&f), 1);
		assert_string_equal(who(&f, "192.0.2.1", 5060), "a");
	}
	assert_int_equal(targets_of(&f), 2);
	assert_string_equal(who(&f, "192.0.2.1", 5060), "ac");
	fixture_end(&f);
}

static void what_is_learned_without_memory_changes_nothing(void **unused)
{
	const struct db_gateway row = row_at("a", "a.test", 0);
	struct fixture f = fixture_of(&row, 1);
	struct gateway_target *target = target_of(&f, "a.test", 0);
	long failures = 0;
	int err;

	(void)unused;
	assert_int_equal(learn(&f, target, "192.0.2.1", 5060), 0);
	do {
		fail_at = allocations + failures++;
		err = learn(&f, target, "192.0.2.2", 5060);
		fail_at = -1;
		assert_string_equal(who(&f, "192.0.2.1", 5060), err ? "a" : "");
		assert_string_equal(who(&f, "192.0.2.2", 5060), err ? "" : "a");
	} while (err == -ENOMEM);
	assert_int_equal(err, 0);
	assert_true(failures > 2);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gateways_with_one_host_port_and_transport_share_a_target),
		cmocka_unit_test(a_gateway_that_is_an_endpoint_has_no_target),
		cmocka_unit_test(gateways_share_a_target_over_tls_if_they_want_the_same_certificates),
		cmocka_unit_test(what_the_row_of_an_address_leaves_open_is_5060_over_udp),
		cmocka_unit_test(what_the_row_of_a_name_leaves_open_is_for_dns_to_say),
		cmocka_unit_test(members_are_in_order_of_name),
		cmocka_unit_test(nobody_is_known_before_an_address_is_learned),
		cmocka_unit_test(who_sends_from_the_port_is_preferred),
		cmocka_unit_test(a_datagram_proves_a_port_and_a_connection_an_address),
		cmocka_unit_test(a_mapped_source_is_its_ipv4_address),
		cmocka_unit_test(what_is_learned_replaces_what_was_known),
		cmocka_unit_test(a_target_in_use_stays_over_a_reload),
		cmocka_unit_test(a_target_without_gateways_goes),
		cmocka_unit_test(a_reload_without_memory_changes_nothing),
		cmocka_unit_test(what_is_learned_without_memory_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
