#include "json_text.h"

#include "utf8.h"

#include <stdlib.h>

json_t *json_text(const char *s)
{
	json_t *value;
	char *utf8;

	if (!s)
		s = "";
	value = json_string(s);
	if (value)
		return value;
	utf8 = utf8_from_latin1(s);
	value = utf8 ? json_string(utf8) : NULL;
	free(utf8);
	return value;
}
