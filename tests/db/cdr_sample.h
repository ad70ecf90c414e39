/** @file cdr_sample.h  Call records for the tests of db_cdr.h. */
#ifndef CDR_SAMPLE_H
#define CDR_SAMPLE_H

#include "db_cdr.h"

#include "scratch.h"

#include <time.h>

/** A call as it ends well; `a_call_id` tells it from the others. */
static inline struct cdr cdr_sample(const char *a_call_id)
{
	return (struct cdr){
		.a_call_id = a_call_id, .b_call_id = "b-leg", .ingress = "caller", .gateway = "gw1",
		.caller_in = "+4930123", .caller_out = "4930123", .callee_in = "004420", .callee_out = "4420",
		.source_addr = "127.0.0.1:5060", .destination_addr = "[::1]:5080",
		.begin_ms = 1700000000000, .ring_ms = 1700000001000, .answer_ms = 1700000002000,
		.end_ms = 1700000005000, .pdd_ms = 900, .hold_ms = 3000, .sip_code = 200, .end_reason = "BYE",
		.end_direction = CDR_CALLEE, .attempts = "[{\"gateway\":\"gw1\"}]",
	};
}

static inline struct cdr_log *cdr_opened(const char *path)
{
	struct cdr_log *log = NULL;
	char error[256];
	if (cdr_open(&log, path, error, sizeof(error)))
		fail_msg("%s", error);
	return log;
}

static inline uint64_t cdr_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** Wait until so many rows are written, 10 s at most. */
static inline void cdr_wait_written(struct cdr_log *log, uint64_t rows)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	struct cdr_stats stats;
	for (uint64_t end = cdr_now_ms() + 10000;; nanosleep(&pause, NULL)) {
		cdr_stats(log, &stats);
		if (stats.written >= rows)
			return;
		assert_true(cdr_now_ms() < end);
	}
}

#endif
