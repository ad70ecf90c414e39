/** @file parameters_load.h  Reading table `parameter`. Private to db/. */
#ifndef PARAMETERS_LOAD_H
#define PARAMETERS_LOAD_H

#include "parameters.h"
#include "db_sqlite.h"

/**
 * @param rows     a statement that gives (name, value)
 * @param retries  SS_SIP_SEND_RETRY, which cuts gateways' own lists as well
 * @return 0; -EIO when a parameter is missing or does not parse; -EBUSY, -ENOMEM
 */
int parameters_load(sqlite3_stmt *rows, struct parameters *out, unsigned *retries);

/** Parse a list of codes from `minimum` to 699, or `None`. @return 0; -EINVAL and *out untouched */
int stop_codes_parse(struct stop_codes *out, const char *text, unsigned minimum);
/** As SS_GATEWAY_BREAKER_ON. @return 0; -EINVAL and *out untouched */
int breaker_on_parse(struct breaker_on *out, const char *text);
/** As SS_SIP_100REL. @return 0; -EINVAL and *out untouched */
int sip_100rel_parse(enum db_100rel *out, const char *text);

#endif
