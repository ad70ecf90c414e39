/** @file parameters_load.h  Reading table `parameter`. Private to db/. */
#ifndef PARAMETERS_LOAD_H
#define PARAMETERS_LOAD_H

#include "db_sqlite.h"
#include "parameters.h"

/**
 * @param rows     a statement that returns (name, value)
 * @param retries  receives SS_SIP_SEND_RETRY, which also limits the gateways' own lists
 * @return 0; -EIO when a parameter is missing or does not parse; -EBUSY, -ENOMEM
 */
int parameters_load(sqlite3_stmt *rows, struct parameters *out, unsigned *retries);

#endif
