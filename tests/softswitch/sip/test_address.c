#include "address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union endpoint v4(const char *host, uint16_t port)
{
	union endpoint e = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};

	assert_int_equal(inet_pton(AF_INET, host, &e.v4.sin_addr), 1);
	return e;
}

static union endpoint v6(const char *host, uint16_t port)
{
	union endpoint e = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};

	assert_int_equal(inet_pton(AF_INET6, host, &e.v6.sin6_addr), 1);
	return e;
}

static void an_ipv4_address_has_host_port_and_name(void **state)
{
	union endpoint e = v4("192.0.2.1", 5060);
	char host[ADDRESS_HOST_MAX], name[ADDRESS_NAME_MAX];

	(void)state;
	address_host(&e.any, host);
	address_name(&e.any, name);
	assert_string_equal(host, "192.0.2.1");
	assert_string_equal(name, "192.0.2.1:5060");
	assert_int_equal(address_port(&e.any), 5060);
	assert_int_equal(address_length(&e.any), sizeof(struct sockaddr_in));
}

static void an_ipv6_name_has_brackets_its_host_has_none(void **state)
{
	union endpoint e = v6("2001:db8:0:0::1", 65535);
	char host[ADDRESS_HOST_MAX], name[ADDRESS_NAME_MAX];

	(void)state;
	address_host(&e.any, host);
	address_name(&e.any, name);
	assert_string_equal(host, "2001:db8::1");
	assert_string_equal(name, "[2001:db8::1]:65535");
	assert_int_equal(address_port(&e.any), 65535);
	assert_int_equal(address_length(&e.any), sizeof(struct sockaddr_in6));
}

static void the_longest_ipv6_address_fits(void **state)
{
	union endpoint e = v6("fd00:1111:2222:3333:4444:5555:6666:7777", 65535);
	union endpoint mapped = v6("::ffff:255.255.255.255", 65535);
	char name[ADDRESS_NAME_MAX];

	(void)state;
	address_name(&e.any, name);
	assert_string_equal(name, "[fd00:1111:2222:3333:4444:5555:6666:7777]:65535");
	address_name(&mapped.any, name);
	assert_string_equal(name, "[::ffff:255.255.255.255]:65535");
}

static void ipv4_is_written_in_four_numbers(void **state)
{
	static const char *const hosts[] = {"0.0.0.0", "255.255.255.255", "10.0.100.9", "127.0.0.1"};
	char host[ADDRESS_HOST_MAX];

	(void)state;
	for (unsigned i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		union endpoint e = v4(hosts[i], 1);

		address_host(&e.any, host);
		assert_string_equal(host, hosts[i]);
	}
}

static void the_same_host_may_have_another_port(void **state)
{
	union endpoint a = v4("192.0.2.1", 5060), b = v4("192.0.2.1", 40000), c = v4("192.0.2.2", 5060);
	union endpoint a6 = v6("2001:db8::1", 5060), b6 = v6("2001:db8::1", 1), c6 = v6("2001:db8::2", 5060);

	(void)state;
	assert_true(address_same_host(&a.any, &b.any));
	assert_false(address_same_host(&a.any, &c.any));
	assert_true(address_same_host(&a6.any, &b6.any));
	assert_false(address_same_host(&a6.any, &c6.any));
	assert_false(address_same_host(&a.any, &a6.any));
}

static void a_uri_has_brackets_around_ipv6_only(void **state)
{
	char out[ADDRESS_HOST_PORT_MAX];

	(void)state;
	address_host_port(out, "192.0.2.1", 5060);
	assert_string_equal(out, "192.0.2.1:5060");
	address_host_port(out, "sip.example.com", 65535);
	assert_string_equal(out, "sip.example.com:65535");
	address_host_port(out, "2001:db8::1", 5061);
	assert_string_equal(out, "[2001:db8::1]:5061");
}

static void a_uri_without_port_has_none(void **state)
{
	char out[ADDRESS_HOST_PORT_MAX];

	(void)state;
	address_host_port(out, "sip.example.com", 0);
	assert_string_equal(out, "sip.example.com");
	address_host_port(out, "2001:db8::1", 0);
	assert_string_equal(out, "[2001:db8::1]");
}

