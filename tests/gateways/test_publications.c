#include "gateways.h"
#include "publications.h"

#include "out_of_memory.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATEWAYS = 4, LIFE_MS = 60000 };

struct fixture {
	struct db_gateway rows[GATEWAYS];
	struct gateways *gateways;
	struct publications *set;
	struct gateway *gw[GATEWAYS]; /* a, b, c, d */
	char changes[100];
};

static void fixture_begin(struct fixture *f)
{
	static const char *const names[GATEWAYS] = {"a", "b", "c", "d"};

	for (unsigned i = 0; i < GATEWAYS; i++) {
		f->rows[i] = unit_gateway(names[i]);
		f->rows[i].id = i + 1;
		f->rows[i].publish = true;
	}
	assert_int_equal(gateways_create(&f->gateways), 0);
	assert_int_equal(gateways_apply(f->gateways, f->rows, GATEWAYS), 0);
	for (unsigned i = 0; i < GATEWAYS; i++)
		f->gw[i] = gateways_find(f->gateways, names[i]);
	assert_int_equal(publications_create(&f->set), 0);
}

static void fixture_end(struct fixture *f)
{
	publications_destroy(f->set);
	gateways_destroy(f->gateways);
}

static struct publication_publisher by(struct fixture *f, unsigned first, size_t n)
{
	return (struct publication_publisher){&f->gw[first], n};
}

static struct publication *put(struct fixture *f, struct publication *p, struct publication_publisher who,
	const char *etag, enum publication_state state, uint64_t now_ms)
{
	const struct publication_content content = {.etag = etag, .state = state, .lifetime_ms = LIFE_MS};

	assert_int_equal(publications_put(f->set, p, &who, &content, now_ms), 0);
	return publications_find(f->set, etag, &who);
}

static void on_unnamed(const char *name, void *arg)
{
	struct fixture *f = arg;

	strcat(strcat(f->changes, "-"), name);
}

static void on_named(struct gateway *gw, const struct publication_content *content, void *arg)
{
	struct fixture *f = arg;
	const size_t n = strlen(f->changes);

	snprintf(f->changes + n, sizeof(f->changes) - n, "+%s(%s %u)", gateway_name(gw), content->etag,
		content->lifetime_ms);
}

/* Follow the rows; f->changes says what was told. */
static void apply(struct fixture *f, uint64_t now_ms)
{
	const struct publications_changes changes = {on_unnamed, on_named, f};

	f->changes[0] = '\0';
	publications_apply(f->set, &changes, now_ms);
}

/* What each gateway was told last: o, c, x (expired), - (nothing). */
static const char *states(const struct fixture *f)
{
	static const char letters[] = {[PUBLICATION_STATE_NONE] = '-',
		[PUBLICATION_STATE_OPEN] = 'o',
		[PUBLICATION_STATE_CLOSED] = 'c',
		[PUBLICATION_STATE_EXPIRED] = 'x'};
	static char out[GATEWAYS + 1];

	for (unsigned i = 0; i < GATEWAYS; i++)
		out[i] = letters[gateway_publication(f->gw[i])];
	return out;
}

static void who_publishes_is_told(void **unused)
{
	struct fixture f;

	(void)unused;
	fixture_begin(&f);
	assert_non_null(put(&f, NULL, by(&f, 0, 2), "1", PUBLICATION_STATE_CLOSED, 0));
	assert_non_null(put(&f, NULL, by(&f, 2, 1), "2", PUBLICATION_STATE_OPEN, 0));
	assert_string_equal(states(&f), "cco-");
	assert_int_equal(publications_count(f.set), 2);
	fixture_end(&f);
	publications_destroy(NULL);
}

static void only_its_gateways_find_a_tag(void **unused)
{
	struct fixture f;
	const struct publication_publisher own = {&f.gw[1], 1}, other = {&f.gw[2], 2}, more = {&f.gw[1], 3};

	(void)unused;
	fixture_begin(&f);
	put(&f, NULL, by(&f, 0, 2), "1", PUBLICATION_STATE_OPEN, 0);
	assert_non_null(publications_find(f.set, "1", &own));
	assert_non_null(publications_find(f.set, "1", &more));
	assert_null(publications_find(f.set, "1", &other));
	assert_null(publications_find(f.set, "2", &own));
	assert_null(publications_find(f.set, "", &own));
	fixture_end(&f);
}

