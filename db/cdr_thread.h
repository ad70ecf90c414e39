/** @file cdr_thread.h  The threads of db/, and how they wait, by the steady clock. Private to db/. */
#ifndef CDR_THREAD_H
#define CDR_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

/** A disk that takes longer for one piece of work does not answer. */
enum { CDR_THREAD_STUCK_MS = 1000 };

/** Start a thread that leaves all signals to others, but for those that its own faults raise. @return 0 or -errno */
int cdr_thread_start(pthread_t *out, void *(*run)(void *arg), void *arg);

uint64_t cdr_thread_now_ms(void);
uint64_t cdr_thread_now_us(void);
/** The moment in so many ms; CLOCK_MONOTONIC. */
struct timespec cdr_thread_after_ms(unsigned ms);
/** Until the semaphore is posted, for so many ms at most. */
void cdr_thread_wait(sem_t *semaphore, unsigned ms);
void cdr_thread_wait_us(sem_t *semaphore, uint64_t us);

#endif
