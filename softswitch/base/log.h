/** @file log.h  Lines on stderr: time, severity, call, event, then key=value.
 *
 * When stderr is the journal of systemd, its priority in angle brackets takes the place of the time.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/** Read by the macros only; set by log_setup(). */
extern enum log_level log_threshold;

/**
 * Set what is logged from now on, and how. Until then: text, info and more severe. Whether stderr is the journal is
 * looked at here.
 */
void log_setup(enum log_level level, enum log_format format);

/** "error", "warning", "info", "debug". @return 0; -EINVAL with *out untouched */
int log_level_parse(enum log_level *out, const char *word);
/** "text", "json". @return 0; -EINVAL with *out untouched */
int log_format_parse(enum log_format *out, const char *word);

/**
 * Write one line; use the macros, which cost one comparison when the level is off.
 *
 *	log_info(call_id, "gateway failed gateway=%s code=%u", name, code);
 *	2026-11-20T11:40:00.123Z info  1a2b@host gateway failed gateway=a code=503
 *	{"time":"2026-11-20T11:40:00.123Z","level":"info","call":"1a2b@host","event":"gateway failed",
 *	 "gateway":"a","code":503}           (in one line)
 *
 * Values may come from the network: each is escaped, so none can end the line or pass
 * for another field. Never log a password. A line holds at most 4096 bytes (fields that do not fit are
 * left out) and is written with one write(2). When stderr would block, the line is dropped and counted
 * rather than waited for, and the next line that gets through is preceded by one with the count.
 *
 * @param call_id  NULL when the line belongs to no call
 * @param format   the event in fixed words, then any number of " key=value"; a value consists of
 *                 literal text without spaces and of %s, %.*s, %d, %u, %x (and %ld, %lu, %lld,
 *                 %llu, %zu); a NULL string counts as ""
 */
void log_write(enum log_level level, const char *call_id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define LOG_AT(level, ...)                                                                                   \
	do {                                                                                                 \
		if ((level) <= log_threshold)                                                                \
			log_write((level), __VA_ARGS__);                                                     \
	} while (0)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
