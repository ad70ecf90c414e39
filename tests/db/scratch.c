#include "scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char *paths[64];
static size_t n_paths;
static char *answer;
static uint64_t random_state;

int scratch_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/softswitch-db-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int scratch_remove(void **state)
{
	(void)state;
	while (n_paths)
		free(paths[--n_paths]);
	free(answer);
	answer = NULL;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
	char *path;
	assert_true(n_paths < sizeof(paths) / sizeof(paths[0]));
	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return paths[n_paths++] = path;
}

void scratch_write(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

char *scratch_read(const char *path, size_t *size)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	char *bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	*size = fread(bytes, 1, (size_t)st.st_size, file);
	bytes[*size] = '\0';
	fclose(file);
	return bytes;
}

void scratch_copy(const char *from, const char *to)
{
	size_t size;
	char *bytes = scratch_read(from, &size);
	scratch_write(to, bytes, size);
	free(bytes);
}

sqlite3 *sql_connect(const char *path, const char *sql)
{
	sqlite3 *handle = NULL;
	char *error = NULL;
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	sqlite3_busy_timeout(handle, 5000);
	if (sqlite3_exec(handle, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	return handle;
}

void sql_run(const char *path, const char *sql)
{
	sqlite3_close(sql_connect(path, sql));
}

static void keep_answer(const char *text)
{
	free(answer);
	answer = strdup(text);
	assert_non_null(answer);
}

const char *sql_refused(const char *path, const char *sql)
{
	sqlite3 *handle = sql_connect(path, "");
	char *error = NULL;
	if (sqlite3_exec(handle, sql, NULL, NULL, &error) == SQLITE_OK)
		fail_msg("not refused: %s", sql);
	keep_answer(error);
	sqlite3_free(error);
	sqlite3_close(handle);
	return answer;
}

void sql_refusals(const char *path, const char *table, const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char sql[512];
		snprintf(sql, sizeof(sql), "UPDATE %s SET %s", table, cases[i].set);
		assert_contains(sql_refused(path, sql), cases[i].says);
	}
}

const char *sql_text(const char *path, const char *query)
{
	sqlite3 *handle = sql_connect(path, "");
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v2(handle, query, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", query, sqlite3_errmsg(handle));
	keep_answer("");
	if (sqlite3_step(statement) == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(statement, 0);
		keep_answer(text ? (const char *)text : "NULL");
	}
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return answer;
}

int64_t sql_int(const char *path, const char *query)
{
	return strtoll(sql_text(path, query), NULL, 10);
}

void scratch_seed(uint64_t seed)
{
	random_state = seed * 2 + 1;
}

unsigned scratch_random(size_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 0x2545f4914f6cdd1d >> 33) % below);
}

void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not contain \"%s\"", text, part);
}
