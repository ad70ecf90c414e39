#include "cdr_wait.h"

#include <errno.h>

uint64_t cdr_wait_now_ms(void)
{
	struct timespec now = cdr_wait_after_ms(0);

	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct timespec cdr_wait_after_ms(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000L;
	if (at.tv_nsec >= 1000000000L) {
		at.tv_nsec -= 1000000000L;
		at.tv_sec++;
	}
	return at;
}

void cdr_wait_for(sem_t *semaphore, unsigned ms)
{
	struct timespec end = cdr_wait_after_ms(ms);

	while (sem_clockwait(semaphore, CLOCK_MONOTONIC, &end) && errno == EINTR)
		continue;
}
