/** @file stack.h  What everything that sends requests needs: loop, transport, transactions, dialogs, resolver. */
#ifndef STACK_H
#define STACK_H

#include "client_transaction.h"
#include "dialog.h"
#include "parameters.h"
#include "resolver.h"
#include "server_transaction.h"
#include "transport.h"

struct stack {
	struct loop *loop;
	struct transport *transport;
	struct client_transactions *client_transactions;
	struct server_transactions *server_transactions;
	struct dialogs *dialogs;
	struct resolver *resolver;
	struct parameters parameters; /* in force; replaced at reload */
};

#endif
