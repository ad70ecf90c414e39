/** @file stream_io.h  Bytes over a TCP socket, in clear or through TLS. Nothing here waits. */
#ifndef STREAM_IO_H
#define STREAM_IO_H

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct stream_io {
	int fd;
	SSL *ssl;         /* NULL = in clear */
	bool wants_write; /* TLS can go on only once the socket takes bytes */
	bool broken;      /* TLS says nothing more, not even good-bye */
};

/** @return 0 when it is done, or there is no TLS; -EAGAIN; another error, of errno or tls_error.h */
int stream_io_handshake(struct stream_io *io);

/** @return bytes; 0 at the end; -EAGAIN; another -errno */
ssize_t stream_io_read(struct stream_io *io, void *data, size_t n);
/** @return bytes, fewer than n when the socket is full; -EAGAIN; another -errno */
ssize_t stream_io_write(struct stream_io *io, const void *data, size_t n);

/** Say that nothing more will be written. */
void stream_io_shut_down(struct stream_io *io);
void stream_io_close(struct stream_io *io);

#endif
