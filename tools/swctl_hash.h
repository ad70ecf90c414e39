/** @file swctl_hash.h  The command of swctl that makes the hashes an endpoint may have in place of its password. */
#ifndef SWCTL_HASH_H
#define SWCTL_HASH_H

#include <stdbool.h>

/** A line for the usage. */
#define SWCTL_HASH_USAGE                                                                                     \
	"  hash NAME [realm=REALM]                   read a password, print the hashes of this endpoint in its place\n"

/**
 * @param control  of the switch that is asked for its realm, unless the command line says it; without a switch it is the default
 * @param json     as one object, else as an UPDATE
 * @param words    the arguments, up to NULL
 * @return the exit status; what went wrong was said
 */
int swctl_hash(const char *control, bool json, char **words);

#endif
