#include "db_path.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0660 };

char *db_path_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *out;
	return asprintf(&out, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name) < 0 ? NULL : out;
}

/* SQLite would create the file with the umask's mode, but the operators' group must be able to write to it. */
int db_path_create(const char *path, char *error, size_t error_size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, FILE_MODE);
	int err = fd < 0 || fchmod(fd, FILE_MODE) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (err == -EEXIST)
		return 0;
	if (err)
		snprintf(error, error_size, "cannot create %s: %s", path, strerror(-err));
	return err;
}

/*
 * The files that SQLite keeps beside the database belong to the user who opened it first. Say which one we
 * cannot access instead of "unable to open database file". They come and go, so a missing one is fine.
 */
int db_path_access(const char *path, char *error, size_t error_size)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char name[4096 + 8];
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		if (access(name, R_OK | W_OK) && errno != ENOENT) {
			snprintf(error, error_size, "cannot read and write %s: %s", name, strerror(errno));
			return -EACCES;
		}
	}
	snprintf(name, sizeof(name), "%s", path);
	const char *folder = dirname(name);
	if (access(folder, W_OK | X_OK) == 0)
		return 0;
	snprintf(error, error_size, "cannot write in the folder %s, which SQLite needs: %s", folder,
		strerror(errno));
	return -EACCES;
}
