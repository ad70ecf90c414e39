#include "stream_io.h"

#include "tls.h"

#include <openssl/err.h>

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

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
		return tls_failure(io->ssl);
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
