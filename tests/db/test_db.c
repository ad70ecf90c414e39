/* Opening, creating, upgrading and refusing files. */
#include "db.h"
#include "db_config.h"
#include "scratch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char error[512];

static struct db *opened(const char *path, enum db_kind kind, enum db_mode mode)
{
	struct db *db = NULL;
	int err = db_open(&db, path, kind, mode, error, sizeof(error));
	if (err)
		fail_msg("%s: %d: %s", path, err, error);
	return db;
}

static void make(const char *path, enum db_kind kind)
{
	db_close(opened(path, kind, DB_CREATE));
}

/* A file of an older schema version, as a program of that time left it. */
static void make_old(const char *path, int version)
{
	size_t size;
	static const char *const schemas[] = {
		[1] = SCHEMA_V1, [2] = SCHEMA_V2, [3] = SCHEMA_V3, [4] = SCHEMA_V4, [5] = SCHEMA_V5};
	char *schema = scratch_read(schemas[version], &size);
	sql_run(path, schema);
	free(schema);
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

/* Refused in both modes with this error and a line that names the file, and not a byte of it changed. */
static void check_refused(const char *path, enum db_kind kind, int wanted, const char *words)
{
	size_t size_before, size_after;
	char *before = scratch_read(path, &size_before);
	for (enum db_mode mode = DB_CREATE; mode <= DB_CHECK; mode++) {
		struct db *db = (struct db *)&size_before;
		assert_int_equal(db_open(&db, path, kind, mode, error, sizeof(error)), wanted);
		assert_ptr_equal(db, &size_before);
		assert_contains(error, path);
		assert_contains(error, words);
		assert_null(strchr(error, '\n'));
	}
	char *after = scratch_read(path, &size_after);
	assert_int_equal(size_before, size_after);
	assert_memory_equal(before, after, size_before);
	free(before);
	free(after);
}

static void a_missing_file_is_created_with_its_schema(void **state)
{
	(void)state;
	const char *config = scratch_path("c.db"), *cdr = scratch_path("cdr.db");
	make(config, DB_CONFIG);
	make(cdr, DB_CDR);
	assert_int_equal(sql_int(config, "SELECT count(*) FROM parameter"), 55);
	assert_int_equal(sql_int(config, "PRAGMA user_version"), 6);
	assert_string_equal(sql_text(config, "PRAGMA journal_mode"), "wal");
	assert_int_equal(sql_int(cdr, "SELECT count(*) FROM cdr"), 0);
	assert_string_equal(sql_text(cdr, "PRAGMA journal_mode"), "wal");
	assert_int_equal(sql_int(config,
				 "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND"
				 " name NOT LIKE 'sqlite_%' AND NOT strict"),
		0);
}

static void a_new_file_is_for_owner_and_group_whatever_the_umask(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	mode_t before = umask(0777);
	struct db *db = opened(path, DB_CONFIG, DB_CREATE);
	umask(before);
	assert_int_equal(mode_of(path), 0660);
	assert_int_equal(mode_of(scratch_path("c.db-wal")), 0660);
	assert_int_equal(mode_of(scratch_path("c.db-shm")), 0660);
	db_close(db);
}

static void an_empty_file_is_one_that_is_not_made_yet(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	scratch_write(path, "", 0);
	assert_null(opened(path, DB_CONFIG, DB_CHECK));
	make(path, DB_CONFIG);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM parameter"), 55);
}

static void a_second_opening_keeps_what_is_there(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	make(path, DB_CONFIG);
	sql_run(path, "INSERT INTO gateway (name, host) VALUES ('a', '127.0.0.1')");
	make(path, DB_CONFIG);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM gateway"), 1);
}

static void checking_a_missing_file_makes_none(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	assert_null(opened(path, DB_CONFIG, DB_CHECK));
	assert_int_not_equal(access(path, F_OK), 0);
}

static void checking_a_good_file_gives_it(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	make(path, DB_CONFIG);
	struct db *db = opened(path, DB_CONFIG, DB_CHECK);
	assert_non_null(db);
	db_close(db);
}

static void other_files_are_refused_as_they_are(void **state)
{
	(void)state;
	const char *text = scratch_path("text"), *other = scratch_path("other.db"),
		   *cdr = scratch_path("cdr.db"), *tagged = scratch_path("tagged.db");
	scratch_write(text, "this is no database, it only looks like a file of some length\n", 62);
	check_refused(text, DB_CONFIG, -EINVAL, "not a database");
	sql_run(other, "CREATE TABLE t (x); PRAGMA user_version = 2;");
	check_refused(other, DB_CONFIG, -EINVAL, "not a configuration database of softswitch");
	sql_run(tagged, "PRAGMA application_id = 7");
	check_refused(tagged, DB_CONFIG, -EINVAL, "not a configuration database of softswitch");
	make(cdr, DB_CDR);
	check_refused(cdr, DB_CONFIG, -EINVAL, "not a configuration database of softswitch");
	make_old(scratch_path("c.db"), 1);
	check_refused(scratch_path("c.db"), DB_CDR, -EINVAL, "not a call record database of softswitch");
}

static void a_version_that_never_was_is_refused(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	make(path, DB_CONFIG);
	sql_run(path, "PRAGMA user_version = -2");
	check_refused(path, DB_CONFIG, -EINVAL, "not a configuration database of softswitch");
	sql_run(path, "PRAGMA user_version = 0");
	check_refused(path, DB_CONFIG, -EINVAL, "not a configuration database of softswitch");
}

static void a_newer_file_is_refused_with_both_versions(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	make(path, DB_CONFIG);
	sql_run(path, "PRAGMA user_version = 7");
	check_refused(path, DB_CONFIG, -ENOTSUP, "version 7, newer than this program, which knows up to 6");
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	struct db *db = NULL;
	const char *folder = scratch_path("folder"), *nowhere = scratch_path("nowhere/c.db");
	mkdir(folder, 0700);
	assert_int_equal(db_open(&db, folder, DB_CONFIG, DB_CREATE, error, sizeof(error)), -EINVAL);
	assert_contains(error, "not a regular file");
	assert_int_equal(db_open(&db, nowhere, DB_CONFIG, DB_CREATE, error, sizeof(error)), -ENOENT);
	assert_contains(error, nowhere);
	assert_null(db);
}

/* Open as a user who is not root. @return the error, its line in `error` */
static int open_as_nobody(const char *path)
{
	int fds[2], status;
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		struct db *db = NULL;
		if (geteuid() == 0 && setuid(65534))
			_exit(99);
		int err = db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error));
		_exit(write(fds[1], error, strlen(error) + 1) > 0 ? -err : 98);
	}
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(read(fds[0], error, sizeof(error)) > 0);
	close(fds[0]);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void missing_rights_are_named(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db"), *folder = scratch_path("");
	make(path, DB_CONFIG);
	chmod(folder, 0555);
	chmod(path, 0666);
	assert_int_equal(open_as_nobody(path), -EACCES);
	assert_contains(error, "cannot write in the folder");
	assert_int_equal(open_as_nobody(scratch_path("new.db")), -EACCES);
	assert_contains(error, "cannot create");
	chmod(folder, 0777);
	chmod(path, 0444);
	assert_int_equal(open_as_nobody(path), -EACCES);
	assert_contains(error, path);
	chmod(path, 0666);
	assert_int_equal(open_as_nobody(path), 0);
	/* An operator's session, whose files beside the database keep the switch out. */
	sqlite3 *session = sql_connect(path, "BEGIN; SELECT count(*) FROM route; COMMIT;");
	chmod(scratch_path("c.db-wal"), 0);
	assert_int_equal(open_as_nobody(path), -EACCES);
	assert_contains(error, "c.db-wal");
	sqlite3_close(session);
}

