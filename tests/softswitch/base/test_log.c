#include "log.h"

#include "stderr_capture.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { TIME_BYTES = sizeof("2026-11-20T11:40:00.123Z ") - 1 };

static char line[8192];

#define CAPTURE(statement)                                                                                   \
	do {                                                                                                 \
		struct capture c_;                                                                           \
		capture_begin(&c_);                                                                          \
		statement;                                                                                   \
		capture_end(&c_, line, sizeof(line));                                                        \
	} while (0)

/** The captured line as JSON; it must be one object in one line. */
static json_t *parsed(void)
{
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		fail_msg("%s in %s", error.text, line);
	assert_true(json_is_object(object));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	return object;
}

static void a_text_line_begins_with_time_level_and_call(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	CAPTURE(log_info("1a2b@host", "gateway failed gateway=%s code=%u", "a", 503u));
	assert_string_equal(line + TIME_BYTES, "info  1a2b@host gateway failed gateway=a code=503\n");
	int year, month, day, hour, minute, second, ms;
	assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &year, &month, &day, &hour, &minute,
				 &second, &ms),
		7);
	CAPTURE(log_error(NULL, "ready"));
	assert_string_equal(line + TIME_BYTES, "error ready\n");
}

static void a_json_line_has_the_same_members(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	CAPTURE(log_warning("1a2b@host", "gateway failed gateway=%s code=%u address=%s:%d took=%ld", "a",
		503u, "10.0.0.1", 5060, -7L));
	json_t *object = parsed();
	assert_string_equal(json_string_value(json_object_get(object, "level")), "warning");
	assert_string_equal(json_string_value(json_object_get(object, "call")), "1a2b@host");
	assert_string_equal(json_string_value(json_object_get(object, "event")), "gateway failed");
	assert_string_equal(json_string_value(json_object_get(object, "gateway")), "a");
	assert_int_equal(json_integer_value(json_object_get(object, "code")), 503);
	assert_string_equal(json_string_value(json_object_get(object, "address")), "10.0.0.1:5060");
	assert_int_equal(json_integer_value(json_object_get(object, "took")), -7);
	json_decref(object);
}

/** stderr is the stream that JOURNAL_STREAM names. */
static void write_to_journal(enum log_format format)
{
	char stream[64];
	struct capture c;
	struct stat st;

	capture_begin(&c);
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_setup(LOG_LEVEL_DEBUG, format);
	log_error("1a2b@host", "one");
	log_warning(NULL, "two n=%u", 2u);
	log_info(NULL, "three");
	log_debug(NULL, "four");
	capture_end(&c, line, sizeof(line));
}

static void the_journal_gets_priorities_and_no_time(void **state)
{
	(void)state;
	write_to_journal(LOG_FORMAT_TEXT);
	assert_string_equal(
		line, "<3>error 1a2b@host one\n<4>warn  two n=2\n<6>info  three\n<7>debug four\n");
	write_to_journal(LOG_FORMAT_JSON);
	assert_memory_equal(line, "<3>{\"level\":\"error\",\"call\":\"1a2b@host\",\"event\":\"one\"}\n", 50);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT); /* stderr is another one than JOURNAL_STREAM says */
	CAPTURE(log_info(NULL, "x"));
	assert_string_equal(line + TIME_BYTES, "info  x\n");
	unsetenv("JOURNAL_STREAM");
}

static void every_conversion_keeps_its_width(void **state)
{
	const char *volatile none = NULL;
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	CAPTURE(log_info(NULL, "x a=%d b=%u c=%ld d=%lu e=%lld f=%llu g=%zu h=%x i=%.*s j=%s k=%llx", INT_MIN,
		UINT_MAX, LONG_MIN, ULONG_MAX, LLONG_MIN, ULLONG_MAX, SIZE_MAX, 255u, 2, "abc", none,
		255ull));
	assert_string_equal(line + TIME_BYTES,
		"info  x a=-2147483648 b=4294967295 c=-9223372036854775808 "
		"d=18446744073709551615 e=-9223372036854775808 f=18446744073709551615 g=18446744073709551615 "
		"h=ff i=ab j=\"\" k=ff\n");
}

static void a_level_that_is_off_costs_no_line(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
	CAPTURE(log_info(NULL, "quiet"));
	assert_string_equal(line, "");
	CAPTURE(log_warning(NULL, "loud"));
	assert_string_equal(line + TIME_BYTES, "warn  loud\n");
}

