#include "cdr_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

bool cdr_file_has_name(const struct stat *st, const char *path)
{
	struct stat now;

	return stat(path, &now) == 0 && now.st_ino == st->st_ino && now.st_dev == st->st_dev;
}

static int lock(int fd, const char *path, bool *again)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*again = !cdr_file_has_name(&st, path);
	return st.st_size || !fchmod(fd, CDR_FILE_MODE) ? 0 : -errno;
}

/* Its owner may put another file in its place, or remove it, until we have the lock. */
int cdr_file_open(const char *path)
{
	for (;;) {
		bool again = false;
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, CDR_FILE_MODE);
		int err = fd < 0 ? -errno : lock(fd, path, &again);

		if (!err && !again)
			return fd;
		if (fd >= 0)
			close(fd);
		if (err)
			return err;
	}
}
