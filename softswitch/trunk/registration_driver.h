/** @file registration_driver.h  Sends the REGISTERs of one registration; private to registration_driver*.c. */
#ifndef REGISTRATION_DRIVER_H
#define REGISTRATION_DRIVER_H

#include "gateways.h"
#include "keep_alive.h"
#include "keyed_table.h"
#include "registrar_addresses.h"
#include "registrations.h"
#include "request_retry.h"
#include "stack.h"
#include "token.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <sys/queue.h>

/** All its requests share Call-ID and From tag, and each has the next CSeq (RFC 3261 section 10.2). */
struct registration_driver {
	LIST_ENTRY(registration_driver) link;
	struct stack *stack;
	struct registration *registration;
	char call_id[2 * TOKEN_SIZE], tag[TOKEN_SIZE];
	uint32_t cseq;
	struct event timer;
	struct keep_alive keep_alive;     /* while registered */
	enum registration_state reported; /* the state that was logged last */

	/* The request under way. */
	struct resolver_query *query;
	struct client_transaction *client;
	struct hop hop;
	const struct tls_identity *identity; /* whom it goes to */
	bool remove;
	bool sent; /* REGISTER, and nothing has undone it since */
	struct request_retry retry;
	unsigned next_address;
	bool forced;          /* all servers are set aside, and asked all the same */
	struct event silence; /* of a server while others are left */

	struct resolver_answer addresses;     /* of the registrar or its proxy, as resolved last */
	struct registrar_addresses registrar; /* if there is a proxy */
	struct set_aside *set_aside;          /* those that gave a Retry-After; NULL: none ever did */
	struct gateway **gateways;            /* that belong to it */
	size_t n_gateways;
	UT_hash_handle by_token, by_user;
	struct registration_driver *same_user; /* the next driver with the same user */
};

LIST_HEAD(registration_driver_list, registration_driver);

/** Create the driver of a registration, in the list until it is destroyed. @return 0 or -ENOMEM */
int registration_driver_create(
	struct registration_driver_list *list, struct stack *stack, struct registration *r);
/** Destroy it; a request under way is abandoned, and logged if it leaves us unsure of the binding. */
void registration_driver_destroy(struct registration_driver *d);

/**
 * Do what registration_next() asks for, report the state to gateways and log, and start the timer for what is due next.
 * The driver of a removed registration destroys itself here once it is unregistered.
 */
void registration_driver_drive(struct registration_driver *d);

/** Its registration goes on with a binding of the process before: call_id, tag, cseq and hop are those of its REGISTERs. */
void registration_driver_resume(struct registration_driver *d);

/** Report the state to this gateway, too. Out of memory it is left out, and stays unusable. */
void registration_driver_link_gateway(struct registration_driver *d, struct gateway *gw);
void registration_driver_unlink_gateways(struct registration_driver *d);

#endif
