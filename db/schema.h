/** @file schema.h  The texts of db/schema*.sql, embedded at build. Private to db/. */
#ifndef SCHEMA_H
#define SCHEMA_H

extern const char schema_sql[];     /* softswitch.db, newest version */
extern const char schema_cdr_sql[]; /* cdr.db, newest version */

#endif
