/** @file schema.h  The SQL files of db/, embedded at build. Private to db/. */
#ifndef SCHEMA_H
#define SCHEMA_H

extern const char schema_sql[];                 /* softswitch.db, newest version */
extern const char schema_cdr_sql[];             /* cdr.db, newest version */
extern const char schema_state_sql[];           /* state.db, newest version */
extern const char schema_cdr_upgrade_2_sql[];   /* cdr.db from version 1 to 2 */
extern const char schema_cdr_upgrade_3_sql[];   /* cdr.db from version 2 to 3 */
extern const char schema_state_upgrade_2_sql[]; /* state.db from version 1 to 2 */
extern const char schema_upgrade_2_sql[];       /* softswitch.db from version 1 to 2 */
extern const char schema_upgrade_3_sql[];       /* softswitch.db from version 2 to 3 */
extern const char schema_upgrade_4_sql[];       /* softswitch.db from version 3 to 4 */
extern const char schema_upgrade_5_sql[];       /* softswitch.db from version 4 to 5 */
extern const char schema_upgrade_6_sql[];       /* softswitch.db from version 5 to 6 */

#endif
