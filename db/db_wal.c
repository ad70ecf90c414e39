#include "db_wal.h"

#include "db_internal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of the file ending in -shm that are locked by who reads or writes: www.sqlite.org/walformat.html, "WAL Locks". */
enum { LOCK_FIRST = 120, LOCK_LAST = 127, NAME_SIZE = 4096 + 8, MEBIBYTE = 1024 * 1024 };

static bool look(const struct db *db, const char *suffix, struct stat *out)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s%s", db->path, suffix);
	return stat(name, out) == 0;
}

/* A line of /proc/locks: "1: POSIX  ADVISORY  READ 4711 08:01:1234 123 123" */
static bool is_lock_on(char *line, ino_t file, int *pid)
{
	enum { PID = 4, INODE, FIRST, LAST, FIELDS };
	char *field[FIELDS], *rest, *inode;

	for (int i = 0; i < FIELDS; i++) {
		field[i] = strtok_r(i ? NULL : line, " \n", &rest);
		if (!field[i])
			return false;
	}
	inode = strrchr(field[INODE], ':');
	*pid = (int)strtol(field[PID], NULL, 10);
	return inode && strtoull(inode + 1, NULL, 10) == file &&
		strtoull(field[FIRST], NULL, 10) <= LOCK_LAST &&
		strtoull(field[LAST], NULL, 10) >= LOCK_FIRST;
}

/* Asking for the lock itself needs a descriptor, and closing that would undo SQLite's locks. */
static int find_holder(ino_t file)
{
	char line[256];
	int pid, found = 0;
	FILE *locks = fopen("/proc/locks", "re");

	while (locks && !found && fgets(line, sizeof(line), locks))
		if (is_lock_on(line, file, &pid) && pid != getpid())
			found = pid;
	if (locks)
		fclose(locks);
	return found;
}

void db_wal_name_holder(const struct db *db, char *out, size_t size)
{
	char path[32], program[17] = "";
	struct stat shm;
	const int pid = look(db, "-shm", &shm) ? find_holder(shm.st_ino) : 0;
	FILE *comm;

	snprintf(out, size, "another process");
	if (!pid)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	comm = fopen(path, "re");
	if (comm && fgets(program, sizeof(program), comm))
		program[strcspn(program, "\n")] = '\0';
	if (comm)
		fclose(comm);
	snprintf(out, size, "%s (process %d)", program[0] ? program : "another program", pid);
}

int db_wal_make_room(struct db *db, char *error, size_t error_size)
{
	char holder[64];
	struct stat wal;
	int err;

	if (!look(db, "-wal", &wal) || wal.st_size <= DB_WAL_MAX)
		return 0;
	err = db_sqlite_errno(
		sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	if (err != -EBUSY)
		return 0;
	db_wal_name_holder(db, holder, sizeof(holder));
	snprintf(error, error_size, "%s-wal has grown to %lld MiB and %s does not end its transaction",
		db->path, (long long)wal.st_size / MEBIBYTE, holder);
	return err;
}
