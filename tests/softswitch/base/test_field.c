/* Structs as bytes that outlive the process. */
#include "field.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum colour { RED, GREEN, BLUE };

struct thing {
	char *text, *other;
	char name[8];
	bool flag;
	uint32_t small;
	uint64_t large;
	enum colour colour;
};

static const struct field fields[] = {
	FIELD(1, TEXT, struct thing, text),
	FIELD(2, TEXT, struct thing, other),
	FIELD(3, ARRAY, struct thing, name),
	FIELD(4, NUMBER, struct thing, flag),
	FIELD(5, NUMBER, struct thing, small),
	FIELD(6, NUMBER, struct thing, large),
	FIELD(7, NUMBER, struct thing, colour),
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static char buffer[4096];
static char words[] = "some words", more[] = "", one[] = "t";

static struct text empty(void)
{
	return (struct text){.data = buffer, .size = sizeof(buffer)};
}

static int read_back(struct thing *out, const struct text *t, size_t n_fields)
{
	*out = (struct thing){0};
	return field_read(out, fields, n_fields, &(struct field_bytes){t->data, t->len});
}

static void clear(struct thing *thing)
{
	free(thing->text);
	free(thing->other);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	const struct thing thing = {words, more, "name", true, 70000, UINT64_MAX, BLUE};
	struct text t = empty();
	struct thing found;
	field_write(&t, fields, FIELDS, &thing);
	assert_int_equal(read_back(&found, &t, FIELDS), 0);
	assert_string_equal(found.text, "some words");
	assert_string_equal(found.other, "");
	assert_string_equal(found.name, "name");
	assert_true(found.flag);
	assert_int_equal(found.small, 70000);
	assert_int_equal(found.large, UINT64_MAX);
	assert_int_equal(found.colour, BLUE);
	clear(&found);
}

static void what_is_zero_takes_no_room(void **state)
{
	(void)state;
	const struct thing thing = {0};
	struct text t = empty();
	struct thing found;
	field_write(&t, fields, FIELDS, &thing);
	assert_int_equal(t.len, 0);
	assert_int_equal(read_back(&found, &t, FIELDS), 0);
	assert_null(found.text);
}

static void fields_of_a_later_version_are_passed_over(void **state)
{
	(void)state;
	const struct thing thing = {.text = one, .small = 5, .colour = GREEN};
	struct text t = empty();
	struct thing found;
	field_write(&t, fields, FIELDS, &thing);
	assert_int_equal(read_back(&found, &t, 2), 0);
	assert_string_equal(found.text, "t");
	assert_int_equal(found.small, 0);
	clear(&found);
}

static void one_field_may_hold_others(void **state)
{
	(void)state;
	const struct thing thing = {.small = 9};
	struct text t = empty();
	struct thing found = {0};
	struct field_bytes inner;
	size_t begun = field_begin(&t, 20);
	field_write(&t, fields, FIELDS, &thing);
	field_end(&t, begun);
	field_add(&t, 19, NULL, 0);
	field_add(&t, 21, "x", 1);
	const struct field_bytes all = {t.data, t.len};
	assert_true(field_find(&inner, 20, &all));
	assert_int_equal(field_read(&found, fields, FIELDS, &inner), 0);
	assert_int_equal(found.small, 9);
	assert_true(field_find(&inner, 21, &all));
	assert_int_equal(inner.size, 1);
	assert_false(field_find(&inner, 22, &all));
}

static void a_field_may_stand_there_more_than_once(void **state)
{
	(void)state;
	struct text t = empty();
	field_add(&t, 20, "a", 1);
	field_add(&t, 21, "b", 1);
	field_add(&t, 20, "cd", 2);
	struct field_bytes left = {t.data, t.len}, found;
	assert_true(field_next(&found, 20, &left));
	assert_memory_equal(found.data, "a", 1);
	assert_true(field_next(&found, 20, &left));
	assert_int_equal(found.size, 2);
	assert_memory_equal(found.data, "cd", 2);
	assert_false(field_next(&found, 20, &left));
	assert_int_equal(left.size, 0);
}

static void a_number_at_the_end_of_the_room_fits_or_not(void **state)
{
	(void)state;
	const struct thing thing = {NULL, NULL, "", false, 70000, 0, 0};
	struct text wide = empty();
	field_write(&wide, fields, FIELDS, &thing);
	assert_false(wide.full);
	for (size_t size = 0; size <= wide.len + 4; size++) {
		struct text t = empty();
		t.size = size;
		field_write(&t, fields, FIELDS, &thing);
		assert_int_equal(t.full, size < wide.len);
		assert_int_equal(t.len, size < wide.len ? 0 : wide.len);
	}
}

static void torn_bytes_are_refused(void **state)
{
	(void)state;
	const struct thing thing = {words, more, "name", true, 70000, 1, BLUE};
	struct text t = empty();
	field_write(&t, fields, FIELDS, &thing);
	int refused = 0;
	for (size_t n = t.len; n-- > 1;) {
		struct thing found;
		struct text part = t;
		part.len = n;
		int err = read_back(&found, &part, FIELDS);
		assert_true(err == 0 || err == -EINVAL);
		refused += err != 0;
		clear(&found);
	}
	assert_int_equal(refused, t.len - FIELDS); /* all but where a field ends, the whole of it included */
}

static int read_one(uint16_t number, const void *bytes, size_t n)
{
	struct text t = empty();
	struct thing found;
	field_add(&t, number, bytes, n);
	int err = read_back(&found, &t, FIELDS);
	clear(&found);
	return err;
}

static void values_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	const uint64_t large = UINT64_C(1) << 32;
	assert_int_equal(read_one(5, &large, 8), -EINVAL);
	assert_int_equal(read_one(6, &large, 8), 0);
	assert_int_equal(read_one(6, "123456789", 9), -EINVAL);
	assert_int_equal(read_one(4, "\2", 1), -EINVAL);
	assert_int_equal(read_one(3, "1234567", 7), 0);
	assert_int_equal(read_one(3, "12345678", 8), -EINVAL);
	assert_int_equal(read_one(1, "a\0b", 3), -EINVAL);
}

static void a_text_that_comes_twice_is_freed(void **state)
{
	(void)state;
	struct text t = empty();
	struct thing found;
	field_add(&t, 1, "first", 5);
	field_add(&t, 1, "second", 6);
	assert_int_equal(read_back(&found, &t, FIELDS), 0);
	assert_string_equal(found.text, "second");
	clear(&found);
}

static void what_does_not_fit_is_noticed(void **state)
{
	(void)state;
	static char long_text[70000];
	const struct thing thing = {.text = words};
	struct text t = {.data = buffer, .size = 10};
	static char room[100000];
	field_write(&t, fields, FIELDS, &thing);
	assert_true(t.full);
	t = (struct text){.data = room, .size = sizeof(room)};
	field_add(&t, 1, long_text, sizeof(long_text));
	assert_true(t.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_zero_takes_no_room),
		cmocka_unit_test(fields_of_a_later_version_are_passed_over),
		cmocka_unit_test(one_field_may_hold_others),
		cmocka_unit_test(a_field_may_stand_there_more_than_once),
		cmocka_unit_test(a_number_at_the_end_of_the_room_fits_or_not),
		cmocka_unit_test(torn_bytes_are_refused),
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(a_text_that_comes_twice_is_freed),
		cmocka_unit_test(what_does_not_fit_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
