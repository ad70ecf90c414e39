/** @file keyed_table.h  uthash as the daemon uses it; to be included in place of <uthash.h>.
 *
 * Its own hash has no key, so whoever chooses the keys of a table (branches, Call-IDs, tags, names to resolve) could give
 * all of them the same one. And when memory runs out, it leaves the element out instead of ending the process: after
 * adding one, hh.tbl is NULL.
 */
#ifndef KEYED_TABLE_H
#define KEYED_TABLE_H

#include "token.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, size, hash) ((hash) = (unsigned)token_hash_bytes(0, (key), (size)))

#include <uthash.h>

#endif
