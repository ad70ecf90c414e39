#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct text text_scratch(void)
{
	static char buffer[TEXT_MAX];

	return (struct text){.data = buffer, .size = sizeof(buffer)};
}

void text_add_bytes(struct text *t, const char *bytes, size_t n)
{
	t->full = t->full || n > t->size - t->len;
	if (t->full || !n) /* of nothing there may be no bytes */
		return;
	memcpy(t->data + t->len, bytes, n);
	t->len += n;
}

void text_add(struct text *t, const char *s)
{
	text_add_bytes(t, s, strlen(s));
}

char *text_copy(const struct text *t)
{
	char *copy = t->full ? NULL : malloc(t->len + 1);

	if (copy) {
		memcpy(copy, t->data, t->len);
		copy[t->len] = '\0';
	}
	return copy;
}

bool text_end(struct text *t)
{
	t->full = t->full || t->len == t->size;
	t->len -= t->len == t->size;
	t->data[t->len] = '\0';
	return !t->full;
}

void text_strip_line_end(struct text *t)
{
	while (t->len && (t->data[t->len - 1] == '\n' || t->data[t->len - 1] == '\r'))
		t->len--;
}

void text_add_number(struct text *t, unsigned long n)
{
	char digits[24];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	text_add_bytes(t, digits + i, sizeof(digits) - i);
}

void text_add_all(struct text *t, ...)
{
	va_list ap;
	const char *s;

	va_start(ap, t);
	while ((s = va_arg(ap, const char *)))
		text_add(t, s);
	va_end(ap);
}

void text_fit(char *out, size_t size, const char *s)
{
	size_t n = strnlen(s, size - 1);

	memcpy(out, s, n);
	out[n] = '\0';
}

int text_set(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

uint64_t text_hash(uint64_t hash, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}
