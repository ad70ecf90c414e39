#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint64_t beginning_ms = UINT64_C(1) << 40;

static unsigned speed = 1;
static uint64_t boot;

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/** The first 64 bits of the id that the kernel has drawn for this boot. */
static uint64_t read_boot(void)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char digits[17] = "";
	int n = 0;

	for (int c; file && n < 16 && (c = getc(file)) != EOF && c != '\n';)
		if (c != '-')
			digits[n++] = (char)c;
	if (file)
		fclose(file);
	return n == 16 ? strtoull(digits, NULL, 16) : 0;
}

void clock_init(void)
{
	const char *text = getenv("SOFTSWITCH_CLOCK_SPEED");
	unsigned long times = text ? strtoul(text, NULL, 10) : 0;

	if (times > 1 && times <= CLOCK_SPEED_MAX)
		speed = (unsigned)times;
	boot = read_boot();
}

uint64_t clock_now_ms(void)
{
	return beginning_ms + read_ns(CLOCK_MONOTONIC) / 1000u * speed / 1000u;
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

void clock_note(struct clock_moment *out)
{
	*out = (struct clock_moment){boot, clock_now_ms(), clock_epoch_ms()};
}

uint64_t clock_shift(const struct clock_moment *noted)
{
	int64_t passed_ms = clock_epoch_ms() - noted->epoch_ms;

	if (boot && noted->boot == boot)
		return 0;
	return clock_now_ms() - (noted->now_ms + (passed_ms > 0 ? (uint64_t)passed_ms * speed : 0));
}
