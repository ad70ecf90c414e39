#include "json_text.h"

#include "utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

/** Nearly every text: none of its bytes needs another form. */
static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
			return false;
	return true;
}

void json_text_add(struct text *t, const char *s)
{
	json_t *value = is_plain(s) ? NULL : json_text(s);
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (text)
		text_add(t, text);
	else
		text_add_all(t, "\"", is_plain(s) ? s : "", "\"", NULL);
	free(text);
	json_decref(value);
}
