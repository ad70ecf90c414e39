/** @file cdr_wait.h  How the threads of db/ wait, by the steady clock. Private to db/. */
#ifndef CDR_WAIT_H
#define CDR_WAIT_H

#include <semaphore.h>
#include <stdint.h>
#include <time.h>

/** A disk that takes longer for one piece of work does not answer. */
enum { CDR_WAIT_STUCK_MS = 1000 };

uint64_t cdr_wait_now_ms(void);
/** The moment in so many ms; CLOCK_MONOTONIC. */
struct timespec cdr_wait_after_ms(unsigned ms);
/** Until the semaphore is posted, for so many ms at most. */
void cdr_wait_for(sem_t *semaphore, unsigned ms);

#endif
