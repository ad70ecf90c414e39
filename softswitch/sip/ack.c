#include "ack.h"

#include <stdlib.h>
#include <string.h>

enum { FORKS_MAX = 16 };

struct ack {
	SLIST_ENTRY(ack) link;
	char *to_tag;
	char *data;
	size_t len;
	struct hop hop;
};

static void ack_free(struct ack *a)
{
	hop_clear(&a->hop);
	free(a->to_tag);
	free(a->data);
	free(a);
}

static unsigned count(const struct acks *acks)
{
	const struct ack *a;
	unsigned n = 0;

	SLIST_FOREACH (a, acks, link)
		n++;
	return n;
}

bool ack_is_full(const struct acks *acks)
{
	return count(acks) >= FORKS_MAX;
}

void ack_keep(struct acks *acks, const char *to_tag, const struct hop *hop, const struct text *ack)
{
	struct ack *a = ack_is_full(acks) ? NULL : calloc(1, sizeof(*a));

	if (!a)
		return;
	a->to_tag = strdup(to_tag ? to_tag : "");
	a->data = text_copy(ack);
	a->len = ack->len;
	hop_copy(&a->hop, hop);
	if (a->to_tag && a->data)
		SLIST_INSERT_HEAD(acks, a, link);
	else
		ack_free(a);
}

bool ack_repeat(const struct acks *acks, const char *to_tag)
{
	const struct ack *a;

	SLIST_FOREACH (a, acks, link)
		if (!strcmp(a->to_tag, to_tag ? to_tag : ""))
			break;
	if (a)
		transport_send(&a->hop, a->data, a->len, NULL);
	return a != NULL;
}

void ack_clear(struct acks *acks)
{
	struct ack *a;

	while ((a = SLIST_FIRST(acks))) {
		SLIST_REMOVE_HEAD(acks, link);
		ack_free(a);
	}
}
