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

uint64_t cdr_thread_now_ms(void)
{
	struct timespec now = cdr_thread_after_ms(0);

	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct timespec cdr_thread_after_ms(unsigned ms)
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

void cdr_thread_wait(sem_t *semaphore, unsigned ms)
{
	struct timespec end = cdr_thread_after_ms(ms);

	while (sem_clockwait(semaphore, CLOCK_MONOTONIC, &end) && errno == EINTR)
		continue;
}
