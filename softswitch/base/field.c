#include "field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct head {
	uint16_t number, length;
};

/* Writing ----------------------------------------------------------------------------------- */

static inline void add(struct text *t, uint16_t number, const void *bytes, size_t n)
{
	const struct head head = {.number = number, .length = (uint16_t)n};
	char *at = t->data + t->len;

	if (t->full || n > UINT16_MAX || sizeof(head) + n > t->size - t->len) {
		t->full = true;
		return;
	}
	memcpy(at, &head, sizeof(head));
	if (n) /* else there may be no bytes */
		memcpy(at + sizeof(head), bytes, n);
	t->len += sizeof(head) + n;
}

/** The same; where there is room a number is stored whole, and the next field lies over what it does not have. */
static inline void add_number(struct text *t, uint16_t number, uint64_t value, size_t size)
{
	const struct head head = {.number = number, .length = (uint16_t)size};
	char *at = t->data + t->len;

	if (t->full || t->size - t->len < sizeof(head) + sizeof(value)) {
		add(t, number, &value, size);
		return;
	}
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), &value, sizeof(value));
	t->len += sizeof(head) + size;
}

void field_add(struct text *t, uint16_t number, const void *bytes, size_t n)
{
	add(t, number, bytes, n);
}

size_t field_begin(struct text *t, uint16_t number)
{
	field_add(t, number, "", 0);
	return t->len;
}

void field_end(struct text *t, size_t begun)
{
	const size_t n = t->len - begun;
	const uint16_t length = (uint16_t)n;

	if (n > UINT16_MAX)
		t->full = true;
	if (!t->full)
		memcpy(t->data + begun - sizeof(length), &length, sizeof(length));
}

static inline uint64_t number_at(const char *at, size_t size)
{
	uint64_t number = 0;

	switch (size) { /* copies of a known size are single instructions */
	case sizeof(uint8_t):
		memcpy(&number, at, sizeof(uint8_t));
		break;
	case sizeof(uint32_t):
		memcpy(&number, at, sizeof(uint32_t));
		break;
	case sizeof(uint64_t):
		memcpy(&number, at, sizeof(uint64_t));
		break;
	default:
		memcpy(&number, at, size);
		break;
	}
	return number;
}

static inline void write_one(struct text *t, const struct field *f, const char *at)
{
	uint64_t number;
	const char *text = at;

	switch (f->type) {
	case FIELD_NUMBER:
		number = number_at(at, f->size);
		if (number)
			add_number(t, f->number, number, f->size);
		return;
	case FIELD_TEXT:
		memcpy(&text, at, sizeof(text));
		if (text)
			add(t, f->number, text, strlen(text));
		return;
	case FIELD_ARRAY:
		if (*text)
			add(t, f->number, text, strlen(text));
		return;
	}
}

void field_write(struct text *t, const struct field *fields, size_t n, const void *object)
{
	struct text local = *t; /* for the compiler, the bytes that are written could be those of *t */

	for (const struct field *f = fields; f < fields + n; f++)
		write_one(&local, f, (const char *)object + f->offset);
	*t = local;
}

/* Reading ----------------------------------------------------------------------------------- */

/** Take the first field off the bytes. @return 0; -ENOENT there is none; -EINVAL */
static int take(struct field_bytes *left, uint16_t *number, struct field_bytes *out)
{
	struct head head;

	if (!left->size)
		return -ENOENT;
	if (left->size < sizeof(head))
		return -EINVAL;
	memcpy(&head, left->data, sizeof(head));
	if (head.length > left->size - sizeof(head))
		return -EINVAL;
	*number = head.number;
	*out = (struct field_bytes){left->data + sizeof(head), head.length};
	left->data += sizeof(head) + head.length;
	left->size -= sizeof(head) + head.length;
	return 0;
}

/** A number may have been written with another size. */
static int set_number(char *to, size_t size, const struct field_bytes *value)
{
	uint64_t number = 0;

	if (value->size > sizeof(number))
		return -EINVAL;
	memcpy(&number, value->data, value->size);
	if (size == 1 && number > 1) /* a bool */
		return -EINVAL;
	if (size < sizeof(number) && number >> 8 * size)
		return -EINVAL;
	memcpy(to, &number, size);
	return 0;
}

static int set_text(char *to, const struct field_bytes *value)
{
	char *old, *copy = malloc(value->size + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, value->data, value->size);
	copy[value->size] = '\0';
	memcpy(&old, to, sizeof(old));
	free(old); /* it came twice */
	memcpy(to, &copy, sizeof(copy));
	/* cppcheck-suppress memleak; the object has it now */
	return 0;
}

static int set(char *to, const struct field *f, const struct field_bytes *value)
{
	if (f->type == FIELD_NUMBER)
		return set_number(to, f->size, value);
	if (memchr(value->data, '\0', value->size))
		return -EINVAL;
	if (f->type == FIELD_TEXT)
		return set_text(to, value);
	if (value->size >= f->size)
		return -EINVAL;
	memcpy(to, value->data, value->size);
	to[value->size] = '\0';
	return 0;
}

int field_read(void *object, const struct field *fields, size_t n, const struct field_bytes *bytes)
{
	struct field_bytes left = *bytes, value;
	uint16_t number;
	int err;

	while (!(err = take(&left, &number, &value))) {
		for (const struct field *f = fields; !err && f < fields + n; f++)
			if (f->number == number)
				err = set((char *)object + f->offset, f, &value);
		if (err)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}

bool field_find(struct field_bytes *out, uint16_t number, const struct field_bytes *bytes)
{
	struct field_bytes left = *bytes;

	return field_next(out, number, &left);
}

bool field_next(struct field_bytes *out, uint16_t number, struct field_bytes *left)
{
	struct field_bytes value;
	uint16_t found;

	while (!take(left, &found, &value)) {
		if (found == number) {
			*out = value;
			return true;
		}
	}
	return false;
}