/* ALTER TABLE writes its columns with other spaces than we do. */
#define SCHEMA_TEXT "replace(replace(replace(coalesce(sql, ''), char(9), ''), char(10), ''), ' ', '')"

static void check_upgrade_from(int version)
{
	const char *old = scratch_path("old.db"), *fresh = scratch_path("fresh.db");
	make_old(old, version);
	sql_run(old,
		"UPDATE parameter SET value = '7' WHERE name = 'SS_SIP_TIMEOUT_INVITE';"
		"INSERT INTO gateway (name, host, auth_password) VALUES ('a', '127.0.0.1', 'secret');"
		"INSERT INTO route (prefix, gateway) VALUES ('', 'a'), ('49', 'a');"
		"INSERT INTO mapping_gateway (name, host) VALUES ('m', '10.0.0.0/8');"
		"CREATE TRIGGER of_the_operator AFTER UPDATE ON gateway BEGIN SELECT 1; END");
	make(old, DB_CONFIG);
	make(fresh, DB_CONFIG);
	static const char *const same[] = {
		"SELECT group_concat(type || name || tbl_name || " SCHEMA_TEXT " || char(10), '')"
		" FROM (SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name <> 'of_the_operator' ORDER BY type, name)",
		"PRAGMA user_version",
		"PRAGMA application_id",
		"SELECT count(*) FROM revision",
		"SELECT group_concat(name || default_value || unit || range || description || words || items ||"
		" decimals || minimum || maximum || item_words || free_text) FROM (SELECT * FROM parameter ORDER BY name)",
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		char *wanted = strdup(sql_text(fresh, same[i]));
		assert_string_equal(sql_text(old, same[i]), wanted);
		free(wanted);
	}
	assert_int_equal(sql_int(old, "SELECT value FROM parameter WHERE name = 'SS_SIP_TIMEOUT_INVITE'"), 7);
	assert_string_equal(
		sql_text(old, "SELECT auth_password || draining || ifnull(registration, '-') FROM gateway"),
		"secret0-");
	assert_int_equal(sql_int(old, "SELECT count(*) FROM route"), 2);
	assert_string_equal(sql_text(old, "SELECT host FROM mapping_gateway"), "10.0.0.0/8");
	assert_int_equal(
		sql_int(old, "SELECT count(*) FROM sqlite_schema WHERE name = 'of_the_operator'"), 1);
	assert_int_equal(
		sql_int(old,
			"SELECT (SELECT count(*) FROM gateway WHERE id <> 0) + (SELECT count(*) FROM mapping_gateway WHERE id <> 0)"),
		2);
}

