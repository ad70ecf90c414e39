#include "cdr_sample.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const struct timespec pause_between_looks = {.tv_nsec = 2000000};

struct cdr cdr_sample(const char *a_call_id)
{
	return (struct cdr){
		.a_call_id = a_call_id,
		.b_call_id = "b-leg",
		.ingress = "caller",
		.gateway = "gw1",
		.caller_in = "+4930123",
		.caller_out = "4930123",
		.callee_in = "004420",
		.callee_out = "4420",
		.source_addr = "127.0.0.1:5060",
		.destination_addr = "[::1]:5080",
		.begin_ms = 1700000000000,
		.ring_ms = 1700000001000,
		.answer_ms = 1700000002000,
		.end_ms = 1700000005000,
		.pdd_ms = 900,
		.hold_ms = 3000,
		.sip_code = 200,
		.end_reason = "BYE",
		.end_direction = CDR_CALLEE,
		.attempts = "[{\"gateway\":\"gw1\"}]",
	};
}

const char *cdr_journal_of(const char *path)
{
	static char name[2][300];
	static int which;
	which = !which;
	snprintf(name[which], sizeof(name[which]), "%s-ram", path);
	return name[which];
}

struct cdr_log *cdr_opened(const char *path)
{
	struct cdr_log *log = NULL;
	char error[256];
	const struct cdr_log_parts parts = {.path = path, .journal = cdr_journal_of(path)};
	if (cdr_log_open(&log, &parts, error, sizeof(error)))
		fail_msg("%s", error);
	return log;
}

void cdr_sign(struct cdr_log *log, int64_t now_ms)
{
	cdr_log_sign(log, &(struct cdr_sign){.steady_ms = (uint64_t)now_ms, .epoch_ms = now_ms});
}

void cdr_calls(struct cdr_log *log, int n)
{
	char name[16];
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct cdr call = cdr_sample(name);
		cdr_log_end(log, i % 3 ? cdr_log_keep(log, 0, &call, NULL, 0) : 0, &call);
	}
}

uint64_t cdr_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cdr_wait_written(struct cdr_log *log, uint64_t rows)
{
	struct cdr_stats stats;
	uint64_t end = cdr_now_ms() + 10000;
	for (cdr_log_stats(log, &stats); stats.written < rows; cdr_log_stats(log, &stats)) {
		assert_true(cdr_now_ms() < end);
		nanosleep(&pause_between_looks, NULL);
	}
}

struct cdr_stats cdr_wait_error(struct cdr_log *log)
{
	struct cdr_stats stats;
	uint64_t end = cdr_now_ms() + 10000;
	for (cdr_log_stats(log, &stats); stats.errors == 0; cdr_log_stats(log, &stats)) {
		assert_true(cdr_now_ms() < end);
		nanosleep(&pause_between_looks, NULL);
	}
	return stats;
}

void cdr_copy(const char *path, const char *copy)
{
	char from[300], to[300];
	/* The journal first: what becomes a row meanwhile is in both, and not in none. */
	static const char *const suffixes[] = {"-ram", "", "-wal"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
		snprintf(to, sizeof(to), "%s%s", copy, suffixes[i]);
		if (access(from, F_OK) == 0)
			scratch_copy(from, to);
	}
}

void cdr_crash(struct cdr_log *log, const char *path, const char *copy)
{
	cdr_copy(path, copy);
	cdr_log_close(log, 0);
}
