#include "cdr_thread.h"

#include <errno.h>
#include <signal.h>

int cdr_thread_start(pthread_t *out, void *(*run)(void *arg), void *arg)
{
	sigset_t others, before;
	int err;

	sigfillset(&others);
	sigdelset(&others, SIGBUS); /* blocked, it would end the process: cdr_journal_guard.c */
	pthread_sigmask(SIG_SETMASK, &others, &before);
	err = pthread_create(out, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

uint64_t cdr_thread_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t cdr_thread_now_ms(void)
{
	return cdr_thread_now_us() / 1000;
}

static struct timespec after_us(uint64_t us)
{
	const uint64_t at = cdr_thread_now_us() + us;

	return (struct timespec){(time_t)(at / 1000000), (long)(at % 1000000) * 1000};
}

struct timespec cdr_thread_after_ms(unsigned ms)
{
	return after_us(1000 * (uint64_t)ms);
}

void cdr_thread_wait_us(sem_t *semaphore, uint64_t us)
{
	const struct timespec end = after_us(us);

	while (sem_clockwait(semaphore, CLOCK_MONOTONIC, &end) && errno == EINTR)
		continue;
}

void cdr_thread_wait(sem_t *semaphore, unsigned ms)
{
	cdr_thread_wait_us(semaphore, 1000 * (uint64_t)ms);
}
