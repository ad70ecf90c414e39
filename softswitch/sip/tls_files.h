/** @file tls_files.h  Our certificates and the authorities we trust, read from files as they are now. */
#ifndef TLS_FILES_H
#define TLS_FILES_H

#include <openssl/ssl.h>

struct tls_files;

/**
 * @param folder   of agent.pem, cafile.pem and other certificates of ours
 * @param prepare  sets up a context before the files are read into it
 * @return 0; -ENOMEM
 */
int tls_files_create(struct tls_files **out, const char *folder, void (*prepare)(SSL_CTX *ctx));
void tls_files_destroy(struct tls_files *files);

enum { TLS_FILES_WHY_MAX = 400 };
/**
 * The context with certificate and key of this file, and the authorities of cafile.pem, or without that file those of
 * the system. What has changed is read again; if it cannot be used, what was read before stays.
 *
 * @param why  receives one line if a file that is new or has changed cannot be used, else ""
 * @return NULL when nothing was ever read
 */
SSL_CTX *tls_files_context(struct tls_files *files, const char *file, char why[TLS_FILES_WHY_MAX]);

#endif
