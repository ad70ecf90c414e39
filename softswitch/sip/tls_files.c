#include "tls_files.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/** What a file looked like when it was read. */
struct stamp {
	struct timespec changed; /* contents, owner or mode */
	off_t size;              /* -1 = it was not there */
	ino_t inode;
};

struct context {
	SSL_CTX *ctx; /* NULL = could not be read yet */
	struct stamp certificate, authorities;
	struct context *next;
	char file[];
};

struct tls_files {
	void (*prepare)(SSL_CTX *ctx);
	struct context *contexts;
	char folder[];
};

int tls_files_create(struct tls_files **out, const char *folder, void (*prepare)(SSL_CTX *ctx))
{
	size_t n = strlen(folder) + 1;
	struct tls_files *files = calloc(1, sizeof(*files) + n);

	if (!files)
		return -ENOMEM;
	files->prepare = prepare;
	memcpy(files->folder, folder, n);
	*out = files;
	return 0;
}

void tls_files_destroy(struct tls_files *files)
{
	struct context *next;

	for (struct context *c = files ? files->contexts : NULL; c; c = next) {
		next = c->next;
		SSL_CTX_free(c->ctx);
		free(c);
	}
	free(files);
}

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return (struct stamp){.size = -1};
	return (struct stamp){st.st_ctim, st.st_size, st.st_ino};
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
		a->size == b->size && a->inode == b->inode;
}

static bool read_certificate(SSL_CTX *ctx, const char *path)
{
	return SSL_CTX_use_certificate_chain_file(ctx, path) == 1 &&
		SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1 &&
		SSL_CTX_check_private_key(ctx) == 1;
}

/** @param path  NULL = the system's. Clients are told the names of ours, so that they choose a certificate that will do */
static bool read_authorities(SSL_CTX *ctx, const char *path)
{
	if (!path)
		return SSL_CTX_set_default_verify_paths(ctx) == 1;
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(path));
	return SSL_CTX_load_verify_file(ctx, path) == 1;
}

/** Read both files anew. @param why  receives one line when they cannot be used */
static void refresh(struct context *c, void (*prepare)(SSL_CTX *ctx), const char *certificate,
	const char *authorities, char why[TLS_FILES_WHY_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	const char *at = c->file, *reason;
	unsigned long error;

	if (ctx) {
		ERR_clear_error();
		prepare(ctx);
		if (read_certificate(ctx, certificate)) {
			at = authorities ? "cafile.pem" : "the authorities of the system";
			if (read_authorities(ctx, authorities)) {
				SSL_CTX_free(c->ctx); /* open connections keep a reference */
				c->ctx = ctx;
				ERR_clear_error();
				return;
			}
		}
	}
	error = ERR_peek_error();
	reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);
	snprintf(why, TLS_FILES_WHY_MAX, "%s: %s", at, reason ? reason : "out of memory");
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

static struct context *find(struct tls_files *files, const char *file)
{
	struct context *c = files->contexts;
	size_t n = strlen(file) + 1;

	while (c && strcmp(c->file, file) != 0)
		c = c->next;
	if (c)
		return c;
	c = calloc(1, sizeof(*c) + n);
	if (!c)
		return NULL;
	memcpy(c->file, file, n);
	c->certificate.size = -2; /* like nothing that can be found */
	c->next = files->contexts;
	files->contexts = c;
	return c;
}

SSL_CTX *tls_files_context(struct tls_files *files, const char *file, char why[TLS_FILES_WHY_MAX])
{
	char certificate[PATH_MAX], authorities[PATH_MAX];
	struct context *c = find(files, file);
	struct stamp own, trusted;

	why[0] = '\0';
	if (!c)
		return NULL;
	snprintf(certificate, sizeof(certificate), "%s/%s", files->folder, file);
	snprintf(authorities, sizeof(authorities), "%s/cafile.pem", files->folder);
	own = stamp_of(certificate);
	trusted = stamp_of(authorities);
	if (is_same(&own, &c->certificate) && is_same(&trusted, &c->authorities))
		return c->ctx;
	c->certificate = own;
	c->authorities = trusted;
	refresh(c, files->prepare, certificate, trusted.size == -1 ? NULL : authorities, why);
	return c->ctx;
}
