#include "cdr_live.h"

#include <errno.h>
#include <string.h>

/* In the byte order of the machine. */
struct head {
	int64_t offset_ms;
	uint64_t record_size;
};
_Static_assert(sizeof(struct head) == CDR_LIVE_HEAD, "no padding in the head");

void cdr_live_write_head(char out[CDR_LIVE_HEAD], int64_t offset_ms, size_t record_size)
{
	memcpy(out, &(struct head){offset_ms, record_size}, sizeof(struct head));
}

int cdr_live_read(struct cdr_live *out, const char *bytes, size_t size)
{
	struct head head;

	if (size < sizeof(head))
		return -EINVAL;
	memcpy(&head, bytes, sizeof(head));
	if (head.record_size > size - sizeof(head))
		return -EINVAL;
	*out = (struct cdr_live){
		.offset_ms = head.offset_ms, .record = bytes + sizeof(head), .record_size = head.record_size};
	out->state = out->record + head.record_size;
	out->state_size = size - sizeof(head) - head.record_size;
	return 0;
}
