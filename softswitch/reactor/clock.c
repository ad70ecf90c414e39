#include "clock.h"

#include <stdlib.h>
#include <time.h>

static unsigned speed = 1;

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void clock_init(void)
{
	const char *text = getenv("SOFTSWITCH_CLOCK_SPEED");
	unsigned long times = text ? strtoul(text, NULL, 10) : 0;

	if (times > 1 && times <= CLOCK_SPEED_MAX)
		speed = (unsigned)times;
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
