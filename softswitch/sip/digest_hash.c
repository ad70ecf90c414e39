#include "digest_hash.h"

#include <openssl/evp.h>

#include <string.h>

static const char *const names[] = {[DIGEST_HASH_MD5] = "MD5", [DIGEST_HASH_SHA256] = "SHA-256"};

const char *digest_hash_name(enum digest_hash_algorithm algorithm)
{
	return names[algorithm];
}

bool digest_hash_named(const struct digest_parameter *name, enum digest_hash_algorithm *out)
{
	for (*out = DIGEST_HASH_MD5; *out < DIGEST_HASH_ALGORITHMS; (*out)++)
		if (digest_parameter_is(name, names[*out]))
			return true;
	return false;
}

/** Found once: libcrypto looks for it in its providers. */
static const EVP_MD *find(enum digest_hash_algorithm algorithm)
{
	static EVP_MD *found[DIGEST_HASH_ALGORITHMS];

	if (!found[algorithm])
		found[algorithm] = EVP_MD_fetch(NULL, names[algorithm], NULL);
	return found[algorithm];
}

/** Hash of the parts, with colons between them, in hexadecimal. @return false when libcrypto refuses */
static bool hash(enum digest_hash_algorithm algorithm, char out[DIGEST_HASH_MAX], size_t count,
	const struct digest_parameter *parts)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	static EVP_MD_CTX *context; /* used again and again: only the loop computes digests */
	const EVP_MD *md = find(algorithm);
	bool ok;

	if (!context)
		context = EVP_MD_CTX_new();
	ok = md && context && EVP_DigestInit_ex(context, md, NULL);

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(context, ":", i > 0) &&
			EVP_DigestUpdate(context, parts[i].data, parts[i].n);
	ok = ok && EVP_DigestFinal_ex(context, bytes, &n) && 2 * n < DIGEST_HASH_MAX;
	for (unsigned i = 0; ok && i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[ok ? 2 * n : 0] = '\0';
	return ok;
}

bool digest_hash_account(enum digest_hash_algorithm algorithm, char out[DIGEST_HASH_MAX], const char *user,
	const struct digest_parameter *realm, const char *password)
{
	return hash(algorithm, out, 3,
		(struct digest_parameter[]){
			digest_parameter_of(user), *realm, digest_parameter_of(password)});
}

bool digest_hash_response(enum digest_hash_algorithm algorithm, char out[DIGEST_HASH_MAX],
	const char *account, const struct digest_hash_input *in)
{
	const struct digest_parameter a1 = digest_parameter_of(account);
	struct digest_parameter a2;
	char of_request[DIGEST_HASH_MAX];

	if (!hash(algorithm, of_request, 2, (struct digest_parameter[]){in->method, in->uri}))
		return false;
	a2 = digest_parameter_of(of_request);
	if (in->nc.data)
		return hash(algorithm, out, 6,
			(struct digest_parameter[]){
				a1, in->nonce, in->nc, in->cnonce, digest_parameter_of("auth"), a2});
	return hash(algorithm, out, 3, (struct digest_parameter[]){a1, in->nonce, a2});
}
