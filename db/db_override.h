/** @file db_override.h  Values that a row may leave to the parameter of the same meaning: NULL in the table. */
#ifndef DB_OVERRIDE_H
#define DB_OVERRIDE_H

#include "parameters.h"

#include <stdbool.h>

/** An On/Off. */
enum db_override { DB_OVERRIDE_NONE, DB_OVERRIDE_OFF, DB_OVERRIDE_ON };

struct db_override_resend {
	bool set;
	struct resend_schedule value; /* when set */
};

struct db_override_codes {
	bool set;
	struct parameter_codes value;
};

struct db_override_breaker_on {
	bool set;
	struct parameter_breaker_on value;
};

struct db_override_100rel {
	bool set;
	enum parameter_100rel value;
};

struct db_override_expiry {
	bool set;
	uint32_t value_s; /* 0 = Auto */
};

/** What is in force: the row's own value, else the parameter's. */
static inline bool db_override_flag(enum db_override own, bool parameter)
{
	return own == DB_OVERRIDE_NONE ? parameter : own == DB_OVERRIDE_ON;
}

/** The same for a time in ms, where 0 leaves it to the parameter. */
static inline uint32_t db_override_ms(uint32_t own_ms, uint32_t parameter_ms)
{
	return own_ms ? own_ms : parameter_ms;
}

#endif
