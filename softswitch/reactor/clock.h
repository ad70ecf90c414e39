/** @file clock.h  One steady clock for Sofia, libevent and us. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/** SOFTSWITCH_CLOCK_SPEED in the environment, 2 to this, makes our time run so many times as fast: for tests of hours. */
enum { CLOCK_SPEED_MAX = 1000 };

/**
 * Point Sofia's clock hooks at the monotonic clock plus the wall time of this moment, so that a
 * step of the wall clock neither ends nor freezes pending transactions. Call before any su_root.
 */
void clock_init(void);

/** Monotonic milliseconds: the now_ms of gateways and routing. */
uint64_t clock_now_ms(void);
/** How long so many of our milliseconds last, in microseconds of the real clock. */
uint64_t clock_delay_us(uint32_t delay_ms);

/** Wall clock as epoch milliseconds, for records only: it may step. */
int64_t clock_epoch_ms(void);

#endif
