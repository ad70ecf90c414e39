/** @file clock.h  One steady clock. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/**
 * SOFTSWITCH_CLOCK_SPEED in the environment, from 2 up to this, makes our clock run that many times faster: for tests
 * that last hours of it.
 */
enum { CLOCK_SPEED_MAX = 1000 };

/** Read the speed, and which boot of the machine this is. */
void clock_init(void);

/** Monotonic milliseconds; what gateways and routing take as now_ms. So far from 0 that what was before the boot is above it. */
uint64_t clock_now_ms(void);
/** The same, but never faster than real time: for what measures the load of the machine. */
uint64_t clock_real_ms(void);
/** How long a delay on our clock lasts in real time, in microseconds. */
uint64_t clock_delay_us(uint32_t delay_ms);

/** Wall clock, milliseconds since 1970. It may step: use it for call records and display only. */
int64_t clock_epoch_ms(void);

/** A moment noted for another process, perhaps after a reboot. */
struct clock_moment {
	uint64_t boot, now_ms; /* of the machine, 0 = not known; clock_now_ms() */
	int64_t epoch_ms;
};
void clock_note(struct clock_moment *out);
/**
 * What to add, modulo 2^64, to a clock_now_ms() of the process that noted this moment to have it on our clock. Exact within one
 * boot, whatever the wall clock did; otherwise the wall clock tells how much time has passed.
 */
uint64_t clock_shift(const struct clock_moment *noted);

#endif