static void a_value_can_neither_end_the_line_nor_pass_for_a_field(void **state)
{
	static const char evil[] = "a\" code=200 \n2026-11-20 error \r\x1b[2J\x7f\x9b\xff";
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	CAPTURE(log_info(evil, "failed gateway=%s code=%u", evil, 503u));
	assert_string_equal(line + TIME_BYTES,
		"info  \"a\\\" code=200 \\x0a2026-11-20 error \\x0d\\x1b[2J\\x7f\\x9b\\xff\" failed "
		"gateway=\"a\\\" code=200 \\x0a2026-11-20 error \\x0d\\x1b[2J\\x7f\\x9b\\xff\" code=503\n");
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	CAPTURE(log_info(evil, "failed gateway=%s code=%u", evil, 503u));
	json_t *object = parsed();
	assert_string_equal(json_string_value(json_object_get(object, "gateway")),
		"a\" code=200 \n2026-11-20 error \r\x1b[2J\x7f\xef\xbf\xbd\xef\xbf\xbd");
	assert_null(strchr(line, 0x1b));
	assert_null(strchr(line, 0x7f));
	json_decref(object);
}

static void json_is_valid_for_all_bytes(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	unsigned seed = 7;
	for (unsigned i = 0; i < 20000; i++) {
		char value[9] = "";
		for (unsigned k = 0; k < sizeof(value) - 1; k++)
			value[k] = (char)(k && i % 2 ? 0x80 + rand_r(&seed) % 0x80 : 1 + rand_r(&seed) % 255);
		CAPTURE(log_info(value, "x v=%s", value));
		json_decref(parsed());
	}
}

static void utf8_passes_through_json(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	CAPTURE(log_info(NULL, "x v=%s", "\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x93\x9e"));
	assert_non_null(strstr(line, "\"v\":\"\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x93\x9e\""));
}

static void a_long_line_is_cut_and_stays_whole(void **state)
{
	char value[3000];
	(void)state;
	memset(value, '\n', sizeof(value) - 1); /* six bytes each in JSON */
	value[sizeof(value) - 1] = '\0';
	for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
		log_setup(LOG_LEVEL_INFO, (enum log_format)format);
		CAPTURE(log_info(value, "x a=%s b=%s c=%s d=%u", value, value, value, 4u));
		assert_true(strlen(line) <= 4096);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	}
	json_t *object = parsed();
	assert_int_equal(json_integer_value(json_object_get(object, "d")), 4);
	json_decref(object);
}

/** stderr is a pipe that nobody reads. */
static void a_stderr_that_takes_nothing_loses_lines_and_says_so(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO);
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	for (unsigned i = 0; i < 5000; i++)
		log_info(NULL, "line number=%u padding=%s", i, "0123456789012345678901234567890123456789");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	size_t lines = 0;
	for (ssize_t n; (n = read(fds[0], line, sizeof(line))) > 0;)
		for (ssize_t i = 0; i < n; i++)
			lines += line[i] == '\n';
	log_info(NULL, "after");
	ssize_t n = read(fds[0], line, sizeof(line) - 1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
	assert_true(n > 0);
	line[n] = '\0';
	char expected[100];
	snprintf(expected, sizeof(expected), "warn  log lines dropped because stderr was blocked lines=%zu\n",
		5000 - lines);
	assert_memory_equal(line + TIME_BYTES, expected, strlen(expected));
	assert_string_equal(strchr(line, '\n') + 1 + TIME_BYTES, "info  after\n");
}

static void words_of_levels_and_formats_are_read(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;
	enum log_format format = LOG_FORMAT_TEXT;
	(void)state;
	assert_int_equal(log_level_parse(&level, "debug"), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse(&level, "Debug"), -EINVAL);
	assert_int_equal(log_level_parse(&level, ""), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_format_parse(&format, "json"), 0);
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_int_equal(log_format_parse(&format, "xml"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_begins_with_time_level_and_call),
		cmocka_unit_test(a_json_line_has_the_same_members),
		cmocka_unit_test(the_journal_gets_priorities_and_no_time),
		cmocka_unit_test(every_conversion_keeps_its_width),
		cmocka_unit_test(a_level_that_is_off_costs_no_line),
		cmocka_unit_test(a_value_can_neither_end_the_line_nor_pass_for_a_field),
		cmocka_unit_test(json_is_valid_for_all_bytes),
		cmocka_unit_test(utf8_passes_through_json),
		cmocka_unit_test(a_long_line_is_cut_and_stays_whole),
		cmocka_unit_test(a_stderr_that_takes_nothing_loses_lines_and_says_so),
		cmocka_unit_test(words_of_levels_and_formats_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