static void an_upgrade_from_version_1_gives_the_schema_of_a_new_file(void **state)
{
	(void)state;
	check_upgrade_from(1);
}

static void an_upgrade_from_version_2_gives_the_schema_of_a_new_file(void **state)
{
	(void)state;
	check_upgrade_from(2);
}

static void an_upgrade_from_version_3_gives_the_schema_of_a_new_file(void **state)
{
	(void)state;
	check_upgrade_from(3);
}

static void an_upgrade_from_version_4_gives_the_schema_of_a_new_file(void **state)
{
	(void)state;
	check_upgrade_from(4);
}

static void an_upgrade_from_version_5_gives_the_schema_of_a_new_file(void **state)
{
	(void)state;
	check_upgrade_from(5);
}

static void rows_of_before_version_4_go_on_as_they_were(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	make_old(path, 3);
	sql_run(path,
		"INSERT INTO gateway (name, host, transport) VALUES ('a', '::1', 'udp'), ('b', '::1', 'tcp'),"
		" ('c', '::1', 'tls'), ('d', '::1', NULL);"
		"INSERT INTO mapping_gateway (name, host) VALUES ('m', '10.0.0.0/8');"
		"INSERT INTO registration (name, host, user, transport) VALUES ('r', '::1', 'u', 'udp'), ('s', '::1', 'u', 'tls'),"
		" ('t', '::1', 'u', NULL)");
	make(path, DB_CONFIG);
	sql_run(path,
		"INSERT INTO gateway (name, host, transport) VALUES ('e', '::1', 'tls');"
		"INSERT INTO mapping_gateway (name, host) VALUES ('n', '10.0.0.1');"
		"INSERT INTO registration (name, host, user, transport) VALUES ('u', '::1', 'u', 'tls')");
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(name || strict_source || publish || tls_verify, ' ') FROM gateway"),
		"a01On b01On c01Off d01Off e00On");
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(name || strict_source || tls_verify, ' ') FROM mapping_gateway"),
		"m0Off n0On");
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(name || strict_source || inbound_from || tls_verify, ' ') FROM registration"),
		"r0anyOn s0anyOff t0anyOff u0registrarOn");
}

