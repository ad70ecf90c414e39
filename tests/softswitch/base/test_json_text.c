/* What comes from the network as JSON: every byte of it, in a form that any reader takes. */

#include "json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/** What json_text_add() writes is what jansson writes of json_text(). */
static void check(const char *s, const char *expected)
{
	char buffer[256];
	struct text t = {.data = buffer, .size = sizeof(buffer)};
	json_t *value = json_text(s);
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	json_text_add(&t, s);
	assert_true(text_end(&t));
	assert_string_equal(buffer, expected);
	assert_string_equal(buffer, text);
	free(text);
	json_decref(value);
}

static void text_is_quoted(void **state)
{
	(void)state;
	check("", "\"\"");
	check("Busy Here ~", "\"Busy Here ~\"");
	check("say \"no\" \\ \x01\n", "\"say \\\"no\\\" \\\\ \\u0001\\n\"");
}

static void any_bytes_become_utf8(void **state)
{
	(void)state;
	check("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
	check("gr\xfc\xdf", "\"gr\xc3\xbc\xc3\x9f\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_quoted),
		cmocka_unit_test(any_bytes_become_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
