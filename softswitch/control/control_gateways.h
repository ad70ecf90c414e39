/** @file control_gateways.h  What the control socket reports about a gateway: its state, the reason, and its statistics. */
#ifndef CONTROL_GATEWAYS_H
#define CONTROL_GATEWAYS_H

#include "gateways.h"

#include <jansson.h>

/**
 * An entry of the list. for_s and since_ms (epoch) say how long the gateway has been in this state; attempts to pdd_ms
 * (median) cover the last five minutes and are null when there is no data. Credentials are never included.
 */
json_t *control_gateway(const struct gateway *gw, uint64_t now_ms);
/** The same with all statistics: `window`, the last five minutes, and `total`, since startup. */
json_t *control_gateway_details(const struct gateway *gw, uint64_t now_ms);

#endif