static void an_expiry_of_before_version_5_stays_a_number(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	make_old(path, 4);
	sql_run(path,
		"INSERT INTO registration (name, host, user, expiry) VALUES ('a', '::1', 'u', 600), ('b', '::1', 'u', NULL);"
		"CREATE TRIGGER of_the_operator AFTER UPDATE ON registration BEGIN SELECT 1; END");
	sqlite3 *session = sql_connect(path, "SELECT count(*) FROM registration");
	make(path, DB_CONFIG);
	assert_int_equal(sqlite3_exec(session, "UPDATE registration SET expiry = 'Auto' WHERE name = 'b'",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(session);
	assert_string_equal(
		sql_text(
			path, "SELECT group_concat(name || expiry || typeof(expiry), ' ') FROM registration"),
		"a600integer bAutotext");
	assert_int_equal(
		sql_int(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'of_the_operator'"), 1);
	assert_string_equal(sql_text(path, "PRAGMA integrity_check"), "ok");
}

static void name_row(const char *table, const char *name, const char *why, void *arg)
{
	(void)why;
	strcat(strcat(strcat(strcat(arg, table), ":"), name), " ");
}

static int count_route(const struct db_route *row, void *arg);

static void an_upgrade_disables_what_could_not_be_used_and_names_it(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	char names[200] = "";
	struct db_config *config = NULL;
	int routes = 0;
	make_old(path, 3);
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('good', 'a.b'), ('label', 'a..b'), ('good' || char(0) || 'x', 'a');"
		"INSERT INTO mapping_gateway (name, host) VALUES ('a', '10.0.0.1'), ('b', '10.0.0.1/32'), ('bits', '10.0.0.1/8'),"
		" ('six', '1:2:3');"
		"INSERT INTO registration (name, host, user) VALUES ('r', '1::2::3', 'u');"
		"INSERT INTO route (prefix, gateway) VALUES ('1', 'good'), ('2' || char(0), 'good'),"
		" ('3', 'good' || char(0) || 'x')");
	make(path, DB_CONFIG);
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(name || enabled, ' ') FROM (SELECT name, enabled FROM gateway"
			" WHERE NOT instr(name, char(0)) UNION ALL SELECT name, enabled FROM mapping_gateway"
			" UNION ALL SELECT name, enabled FROM registration)"),
		"good1 label0 a1 b0 bits0 six0 r0");
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(enabled) FROM (SELECT enabled FROM route ORDER BY prefix)"),
		"1,0,0");
	struct db *db = opened(path, DB_CONFIG, DB_CREATE);
	assert_int_equal(db_config_unusable(db, name_row, names), 0);
	assert_string_equal(names,
		"gateway:good gateway:label mapping_gateway:b mapping_gateway:bits mapping_gateway:six registration:r route:2\\0 route:3 ");
	assert_contains(sql_refused(path, "UPDATE route SET enabled = 1"),
		"prefix or gateway of a route contains NUL");
	/* The name that C would take for another's is left out. */
	assert_int_equal(db_config_load(db, NULL, count_route, &routes, &config), 0);
	assert_int_equal(config->n_gateways, 2);
	db_config_free(config);
	db_close(db);
}

static int count_route(const struct db_route *row, void *arg)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

static void checking_an_old_file_tries_the_upgrade_and_changes_nothing(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	struct db_config *config = NULL;
	size_t before_size, after_size;
	int routes = 0;
	make_old(path, 1);
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('a', '127.0.0.1');"
		"INSERT INTO route (prefix, gateway) VALUES ('', 'a')");
	char *before = scratch_read(path, &before_size);
	struct db *db = opened(path, DB_CONFIG, DB_CHECK);
	assert_int_equal(db_config_load(db, NULL, count_route, &routes, &config), 0);
	assert_int_equal(routes, 1);
	db_config_free(config);
	db_close(db);
	char *after = scratch_read(path, &after_size);
	assert_int_equal(before_size, after_size);
	assert_memory_equal(before, after, before_size);
	free(before);
	free(after);
}

static void an_upgrade_that_fails_leaves_the_old_file(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	struct db *db = NULL;
	make_old(path, 1);
	sql_run(path, "CREATE TRIGGER route_delete_revision AFTER DELETE ON route BEGIN SELECT 1; END");
	for (enum db_mode mode = DB_CREATE; mode <= DB_CHECK; mode++) {
		assert_int_equal(db_open(&db, path, DB_CONFIG, mode, error, sizeof(error)), -EIO);
		assert_contains(error, "route_delete_revision");
		assert_contains(error, path);
	}
	assert_null(db);
	assert_int_equal(sql_int(path, "PRAGMA user_version"), 1);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'revision'"), 0);
}

enum { OPENERS = 8 };

/* So many processes at the same moment. */
static void open_together(const char *path)
{
	int start[2], status, failed = 0;
	pid_t child[OPENERS];
	assert_int_equal(pipe(start), 0);
	for (int i = 0; i < OPENERS; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			struct db *db = NULL;
			char byte;
			close(start[1]);
			ssize_t n = read(start[0], &byte, 1);
			int err = db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error));
			if (err)
				fprintf(stderr, "opener: %s\n", error);
			db_close(db);
			_exit(n == 0 ? -err : 97);
		}
	}
	close(start[1]);
	for (int i = 0; i < OPENERS; i++) {
		waitpid(child[i], &status, 0);
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	close(start[0]);
	assert_int_equal(failed, 0);
}

