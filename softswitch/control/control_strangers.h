/** @file control_strangers.h  A stranger as the control socket describes it. */
#ifndef CONTROL_STRANGERS_H
#define CONTROL_STRANGERS_H

#include "strangers.h"

#include <jansson.h>

/** Source, reason, method, user asked for, name, count, first and last seen: a new object. */
json_t *control_stranger(const struct strangers_entry *entry, uint64_t now_ms);
/** A new object: how many messages by reason, those of entries that are gone included. */
json_t *control_strangers_counts(const struct strangers *set);

#endif
