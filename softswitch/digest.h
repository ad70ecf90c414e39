/** @file digest.h  Answers a digest challenge (RFC 2617, RFC 7616): MD5, qop=auth. */
#ifndef DIGEST_H
#define DIGEST_H

#include "text.h"

#include <sofia-sip/sip.h>

struct digest_credentials {
	const char *user, *password;
};

/**
 * Write the Authorization or Proxy-Authorization line that answers a 401 or 407.
 *
 * @param cnonce  fresh random text
 * @return 0; -ENOENT no challenge with an algorithm and qop we know; -EINVAL no credentials
 */
int digest_answer(struct text *t, const sip_t *challenge, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce);

#endif
