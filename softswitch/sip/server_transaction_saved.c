#include "server_transaction_state.h"

#include "hop_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** What only a response that is still to be made needs. */
static const struct field response_fields[] = {
	FIELD(1, TEXT, struct server_transaction, head),
	FIELD(2, TEXT, struct server_transaction, to),
};
static const struct field fields[] = {
	FIELD(3, TEXT, struct server_transaction, key),
	FIELD(4, TEXT, struct server_transaction, merge),
	FIELD(5, NUMBER, struct server_transaction, cseq),
	FIELD(6, ARRAY, struct server_transaction, tag),
};
/** Fields that stand in no table. */
enum { HOP = 20, RESPONSE };

void server_transaction_save(const struct server_transaction *s, struct text *t, const struct text *response,
	const struct hop *leg)
{
	const struct text had = server_transaction_response(s);
	size_t begun;

	if (!response && s->state != SERVER_TRANSACTION_PROCEEDING)
		response = &had;
	field_write(t, FIELD_TABLE(fields), s);
	if (!leg || !hop_is_same(&s->hop, leg)) {
		begun = field_begin(t, HOP);
		hop_state_write(&s->hop, t);
		field_end(t, begun);
	}
	if (response)
		field_add(t, RESPONSE, response->data, response->len);
	else
		field_write(t, FIELD_TABLE(response_fields), s);
}

/** @return 0 if it is no final response */
static int status_of(const struct field_bytes *response)
{
	static const char version[] = "SIP/2.0 ";
	const size_t n = sizeof(version) - 1;
	const char *digit = response->data + n;

	if (response->size < n + 3 || memcmp(response->data, version, n) != 0 || digit[0] < '2' ||
		digit[0] > '6' || digit[1] < '0' || digit[1] > '9' || digit[2] < '0' || digit[2] > '9')
		return 0;
	return 100 * (digit[0] - '0') + 10 * (digit[1] - '0') + digit[2] - '0';
}

static int read_fields(struct server_transaction *s, struct server_transactions *set,
	const struct field_bytes *bytes, const struct hop *leg)
{
	struct server_transaction *other;
	struct field_bytes hop = {0}, response = {0};
	int err = field_read(s, FIELD_TABLE(fields), bytes);

	if (!err)
		err = field_read(s, FIELD_TABLE(response_fields), bytes);
	if (!err && (!s->key || !s->merge || (!field_find(&hop, HOP, bytes) && !leg)))
		err = -EINVAL;
	if (!err && (field_find(&response, RESPONSE, bytes) ? !status_of(&response) : !s->head || !s->to))
		err = -EINVAL;
	if (!err && hop.size)
		err = hop_state_read(&s->hop, set->transport, &hop);
	else if (!err)
		hop_copy(&s->hop, leg);
	if (err)
		return err;
	HASH_FIND_STR(set->by_key, s->key, other);
	return other ? -EEXIST : 0;
}

static struct server_transaction *resume(
	struct server_transactions *set, const struct field_bytes *bytes, const struct hop *leg)
{
	struct server_transaction *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (read_fields(s, set, bytes, leg)) {
		server_transaction_free_unlisted(s);
		return NULL;
	}
	s->invite = true;
	return server_transaction_enlist(s, set, NULL, NULL) ? NULL : s;
}

struct server_transaction *server_transactions_finish(struct server_transactions *set,
	const struct field_bytes *bytes, const struct hop *leg, int failure, const char *headers,
	const struct resend_schedule *resend)
{
	struct field_bytes response;
	struct server_transaction *s = resume(set, bytes, leg);

	if (!s)
		return NULL;
	if (field_find(&response, RESPONSE, bytes))
		server_transaction_send(s,
			&(struct text){.data = (char *)response.data, .len = response.size},
			status_of(&response), resend);
	else
		server_transaction_reply(s, failure, NULL, s->tag[0] ? s->tag : NULL, headers, resend);
	return s->state == SERVER_TRANSACTION_ACCEPTED ? s : NULL;
}
