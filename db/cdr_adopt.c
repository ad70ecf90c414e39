#include "cdr_adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static int read_all(int fd, struct cdr_leftovers *out, struct cdr_disk_file_found *found)
{
	int err;

	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	err = cdr_disk_file_read(fd, found, cdr_leftovers_collect, out);
	return err ? err : found->old || !found->sequence ? -EINVAL : 0;
}

int cdr_adopt_read(const char *path, struct cdr_leftovers *out, struct cdr_disk_file_found *found)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), err;

	*found = (struct cdr_disk_file_found){0};
	if (fd < 0)
		return -errno;
	err = read_all(fd, out, found);
	close(fd);
	if (err)
		cdr_leftovers_clear(out);
	else
		cdr_leftovers_sort(out);
	return err;
}

int cdr_adopt_done(const char *path)
{
	char *name;
	int err;

	if (asprintf(&name, "%s.adopted", path) < 0)
		return -ENOMEM;
	err = rename(path, name) ? -errno : 0;
	free(name);
	return err;
}
