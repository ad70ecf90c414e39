/* Where the journal of call records is. */
#include "journal_path.h"

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

static char memory[] = "/dev/shm/softswitch-test-XXXXXX", disk[] = "/tmp/softswitch-test-XXXXXX";

static int make_folders(void **state)
{
	(void)state;
	return mkdtemp(memory) && mkdtemp(disk) ? 0 : -1;
}

static int remove_folders(void **state)
{
	(void)state;
	return rmdir(memory) || rmdir(disk) ? -1 : 0;
}

static void assert_same(const char *a, const char *b, int same)
{
	char *one = journal_path(a), *other = journal_path(b);
	assert_non_null(one);
	assert_non_null(other);
	assert_int_equal(strcmp(one, other) == 0, same);
	free(one);
	free(other);
}

static void it_is_in_the_runtime_folder_and_named_after_the_records(void **state)
{
	char list[200], other[200], link[200], through[300], direct[300];
	(void)state;
	snprintf(list, sizeof(list), "%s:/run/another", memory);
	setenv("RUNTIME_DIRECTORY", list, 1);
	char *path = journal_path("/var/lib/softswitch/cdr.db");
	assert_non_null(path);
	assert_int_equal(strncmp(path, memory, strlen(memory)), 0);
	assert_int_equal(path[strlen(memory)], '/');
	free(path);
	assert_same("/a/cdr.db", "/a/cdr.db", 1);
	assert_same("/a/cdr.db", "/b/cdr.db", 0);
	assert_same("/a/cdr.db", "/a/cdr2.db", 0);
	/* Whichever way leads to the folder. */
	snprintf(other, sizeof(other), "%s/real", disk);
	snprintf(link, sizeof(link), "%s/link", disk);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(symlink(other, link), 0);
	snprintf(direct, sizeof(direct), "%s/cdr.db", other);
	snprintf(through, sizeof(through), "%s/cdr.db", link);
	assert_same(direct, through, 1);
	unlink(link);
	rmdir(other);
	unsetenv("RUNTIME_DIRECTORY");
}

static void a_runtime_folder_on_a_disk_is_passed_over(void **state)
{
	(void)state;
	if (journal_path_in_memory(disk))
		skip();
	setenv("RUNTIME_DIRECTORY", disk, 1);
	char *path = journal_path("/a/cdr.db"), expected[60];
	assert_non_null(path);
	snprintf(expected, sizeof(expected), "/dev/shm/softswitch-%u/", (unsigned)geteuid());
	if (!journal_path_in_memory(CONTROL_PATH_RUN) || access(CONTROL_PATH_RUN, W_OK | X_OK))
		assert_int_equal(strncmp(path, expected, strlen(expected)), 0);
	assert_true(journal_path_in_memory("/dev/shm"));
	free(path);
	unsetenv("RUNTIME_DIRECTORY");
	rmdir(expected); /* unless there is one in use */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_in_the_runtime_folder_and_named_after_the_records),
		cmocka_unit_test(a_runtime_folder_on_a_disk_is_passed_over),
	};
	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
