#include "utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** Length of the character at s; 0 when there is no valid one. */
static unsigned character(const unsigned char *s)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	uint32_t c = n < 2 ? s[0] : s[0] & (0x7fu >> n);

	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (n > 1 && (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		return 0;
	return n;
}

bool utf8_valid(const char *s)
{
	const unsigned char *at = (const unsigned char *)s;

	while (*at) {
		unsigned n = character(at);

		if (!n)
			return false;
		at += n;
	}
	return true;
}

char *utf8_from_latin1(const char *s)
{
	char *out = malloc(2 * strlen(s) + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x80)
			out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	out[n] = '\0';
	return out;
}

void utf8_lower(char *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
	out[n] = '\0';
}
