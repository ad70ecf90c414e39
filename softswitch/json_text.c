#include "json_text.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *s)
{
	json_t *value;
	size_t n = 0;
	char *utf8;

	if (!s)
		s = "";
	value = json_string(s);
	if (value)
		return value;
	utf8 = malloc(2 * strlen(s) + 1);
	if (!utf8)
		return NULL;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x80)
			utf8[n++] = (char)(0xc0 | c >> 6);
		utf8[n++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	value = json_stringn(utf8, n);
	free(utf8);
	return value;
}
