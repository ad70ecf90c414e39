/** @file call_saved.h  A call as bytes that outlive the process, and the call made of them.
 *
 * They lie in the journal beside the record of the call, which has its numbers, names and attempts: cdr_log_keep().
 */
#ifndef CALL_SAVED_H
#define CALL_SAVED_H

#include "call_state.h"
#include "field.h"
#include "received.h"

/** Of what is written. */
int call_saved_version(void);
/** Write what the call needs to go on; t->full says that it did not fit. @param answer  the 2xx that the caller is about to get; NULL = it has been sent */
void call_saved_write(const struct call *call, const struct text *answer, struct text *t);
/** The same of one that is being set up. */
void call_saved_write_setup(const struct call *call, struct text *t);
/** What its refusal alone needs. */
void call_saved_write_refusal(const struct call *call, struct text *t);
/** The leg of an INVITE that was given up, to be added to what was written of its call: call_saved_read_setup() reads it, too. */
void call_saved_write_late(const struct dialog *leg, struct text *t);
/** Is there nothing but what the refusal needs? So the version before wrote all that were being set up. */
bool call_saved_is_refusal(const struct field_bytes *bytes);
/** The caller's INVITE, for server_transactions_finish(). @return false when it had its answer long ago */
bool call_saved_invite(struct field_bytes *out, const struct field_bytes *bytes);
/** The same for a re-INVITE of an answered call that was not over. @return false when there was none */
bool call_saved_reinvite(struct field_bytes *out, enum bridge_side from, const struct field_bytes *bytes);

/**
 * Fill a call, made by call_prepare(), with what was written and its legs, which enter the set of dialogs.
 *
 * @return 0; -ENOTSUP a later version wrote it; -EADDRNOTAVAIL a leg has another listener now, so that requests of its peer
 *         do not arrive; else as dialog_state_read(). The legs that could be read are there in either case
 */
int call_saved_read(struct call *call, const struct cdr *record, const struct field_bytes *bytes);

/** What else was written of a call that is being set up. Zeroed = nothing. */
struct call_saved_setup {
	struct received_kept request;     /* the caller's INVITE */
	struct invite *invite;            /* ours that was under way; NULL = none */
	struct field_bytes attempt, plan; /* attempt_save(); the candidates that are left */
	struct field_bytes caller;        /* for call_saved_read_caller() */
	struct field_bytes provisional;   /* a response to the caller that awaits its PRACK; empty = none */
};
/**
 * Fill such a call, made by call_prepare(). It has no leg of the caller and no transaction yet; that of the gateway, if that
 * has answered.
 *
 * @param saved  zeroed; call_saved_clear() it in any case
 * @return as call_saved_read(); what could be read is there in either case
 */
int call_saved_read_setup(struct call *call, const struct cdr *record, const struct field_bytes *bytes,
	struct call_saved_setup *saved);
void call_saved_clear(struct call_saved_setup *saved);
/** The caller's leg has changed since its INVITE: so it goes on in place of the one made of that. @return as dialog_state_read() */
int call_saved_read_caller(struct call *call, const struct call_saved_setup *saved);
/** The id of the row of a candidate that is left. @return 0 when there are no more */
int64_t call_saved_candidate(const struct call_saved_setup *saved, unsigned i);

#endif
