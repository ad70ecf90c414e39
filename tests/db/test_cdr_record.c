/* A call record as bytes. */
#include "cdr_record.h"
#include "cdr_sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *written(const struct cdr *record, size_t *size)
{
	struct cdr_record_lengths measure;
	cdr_record_measure(record, &measure);
	char *bytes = malloc(measure.size);
	assert_non_null(bytes);
	cdr_record_write(record, &measure, bytes);
	*size = measure.size;
	return bytes;
}

static void a_record_reads_as_it_was_written(void **state)
{
	(void)state;
	size_t size;
	struct cdr call = cdr_sample("a"), read = {0};
	call.to_endpoint = true;
	char *bytes = written(&call, &size);
	assert_int_equal(cdr_record_read(&read, bytes, size), 0);
	for (int i = 0; i < CDR_RECORD_TEXTS; i++)
		assert_string_equal(cdr_record_text(&read, i), cdr_record_text(&call, i));
	assert_int_equal(read.begin_ms, call.begin_ms);
	assert_int_equal(read.ring_ms, call.ring_ms);
	assert_int_equal(read.answer_ms, call.answer_ms);
	assert_int_equal(read.end_ms, call.end_ms);
	assert_int_equal(read.pdd_ms, call.pdd_ms);
	assert_int_equal(read.hold_ms, call.hold_ms);
	assert_int_equal(read.sip_code, call.sip_code);
	assert_int_equal(read.end_direction, call.end_direction);
	assert_false(read.from_endpoint);
	assert_true(read.to_endpoint);
	free(bytes);
	call.from_endpoint = true;
	call.to_endpoint = false;
	bytes = written(&call, &size);
	assert_int_equal(cdr_record_read(&read, bytes, size), 0);
	assert_true(read.from_endpoint);
	assert_false(read.to_endpoint);
	assert_int_equal(read.end_direction, call.end_direction);
	free(bytes);
}

static void texts_that_are_null_read_as_empty(void **state)
{
	(void)state;
	size_t size;
	const struct cdr none = {.sip_code = 404};
	struct cdr read;
	char *bytes = written(&none, &size);
	assert_int_equal(cdr_record_read(&read, bytes, size), 0);
	for (int i = 0; i < CDR_RECORD_TEXTS; i++)
		assert_string_equal(cdr_record_text(&read, i), "");
	assert_int_equal(read.sip_code, 404);
	free(bytes);
}

static void any_other_length_is_no_record(void **state)
{
	(void)state;
	size_t size;
	struct cdr call = cdr_sample("a"), read;
	char *bytes = written(&call, &size);
	for (size_t cut = 0; cut < size; cut++) {
		char *part = malloc(cut + 1); /* of its own, so that a sanitizer sees a step too far */
		assert_non_null(part);
		memcpy(part, bytes, cut);
		assert_int_equal(cdr_record_read(&read, part, cut), -EINVAL);
		free(part);
	}
	char *longer = calloc(1, size + 1);
	assert_non_null(longer);
	memcpy(longer, bytes, size);
	assert_int_equal(cdr_record_read(&read, longer, size + 1), -EINVAL);
	free(longer);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_reads_as_it_was_written),
		cmocka_unit_test(texts_that_are_null_read_as_empty),
		cmocka_unit_test(any_other_length_is_no_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
