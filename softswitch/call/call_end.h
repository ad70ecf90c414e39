/** @file call_end.h  Every way a call ends, before the answer and after it. */
#ifndef CALL_END_H
#define CALL_END_H

#include "call_state.h"

/** How a call ends. */
struct call_end {
	int code;
	const char *words;
	enum cdr_direction direction;
	const struct dialog *gone; /* the leg that has ended and gets no BYE; NULL = none */
	const sip_t *bye;          /* its BYE: what it carries goes to the other leg; NULL = none */
};

/** The one door out: releases, stops, records, and ends the legs of an answered call. */
void call_end(struct call *call, const struct call_end *e);

/** The failure that is about to be sent to the caller's INVITE outlives the process until its ACK. */
void call_end_await_ack(struct call *call, int code);
/** Final failure to the caller's INVITE; call_end() follows. @param headers  whole lines, or NULL */
void call_end_refuse(struct call *call, int code, const char *headers);
/** Refuse it with the code of a cause, and end the call. */
void call_end_refused(struct call *call, enum cause cause, const char *words, enum cdr_direction direction);
/** The caller gives up before the answer. @param request  its CANCEL or BYE, whose Reason goes on to the gateway */
void call_end_cancelled(struct call *call, const sip_t *request);
/** The operator, a timer or the switch itself ends it: both sides are told. One that has ended stays as it is. */
void call_end_hangup(struct call *call, enum cause cause);

/** End the call after so long, unless it is set again; 0 = never. */
void call_end_after(struct call *call, uint32_t ms);
/** Prepare call_end_after() for a new call. */
void call_end_init(struct call *call);

/** Free what is needed only until a gateway has answered. */
void call_end_setup(struct call *call);
/** The side of this leg, for the record. */
enum cdr_direction call_end_direction(const struct call *call, const struct dialog *d);

#endif
