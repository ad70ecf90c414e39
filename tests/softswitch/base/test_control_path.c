#include "control_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_control_path.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	unsetenv("SOFTSWITCH_CONTROL");
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void expect(const char *run_folder, const char *expected)
{
	char *path = control_path(run_folder, "x/softswitch.sock");

	assert_string_equal(path, expected);
	free(path);
}

static void the_environment_comes_first(void **state)
{
	(void)state;
	setenv("SOFTSWITCH_CONTROL", "/a/b.sock", 1);
	expect(folder, "/a/b.sock");
	setenv("SOFTSWITCH_CONTROL", "", 1); /* counts as unset */
	expect("/nonexistent", "x/softswitch.sock");
}

static void the_run_folder_comes_next(void **state)
{
	char expected[64];

	(void)state;
	snprintf(expected, sizeof(expected), "%s/control.sock", folder);
	expect(folder, expected);
}

static void without_it_the_socket_is_beside_the_configuration(void **state)
{
	(void)state;
	expect("/nonexistent", "x/softswitch.sock");
}

/** A folder without the write bit; root, whom no bit stops, is not asked. */
static void a_run_folder_that_cannot_be_written_in_does_not_count(void **state)
{
	(void)state;
	chmod(folder, 0500);
	if (access(folder, W_OK) != 0)
		expect(folder, "x/softswitch.sock");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_environment_comes_first),
		TEST(the_run_folder_comes_next),
		TEST(without_it_the_socket_is_beside_the_configuration),
		TEST(a_run_folder_that_cannot_be_written_in_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
