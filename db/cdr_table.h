/** @file cdr_table.h  cdr.db while it is open: rows are added to its table `cdr`. Private to db/. */
#ifndef CDR_TABLE_H
#define CDR_TABLE_H

#include "cdr_entry.h"

#include <stddef.h>
#include <stdint.h>

struct cdr_table;

/** @return 0; otherwise as db_open(), with one line in error */
int cdr_table_open(struct cdr_table **out, const char *path, char *error, size_t error_size);
/** NULL is fine. */
void cdr_table_close(struct cdr_table *t);

/** The number of the last ended call that became a row. @return 0 or -errno */
int cdr_table_last_number(struct cdr_table *t, uint64_t *out);

/**
 * Add the first rows of a list, which is not empty, in one transaction.
 *
 * @param last  receives the last one added
 * @param rows  and their number
 * @return 0; -errno with none added
 */
int cdr_table_add(struct cdr_table *t, struct cdr_entry *first, struct cdr_entry **last, uint64_t *rows);

#endif
