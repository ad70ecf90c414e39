/** @file scratch.h  A folder of its own for each test, and SQLite at hand as an operator has it. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

/** cmocka setup and teardown of one test. */
int scratch_make(void **state);
int scratch_remove(void **state);

/** A path in the folder; valid until the end of the test. */
const char *scratch_path(const char *name);
void scratch_write(const char *path, const void *bytes, size_t size);
/** @return the bytes, to be freed; the test fails when the file cannot be read */
char *scratch_read(const char *path, size_t *size);
void scratch_copy(const char *from, const char *to);

/** Run SQL that must succeed. */
void sql_run(const char *path, const char *sql);
/** Run SQL that must fail. @return the message of SQLite, valid until the next call */
const char *sql_refused(const char *path, const char *sql);
struct refusal {
	const char *set;  /* the rest of UPDATE ... SET */
	const char *says; /* part of the message */
};
/** Each of these updates must be refused with its message. */
void sql_refusals(const char *path, const char *table, const struct refusal *cases, size_t n);
/** The first cell of a query, "NULL" for NULL, "" without a row; valid until the next call. */
const char *sql_text(const char *path, const char *query);
int64_t sql_int(const char *path, const char *query);

/** A connection of another process, as far as locks go: run until SQL is done, keep it open. */
sqlite3 *sql_connect(const char *path, const char *sql);

/** 0 to below - 1, the same sequence in each test after seeding, so that a failure comes again. */
void scratch_seed(uint64_t seed);
unsigned scratch_random(size_t below);

/** Does text contain part? Both are shown when not. */
void assert_contains(const char *text, const char *part);

#endif
