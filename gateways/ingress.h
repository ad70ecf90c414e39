/** @file ingress.h  Where calls come from, whatever it is: what a call needs of it. */
#ifndef INGRESS_H
#define INGRESS_H

#include "call_limits.h"
#include "db_override.h"

#include <stdbool.h>
#include <stdint.h>

struct response_time;

/** Rows of which table it is one; names may coincide between them. */
enum ingress_kind { INGRESS_MAPPING_GATEWAY, INGRESS_ENDPOINT };

struct ingress; /* owned by the set of its kind, kept alive by ingress_ref() and by seized channels */

struct ingress *ingress_ref(struct ingress *in);
/** NULL is fine. */
void ingress_unref(struct ingress *in);

enum ingress_kind ingress_kind(const struct ingress *in);
/** Name and id of its row as last loaded; the name is valid until the next load. */
const char *ingress_name(const struct ingress *in);
int64_t ingress_id(const struct ingress *in);

/** @return 0; -EBUSY all channels are in use; -EAGAIN the calls per second are used up */
int ingress_seize(struct ingress *in, struct call_limits_channel *ch, uint64_t now_ms);
/** Seize a channel for a call that goes on from before the start. */
void ingress_resume(struct ingress *in, struct call_limits_channel *ch);
/** "full 30/30" or "cps 10/10" for the error of ingress_seize(). */
void ingress_explain(const struct ingress *in, int error, char *out, size_t size);
const struct call_limits *ingress_limits(const struct ingress *in);

/** How fast it answers; NULL without memory. */
struct response_time *ingress_response_time(struct ingress *in);
/** Names of more headers that cross in its calls, separated by commas; "" = none. Valid until the next load. */
const char *ingress_pass_headers(const struct ingress *in);
/** Do messages inside a dialog count only from its own addresses? */
bool ingress_strict_source(const struct ingress *in);

/** What is in force for the leg of a caller: its row laid over the parameters. */
struct ingress_policy {
	bool session_timer;
	enum parameter_100rel sip_100rel;
	uint32_t max_call_duration_ms; /* 0 = no limit */
};
/** @param in  NULL: the parameters alone */
void ingress_policy(const struct ingress *in, const struct parameters *p, struct ingress_policy *out);

#endif
