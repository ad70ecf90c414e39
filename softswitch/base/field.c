#include "field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct head {
	uint16_t number, length;
};

/* Writing ----------------------------------------------------------------------------------- */

/** @return behind the field; NULL there is no room */
static inline char *add(char *at, const char *end, uint16_t number, const void *bytes, size_t n)
{
	const struct head head = {.number = number, .length = (uint16_t)n};

	if (n > UINT16_MAX || sizeof(head) + n > (size_t)(end - at))
		return NULL;
	memcpy(at, &head, sizeof(head));
	if (n) /* else there may be no bytes */
		memcpy(at + sizeof(head), bytes, n);
	return at + sizeof(head) + n;
}

/** The same; where there is room a number is stored whole, and the next field lies over what it does not have. */
static inline char *add_number(char *at, const char *end, uint16_t number, uint64_t value, size_t size)
{
	const struct head head = {.number = number, .length = (uint16_t)size};

	if ((size_t)(end - at) < sizeof(head) + sizeof(value))
		return add(at, end, number, &value, size);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), &value, sizeof(value));
	return at + sizeof(head) + size;
}

/** @param at  where the text ends now; NULL = what was to be added did not fit */
static void set_end(struct text *t, const char *at)
{
	if (at)
		t->len = (size_t)(at - t->data);
	else
		t->full = true;
}

void field_add(struct text *t, uint16_t number, const void *bytes, size_t n)
{
	if (!t->full)
		set_end(t, add(t->data + t->len, t->data + t->size, number, bytes, n));
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

/** Each case is one instruction. */
static inline uint64_t number_at(const char *at, size_t size)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (size) {
	case sizeof(uint8_t):
		return (uint8_t)*at;
	case sizeof(two):
		memcpy(&two, at, sizeof(two));
		return two;
	case sizeof(four):
		memcpy(&four, at, sizeof(four));
		return four;
	default:
		memcpy(&eight, at, sizeof(eight));
		return eight;
	}
}

static inline char *write_one(char *to, const char *end, const struct field *f, const char *at)
{
	const char *text = at;
	uint64_t number;

	if (f->type == FIELD_NUMBER) {
		number = number_at(at, f->size);
		return number ? add_number(to, end, f->number, number, f->size) : to;
	}
	if (f->type == FIELD_TEXT)
		memcpy(&text, at, sizeof(text));
	else if (!*text)
		return to;
	return text ? add(to, end, f->number, text, strlen(text)) : to;
}

void field_write(struct text *t, const struct field *fields, size_t n, const void *object)
{
	const char *end = t->data + t->size;
	char *to = t->data + t->len;

	if (t->full)
		return;
	for (const struct field *f = fields; to && f < fields + n; f++)
		to = write_one(to, end, f, (const char *)object + f->offset);
	set_end(t, to);
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
