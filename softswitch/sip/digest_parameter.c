#include "digest_parameter.h"

#include <sofia-sip/msg_header.h>

#include <string.h>
#include <strings.h>

struct digest_parameter digest_parameter_of(const char *value)
{
	return (struct digest_parameter){value, strlen(value)};
}

bool digest_parameter_find(const msg_param_t *parameters, const char *name, struct digest_parameter *out)
{
	const char *v = msg_params_find(parameters, name);

	if (!v)
		return false;
	*out = digest_parameter_of(v);
	if (out->n >= 2 && v[0] == '"' && v[out->n - 1] == '"')
		*out = (struct digest_parameter){v + 1, out->n - 2};
	for (size_t i = 0; i < out->n; i++)
		if ((unsigned char)out->data[i] < ' ' || out->data[i] == 0x7f)
			return false;
	return true;
}

bool digest_parameter_is(const struct digest_parameter *p, const char *word)
{
	return p->n == strlen(word) && !strncasecmp(p->data, word, p->n);
}

bool digest_parameter_equals(const struct digest_parameter *p, const char *text)
{
	return p->n == strlen(text) && !memcmp(p->data, text, p->n);
}

bool digest_parameter_lists(const struct digest_parameter *p, const char *word)
{
	const char *end = p->data + p->n;

	for (const char *at = p->data; at < end;) {
		struct digest_parameter one = {at, 0};

		while (at < end && !strchr(", \t", *at))
			at++;
		one.n = (size_t)(at - one.data);
		if (digest_parameter_is(&one, word))
			return true;
		at++;
	}
	return false;
}
