#include "clock.h"

#include <sofia-sip/su_time.h>

#include <stdlib.h>
#include <time.h>

/* Hooks that the library exports for its own tests; none of its headers declares them. */
extern void (*_su_time)(su_time_t *tv);
extern su_time64_t (*_su_nanotime)(su_time64_t *ns);

static const uint64_t ntp_epoch_s = 2208988800UL; /* 1900 to 1970 */
static uint64_t wall_offset_ns;                   /* wall minus monotonic at start */
static unsigned speed = 1;

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static su_time64_t steady_nanotime(su_time64_t *out)
{
	su_time64_t ns = read_ns(CLOCK_MONOTONIC) + wall_offset_ns + ntp_epoch_s * 1000000000u;

	if (out)
		*out = ns;
	return ns;
}

static void steady_time(su_time_t *tv)
{
	su_time64_t ns = steady_nanotime(NULL);

	tv->tv_sec = (unsigned long)(ns / 1000000000u);
	tv->tv_usec = (unsigned long)(ns % 1000000000u / 1000u);
}

void clock_init(void)
{
	const char *text = getenv("SOFTSWITCH_CLOCK_SPEED");
	unsigned long times = text ? strtoul(text, NULL, 10) : 0;

	if (times > 1 && times <= CLOCK_SPEED_MAX)
		speed = (unsigned)times;
	wall_offset_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
	_su_time = steady_time;
	_su_nanotime = steady_nanotime;
}

uint64_t clock_now_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000u * speed / 1000u;
}

uint64_t clock_real_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t clock_delay_us(uint32_t delay_ms)
{
	return (uint64_t)delay_ms * 1000u / speed;
}

int64_t clock_epoch_ms(void)
{
	return (int64_t)(read_ns(CLOCK_REALTIME) / 1000000u);
}
