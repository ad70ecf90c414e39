#include "config_file.h"

#include "clock.h"
#include "db.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { AGAIN_MS = 50, REMIND_MS = 60000, WORDS_MAX = 512 };

/** Nothing is served yet, so this may take its time. @return false: the process is to end */
static bool wait_a_little(void)
{
	const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL); /* until restart_serve(), as after handover_exec() */
	return sigtimedwait(&ends, NULL, &pause) < 0;
}

static bool is_worth_waiting(int err, bool calls)
{
	return err == -EBUSY || (calls && err != -ENOTSUP && err != -ENOMEM);
}

/** At first, when it is another reason, and every minute. */
static void tell(char said[WORDS_MAX], uint64_t *said_ms, const char *reason)
{
	if (*said_ms && clock_real_ms() - *said_ms < REMIND_MS && strcmp(said, reason) == 0)
		return;
	log_error(NULL, "cannot start yet, waiting for the configuration reason=%s", reason);
	snprintf(said, WORDS_MAX, "%s", reason);
	*said_ms = clock_real_ms();
}

int config_file_open(struct db **out, const char *path, uint32_t calls_ms, char *error, size_t size)
{
	const uint64_t calls_until_ms = clock_real_ms() + calls_ms;
	char said[WORDS_MAX] = "";
	uint64_t said_ms = 0;

	for (;;) {
		const bool calls = clock_real_ms() < calls_until_ms;
		int err = db_open(out, path, DB_CONFIG, calls ? DB_EXISTING : DB_CREATE, error, size);

		if (!err || !is_worth_waiting(err, calls))
			return err;
		tell(said, &said_ms, error);
		if (!wait_a_little()) {
			snprintf(error, size, "asked to end before the configuration could be read");
			return -ECANCELED;
		}
	}
}
