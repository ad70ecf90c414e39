/** @file journal_path.h  Where the journal of call records is, unless --journal says so: in memory that outlives the process. */
#ifndef JOURNAL_PATH_H
#define JOURNAL_PATH_H

#include <stdbool.h>

/**
 * A file of tmpfs, named after the cdr.db it belongs to, so that the next start finds it and many switches can run side by
 * side: in $RUNTIME_DIRECTORY (systemd), else in /run/softswitch where that may be written in, else in
 * /dev/shm/softswitch-UID, which is made and is nobody else's.
 *
 * @param cdr  absolute path
 * @return owned by the caller; NULL: no memory, or no such folder, as errno says
 */
char *journal_path(const char *cdr);
/** Does this file, which exists, lie in memory? */
bool journal_path_in_memory(const char *path);

#endif