static void the_longest_host_name_fits_with_its_port(void **state)
{
	char host[254], out[ADDRESS_HOST_PORT_MAX];

	(void)state;
	memset(host, 'a', sizeof(host) - 1); /* RFC 1035: 253 characters */
	host[sizeof(host) - 1] = '\0';
	address_host_port(out, host, 65535);
	assert_int_equal(strlen(out), 253 + strlen(":65535"));
}

static void a_port_is_read_in_network_order(void **state)
{
	(void)state;
	assert_int_equal(address_parse_port("1", 5060), htons(1));
	assert_int_equal(address_parse_port("5070", 5060), htons(5070));
	assert_int_equal(address_parse_port("05070", 5060), htons(5070));
	assert_int_equal(address_parse_port("65535", 5060), htons(65535));
}

static void nonsense_for_a_port_gives_the_fallback(void **state)
{
	static const char *const nonsense[] = {"", "0", "65536", "70606", "4294972356",
		"18446744073709556676", "99999999999999999999999", "-1", "-5070", "-18446744073709551615",
		"+5070", " 5070", "\t5070", "sip", "x5070", "5070x", "5070 ", "0x13ce", "50 70", "5070;x",
		"50.70"};

	(void)state;
	assert_int_equal(address_parse_port(NULL, 5060), htons(5060));
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		if (address_parse_port(nonsense[i], 5060) != htons(5060))
			fail_msg("'%s' was read as a port", nonsense[i]);
}

static bool in_one_network(const union endpoint *a, const union endpoint *b)
{
	unsigned char of_a[ADDRESS_BYTES], of_b[ADDRESS_BYTES];

	address_network(&a->any, of_a);
	address_network(&b->any, of_b);
	return !memcmp(of_a, of_b, sizeof(of_a));
}

static void an_ipv4_address_and_its_mapped_form_are_the_same_bytes(void **state)
{
	union endpoint plain = v4("192.0.2.1", 5060), mapped = v6("::ffff:192.0.2.1", 5080);
	unsigned char of_plain[ADDRESS_BYTES], of_mapped[ADDRESS_BYTES];

	(void)state;
	address_bytes(&plain.any, of_plain);
	address_bytes(&mapped.any, of_mapped);
	assert_memory_equal(of_plain, of_mapped, sizeof(of_plain));
	assert_true(in_one_network(&plain, &mapped));
}

static void of_ipv4_each_address_is_a_network_of_ipv6_each_64_bits(void **state)
{
	union endpoint a = v4("192.0.2.1", 5060), b = v4("192.0.2.2", 5060);
	union endpoint mapped = v6("::ffff:192.0.2.2", 5060);
	union endpoint home = v6("2001:db8:0:1::1", 5060), same = v6("2001:db8:0:1:ffff::2", 5060);
	union endpoint next = v6("2001:db8:0:2::1", 5060);

	(void)state;
	assert_false(in_one_network(&a, &b));
	assert_false(in_one_network(&a, &mapped));
	assert_true(in_one_network(&home, &same));
	assert_false(in_one_network(&home, &next));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_address_has_host_port_and_name),
		cmocka_unit_test(an_ipv6_name_has_brackets_its_host_has_none),
		cmocka_unit_test(the_longest_ipv6_address_fits),
		cmocka_unit_test(ipv4_is_written_in_four_numbers),
		cmocka_unit_test(the_same_host_may_have_another_port),
		cmocka_unit_test(a_uri_has_brackets_around_ipv6_only),
		cmocka_unit_test(a_uri_without_port_has_none),
		cmocka_unit_test(the_longest_host_name_fits_with_its_port),
		cmocka_unit_test(a_port_is_read_in_network_order),
		cmocka_unit_test(nonsense_for_a_port_gives_the_fallback),
		cmocka_unit_test(an_ipv4_address_and_its_mapped_form_are_the_same_bytes),
		cmocka_unit_test(of_ipv4_each_address_is_a_network_of_ipv6_each_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
