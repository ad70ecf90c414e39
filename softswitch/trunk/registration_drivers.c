#include "registration_drivers.h"

#include "address.h"
#include "clock.h"
#include "log.h"
#include "register_request.h"
#include "registration_driver.h"
#include "registration_saved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SAVED_MAX = 64 << 20 };

struct registration_drivers {
	struct stack *stack;
	struct registrations *registrations;
	struct gateways *all_gateways;
	struct registration_driver_list drivers;
	struct registration_driver *by_token, *by_user;
	struct text saved; /* the bindings of the process before, each behind its length; until they go on */
};

/* The set ----------------------------------------------------------------------------------- */

int registration_drivers_create(struct registration_drivers **out, struct stack *stack,
	struct registrations *registrations, struct gateways *gateways)
{
	struct registration_drivers *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->stack = stack;
	set->registrations = registrations;
	set->all_gateways = gateways;
	LIST_INIT(&set->drivers);
	*out = set;
	return 0;
}

static bool is_registered(const struct registration_driver *d)
{
	return registration_is_registered(d->registration, clock_now_ms());
}

static void clear_indexes(struct registration_drivers *set)
{
	HASH_CLEAR(by_token, set->by_token);
	HASH_CLEAR(by_user, set->by_user);
}

void registration_drivers_destroy(struct registration_drivers *set)
{
	struct registration_driver *d, *next;

	if (!set)
		return;
	clear_indexes(set);
	free(set->saved.data);
	for (d = LIST_FIRST(&set->drivers); d; d = next) {
		next = LIST_NEXT(d, link);
		registration_driver_destroy(d);
	}
	free(set);
}

static void add_to_indexes(struct registration_drivers *set, struct registration_driver *d)
{
	const struct db_registration *row = registration_row(d->registration);
	struct registration_driver *first;

	HASH_ADD_KEYPTR(by_token, set->by_token, row->line, strlen(row->line), d);
	HASH_FIND(by_user, set->by_user, row->user, strlen(row->user), first);
	if (first) {
		d->same_user = first->same_user;
		first->same_user = d;
	} else {
		d->same_user = NULL;
		HASH_ADD_KEYPTR(by_user, set->by_user, row->user, strlen(row->user), d);
	}
}

static void link_gateways(struct registration_drivers *set)
{
	for (size_t i = 0; i < gateways_count(set->all_gateways); i++) {
		struct gateway *gw = gateways_at(set->all_gateways, i);
		const char *name = gateway_row(gw)->registration;
		struct registration *r = name[0] ? registrations_find(set->registrations, name) : NULL;

		if (r && registration_driver(r))
			registration_driver_link_gateway(registration_driver(r), gw);
	}
}

static void drive_all(struct registration_drivers *set)
{
	struct registration_driver *d, *next;

	for (d = LIST_FIRST(&set->drivers); d; d = next) {
		next = LIST_NEXT(d, link);
		registration_driver_drive(d);
	}
}

/* A restart --------------------------------------------------------------------------------- */

static int save(const struct registration_driver *d, int fd)
{
	struct text t = text_scratch();
	struct iovec parts[2] = {{&(uint32_t){0}, sizeof(uint32_t)}};
	uint32_t n;

	registration_saved_write(d, &t);
	if (t.full)
		return 0; /* it registers again */
	n = (uint32_t)t.len;
	parts[0].iov_base = &n;
	parts[1] = (struct iovec){t.data, t.len};
	return writev(fd, parts, 2) == (ssize_t)(sizeof(n) + t.len) ? 0 : -ENOSPC;
}

