#include "db_table.h"

#include <stdlib.h>
#include <string.h>

/** A text that is not set counts as "". */
static const char *text(const void *value)
{
	const char *t = *(const char *const *)value;

	return t ? t : "";
}

static const char *text_at(const struct db_table_column *column, const void *row)
{
	return text((const char *)row + column->offset);
}

const char *db_table_row_name(const struct db_table *t, const void *row)
{
	return text_at(&t->columns[0], row);
}

int64_t db_table_row_id(const struct db_table *t, const void *row)
{
	const struct db_table_column *second = &t->columns[1];

	return second->type == DB_TABLE_ID ? *(const int64_t *)((const char *)row + second->offset) : 0;
}

static bool codes_equal(const struct parameter_codes *a, const struct parameter_codes *b)
{
	return a->n == b->n && memcmp(a->code, b->code, a->n * sizeof(a->code[0])) == 0;
}

static bool resend_equal(const struct db_override_resend *a, const struct db_override_resend *b)
{
	return a->set == b->set &&
		(!a->set ||
			(a->value.automatic == b->value.automatic && a->value.n == b->value.n &&
				memcmp(a->value.wait_ms, b->value.wait_ms,
					a->value.n * sizeof(a->value.wait_ms[0])) == 0));
}

static bool override_codes_equal(const struct db_override_codes *a, const struct db_override_codes *b)
{
	return a->set == b->set && (!a->set || codes_equal(&a->value, &b->value));
}

static bool breaker_on_equal(const struct db_override_breaker_on *a, const struct db_override_breaker_on *b)
{
	return a->set == b->set &&
		(!a->set ||
			(a->value.timeout == b->value.timeout && a->value.transport == b->value.transport &&
				codes_equal(&a->value.codes, &b->value.codes)));
}

static bool rel100_equal(const struct db_override_100rel *a, const struct db_override_100rel *b)
{
	return a->set == b->set && (!a->set || a->value == b->value);
}

static bool expiry_equal(const struct db_override_expiry *a, const struct db_override_expiry *b)
{
	return a->set == b->set && (!a->set || a->value_s == b->value_s);
}

static bool values_equal(enum db_table_type type, const void *a, const void *b)
{
	switch (type) {
	case DB_TABLE_TEXT:
		return strcmp(text(a), text(b)) == 0;
	case DB_TABLE_ID:
		return *(const int64_t *)a == *(const int64_t *)b;
	case DB_TABLE_FLAG:
	case DB_TABLE_SWITCH:
		return *(const bool *)a == *(const bool *)b;
	case DB_TABLE_PORT:
		return *(const uint16_t *)a == *(const uint16_t *)b;
	case DB_TABLE_NUMBER:
	case DB_TABLE_SECONDS:
		return *(const uint32_t *)a == *(const uint32_t *)b;
	case DB_TABLE_OVERRIDE:
		return *(const enum db_override *)a == *(const enum db_override *)b;
	case DB_TABLE_RESEND:
		return resend_equal(a, b);
	case DB_TABLE_STOP_CODES:
	case DB_TABLE_ALIVE_CODES:
		return override_codes_equal(a, b);
	case DB_TABLE_BREAKER_ON:
		return breaker_on_equal(a, b);
	case DB_TABLE_100REL:
		return rel100_equal(a, b);
	case DB_TABLE_INBOUND_FROM:
		return *(const enum db_table_inbound_from *)a == *(const enum db_table_inbound_from *)b;
	case DB_TABLE_EXPIRY:
		return expiry_equal(a, b);
	}
	return false; /* not reached: every type is above */
}

bool db_table_rows_equal(const struct db_table *t, const void *a, const void *b)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct db_table_column *column = &t->columns[i];

		if (!values_equal(
			    column->type, (const char *)a + column->offset, (const char *)b + column->offset))
			return false;
	}
	return true;
}

static size_t texts_size(const struct db_table *t, const void *row)
{
	size_t size = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].type == DB_TABLE_TEXT)
			size += strlen(text_at(&t->columns[i], row)) + 1;
	return size;
}

void *db_table_copy_row(const struct db_table *t, const void *row)
{
	char *copy = malloc(t->row_size + texts_size(t, row));
	char *end;

	if (!copy)
		return NULL;
	memcpy(copy, row, t->row_size);
	end = copy + t->row_size;
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct db_table_column *column = &t->columns[i];
		size_t size;

		if (column->type != DB_TABLE_TEXT)
			continue;
		size = strlen(text_at(column, row)) + 1;
		*(const char **)(copy + column->offset) = memcpy(end, text_at(column, row), size);
		end += size;
	}
	return copy;
}
