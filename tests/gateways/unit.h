/** @file unit.h  What the unit tests of gateways/ and routing/ share. */
#ifndef UNIT_H
#define UNIT_H

#include "db_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* xorshift64*: the same sequence everywhere, so a failure comes again. */
static inline uint64_t unit_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* 0 to n - 1 */
static inline unsigned unit_random_below(uint64_t *state, unsigned n)
{
	return (unsigned)((unit_random(state) >> 33) % n);
}

static inline struct db_gateway unit_gateway(const char *name)
{
	return (struct db_gateway){
		.name = name,
		.host = "127.0.0.1",
		.transport = "udp",
		.enabled = true,
		.auth_user = "",
		.auth_password = "",
		.registration = "",
		.endpoint = "",
	};
}

static inline struct db_mapping_gateway unit_mapping(const char *name, const char *host)
{
	return (struct db_mapping_gateway){.name = name, .host = host, .enabled = true};
}

static inline struct db_endpoint unit_endpoint(const char *name, const char *number)
{
	return (struct db_endpoint){
		.name = name,
		.number = number,
		.password = "secret",
		.contacts = 1,
		.enabled = true,
		.auth_calls = true,
		.callers = "",
	};
}

static inline struct db_registration unit_registration(const char *name)
{
	return (struct db_registration){
		.name = name,
		.host = "registrar.example",
		.transport = "udp",
		.proxy = "",
		.user = "4930",
		.auth_user = "4930",
		.password = "secret",
		.realm = "",
		.contact_host = "",
		.enabled = true,
		.line = "0011223344556677",
	};
}

#endif
