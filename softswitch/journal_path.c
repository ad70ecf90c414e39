#include "journal_path.h"

#include "control_path.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { FOLDER_MAX = 4096 };

bool journal_path_in_memory(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static bool is_usable(const char *folder)
{
	return access(folder, W_OK | X_OK) == 0 && journal_path_in_memory(folder);
}

/** systemd lists several with colons. */
static bool runtime_folder(char folder[FOLDER_MAX])
{
	const char *list = getenv("RUNTIME_DIRECTORY");

	if (!list || !*list)
		return false;
	snprintf(folder, FOLDER_MAX, "%.*s", (int)strcspn(list, ":"), list);
	return is_usable(folder);
}

static bool run_folder(char folder[FOLDER_MAX])
{
	snprintf(folder, FOLDER_MAX, "%s", CONTROL_PATH_RUN);
	return is_usable(folder);
}

/** Everybody may make folders in /dev/shm, also of this name: it has to be ours, and nobody else may write in it. */
static bool private_folder(char folder[FOLDER_MAX])
{
	struct stat st;

	snprintf(folder, FOLDER_MAX, "/dev/shm/softswitch-%u", (unsigned)geteuid());
	if (mkdir(folder, 0700) && errno != EEXIST)
		return false;
	if (lstat(folder, &st))
		return false;
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077))
		return true;
	errno = EPERM;
	return false;
}

static uint64_t hash_path(const char *cdr)
{
	const char *slash = strrchr(cdr, '/');
	char *folder = slash ? strndup(cdr, (size_t)(slash - cdr) + 1) : NULL;
	char *real = folder ? realpath(folder, NULL) : NULL;
	const char *where = real ? real : folder ? folder : "", *name = slash ? slash : cdr;
	uint64_t hash = text_hash(TEXT_HASH, where, strlen(where));

	free(real);
	free(folder);
	return text_hash(hash, name, strlen(name));
}

char *journal_path(const char *cdr)
{
	char folder[FOLDER_MAX], *path;

	if (!runtime_folder(folder) && !run_folder(folder) && !private_folder(folder))
		return NULL;
	return asprintf(&path, "%s/journal-%016" PRIx64, folder, hash_path(cdr)) < 0 ? NULL : path;
}
