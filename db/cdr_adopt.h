/** @file cdr_adopt.h  What another switch left in its journal on disk: calls to go on with, records to write. Private to db/. */
#ifndef CDR_ADOPT_H
#define CDR_ADOPT_H

#include "cdr_disk_file.h"
#include "cdr_leftovers.h"

#include <stddef.h>

/**
 * @param out  receives what was left, sorted
 * @return 0; -ENOENT there is no such file; -EBUSY that switch still has it; -EINVAL it is no journal, or of an earlier
 *         version; -ENOMEM, -errno
 */
int cdr_adopt_read(const char *path, struct cdr_leftovers *out, struct cdr_disk_file_found *found);
/** It has been adopted, and is called *.adopted from now on, so that nobody goes on with it again. @return 0; -errno */
int cdr_adopt_done(const char *path);

#endif
