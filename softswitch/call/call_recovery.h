/** @file call_recovery.h  The calls of the process before, which died: they go on, or both sides are told that they end. */
#ifndef CALL_RECOVERY_H
#define CALL_RECOVERY_H

#include <stdint.h>

struct call_context;
struct cdr_log;
struct endpoints;
struct gateways;
struct mapping_gateways;

/** Longest outage after which they go on. */
enum { CALL_RECOVERY_OUTAGE_MAX_MS = 60000 };

/** For how long those that were left may still go on, in real time; 0 = none may. */
uint32_t call_recovery_left_ms(const struct cdr_log *log);
/**
 * Take up the calls that cdr_log_recover() offers. They go on unless SS_CALL_RECOVERY is Off, the outage was too long, or
 * something they need is gone: a row, a listener, what was written. To be called once, before anything is received.
 */
void call_recovery(struct call_context *context, const struct gateways *gateways,
	const struct mapping_gateways *customers, const struct endpoints *endpoints);

#endif
