#include "request_retries.h"

#include "digest.h"
#include "token.h"

int leg_answer_challenge(const struct dialog *d, const sip_t *challenge, const char *method, struct text *t)
{
	struct digest_credentials credentials = {.user = d->user, .password = d->password ? d->password : ""};
	char cnonce[TOKEN_SIZE];

	token_make(cnonce);
	return digest_answer(t, challenge, &credentials, method, d->target, cnonce);
}
