#include "log.h"

#include "text.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* PIPE_BUF: a pipe that poll() reports as writable takes this much at once, in one piece. */
enum { LINE_MAX_BYTES = 4096, VALUE_MAX_BYTES = 512 };

enum log_level log_threshold = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_TEXT;
static bool to_journal; /* stderr is the journal of systemd, which stamps each line itself */
static _Atomic unsigned lines_dropped;

static const char *const level_name[] = {"error", "warning", "info", "debug"};
static const char *const level_column[] = {"error", "warn ", "info ", "debug"};
static const char *const level_priority[] = {"<3>", "<4>", "<6>", "<7>"}; /* sd-daemon(3) */
static const char *const format_name[] = {"text", "json"};

/** JOURNAL_STREAM names the stream that systemd gave us: another one, of a shell or a test, has replaced it if they differ. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char *end = NULL;
	unsigned long long device = stream ? strtoull(stream, &end, 10) : 0;
	struct stat st;

	return end && *end == ':' && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
		st.st_ino == strtoull(end + 1, NULL, 10);
}

void log_setup(enum log_level level, enum log_format format)
{
	log_threshold = level;
	line_format = format;
	to_journal = is_journal();
}

int log_level_parse(enum log_level *out, const char *word)
{
	for (unsigned i = 0; i < sizeof(level_name) / sizeof(level_name[0]); i++)
		if (strcmp(word, level_name[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

int log_format_parse(enum log_format *out, const char *word)
{
	for (unsigned i = 0; i < sizeof(format_name) / sizeof(format_name[0]); i++)
		if (strcmp(word, format_name[i]) == 0) {
			*out = (enum log_format)i;
			return 0;
		}
	return -EINVAL;
}

/**
 * Length of the well-formed UTF-8 sequence at s (RFC 3629 section 4), 0 when there is none.
 */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	size_t length = s[0] < 0x80 ? 1
		: s[0] < 0xc2       ? 0
		: s[0] < 0xe0       ? 2
		: s[0] < 0xf0       ? 3
		: s[0] < 0xf5       ? 4
				    : 0;
	if (length == 0 || length > n)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

/** Escape as RFC 8259 section 7 says, and DEL and the C1 controls, which a terminal would obey. */
static void put_json_bytes(struct text *t, const char *bytes, size_t n)
{
	const unsigned char *s = (const unsigned char *)bytes;
	char escape[8];
	for (size_t i = 0; i < n;) {
		size_t length = utf8_length(s + i, n - i);
		bool c1 = length == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0;
		if (length == 0) {
			text_add(t, "\\ufffd");
			length = 1;
		} else if (c1 || s[i] < 0x20 || s[i] == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", s[i + length - 1]);
			text_add(t, escape);
		} else if (s[i] == '"' || s[i] == '\\') {
			escape[0] = '\\';
			escape[1] = bytes[i];
			text_add_bytes(t, escape, 2);
		} else {
			text_add_bytes(t, bytes + i, length);
		}
		i += length;
	}
}

/** Printable ASCII as it is, the rest as \xNN; quoted when it could be mistaken for two fields. */
static void put_text_bytes(struct text *t, const char *bytes, size_t n)
{
	bool quoted = n == 0;
	for (size_t i = 0; i < n && !quoted; i++)
		quoted = strchr(" \"=\\", bytes[i]) || bytes[i] < 0x20 || bytes[i] == 0x7f;
	if (quoted)
		text_add(t, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];
		char escape[8] = {bytes[i]};
		if (c == '"' || c == '\\')
			snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			snprintf(escape, sizeof(escape), "\\x%02x", c);
		text_add(t, escape);
	}
	if (quoted)
		text_add(t, "\"");
}

static void put_json_string(struct text *t, const char *bytes, size_t n)
{
	text_add(t, "\"");
	put_json_bytes(t, bytes, n);
	text_add(t, "\"");
}

/** "2026-11-20T11:40:00.123Z " */
static void put_time(struct text *t, bool json)
{
	struct timespec now;
	struct tm utc;
	char stamp[40];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(stamp + n, sizeof(stamp) - n, ".%03ldZ", now.tv_nsec / 1000000);
	text_add_all(t, json ? "{\"time\":\"" : "", stamp, json ? "\"," : " ", NULL);
}

static void put_head(struct text *t, enum log_level level, const char *call_id)
{
	bool json = line_format == LOG_FORMAT_JSON;
	size_t length = call_id ? strnlen(call_id, VALUE_MAX_BYTES) : 0;
	if (to_journal)
		text_add_all(t, level_priority[level], json ? "{" : "", NULL);
	else
		put_time(t, json);
	text_add_all(t, json ? "\"level\":\"" : "", json ? level_name[level] : level_column[level], NULL);
	text_add(t, json ? "\"" : " ");
	if (call_id && json) {
		text_add(t, ",\"call\":");
		put_json_string(t, call_id, length);
	} else if (call_id) {
		put_text_bytes(t, call_id, length);
		text_add(t, " ");
	}
}

/** The words before the first key. @return the rest of the format */
static const char *put_event(struct text *t, const char *format)
{
	const char *end = strchr(format, '=');
	if (end)
		end = memrchr(format, ' ', (size_t)(end - format));
	else
		end = format + strlen(format);
	assert(end);
	if (line_format == LOG_FORMAT_JSON) {
		text_add(t, ",\"event\":");
		put_json_string(t, format, (size_t)(end - format));
	} else {
		text_add_bytes(t, format, (size_t)(end - format));
	}
	return end + (*end == ' ');
}