static void a_refresh_keeps_the_state_under_a_new_tag(void **unused)
{
	struct fixture f;
	const struct publication_publisher a = {&f.gw[0], 1};
	struct publication *p;

	(void)unused;
	fixture_begin(&f);
	p = put(&f, NULL, a, "1", PUBLICATION_STATE_CLOSED, 0);
	assert_ptr_equal(put(&f, p, a, "2", PUBLICATION_STATE_NONE, LIFE_MS - 1), p);
	assert_null(publications_find(f.set, "1", &a));
	assert_string_equal(states(&f), "c---");
	assert_int_equal(publications_expire(f.set, LIFE_MS), 2 * LIFE_MS - 1);
	put(&f, p, a, "3", PUBLICATION_STATE_OPEN, LIFE_MS);
	assert_string_equal(states(&f), "o---");
	assert_int_equal(publications_count(f.set), 1);
	fixture_end(&f);
}

static void what_is_not_renewed_expires_in_time(void **unused)
{
	struct fixture f;

	(void)unused;
	fixture_begin(&f);
	assert_int_equal(publications_expire(f.set, 0), 0);
	put(&f, NULL, by(&f, 0, 1), "1", PUBLICATION_STATE_OPEN, 0);
	put(&f, NULL, by(&f, 1, 1), "2", PUBLICATION_STATE_OPEN, 1000);
	assert_int_equal(publications_expire(f.set, LIFE_MS - 1), LIFE_MS);
	assert_string_equal(states(&f), "oo--");
	assert_int_equal(publications_expire(f.set, LIFE_MS), LIFE_MS + 1000);
	assert_string_equal(states(&f), "xo--");
	assert_int_equal(publications_expire(f.set, 2 * LIFE_MS), 0);
	assert_string_equal(states(&f), "xx--");
	assert_int_equal(publications_count(f.set), 0);
	put(&f, NULL, by(&f, 0, 1), "3", PUBLICATION_STATE_OPEN, 2 * LIFE_MS);
	assert_string_equal(states(&f), "ox--");
	fixture_end(&f);
}

static void they_expire_in_order_of_their_ends(void **unused)
{
	static const uint32_t lives[GATEWAYS] = {3000, 1000, 4000, 2000};
	static const char *const tags[GATEWAYS] = {"1", "2", "3", "4"},
				 *const after[] = {"oxoo", "oxox", "xxox", "xxxx"};
	struct fixture f;

	(void)unused;
	fixture_begin(&f);
	for (unsigned i = 0; i < GATEWAYS; i++) {
		const struct publication_content content = {
			.etag = tags[i], .state = PUBLICATION_STATE_OPEN, .lifetime_ms = lives[i]};
		const struct publication_publisher who = by(&f, i, 1);

		assert_int_equal(publications_put(f.set, NULL, &who, &content, 0), 0);
	}
	for (unsigned i = 0; i < GATEWAYS; i++) {
		assert_int_equal(
			publications_expire(f.set, 1000 * (i + 1)), i + 1 < GATEWAYS ? 1000 * (i + 2) : 0);
		assert_string_equal(states(&f), after[i]);
	}
	fixture_end(&f);
}

static void a_removed_one_is_no_bad_news(void **unused)
{
	struct fixture f;

	(void)unused;
	fixture_begin(&f);
	publications_remove(f.set, put(&f, NULL, by(&f, 0, 3), "1", PUBLICATION_STATE_CLOSED, 0), 1);
	assert_string_equal(states(&f), "----");
	assert_int_equal(publications_count(f.set), 0);
	assert_int_equal(publications_expire(f.set, LIFE_MS), 0);
	fixture_end(&f);
}

/* A gateway that started again knows nothing of its first publication. */
static void the_last_publication_of_a_gateway_counts(void **unused)
{
	struct fixture f;
	const struct publication_publisher a = {&f.gw[0], 1}, both = {&f.gw[0], 2};

	(void)unused;
	fixture_begin(&f);
	put(&f, NULL, both, "1", PUBLICATION_STATE_OPEN, 0);
	put(&f, NULL, a, "2", PUBLICATION_STATE_CLOSED, 1000);
	assert_string_equal(states(&f), "co--");
	assert_null(publications_find(f.set, "1", &a));
	assert_non_null(publications_find(f.set, "1", &both));
	put(&f, NULL, both, "3", PUBLICATION_STATE_OPEN, 2000);
	assert_int_equal(publications_count(f.set), 1); /* the others speak for nobody */
	assert_int_equal(publications_expire(f.set, LIFE_MS + 1999), LIFE_MS + 2000);
	assert_string_equal(states(&f), "oo--");
	fixture_end(&f);
}

