/** @file registration_driver.h  One registration and its requests; for registration_drivers.c and nobody else. */
#ifndef REGISTRATION_DRIVER_H
#define REGISTRATION_DRIVER_H

#include "gateways.h"
#include "registrations.h"
#include "request_retry.h"
#include "stack.h"
#include "token.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <uthash.h>

#include <sys/queue.h>

/** All its requests have one Call-ID and From tag, and their CSeq numbers go up by one. */
struct registration_driver {
	LIST_ENTRY(registration_driver) link;
	struct stack *stack;
	struct registration *registration;
	char call_id[2 * TOKEN_SIZE], tag[TOKEN_SIZE];
	uint32_t cseq;
	struct event timer;
	enum registration_state reported; /* the state that was logged last */

	/* The request under way. */
	struct resolver_query *query;
	struct client_transaction *client;
	struct hop hop;
	bool remove;
	bool inherited; /* removed, but another one has its binding now: a row was renamed */
	struct request_retry retry;
	unsigned next_address;

	struct resolver_answer addresses; /* of the registrar or proxy, as last resolved */
	struct gateway **gateways;        /* that name it */
	size_t n_gateways;
	UT_hash_handle by_token, by_user;
	struct registration_driver *same_user; /* the next one with the same user */
};

LIST_HEAD(registration_driver_list, registration_driver);

/** The driver of this registration, in the list until it is destroyed. @return 0 or -ENOMEM */
int registration_driver_create(
	struct registration_driver_list *list, struct stack *stack, struct registration *r);
/** What is under way is forgotten. */
void registration_driver_destroy(struct registration_driver *d);

/**
 * Do what is to be done now, tell the gateways, and come again when it is due. A removed registration's account is
 * destroyed once nothing is left to do.
 */
void registration_driver_drive(struct registration_driver *d);

/** This gateway names the registration. Without memory it stays unusable, as nobody tells it otherwise. */
void registration_driver_link_gateway(struct registration_driver *d, struct gateway *gw);
void registration_driver_unlink_gateways(struct registration_driver *d);

#endif
