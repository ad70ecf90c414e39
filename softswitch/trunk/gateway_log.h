/** @file gateway_log.h  Logs each change of a gateway's state, also those that time alone makes. */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

struct gateway_log;
struct gateways;
struct loop;

/** @param loop,gateways  borrowed. @return 0 or -ENOMEM */
int gateway_log_create(struct gateway_log **out, struct loop *loop, struct gateways *gateways);
/** Before gateways and loop are destroyed. NULL is fine. */
void gateway_log_destroy(struct gateway_log *w);

#endif
