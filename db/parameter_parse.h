/** @file parameter_parse.h  Values of parameters, and of rows that override them, from their text. Private to db/. */
#ifndef PARAMETER_PARSE_H
#define PARAMETER_PARSE_H

#include "parameters.h"

/* All of them: @return 0; -EINVAL and *out untouched */

/** A list of SIP status codes from `minimum` to 699, separated by commas, or `None`. */
int parameter_parse_codes(struct parameter_codes *out, const char *text, unsigned minimum);
/** As SS_GATEWAY_BREAKER_ON. */
int parameter_parse_breaker_on(struct parameter_breaker_on *out, const char *text);
/** As SS_SIP_100REL. */
int parameter_parse_100rel(enum parameter_100rel *out, const char *text);
/** As SS_SIP_USER_AGENT_PRIVACY. */
int parameter_parse_privacy(enum parameter_privacy *out, const char *text);

#endif