static void put_field(
	struct text *t, const char *key, size_t key_length, const struct text *value, bool number)
{
	bool json = line_format == LOG_FORMAT_JSON;
	text_add(t, json ? ",\"" : " ");
	text_add_bytes(t, key, key_length);
	text_add(t, json ? "\":" : "=");
	if (number)
		text_add_bytes(t, value->data, value->len);
	else if (json)
		put_json_string(t, value->data, value->len);
	else
		put_text_bytes(t, value->data, value->len);
}

/** A va_list that a function can advance for its caller (C11 7.16 footnote 253). */
struct arguments {
	va_list list;
};

static long long next_signed(struct arguments *a, const char *size)
{
	if (strcmp(size, "ll") == 0)
		return va_arg(a->list, long long);
	if (strcmp(size, "l") == 0)
		return va_arg(a->list, long);
	return va_arg(a->list, int);
}

static unsigned long long next_unsigned(struct arguments *a, const char *size)
{
	if (strcmp(size, "ll") == 0)
		return va_arg(a->list, unsigned long long);
	if (strcmp(size, "l") == 0)
		return va_arg(a->list, unsigned long);
	if (strcmp(size, "z") == 0)
		return va_arg(a->list, size_t);
	return va_arg(a->list, unsigned);
}

/** One conversion; f points just after its '%'. @return the first byte after the conversion */
static const char *put_conversion(struct text *value, const char *f, struct arguments *a)
{
	char size[3] = "", digits[24] = "";
	if (strncmp(f, ".*s", 3) == 0) {
		int limit = va_arg(a->list, int);
		const char *s = va_arg(a->list, const char *);
		text_add_bytes(value, s ? s : "", s && limit > 0 ? strnlen(s, (size_t)limit) : 0);
		return f + 3;
	}
	for (unsigned i = 0; i < 2 && (*f == 'l' || *f == 'z'); i++)
		size[i] = *f++;
	switch (*f) {
	case 's': {
		const char *s = va_arg(a->list, const char *);
		text_add_bytes(value, s ? s : "", s ? strnlen(s, value->size - value->len) : 0);
		return f + 1;
	}
	case 'd':
		snprintf(digits, sizeof(digits), "%lld", next_signed(a, size));
		break;
	case 'u':
		snprintf(digits, sizeof(digits), "%llu", next_unsigned(a, size));
		break;
	case 'x':
		snprintf(digits, sizeof(digits), "%llx", next_unsigned(a, size));
		break;
	default:
		assert(!"a conversion that log_write() does not know");
	}
	text_add(value, digits);
	return f + 1;
}

/** Is the value at f one decimal conversion and nothing else? JSON then gets a number. */
static bool is_number(const char *f)
{
	if (*f++ != '%')
		return false;
	f += strspn(f, "lz");
	return (*f == 'd' || *f == 'u') && (f[1] == ' ' || f[1] == '\0');
}

/** Keys and the spaces between fields come from the format, so a value can forge neither. */
static void put_fields(struct text *line, const char *format, struct arguments *a)
{
	char buffer[VALUE_MAX_BYTES];
	while (*format) {
		const char *equals = strchr(format, '=');
		assert(equals);
		struct text before = *line, value = {.data = buffer, .size = sizeof(buffer)};
		const char *f = equals + 1;
		while (*f && *f != ' ') {
			if (*f == '%')
				f = put_conversion(&value, f + 1, a);
			else
				text_add_bytes(&value, f++, 1);
		}
		put_field(line, format, (size_t)(equals - format), &value, is_number(equals + 1));
		if (line->full)
			*line = before; /* the whole field is left out, so the line stays well-formed */
		format = f + (*f == ' ');
	}
}

/**
 * @return false when stderr would block. A stderr that is closed counts as having taken the line:
 *         there is nobody to tell.
 */
static bool send_line(const char *line, size_t n)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT))
		return false;
	return write(STDERR_FILENO, line, n) >= 0 || errno != EAGAIN;
}

static bool write_line(enum log_level level, const char *call_id, const char *format, struct arguments *a)
{
	char buffer[LINE_MAX_BYTES];
	struct text line = {.data = buffer, .size = sizeof(buffer) - 2}; /* room for the line end */
	put_head(&line, level, call_id);
	put_fields(&line, put_event(&line, format), a);
	line.size = sizeof(buffer);
	text_add(&line, line_format == LOG_FORMAT_JSON ? "}\n" : "\n");
	return send_line(buffer, line.len);
}

static bool write_dropped(unsigned n)
{
	char format[80];
	snprintf(format, sizeof(format), "log lines dropped because stderr was blocked lines=%u", n);
	return write_line(LOG_LEVEL_WARNING, NULL, format, NULL);
}

void log_write(enum log_level level, const char *call_id, const char *format, ...)
{
	struct arguments a;
	unsigned dropped = atomic_exchange(&lines_dropped, 0);
	bool written = dropped == 0 || write_dropped(dropped);
	if (written) {
		dropped = 0;
		va_start(a.list, format);
		written = write_line(level, call_id, format, &a);
		va_end(a.list);
	}
	if (!written)
		atomic_fetch_add(&lines_dropped, dropped + 1);
}
