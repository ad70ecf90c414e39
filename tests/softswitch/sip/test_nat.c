/* When is the address that a peer names for itself replaced by the one it sends from? */
#include "nat.h"
#include "resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct resolver_address address(const char *host)
{
	struct resolver_target target = {.host = host, .port = 5060, .transport = "udp"};
	struct resolver_answer answer;

	assert_true(resolver_numeric(&target, &answer));
	return answer.address[0];
}

static bool hides(enum db_override nat, const char *named, const char *source)
{
	struct resolver_address from = address(source), to;

	if (!named)
		return nat_hides(nat, NULL, &from.addr.any);
	to = address(named);
	return nat_hides(nat, &to.addr.any, &from.addr.any);
}

#define PUBLIC "203.0.113.7"

/* Each reaches less far than those in the groups behind its own. */
static const char *const groups[][8] = {
	{"127.0.0.1", "127.255.255.255", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"},
	{"169.254.0.1", "169.254.255.255", "fe80::1", "febf::1"},
	{"10.0.0.1", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
		"fc00::1", "fdff::1"},
	{"100.64.0.0", "100.127.255.255", "::ffff:100.64.0.1"},
	{PUBLIC, "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0",
		"2001:db8::1"},
	{PUBLIC, "192.167.255.255", "192.169.0.0", "169.253.255.255", "169.255.0.0", "128.0.0.1", "fe00::1",
		"::ffff:192.0.2.1"},
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]), PUBLIC_GROUPS = 2 };

static void by_itself_what_reaches_less_far_than_the_source_is_hidden(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GROUPS; i++)
		for (unsigned k = 0; k < GROUPS; k++)
			for (unsigned a = 0; a < 8 && groups[i][a]; a++)
				for (unsigned b = 0; b < 8 && groups[k][b]; b++) {
					bool hidden = i < k && i < GROUPS - PUBLIC_GROUPS;

					if (hides(DB_OVERRIDE_NONE, groups[i][a], groups[k][b]) != hidden)
						fail_msg("%s from %s", groups[i][a], groups[k][b]);
				}
}

static void a_name_is_not_hidden_by_itself(void **state)
{
	(void)state;
	assert_false(hides(DB_OVERRIDE_NONE, NULL, PUBLIC));
}

static void the_row_has_the_last_word(void **state)
{
	static const char *const addresses[] = {NULL, "127.0.0.1", "192.168.1.2", PUBLIC, "2001:db8::1"};

	(void)state;
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		assert_true(hides(DB_OVERRIDE_ON, addresses[i], PUBLIC));
		assert_true(hides(DB_OVERRIDE_ON, addresses[i], "127.0.0.1"));
		assert_false(hides(DB_OVERRIDE_OFF, addresses[i], PUBLIC));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_itself_what_reaches_less_far_than_the_source_is_hidden),
		cmocka_unit_test(a_name_is_not_hidden_by_itself),
		cmocka_unit_test(the_row_has_the_last_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
