#include "stream_io.h"

#include <openssl/err.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

SSL_CTX *stream_io_context(const char *dir)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	char file[PATH_MAX];

	if (!context)
		return NULL;
	snprintf(file, sizeof(file), "%s/agent.pem", dir);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_use_certificate_chain_file(context, file) == 1 &&
		SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) == 1 &&
		SSL_CTX_check_private_key(context) == 1)
		return context;
	SSL_CTX_free(context);
	ERR_clear_error();
	return NULL;
}

int stream_io_start_tls(struct stream_io *io, SSL_CTX *context, bool server)
{
	io->ssl = SSL_new(context);
	if (!io->ssl || SSL_set_fd(io->ssl, io->fd) != 1)
		return -ENOMEM;
	if (server)
		SSL_set_accept_state(io->ssl);
	else
		SSL_set_connect_state(io->ssl);
	return 0;
}

/** What a call of OpenSSL that did not succeed means. @return 0 at the end; -errno */
static int tls_error(struct stream_io *io, int result)
{
	int saved = errno;

	switch (SSL_get_error(io->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		io->wants_write = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		io->broken = true;
		return saved ? -saved : -ECONNRESET;
	default:
		io->broken = true;
		return -EPROTO;
	}
}

static void begin(struct stream_io *io)
{
	io->wants_write = false;
	errno = 0;
	ERR_clear_error(); /* SSL_get_error() looks at the thread's whole queue */
}

int stream_io_handshake(struct stream_io *io)
{
	int result;

	if (!io->ssl)
		return 0;
	begin(io);
	result = SSL_do_handshake(io->ssl);
	if (result == 1)
		return 0;
	result = tls_error(io, result);
	return result ? result : -EPROTO;
}

ssize_t stream_io_read(struct stream_io *io, void *data, size_t n)
{
	ssize_t got;

	if (io->ssl) {
		begin(io);
		got = SSL_read(io->ssl, data, n > INT_MAX ? INT_MAX : (int)n);
		return got > 0 ? got : tls_error(io, (int)got);
	}
	got = recv(io->fd, data, n, 0);
	return got < 0 ? -errno : got;
}

ssize_t stream_io_write(struct stream_io *io, const void *data, size_t n)
{
	ssize_t put;

	if (io->ssl) {
		begin(io);
		put = SSL_write(io->ssl, data, n > INT_MAX ? INT_MAX : (int)n);
		if (put > 0)
			return put;
		put = tls_error(io, (int)put);
		return put ? put : -EPIPE;
	}
	put = send(io->fd, data, n, MSG_NOSIGNAL);
	return put < 0 ? -errno : put;
}

void stream_io_shut_down(struct stream_io *io)
{
	if (io->ssl && !io->broken && SSL_is_init_finished(io->ssl)) {
		ERR_clear_error();
		SSL_shutdown(io->ssl);
	}
	shutdown(io->fd, SHUT_WR);
}

void stream_io_close(struct stream_io *io)
{
	if (io->fd < 0)
		return;
	if (io->ssl)
		stream_io_shut_down(io);
	SSL_free(io->ssl);
	ERR_clear_error();
	close(io->fd);
	io->ssl = NULL;
	io->fd = -1;
}
