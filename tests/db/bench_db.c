/* What the database costs: meson test --benchmark db. Numbers to read; nothing here fails. */
#include "cdr_sample.h"
#include "db_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUTES = 1000000, GATEWAYS = 100, CALLS = 10000, CALLS_PER_SECOND = 1000, OPEN_CALLS = 500 };

static double seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int count_route(const struct db_route *row, void *arg)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

static void write_routes(const char *csv)
{
	FILE *file = fopen(csv, "w");
	assert_non_null(file);
	for (unsigned i = 0; i < ROUTES; i++) /* an odd factor: every number once, in no order */
		fprintf(file, "%u,gw%u,%u,0,0,1\n", i * 2654435761u, i % GATEWAYS, i % 3);
	fclose(file);
}

/* What an operator would type. */
static void import(const char *path, const char *csv)
{
	char command[200];
	snprintf(command, sizeof(command), ".import --csv %s route", csv);
	if (fork() == 0) {
		execl(SQLITE3, "sqlite3", "-batch", path, command, (char *)NULL);
		_exit(127);
	}
	wait(NULL);
}

static void bench_routes(void)
{
	struct db *db = NULL;
	struct db_config *config = NULL;
	const char *path = scratch_path("c.db"), *csv = scratch_path("routes.csv");
	char error[256];
	int n = 0;
	assert_int_equal(db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error)), 0);
	sql_run(path,
		"WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)"
		" INSERT INTO gateway (name, host) SELECT 'gw' || i, '127.0.0.1' FROM n");
	write_routes(csv);
	double begin = seconds(CLOCK_MONOTONIC);
	import(path, csv);
	printf("sqlite3 .import of %d routes: %.1f s\n", ROUTES, seconds(CLOCK_MONOTONIC) - begin);
	begin = seconds(CLOCK_MONOTONIC);
	assert_int_equal(db_config_load(db, NULL, count_route, &n, &config), 0);
	printf("db_config_load() with %d routes: %.2f s\n", n, seconds(CLOCK_MONOTONIC) - begin);
	struct db_config_revision revision = config->revision;
	db_config_free(config);
	begin = seconds(CLOCK_MONOTONIC);
	assert_int_equal(db_config_load(db, &revision, count_route, &n, &config), 0);
	printf("the same with the routes known: %.2f ms\n", (seconds(CLOCK_MONOTONIC) - begin) * 1e3);
	db_config_free(config);
	db_close(db);
}

/* Ten thousand trunks, each with an account, and one of them changed. */
static void bench_gateways(void)
{
	enum { TRUNKS = 10000 };
	struct db *db = NULL;
	struct db_config *config = NULL;
	const char *path = scratch_path("gateways.db");
	char error[256], sql[1000];
	struct db_config_revision revision = {-1, -1};
	int n = 0;
	assert_int_equal(db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error)), 0);
	snprintf(sql, sizeof(sql),
		"CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < %d) SELECT i FROM n; BEGIN;"
		"INSERT INTO registration (name, host, user) SELECT 'r' || i, 'reg.example', 'u' || i FROM n;"
		"INSERT INTO gateway (name, host, registration, timeout_invite, breaker_on) SELECT 'gw' || i, '127.0.0.1', 'r' || i,"
		" 5, 'timeout,503' FROM n; INSERT INTO route (prefix, gateway) SELECT i, 'gw' || i FROM n; COMMIT",
		TRUNKS);
	double begin = seconds(CLOCK_MONOTONIC);
	sql_run(path, sql);
	printf("%d registrations, gateways and routes inserted: %.0f ms\n", TRUNKS,
		(seconds(CLOCK_MONOTONIC) - begin) * 1e3);
	for (int i = 0; i < 2; i++) {
		begin = seconds(CLOCK_MONOTONIC);
		assert_int_equal(db_config_load(db, &revision, count_route, &n, &config), 0);
		printf("db_config_load() of them%s: %.1f ms\n", i ? " again, one changed" : "",
			(seconds(CLOCK_MONOTONIC) - begin) * 1e3);
		revision = config->revision;
		db_config_free(config);
		sql_run(path, "UPDATE gateway SET capacity = 31 WHERE name = 'gw5000'");
	}
	db_close(db);
}

static double timed(double *longest, double begin)
{
	double took = seconds(CLOCK_MONOTONIC) - begin;
	if (took > *longest)
		*longest = took;
	return took;
}

static void bench_records(void)
{
	static cdr_slot slot[OPEN_CALLS];
	const struct timespec tenth = {.tv_nsec = 100000000};
	struct cdr_log *log = cdr_opened(scratch_path("cdr.db"));
	struct cdr call = cdr_sample("1234567890abcdef@198.51.100.1");
	double longest = 0, loop = 0, cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	call.attempts =
		"[{\"gateway\":\"gw1\",\"address\":\"198.51.100.7:5060\",\"stage\":\"ringing\",\"code\":200,"
		"\"reason\":\"OK\",\"begin_ms\":1700000000000,\"duration_ms\":2000}]";
	for (int i = 0; i < CALLS; i++) {
		double begin = seconds(CLOCK_MONOTONIC);
		if (i >= OPEN_CALLS)
			cdr_log_end(log, slot[i % OPEN_CALLS], &call);
		slot[i % OPEN_CALLS] = cdr_log_keep(log, 0, &call, NULL, 0);
		loop += timed(&longest, begin);
		if (i % (CALLS_PER_SECOND / 10) == 0)
			nanosleep(&tenth, NULL);
	}
	for (int i = 0; i < OPEN_CALLS; i++)
		cdr_log_end(log, slot[i], &call);
	cdr_log_close(log, 10000);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("records at %d calls/s: %.1f us of CPU per call in all, %.2f us in the caller's thread,"
	       " %.0f us at worst\n",
		CALLS_PER_SECOND, cpu / CALLS * 1e6, loop / CALLS * 1e6, longest * 1e6);
}

int main(void)
{
	if (scratch_make(NULL))
		return 1;
	bench_routes();
	bench_gateways();
	bench_records();
	return scratch_remove(NULL);
}
