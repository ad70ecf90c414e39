#include "sofia_workaround.h"

#include <sofia-sip/su.h>
#include <sofia-sip/su_addrinfo.h>

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct bio_st BIO;

int SSL_shutdown(SSL *connection);

/** The library's own function of this name. ISO C converts an object pointer to a function only through a union. */
static void (*next_function(const char *name))(void)
{
	union {
		void *object;
		void (*function)(void);
	} found = {.object = dlsym(RTLD_NEXT, name)};

	return found.function;
}

/*
 * When the library itself answers a malformed request, it looks up the host of the Via, which blocks the loop for
 * seconds. So only numeric addresses are resolved; names fail at once.
 */
int su_getaddrinfo(char const *node, char const *service, su_addrinfo_t const *hints, su_addrinfo_t **res)
{
	su_addrinfo_t numeric = {0};

	if (hints)
		numeric = *hints;
	numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
	return getaddrinfo(node, service, &numeric, res);
}

enum { STREAM_READ_MAX = 8192 };

/*
 * The library reads everything that waits on a connection and counts it as one message: when a burst is larger than
 * the limit for a message, the first gets 413 and the others are lost. So it is told of small pieces.
 */
issize_t su_getmsgsize(su_socket_t s)
{
	int waiting = -1, type = 0;
	socklen_t size = sizeof(type);

	if (ioctl(s, FIONREAD, &waiting) < 0)
		return -1;
	if (waiting > STREAM_READ_MAX && getsockopt(s, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
		type == SOCK_STREAM)
		return STREAM_READ_MAX;
	return waiting;
}

/*
 * The library ends each TLS connection with SSL_shutdown(), SSL_CTX_free() and BIO_free() but never frees the SSL
 * object, about 50 KB. So it is freed here, and context and BIO each get a reference for the library to drop.
 */
int SSL_shutdown(SSL *connection)
{
	int (*shut_down)(SSL *) = (int (*)(SSL *))next_function("SSL_shutdown");
	SSL_CTX *(*context_of)(const SSL *) = (SSL_CTX * (*)(const SSL *)) next_function("SSL_get_SSL_CTX");
	int (*keep_context)(SSL_CTX *) = (int (*)(SSL_CTX *))next_function("SSL_CTX_up_ref");
	BIO *(*bio_of)(const SSL *) = (BIO * (*)(const SSL *)) next_function("SSL_get_rbio");
	int (*keep_bio)(BIO *) = (int (*)(BIO *))next_function("BIO_up_ref");
	void (*release)(SSL *) = (void (*)(SSL *))next_function("SSL_free");
	int result;

	if (!shut_down || !context_of || !keep_context || !bio_of || !keep_bio || !release)
		return -1;
	result = shut_down(connection);
	keep_context(context_of(connection));
	if (bio_of(connection))
		keep_bio(bio_of(connection));
	release(connection);
	return result;
}

int sofia_workaround_check(void)
{
	union {
		void *object;
		int (*look_up)(char const *, char const *, su_addrinfo_t const *, su_addrinfo_t **);
		int (*shut_down)(SSL *);
		issize_t (*message_size)(su_socket_t);
	} found;

	found.object = dlsym(RTLD_DEFAULT, "su_getaddrinfo");
	if (found.look_up != su_getaddrinfo)
		return -EPROTO;
	found.object = dlsym(RTLD_DEFAULT, "su_getmsgsize");
	if (found.message_size != su_getmsgsize)
		return -EPROTO;
	found.object = dlsym(RTLD_DEFAULT, "SSL_shutdown");
	return found.shut_down == SSL_shutdown ? 0 : -EPROTO;
}