static void processes_that_start_together_make_one_whole_file(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		char name[16];
		snprintf(name, sizeof(name), "%d.db", round);
		const char *path = scratch_path(name);
		open_together(path);
		assert_int_equal(sql_int(path, "SELECT count(*) FROM parameter"), 55);
		assert_string_equal(sql_text(path, "PRAGMA integrity_check"), "ok");
	}
}

static void processes_that_start_together_upgrade_once(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	make_old(path, 1);
	open_together(path);
	assert_int_equal(sql_int(path, "PRAGMA user_version"), 6);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM revision"), 1);
}

static void *release_lock(void *arg)
{
	usleep(300000);
	sqlite3_close(arg);
	return NULL;
}

static void opening_waits_for_a_process_that_holds_the_file(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	pthread_t thread;
	make_old(path, 1);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	assert_int_equal(pthread_create(&thread, NULL, release_lock, holder), 0);
	make(path, DB_CONFIG);
	pthread_join(thread, NULL);
	assert_int_equal(sql_int(path, "PRAGMA user_version"), 6);
}

static void damaged_files_are_refused_and_never_crash(void **state)
{
	(void)state;
	const char *good = scratch_path("good.db"), *bad = scratch_path("bad.db");
	const char *wal = scratch_path("bad.db-wal");
	size_t size;
	int refused = 0;
	make(good, DB_CONFIG);
	sql_run(good, "INSERT INTO gateway (name, host) VALUES ('a', '127.0.0.1')");
	char *bytes = scratch_read(good, &size);
	scratch_seed(1);
	for (int round = 0; round < 200; round++) {
		struct db_config *config = NULL;
		struct db *db = NULL;
		int routes = 0;
		char *copy = malloc(size);
		assert_non_null(copy);
		memcpy(copy, bytes, size);
		for (int i = 0; i < 200; i++)
			copy[scratch_random(size)] = (char)scratch_random(256);
		scratch_write(bad, copy, round % 4 ? size : scratch_random(size));
		free(copy);
		unlink(wal);
		int err = db_open(&db, bad, DB_CONFIG, DB_CREATE, error, sizeof(error));
		if (!err)
			err = db_config_load(db, NULL, count_route, &routes, &config);
		refused += err != 0;
		db_config_free(config);
		db_close(db);
	}
	free(bytes);
	assert_true(refused > 100);
}

static void the_data_version_changes_with_others_writes_only(void **state)
{
	(void)state;
	const char *path = scratch_path("c.db");
	int first, second, third;
	struct db *db = opened(path, DB_CONFIG, DB_CREATE);
	assert_int_equal(db_data_version(db, &first), 0);
	assert_int_equal(db_data_version(db, &second), 0);
	assert_int_equal(first, second);
	sql_run(path, "INSERT INTO gateway (name, host) VALUES ('a', '127.0.0.1')");
	assert_int_equal(db_data_version(db, &third), 0);
	assert_int_not_equal(third, first);
	db_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_missing_file_is_created_with_its_schema),
		TEST(a_new_file_is_for_owner_and_group_whatever_the_umask),
		TEST(an_empty_file_is_one_that_is_not_made_yet),
		TEST(a_second_opening_keeps_what_is_there),
		TEST(checking_a_missing_file_makes_none),
		TEST(checking_a_good_file_gives_it),
		TEST(other_files_are_refused_as_they_are),
		TEST(a_version_that_never_was_is_refused),
		TEST(a_newer_file_is_refused_with_both_versions),
		TEST(what_is_no_file_is_refused),
		TEST(missing_rights_are_named),
		TEST(an_upgrade_from_version_1_gives_the_schema_of_a_new_file),
		TEST(an_upgrade_from_version_2_gives_the_schema_of_a_new_file),
		TEST(an_upgrade_from_version_3_gives_the_schema_of_a_new_file),
		TEST(an_upgrade_from_version_4_gives_the_schema_of_a_new_file),
		TEST(an_upgrade_from_version_5_gives_the_schema_of_a_new_file),
		TEST(rows_of_before_version_4_go_on_as_they_were),
		TEST(an_expiry_of_before_version_5_stays_a_number),
		TEST(an_upgrade_disables_what_could_not_be_used_and_names_it),
		TEST(checking_an_old_file_tries_the_upgrade_and_changes_nothing),
		TEST(an_upgrade_that_fails_leaves_the_old_file),
		TEST(processes_that_start_together_make_one_whole_file),
		TEST(processes_that_start_together_upgrade_once),
		TEST(opening_waits_for_a_process_that_holds_the_file),
		TEST(damaged_files_are_refused_and_never_crash),
		TEST(the_data_version_changes_with_others_writes_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
