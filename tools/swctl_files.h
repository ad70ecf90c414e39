/** @file swctl_files.h  The commands of swctl that work on the files of a switch: backup, restore, prune. */
#ifndef SWCTL_FILES_H
#define SWCTL_FILES_H

#include <stdbool.h>

/** Lines for the usage. */
#define SWCTL_FILES_USAGE                                                                                                  \
	"  backup DIR [--no-passwords]               copy configuration, records and state into DIR while calls go on\n"   \
	"  restore DIR|FILE... [--dry-run]           check such copies and put them in place; the files there are kept\n"  \
	"  prune DAYS                                delete the records of calls that began longer ago, in small pieces\n" \
	"                                            (these three: --db FILE [--cdr FILE] when no switch is running)\n"

/** @return false when that is no such command */
bool swctl_files_is(const char *command);
/**
 * @param control  of the switch that is asked where its files are, unless the command line says it
 * @param words    the command and its arguments, up to NULL; reordered
 * @return the exit status; what went wrong was said
 */
int swctl_files(const char *control, char **words);

#endif
