#include "unanswered.h"

#include "address.h"
#include "token.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS = 1 << 14 };

struct unanswered {
	struct slot {
		uint64_t key;      /* 0 = empty */
		uint64_t since_ms; /* the first challenge without an answer; 0 = it was answered */
		bool simple;       /* the one before was not */
	} slots[SLOTS];
};

uint64_t unanswered_key(const struct sockaddr *source, const char *user)
{
	unsigned char host[ADDRESS_BYTES];

	address_bytes(source, host);
	return token_hash_bytes(token_hash(1, user), host, sizeof(host));
}

int unanswered_create(struct unanswered **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void unanswered_destroy(struct unanswered *set)
{
	free(set);
}

void unanswered_on_challenge(struct unanswered *set, uint64_t key, uint32_t patience_ms, uint64_t now_ms)
{
	struct slot *slot = &set->slots[key % SLOTS];

	if (slot->key != key)
		*slot = (struct slot){.key = key};
	if (!slot->since_ms)
		slot->since_ms = now_ms;
	else if (now_ms - slot->since_ms > patience_ms)
		slot->simple = true;
}

bool unanswered_is_simple(const struct unanswered *set, uint64_t key)
{
	const struct slot *slot = &set->slots[key % SLOTS];

	return slot->key == key && slot->simple;
}

void unanswered_on_answer(struct unanswered *set, uint64_t key)
{
	struct slot *slot = &set->slots[key % SLOTS];

	if (slot->key == key)
		slot->since_ms = 0;
}
