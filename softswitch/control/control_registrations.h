/** @file control_registrations.h  What the control socket reports about a registration. */
#ifndef CONTROL_REGISTRATIONS_H
#define CONTROL_REGISTRATIONS_H

#include "registration.h"

#include <jansson.h>

/**
 * An entry of the list: the state and for how many seconds, when the binding expires and when the next request is due
 * (null for never), and how the last request ended. The password is never included.
 */
json_t *control_registration(const struct registration *r, uint64_t now_ms);

#endif
