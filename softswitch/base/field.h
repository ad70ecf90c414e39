/** @file field.h  A struct as bytes that outlive the process. Each field stands once in a table, for writing and reading:
 *
 *	static const struct field fields[] = {
 *		FIELD(1, TEXT, struct dialog, call_id),
 *		FIELD(2, NUMBER, struct dialog, local_seq),
 *	};
 *
 * A field is its number, its length and its bytes, in the byte order of the machine. What is zero or NULL is left out; what
 * the reader does not know is passed over, so that fields can be added. A number is never given to another field.
 */
#ifndef FIELD_H
#define FIELD_H

#include "text.h"

#include <stdint.h>

enum field_type {
	FIELD_NUMBER, /* unsigned or bool, or an enum without negative values; 1, 2, 4 or 8 bytes */
	FIELD_TEXT,   /* char *, from malloc(); NULL and "" are two values */
	FIELD_ARRAY,  /* char[], ends with a NUL */
};

struct field {
	uint16_t number;
	enum field_type type;
	size_t size; /* of the member */
	size_t offset;
};
/** The line of a member. */
#define FIELD(number, type, object, member)                                                                  \
	{                                                                                                    \
		number, FIELD_##type, sizeof(((object *)NULL)->member), offsetof(object, member)             \
	}

/** A table and its length, as the functions below take them. */
#define FIELD_TABLE(table) table, sizeof(table) / sizeof((table)[0])

/** Bytes of a field, borrowed. */
struct field_bytes {
	const char *data;
	size_t size;
};

/** Add the fields of an object; t->full says that they did not fit. */
void field_write(struct text *t, const struct field *fields, size_t n, const void *object);
/** Add one that stands in no table, of at most 65535 bytes. */
void field_add(struct text *t, uint16_t number, const void *bytes, size_t n);
/** Begin one whose bytes are what is added to the text until field_end(). @return to be handed to that */
size_t field_begin(struct text *t, uint16_t number);
void field_end(struct text *t, size_t begun);

/**
 * Read the fields of an object, which must be zeroed.
 *
 * @return 0; -EINVAL the bytes are torn, or a value cannot be one of its field; -ENOMEM. What was read is the caller's to
 *         free in either case
 */
int field_read(void *object, const struct field *fields, size_t n, const struct field_bytes *bytes);
/** Find one that stands in no table. @return false when it is not there */
bool field_find(struct field_bytes *out, uint16_t number, const struct field_bytes *bytes);
/** The same of one that stands there more than once. @param left  the bytes; becomes those behind it */
bool field_next(struct field_bytes *out, uint16_t number, struct field_bytes *left);

#endif
