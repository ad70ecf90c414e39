/** @file stack.h  The layers below a call, handed around together. */
#ifndef STACK_H
#define STACK_H

#include "client.h"
#include "db_parameter.h"
#include "dialog.h"
#include "resolver.h"
#include "server.h"
#include "sip.h"

struct stack {
	struct loop *loop;
	struct sip *sip;
	struct clients *clients;
	struct servers *servers;
	struct dialogs *dialogs;
	struct resolver *resolver;
	struct parameters parameters; /* in force; replaced at reload */
};

#endif
