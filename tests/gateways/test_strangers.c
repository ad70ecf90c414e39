#include "strangers.h"

#include "unit.h"

#include <arpa/inet.h>
#include <string.h>

static unsigned hashed;

/** The worst of all. */
static uint64_t same_for_all(const void *bytes, size_t n)
{
	(void)bytes, (void)n;
	hashed++;
	return 7;
}

static int set_up(void **state)
{
	hashed = 0;
	return strangers_create((struct strangers **)state, same_for_all);
}

static int tear_down(void **state)
{
	strangers_destroy(*state);
	return 0;
}

static struct sockaddr_in address(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

/** @return as strangers_count() */
static bool count(struct strangers *set, uint32_t host, enum strangers_reason reason, uint64_t now_ms)
{
	struct sockaddr_in source = address(host, (uint16_t)(1024 + now_ms % 1000));
	unsigned unlogged;

	return strangers_count(set,
		&(struct strangers_event){.reason = reason,
			.source = (struct sockaddr *)&source,
			.transport = "udp",
			.method = "INVITE",
			.user = "4930"},
		now_ms, &unlogged);
}

struct list {
	struct strangers_entry entry[STRANGERS_MAX + 1];
	unsigned n;
};

static void add(const struct strangers_entry *entry, void *arg)
{
	struct list *list = arg;

	assert_true(list->n < STRANGERS_MAX + 1);
	list->entry[list->n++] = *entry;
}

static const struct list *list(const struct strangers *set)
{
	static struct list l;

	l.n = 0;
	strangers_each(set, add, &l);
	return &l;
}

static void an_entry_is_a_source_and_a_reason_whatever_its_port(void **state)
{
	const struct list *l;

	count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 10);
	count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 25);
	count(*state, 1, STRANGERS_OTHER_SOURCE, 30);
	count(*state, 2, STRANGERS_UNKNOWN_SOURCE, 40);
	l = list(*state);
	assert_int_equal(l->n, 3);
	assert_int_equal(l->entry[2].count, 2);
	assert_int_equal(l->entry[2].first_ms, 10);
	assert_int_equal(l->entry[2].last_ms, 25);
	assert_int_equal(ntohs(l->entry[2].source.v4.sin_port), 1024 + 25);
	assert_string_equal(l->entry[2].method, "INVITE");
	assert_string_equal(l->entry[2].user, "4930");
	assert_string_equal(l->entry[2].name, "");
	assert_int_equal(strangers_total(*state, STRANGERS_UNKNOWN_SOURCE), 3);
}

static void the_one_seen_last_comes_first(void **state)
{
	const struct list *l;

	count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 0);
	count(*state, 2, STRANGERS_UNKNOWN_SOURCE, 1);
	count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 2);
	l = list(*state);
	assert_int_equal(ntohl(l->entry[0].source.v4.sin_addr.s_addr), 1);
	assert_int_equal(ntohl(l->entry[1].source.v4.sin_addr.s_addr), 2);
}

static void a_full_table_loses_the_one_seen_longest_ago(void **state)
{
	const struct list *l;

	for (uint32_t i = 0; i < STRANGERS_MAX; i++)
		count(*state, 1 + i, STRANGERS_UNKNOWN_SOURCE, i);
	count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 5000);
	count(*state, 77777, STRANGERS_UNKNOWN_SOURCE, 5001);
	l = list(*state);
	assert_int_equal(l->n, STRANGERS_MAX);
	assert_int_equal(ntohl(l->entry[0].source.v4.sin_addr.s_addr), 77777);
	assert_int_equal(ntohl(l->entry[1].source.v4.sin_addr.s_addr), 1);
	assert_int_equal(ntohl(l->entry[STRANGERS_MAX - 1].source.v4.sin_addr.s_addr), 3);
	assert_int_equal(strangers_total(*state, STRANGERS_UNKNOWN_SOURCE), STRANGERS_MAX + 2);
}

static void an_entry_is_logged_once_an_hour(void **state)
{
	assert_true(count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 0));
	assert_false(count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 3599999));
	assert_true(count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 3600000));
	assert_false(count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 3600001));
}

static void all_together_get_ten_lines_a_minute_and_the_rest_is_counted(void **state)
{
	struct sockaddr_in source = address(99, 1);
	struct strangers_event event = {.source = (struct sockaddr *)&source, .transport = "udp"};
	unsigned lines = 0, unlogged = 0;

	for (uint32_t i = 0; i < 30; i++)
		lines += count(*state, 1 + i, STRANGERS_UNKNOWN_SOURCE, 100 + i);
	assert_int_equal(lines, 10);
	assert_true(strangers_count(*state, &event, 60100, &unlogged));
	assert_int_equal(unlogged, 20);
}

static void long_texts_are_cut(void **state)
{
	struct sockaddr_in source = address(1, 1);
	char text[200];
	struct strangers_event event = {
		.source = (struct sockaddr *)&source, .transport = "udp", .user = text};
	unsigned unlogged;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	strangers_count(*state, &event, 0, &unlogged);
	assert_int_equal(strlen(list(*state)->entry[0].user), STRANGERS_TEXT_MAX - 1);
}

static void an_ipv4_mapped_source_is_the_ipv4_one(void **state)
{
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct strangers_event event = {.source = (struct sockaddr *)&mapped, .transport = "udp"};
	unsigned unlogged;

	assert_int_equal(inet_pton(AF_INET6, "::ffff:0.0.0.1", &mapped.sin6_addr), 1);
	count(*state, 1, STRANGERS_UNKNOWN_SOURCE, 0);
	strangers_count(*state, &event, 1, &unlogged);
	assert_int_equal(list(*state)->n, 1);
}

static void every_reason_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < STRANGERS_REASONS; i++)
		assert_non_null(strangers_reason_name((enum strangers_reason)i));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void where_an_entry_is_kept_is_for_the_given_hash_to_say(void **state)
{
	for (uint32_t host = 1; host <= 3; host++)
		count(*state, host, STRANGERS_MALFORMED, 1000);
	count(*state, 2, STRANGERS_MALFORMED, 1000);
	assert_int_equal(hashed, 4);
	assert_int_equal(list(*state)->n, 3);
	assert_int_equal(list(*state)->entry[0].count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_is_a_source_and_a_reason_whatever_its_port),
		TEST(the_one_seen_last_comes_first),
		TEST(a_full_table_loses_the_one_seen_longest_ago),
		TEST(an_entry_is_logged_once_an_hour),
		TEST(all_together_get_ten_lines_a_minute_and_the_rest_is_counted),
		TEST(long_texts_are_cut),
		TEST(an_ipv4_mapped_source_is_the_ipv4_one),
		TEST(every_reason_has_a_name),
		TEST(where_an_entry_is_kept_is_for_the_given_hash_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