static void a_removed_gateway_loses_its_publication(void **unused)
{
	struct fixture f;
	const struct publication_publisher a = {&f.gw[0], 1};

	(void)unused;
	fixture_begin(&f);
	put(&f, NULL, a, "1", PUBLICATION_STATE_OPEN, 0);
	put(&f, NULL, by(&f, 1, 2), "2", PUBLICATION_STATE_OPEN, 0);
	gateway_ref(f.gw[0]);
	assert_int_equal(gateways_apply(f.gateways, &f.rows[2], 2), 0); /* c and d stay */
	apply(&f, 0);
	assert_int_equal(publications_count(f.set), 1);
	assert_null(publications_find(f.set, "1", &a));
	gateway_unref(f.gw[0]);
	assert_int_equal(publications_expire(f.set, LIFE_MS), 0);
	assert_int_equal(gateway_publication(f.gw[2]), PUBLICATION_STATE_EXPIRED);
	fixture_end(&f);
}

static void a_gateway_that_moved_has_published_nothing(void **unused)
{
	struct fixture f;

	(void)unused;
	fixture_begin(&f);
	put(&f, NULL, by(&f, 0, 2), "1", PUBLICATION_STATE_OPEN, 0);
	f.rows[0].host = "127.0.0.2";
	f.rows[1].capacity = 7;
	assert_int_equal(gateways_apply(f.gateways, f.rows, GATEWAYS), 0);
	apply(&f, 0);
	assert_string_equal(states(&f), "-o--");
	publications_expire(f.set, LIFE_MS);
	assert_string_equal(states(&f), "-x--");
	fixture_end(&f);
}

static void a_gateway_that_may_publish_no_more_has_published_nothing(void **unused)
{
	struct fixture f;

	(void)unused;
	fixture_begin(&f);
	put(&f, NULL, by(&f, 0, 2), "1", PUBLICATION_STATE_CLOSED, 0);
	f.rows[0].publish = false;
	assert_int_equal(gateways_apply(f.gateways, f.rows, GATEWAYS), 0);
	apply(&f, 0);
	assert_string_equal(states(&f), "-c--");
	fixture_end(&f);
}

/* a and b exchange their names while c may publish no more: a name is given only when nobody has it. */
static void a_renamed_gateway_keeps_its_publication(void **unused)
{
	struct fixture f;

	(void)unused;
	fixture_begin(&f);
	put(&f, NULL, by(&f, 0, 1), "1", PUBLICATION_STATE_CLOSED, 0);
	put(&f, NULL, by(&f, 1, 1), "2", PUBLICATION_STATE_OPEN, 0);
	put(&f, NULL, by(&f, 2, 1), "3", PUBLICATION_STATE_OPEN, 0);
	f.rows[0].name = "b";
	f.rows[1].name = "a";
	f.rows[2].name = "e";
	f.rows[2].publish = false;
	assert_int_equal(gateways_apply(f.gateways, f.rows, GATEWAYS), 0);
	apply(&f, 1000);
	assert_string_equal(states(&f), "co--");
	assert_string_equal(f.changes, "-a-b-c+b(1 59000)+a(2 59000)");
	apply(&f, 1000);
	assert_string_equal(f.changes, "");
	fixture_end(&f);
}

static void publishing_without_memory_changes_nothing(void **unused)
{
	struct fixture f;
	const struct publication_publisher all = {f.gw, GATEWAYS};
	const struct publication_content content = {
		.etag = "2", .state = PUBLICATION_STATE_CLOSED, .lifetime_ms = 1};
	long failures = 0;
	int err;

	(void)unused;
	fixture_begin(&f);
	put(&f, NULL, by(&f, 1, 1), "1", PUBLICATION_STATE_OPEN, 0);
	for (;;) {
		fail_at = allocations + failures++;
		err = publications_put(f.set, NULL, &all, &content, 0);
		fail_at = -1;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_string_equal(states(&f), "-o--");
		assert_int_equal(publications_count(f.set), 1);
		assert_null(publications_find(f.set, "2", &all));
		assert_non_null(publications_find(f.set, "1", &all));
		apply(&f, 0); /* nobody is left without a publication */
	}
	assert_true(failures > GATEWAYS);
	assert_string_equal(states(&f), "cccc");
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_publishes_is_told),
		cmocka_unit_test(only_its_gateways_find_a_tag),
		cmocka_unit_test(a_refresh_keeps_the_state_under_a_new_tag),
		cmocka_unit_test(what_is_not_renewed_expires_in_time),
		cmocka_unit_test(they_expire_in_order_of_their_ends),
		cmocka_unit_test(a_removed_one_is_no_bad_news),
		cmocka_unit_test(the_last_publication_of_a_gateway_counts),
		cmocka_unit_test(a_removed_gateway_loses_its_publication),
		cmocka_unit_test(a_gateway_that_moved_has_published_nothing),
		cmocka_unit_test(a_gateway_that_may_publish_no_more_has_published_nothing),
		cmocka_unit_test(a_renamed_gateway_keeps_its_publication),
		cmocka_unit_test(publishing_without_memory_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
