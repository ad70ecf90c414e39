/** @file digest_parameter.h  The parameters of a challenge or of credentials, as the message has them. */
#ifndef DIGEST_PARAMETER_H
#define DIGEST_PARAMETER_H

#include <sofia-sip/msg_types.h>

#include <stdbool.h>
#include <stddef.h>

/** A value without its quotes, borrowed; not terminated by a NUL. */
struct digest_parameter {
	const char *data;
	size_t n;
};

struct digest_parameter digest_parameter_of(const char *value);
/** @param name  with the equals sign. @return false without it, and when it has control characters */
bool digest_parameter_find(const msg_param_t *parameters, const char *name, struct digest_parameter *out);
/** Is it this word, in upper or lower case? */
bool digest_parameter_is(const struct digest_parameter *p, const char *word);
/** Is it exactly this text? */
bool digest_parameter_equals(const struct digest_parameter *p, const char *text);
/** Is this word in a list like "auth,auth-int"? */
bool digest_parameter_lists(const struct digest_parameter *p, const char *word);

#endif
