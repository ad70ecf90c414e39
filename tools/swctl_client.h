/** @file swctl_client.h  One request to the switch over its control socket. */
#ifndef SWCTL_CLIENT_H
#define SWCTL_CLIENT_H

#include <jansson.h>

enum { SWCTL_CLIENT_REFUSED = 1, SWCTL_CLIENT_USAGE = 2 }; /* exit status */

/** Print "swctl: ..." and exit with SWCTL_CLIENT_USAGE. */
__attribute__((noreturn, format(printf, 1, 2))) void swctl_client_die(const char *format, ...);

/** @return the reply, an object; NULL with errno when no switch is there, or it went away */
json_t *swctl_client_try(const char *control, const char *method, json_t *params);
/** The same, but without a reply the program ends. */
json_t *swctl_client_ask(const char *control, const char *method, json_t *params);
/** Print the error of a reply. @return SWCTL_CLIENT_REFUSED */
int swctl_client_refused(const char *method, const json_t *reply);

#endif
