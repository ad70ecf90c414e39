/** @file control_registrations.h  What the control socket tells of a registration. */
#ifndef CONTROL_REGISTRATIONS_H
#define CONTROL_REGISTRATIONS_H

#include "registration.h"

#include <jansson.h>

/**
 * A line of the list: state and since how many seconds, how long the binding holds and when the next request is due (null
 * when there is none), how the last request ended. Never the password.
 */
json_t *control_registration(const struct registration *r, uint64_t now_ms);

#endif
