/** @file control_gateways.h  What the control socket tells of a gateway: its state, why, and its figures. */
#ifndef CONTROL_GATEWAYS_H
#define CONTROL_GATEWAYS_H

#include "gateways.h"

#include <jansson.h>

/**
 * A line of the list. for_s and since_ms (epoch) tell how long what decides has decided; attempts to pdd_ms (median)
 * are those of the last five minutes, null when there is nothing to compute them from. Never the credentials.
 */
json_t *control_gateway(const struct gateway *gw, uint64_t now_ms);
/** The same and all statistics: `window`, the last five minutes, and `total`, since the start. */
json_t *control_gateway_details(const struct gateway *gw, uint64_t now_ms);

#endif
