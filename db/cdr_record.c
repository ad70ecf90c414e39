#include "cdr_record.h"

#include <errno.h>
#include <string.h>

static const size_t text_offsets[CDR_RECORD_TEXTS] = {
	offsetof(struct cdr, a_call_id),
	offsetof(struct cdr, b_call_id),
	offsetof(struct cdr, ingress),
	offsetof(struct cdr, gateway),
	offsetof(struct cdr, caller_in),
	offsetof(struct cdr, caller_out),
	offsetof(struct cdr, callee_in),
	offsetof(struct cdr, callee_out),
	offsetof(struct cdr, source_addr),
	offsetof(struct cdr, destination_addr),
	offsetof(struct cdr, end_reason),
	offsetof(struct cdr, attempts),
};

/* The bytes begin with this, in the byte order of the machine; the texts follow, each with its NUL. */
struct head {
	int64_t begin_ms, ring_ms, answer_ms, end_ms, pdd_ms, hold_ms;
	int32_t sip_code;
	int32_t end; /* end_of() */
};

/* The direction shares its word, of which the rest is 0 in what an earlier version has written. */
enum { DIRECTION = 0xff, FROM_ENDPOINT = 0x100, TO_ENDPOINT = 0x200 };

static int32_t end_of(const struct cdr *record)
{
	return (int32_t)record->end_direction | (record->from_endpoint ? FROM_ENDPOINT : 0) |
		(record->to_endpoint ? TO_ENDPOINT : 0);
}

static inline const char *text_at(const struct cdr *record, int i)
{
	const char *text;
	memcpy(&text, (const char *)record + text_offsets[i], sizeof(text));
	return text ? text : "";
}

const char *cdr_record_text(const struct cdr *record, int i)
{
	return text_at(record, i);
}

void cdr_record_measure(const struct cdr *record, struct cdr_record_lengths *out)
{
	out->size = sizeof(struct head);
	for (int i = 0; i < CDR_RECORD_TEXTS; i++) {
		out->length[i] = strlen(text_at(record, i)) + 1;
		out->size += out->length[i];
	}
}

void cdr_record_write(const struct cdr *record, const struct cdr_record_lengths *measure, char *out)
{
	const struct head head = {
		.begin_ms = record->begin_ms,
		.ring_ms = record->ring_ms,
		.answer_ms = record->answer_ms,
		.end_ms = record->end_ms,
		.pdd_ms = record->pdd_ms,
		.hold_ms = record->hold_ms,
		.sip_code = record->sip_code,
		.end = end_of(record),
	};
	memcpy(out, &head, sizeof(head));
	out += sizeof(head);
	for (int i = 0; i < CDR_RECORD_TEXTS; i++) {
		memcpy(out, text_at(record, i), measure->length[i]);
		out += measure->length[i];
	}
}

int cdr_record_read(struct cdr *out, const char *bytes, size_t size)
{
	const char *at = bytes + sizeof(struct head), *end = bytes + size;
	struct head head;
	if (size < sizeof(head))
		return -EINVAL;
	memcpy(&head, bytes, sizeof(head));
	*out = (struct cdr){
		.begin_ms = head.begin_ms,
		.ring_ms = head.ring_ms,
		.answer_ms = head.answer_ms,
		.end_ms = head.end_ms,
		.pdd_ms = head.pdd_ms,
		.hold_ms = head.hold_ms,
		.sip_code = head.sip_code,
		.end_direction = (enum cdr_direction)(head.end & DIRECTION),
		.from_endpoint = head.end & FROM_ENDPOINT,
		.to_endpoint = head.end & TO_ENDPOINT,
	};
	for (int i = 0; i < CDR_RECORD_TEXTS; i++) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));
		if (!nul)
			return -EINVAL;
		memcpy((char *)out + text_offsets[i], &at, sizeof(at));
		at = nul + 1;
	}
	return at == end ? 0 : -EINVAL;
}
