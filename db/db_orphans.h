/** @file db_orphans.h  Rows of softswitch.db that name what does not exist.
 *
 * The triggers refuse such rows; a program that has turned triggers off, or a file put together by hand, has them all the same.
 */
#ifndef DB_ORPHANS_H
#define DB_ORPHANS_H

struct db;

/** @param row  such as `route "44": there is no gateway "acme"` */
typedef void db_orphans_h(const char *row, void *arg);

/** Call the handler for each. @return 0; -EIO and the like */
int db_orphans_each(struct db *db, db_orphans_h *h, void *arg);

#endif
