#include "parameter_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int find_word(const char *text, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -EINVAL;
}

int parameter_parse_100rel(enum parameter_100rel *out, const char *text)
{
	static const char *const words[] = {
		[PARAMETER_100REL_OFF] = "Off",
		[PARAMETER_100REL_SUPPORTED] = "Supported",
		[PARAMETER_100REL_REQUIRED] = "Required",
	};
	int found = find_word(text, words, PARAMETER_100REL_REQUIRED + 1);
	if (found < 0)
		return found;
	*out = (enum parameter_100rel)found;
	return 0;
}

int parameter_parse_privacy(enum parameter_privacy *out, const char *text)
{
	static const char *const words[] = {
		[PARAMETER_PRIVACY_IGNORE] = "Ignore",
		[PARAMETER_PRIVACY_ID] = "Id",
		[PARAMETER_PRIVACY_NONE] = "None",
	};
	int found = find_word(text, words, PARAMETER_PRIVACY_NONE + 1);
	if (found < 0)
		return found;
	*out = (enum parameter_privacy)found;
	return 0;
}

static bool is_word(const char *item, size_t length, const char *word)
{
	return length == strlen(word) && memcmp(item, word, length) == 0;
}

static int parse_item(const char *item, size_t length, unsigned minimum, struct parameter_breaker_on *out)
{
	char *end;
	if (is_word(item, length, "timeout")) {
		out->timeout = true;
		return 0;
	}
	if (is_word(item, length, "transport")) {
		out->transport = true;
		return 0;
	}
	unsigned long code = strtoul(item, &end, 10);
	if (length != 3 || end != item + 3 || code < minimum || code > 699 ||
		out->codes.n == PARAMETER_CODES_MAX)
		return -EINVAL;
	out->codes.code[out->codes.n++] = (uint16_t)code;
	return 0;
}

static int parse_list(const char *text, unsigned minimum, struct parameter_breaker_on *out)
{
	if (strcmp(text, "None") == 0)
		return 0;
	for (;; text++) {
		size_t length = strcspn(text, ",");
		int err = parse_item(text, length, minimum, out);
		if (err)
			return err;
		text += length;
		if (*text == '\0')
			return 0;
	}
}

int parameter_parse_codes(struct parameter_codes *out, const char *text, unsigned minimum)
{
	struct parameter_breaker_on list = {0};
	int err = parse_list(text, minimum, &list);
	if (!err && (list.timeout || list.transport))
		err = -EINVAL;
	if (!err)
		*out = list.codes;
	return err;
}

int parameter_parse_breaker_on(struct parameter_breaker_on *out, const char *text)
{
	struct parameter_breaker_on list = {0};
	int err = parse_list(text, 400, &list);
	if (!err)
		*out = list;
	return err;
}