int registration_drivers_save(const struct registration_drivers *set)
{
	const struct registration_driver *d;
	int fd = memfd_create("registrations", MFD_CLOEXEC), err = fd < 0 ? -errno : 0;

	LIST_FOREACH (d, &set->drivers, link)
		if (!err && is_registered(d))
			err = save(d, fd);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

void registration_drivers_restore(struct registration_drivers *set, int fd_take)
{
	struct stat st;

	if (fd_take < 0)
		return;
	if (fstat(fd_take, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < SAVED_MAX)
		set->saved.data = malloc((size_t)st.st_size);
	if (set->saved.data && pread(fd_take, set->saved.data, (size_t)st.st_size, 0) == st.st_size)
		set->saved.len = (size_t)st.st_size;
	close(fd_take);
}

static void resume(struct registration_drivers *set, const struct field_bytes *bytes)
{
	char *name = registration_saved_name(bytes);
	struct registration *r = name ? registrations_find(set->registrations, name) : NULL;
	int err = r && registration_driver(r) ? registration_saved_read(registration_driver(r), bytes) : 0;

	if (err)
		log_warning(NULL, "registration does not go on, registering again name=%s error=%s", name,
			strerror(-err));
	free(name);
}

static void resume_all(struct registration_drivers *set)
{
	const struct text *saved = &set->saved;
	uint32_t n;

	for (size_t at = 0; saved->len - at > sizeof(n); at += n) {
		memcpy(&n, saved->data + at, sizeof(n));
		at += sizeof(n);
		if (n > saved->len - at)
			break;
		resume(set, &(struct field_bytes){saved->data + at, n});
	}
	free(set->saved.data);
	set->saved = (struct text){0};
}

/* Life -------------------------------------------------------------------------------------- */

void registration_drivers_apply(struct registration_drivers *set)
{
	struct registration_driver *d;

	clear_indexes(set);
	LIST_FOREACH (d, &set->drivers, link)
		registration_driver_unlink_gateways(d);
	for (size_t i = 0; i < registrations_count(set->registrations); i++) {
		struct registration *r = registrations_at(set->registrations, i);

		if (!registration_driver(r) && registration_driver_create(&set->drivers, set->stack, r))
			log_error(NULL, "cannot register name=%s error=%s", registration_name(r),
				strerror(ENOMEM));
		else
			add_to_indexes(set, registration_driver(r));
	}
	link_gateways(set);
	resume_all(set);
	drive_all(set);
}

void registration_drivers_drive(struct registration *r)
{
	if (registration_driver(r))
		registration_driver_drive(registration_driver(r));
}

void registration_drivers_stop(struct registration_drivers *set)
{
	if (registrations_stop(set->registrations))
		log_error(NULL, "cannot unregister error=%s", strerror(ENOMEM));
	registration_drivers_apply(set);
}

bool registration_drivers_is_over(const struct registration_drivers *set)
{
	return LIST_EMPTY(&set->drivers);
}

/* Whose call is it? ------------------------------------------------------------------------- */

const struct registration *registration_drivers_by_token(
	const struct registration_drivers *set, const struct received *rx)
{
	struct registration_driver *d = NULL;
	char token[REGISTER_TOKEN_MAX];

	if (register_request_token(rx->sip->sip_request->rq_url, token))
		HASH_FIND(by_token, set->by_token, token, strlen(token), d);
	return d && is_registered(d) ? d->registration : NULL;
}

static bool has_host(const struct resolver_answer *addresses, const struct sockaddr *source)
{
	for (unsigned i = 0; i < addresses->n; i++)
		if (address_same_host(&addresses->address[i].addr.any, source))
			return true;
	return false;
}

static bool comes_from(const struct registration_driver *d, const struct sockaddr *source)
{
	return has_host(&d->addresses, source) || has_host(&d->registrar.found, source);
}

bool registration_drivers_is_from(const struct registration *r, const struct sockaddr *source)
{
	const struct registration_driver *d = registration_driver(r);

	return d && comes_from(d, source);
}

const struct registration *registration_drivers_by_source(
	const struct registration_drivers *set, const struct received *rx)
{
	const char *user = rx->sip->sip_request->rq_url->url_user;
	struct registration_driver *d = NULL, *found = NULL;

	if (user)
		HASH_FIND(by_user, set->by_user, user, strlen(user), d);
	for (; d; d = d->same_user) {
		if (!is_registered(d) || !comes_from(d, rx->source))
			continue;
		if (found)
			return NULL;
		found = d;
	}
	return found ? found->registration : NULL;
}

bool registration_drivers_knows(const struct registration_drivers *set, const struct sockaddr *source)
{
	const struct registration_driver *d;

	LIST_FOREACH (d, &set->drivers, link)
		if (comes_from(d, source))
			return true;
	return false;
}

bool registration_drivers_is_of(
	const struct registration_drivers *set, const struct hop_peer *peer, const struct sockaddr *source)
{
	const struct registration_driver *d;

	LIST_FOREACH (d, &set->drivers, link)
		if (hop_peer_is(peer, registration_row(d->registration)->id,
			    registration_name(d->registration)) &&
			comes_from(d, source))
			return true;
	return false;
}
