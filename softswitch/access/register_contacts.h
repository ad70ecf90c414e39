/** @file register_contacts.h  What a REGISTER asks for: its contacts, each with expiry and preference (RFC 3261 section 10.3). */
#ifndef REGISTER_CONTACTS_H
#define REGISTER_CONTACTS_H

#include "bindings.h"
#include "hop.h"

#include <sofia-sip/sip.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	REGISTER_CONTACTS_MAX = BINDINGS_CONTACTS_MAX,
	REGISTER_CONTACTS_URI_MAX = 512, /* with the NUL */
	REGISTER_CONTACTS_KEY_MAX = REGISTER_CONTACTS_URI_MAX + 16,
	REGISTER_CONTACTS_NO_EXPIRY = -1,
	REGISTER_CONTACTS_Q_MAX = 1000
};

struct register_contact {
	char uri[REGISTER_CONTACTS_URI_MAX]; /* as it came, without headers and method */
	char key[REGISTER_CONTACTS_KEY_MAX]; /* the same for contacts that lead to the same place: section 19.1.4, but parameters other than transport do not count */
	union hop_address address;           /* AF_UNSPEC = it has a name */
	int64_t expires_s;                   /* asked for, 0 = it is to go; or REGISTER_CONTACTS_NO_EXPIRY */
	unsigned q;                          /* in thousandths */
};

struct register_contacts {
	bool remove_all;                                        /* Contact: * */
	unsigned n;                                             /* 0 = it only asks */
	struct register_contact contact[REGISTER_CONTACTS_MAX]; /* each key once: the last counts */
};

/** @return 0; -EINVAL a contact cannot be used, or * does not stand alone with Expires: 0; -E2BIG too many, or one too long */
int register_contacts_read(struct register_contacts *out, const sip_t *sip);

#endif
