/** @file cdr_table.h  Table `cdr` of the file that is called cdr.db, whichever that is. Private to db/.
 *
 * The file is opened, or created, when it is needed. One that cannot be used is tried again every second; one that was
 * moved away or overwritten is left for the one that has its name now.
 */
#ifndef CDR_TABLE_H
#define CDR_TABLE_H

#include "cdr_entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cdr_table;

/** Opens nothing yet. @return 0; -ENOMEM */
int cdr_table_create(struct cdr_table **out, const char *path);
/** NULL is fine. */
void cdr_table_destroy(struct cdr_table *t);

/**
 * Have the file open. Never waits for another process.
 *
 * @param replaced  receives whether another file is open now than was before
 * @return 0; otherwise as db_open(), also when it is too early to try again
 */
int cdr_table_need(struct cdr_table *t, bool *replaced);
/** Why cdr_table_need() or cdr_table_add() failed: one line. */
const char *cdr_table_error(const struct cdr_table *t);

/** There is nothing to add at present. After cdr_table_need(). */
void cdr_table_rest(struct cdr_table *t);

/** Has this call of the journal a row? After cdr_table_need(). @return 0; -errno */
int cdr_table_has(struct cdr_table *t, uint64_t number, const struct cdr *record, bool *out);

/**
 * Add the first rows of a list, which is not empty, in one transaction. After cdr_table_need().
 *
 * @param last  receives the last one added
 * @param rows  and their number
 * @return 0; -errno with none added: -EBUSY another process holds the file
 */
int cdr_table_add(struct cdr_table *t, struct cdr_entry *first, struct cdr_entry **last, uint64_t *rows);

#endif
