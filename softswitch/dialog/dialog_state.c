#include "dialog_state.h"

#include "hop_state.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/** Fields that stand in no table. */
enum { DESCRIPTION = 40, HOP };

static const struct field fields[] = {
	FIELD(1, ARRAY, struct dialog, local_tag),
	FIELD(2, TEXT, struct dialog, call_id),
	FIELD(3, TEXT, struct dialog, local),
	FIELD(4, TEXT, struct dialog, remote),
	FIELD(5, TEXT, struct dialog, remote_tag),
	FIELD(6, TEXT, struct dialog, target),
	FIELD(7, TEXT, struct dialog, route),
	FIELD(8, TEXT, struct dialog, strict_route),
	FIELD(9, NUMBER, struct dialog, local_seq),
	FIELD(10, NUMBER, struct dialog, remote_seq),
	FIELD(11, NUMBER, struct dialog, invite_seq),
	FIELD(12, NUMBER, struct dialog, ack_seq),
	FIELD(13, TEXT, struct dialog, pass_headers),
	FIELD(14, NUMBER, struct dialog, own_origin),
	FIELD(15, NUMBER, struct dialog, origin.id),
	FIELD(16, NUMBER, struct dialog, origin.version),
	FIELD(17, NUMBER, struct dialog, origin.hash),
	FIELD(18, TEXT, struct dialog, next.host),
	FIELD(19, NUMBER, struct dialog, next.port),
	FIELD(20, TEXT, struct dialog, session.theirs.type),
	FIELD(21, NUMBER, struct dialog, session.timer),
	FIELD(22, NUMBER, struct dialog, session.rel100),
	FIELD(23, NUMBER, struct dialog, session.update),
	FIELD(24, NUMBER, struct dialog, session.interval_s),
	FIELD(25, NUMBER, struct dialog, session.min_se_s),
	FIELD(26, NUMBER, struct dialog, session.refresher),
	FIELD(27, NUMBER, struct dialog, session.identity),
	FIELD(28, NUMBER, struct dialog, next.hidden),
	FIELD(29, NUMBER, struct dialog, offerless),
	FIELD(30, NUMBER, struct dialog, remote_end),
	FIELD(31, NUMBER, struct dialog, remote_acked),
};

/** What of a dialog stands behind its pointers. */
struct behind {
	char *transport, *sent_by; /* of the listener where the peer reaches us */
	char *next_transport;
	uint64_t sdp_at, sdp_length; /* in the description */
};

static const struct field behind_fields[] = {
	FIELD(50, TEXT, struct behind, transport),
	FIELD(51, TEXT, struct behind, sent_by),
	FIELD(52, TEXT, struct behind, next_transport),
	FIELD(53, NUMBER, struct behind, sdp_at),
	FIELD(54, NUMBER, struct behind, sdp_length),
};

/* Writing ----------------------------------------------------------------------------------- */

static void write_behind(const struct dialog *d, struct text *t)
{
	const struct session_description *theirs = &d->session.theirs;
	const struct behind b = {.transport = (char *)d->listener->transport,
		.sent_by = (char *)d->listener->sent_by,
		.next_transport = (char *)d->next.transport,
		.sdp_at = theirs->len ? (uint64_t)(theirs->sdp.data - theirs->data) : 0,
		.sdp_length = theirs->sdp.len};

	field_write(t, FIELD_TABLE(behind_fields), &b);
}

void dialog_state_write(const struct dialog *d, struct text *t)
{
	size_t begun;

	field_write(t, FIELD_TABLE(fields), d);
	write_behind(d, t);
	if (d->session.theirs.len)
		field_add(t, DESCRIPTION, d->session.theirs.data, d->session.theirs.len);
	begun = field_begin(t, HOP);
	hop_state_write(&d->hop, t);
	field_end(t, begun);
}

/* Reading ----------------------------------------------------------------------------------- */

static int read_description(
	struct session_description *s, const struct behind *b, const struct field_bytes *bytes)
{
	struct field_bytes data;

	if (!field_find(&data, DESCRIPTION, bytes))
		return 0;
	if (!s->type || !data.size || b->sdp_at > data.size || b->sdp_length > data.size - b->sdp_at)
		return -EINVAL;
	s->data = malloc(data.size);
	if (!s->data)
		return -ENOMEM;
	memcpy(s->data, data.data, data.size);
	s->len = data.size;
	s->sdp = (struct sdp_span){s->data + b->sdp_at, b->sdp_length};
	return 0;
}

static int find_listener(struct dialog *d, struct transport *transport, const struct behind *b, bool *moved)
{
	if (!b->transport || !b->sent_by)
		return -EINVAL;
	d->listener = transport_listener_named(transport, b->transport, b->sent_by);
	if (!d->listener)
		return -ENOTCONN;
	*moved = strcmp(d->listener->sent_by, b->sent_by) != 0;
	return 0;
}

/** Its name is static text. */
static int set_next_transport(struct next_hop *next, const char *name)
{
	static const char *const names[] = {"", "udp", "tcp", "tls"};

	next->transport = NULL;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name ? name : ""))
			next->transport = names[i];
	return next->transport ? 0 : -EINVAL;
}

/** Is everything there that its messages are made of? */
static bool is_whole(const struct dialog *d)
{
	return d->local_tag[0] && d->call_id && d->local && d->remote && d->remote_tag && d->target &&
		d->route && d->local_seq <= INT32_MAX && d->session.refresher <= SESSION_PEER &&
		d->session.update <= SESSION_UPDATE_REFUSED;
}

/** The CSeq of a request is below 2^31. */
static void jump(struct dialog *d)
{
	d->local_seq =
		d->local_seq < INT32_MAX - DIALOG_STATE_JUMP ? d->local_seq + DIALOG_STATE_JUMP : INT32_MAX;
	if (d->origin.version)
		d->origin.version += DIALOG_STATE_JUMP;
}

static int read_behind(struct dialog *d, struct stack *stack, const struct field_bytes *bytes, bool *moved)
{
	struct behind b = {0};
	int err = field_read(&b, FIELD_TABLE(behind_fields), bytes);

	if (!err)
		err = find_listener(d, stack->transport, &b, moved);
	if (!err && d->next.host)
		err = set_next_transport(&d->next, b.next_transport);
	if (!err)
		err = read_description(&d->session.theirs, &b, bytes);
	free(b.transport);
	free(b.sent_by);
	free(b.next_transport);
	return err;
}

static int read_all(struct dialog *d, struct stack *stack, const struct field_bytes *bytes, bool *moved)
{
	struct field_bytes hop;
	int err = field_read(d, FIELD_TABLE(fields), bytes);

	if (!err && (!is_whole(d) || !field_find(&hop, HOP, bytes)))
		err = -EINVAL;
	if (!err)
		err = read_behind(d, stack, bytes, moved);
	if (!err)
		err = hop_state_read(&d->hop, stack->transport, &hop);
	if (!err)
		jump(d);
	d->resumed = true;
	return err;
}

int dialog_state_read(
	struct dialog *d, struct stack *stack, void *owner, const struct field_bytes *bytes, bool *moved)
{
	int err = read_all(d, stack, bytes, moved);

	return err ? err : dialog_resume(d, stack->dialogs, owner);
}

int dialog_state_read_fork(
	struct dialog *d, struct stack *stack, const struct dialog *of, const struct field_bytes *bytes)
{
	bool moved;

	d->owner = of->owner;
	d->resolver = of->resolver;
	return read_all(d, stack, bytes, &moved);
}
