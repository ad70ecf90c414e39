#include "digest_realm.h"

#include "keyed_table.h"

#include <stdlib.h>
#include <string.h>

/* As many as there are rows with credentials, and were before they were changed. */
static struct account {
	uint64_t number;
	char *realm[2]; /* of servers, of proxies; NULL = not known */
	char *next[2];  /* likewise */
	UT_hash_handle hh;
} * accounts;

uint64_t digest_realm_account(const char *user, const char *password, const char *peer)
{
	return token_hash(token_hash(token_hash(2, user), password), peer) | 1;
}

static struct account *find(uint64_t number)
{
	struct account *a;

	HASH_FIND(hh, accounts, &number, sizeof(number), a);
	return a;
}

static struct account *add(uint64_t number)
{
	struct account *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->number = number;
	HASH_ADD(hh, accounts, number, sizeof(a->number), a);
	if (a->hh.tbl)
		return a;
	free(a);
	return NULL;
}

const char *digest_realm_get(uint64_t account, bool by_proxy)
{
	const struct account *a = account ? find(account) : NULL;

	return a ? a->realm[by_proxy] : NULL;
}

const char *digest_realm_next(uint64_t account, bool by_proxy)
{
	const struct account *a = account ? find(account) : NULL;

	return a ? a->next[by_proxy] : NULL;
}

void digest_realm_set_next(uint64_t account, bool by_proxy, char *next_take)
{
	struct account *a = account ? find(account) : NULL;

	if (a) {
		free(a->next[by_proxy]);
		a->next[by_proxy] = next_take;
	} else {
		free(next_take);
	}
}

void digest_realm_accepted(uint64_t account, bool by_proxy, const char *realm)
{
	struct account *a;

	if (!account)
		return;
	a = find(account);
	a = a ? a : add(account);
	if (a && !a->realm[by_proxy])
		a->realm[by_proxy] = strdup(realm);
}
