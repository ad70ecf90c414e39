/** @file gateway_peer.h  Private to gateways/: what makes a gateway one kind of peer. */
#ifndef GATEWAY_PEER_H
#define GATEWAY_PEER_H

#include "peers.h"

/** struct gateway begins with its struct peer. */
extern const struct peer_type gateway_peer_type;

#endif
