#define HASH_NONFATAL_OOM 1

#include "mapping_gateways.h"

#include "address_key.h"
#include "ingress_state.h"
#include "utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct mapping_gateway {
	struct ingress ingress; /* first: the set sees it as this */
};

enum { TLS_NAME_MAX = 253 };

struct block {
	struct address_key key;
	bool enabled, by_name; /* by_name: it has no address */
	struct mapping_gateway *owner;
	char tls_name[TLS_NAME_MAX + 1]; /* in lower case; "" = none */
	UT_hash_handle hh, by_tls_name;
};

/* Looking up a source takes one step per block length in use, however many blocks there are. */
struct block_index {
	struct block *blocks; /* all of them, in one array */
	struct block *by_key, *by_tls_name;
	uint8_t lengths[ADDRESS_KEY_FAMILIES][ADDRESS_KEY_BITS_MAX + 1]; /* in use, longest first */
	unsigned n_lengths[ADDRESS_KEY_FAMILIES];
};

struct mapping_gateways {
	struct peers *peers;
	struct block_index index, staged;
};

static void mask(uint8_t address[16], unsigned bits)
{
	if (bits % 8)
		address[bits / 8] &= (uint8_t)(0xff << (8 - bits % 8));
	for (unsigned i = (bits + 7) / 8; i < 16; i++)
		address[i] = 0;
}

/* 0 to max, without sign, leading zeros or anything after it. */
static bool parse_bits(const char *text, unsigned max, unsigned *out)
{
	unsigned value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > max)
			return false;
	}
	*out = value;
	return true;
}

/* An address or a block; bits after the length are dropped, so 10.0.0.5/24 is 10.0.0.0/24. */
static bool parse_block(const char *host, struct address_key *key)
{
	char text[INET6_ADDRSTRLEN];
	size_t length = strcspn(host, "/");
	unsigned bits;

	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	if (inet_pton(AF_INET, text, key->address) == 1)
		key->family = ADDRESS_KEY_V4;
	else if (inet_pton(AF_INET6, text, key->address) == 1)
		key->family = ADDRESS_KEY_V6;
	else
		return false;
	bits = key->family == ADDRESS_KEY_V4 ? 32 : 128;
	if (host[length] && !parse_bits(host + length + 1, bits, &bits))
		return false;
	if (key->family == ADDRESS_KEY_V6 && bits >= 96 &&
		IN6_IS_ADDR_V4MAPPED((struct in6_addr *)key->address)) {
		address_key_v4(key, key->address + 12);
		bits -= 96;
	}
	mask(key->address, bits);
	key->bits = (uint8_t)bits;
	return true;
}

static struct block *find_block(const struct block_index *index, const struct address_key *key)
{
	struct block *block;

	HASH_FIND(hh, index->by_key, key, sizeof(*key), block);
	return block;
}

/* Of several rows with the same block and port, the first enabled one counts. */
static int add_block(struct block_index *index, struct block *block)
{
	struct block *other = find_block(index, &block->key);

	if (other) {
		if (!other->enabled) {
			other->enabled = block->enabled;
			other->owner = block->owner;
		}
		return 0;
	}
	HASH_ADD(hh, index->by_key, key, sizeof(block->key), block);
	return block->hh.tbl ? 0 : -ENOMEM;
}

static struct block *find_tls_name(const struct block_index *index, const char *name)
{
	struct block *block;

	HASH_FIND(by_tls_name, index->by_tls_name, name, strlen(name), block);
	return block;
}

/* Of several rows with the same name, the first enabled one counts, as with blocks. */
static int add_tls_name(struct block_index *index, struct block *block)
{
	struct block *other = block->tls_name[0] ? find_tls_name(index, block->tls_name) : NULL;

	if (!block->tls_name[0] || (other && other->enabled))
		return 0;
	if (other)
		HASH_DELETE(by_tls_name, index->by_tls_name, other);
	HASH_ADD(by_tls_name, index->by_tls_name, tls_name, strlen(block->tls_name), block);
	return block->by_tls_name.tbl ? 0 : -ENOMEM;
}

static void index_clear(struct block_index *index)
{
	HASH_CLEAR(hh, index->by_key);
	HASH_CLEAR(by_tls_name, index->by_tls_name);
	free(index->blocks);
	*index = (struct block_index){0};
}

static void collect_lengths(
	struct block_index *index, bool used[ADDRESS_KEY_FAMILIES][ADDRESS_KEY_BITS_MAX + 1])
{
	for (unsigned family = 0; family < ADDRESS_KEY_FAMILIES; family++)
		for (int bits = ADDRESS_KEY_BITS_MAX; bits >= 0; bits--)
			if (used[family][bits])
				index->lengths[family][index->n_lengths[family]++] = (uint8_t)bits;
}

/* Block i belongs to the staged peer i. */
static int index_build(struct block_index *index, const struct peers *peers, size_t n)
{
	bool used[ADDRESS_KEY_FAMILIES][ADDRESS_KEY_BITS_MAX + 1] = {{false}};

	for (size_t i = 0; i < n; i++) {
		struct block *block = &index->blocks[i];
		int err;

		block->owner = (struct mapping_gateway *)peers_staged(peers, i);
		err = add_tls_name(index, block);
		if (err)
			return err;
		if (block->by_name)
			continue;
		err = add_block(index, block);
		if (err)
			return err;
		used[block->key.family][block->key.bits] = true;
	}
	collect_lengths(index, used);
	return 0;
}

static void on_change(struct peer *p, const void *old_row)
{
	const struct db_mapping_gateway *row = p->row;
	struct ingress *in = (struct ingress *)p;

	(void)old_row;
	in->kind = INGRESS_MAPPING_GATEWAY;
	in->settings = INGRESS_STATE_SETTINGS(row);
	in->settings.pass_headers = row->pass_headers;
}

static const struct peer_type mapping_peer_type = {
	.peer_size = sizeof(struct mapping_gateway),
	.table = &db_mapping_gateway_table,
	.capacity = offsetof(struct db_mapping_gateway, capacity),
	.cps = offsetof(struct db_mapping_gateway, cps),
	.on_change = on_change,
};

int mapping_gateways_create(struct mapping_gateways **out)
{
	struct mapping_gateways *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	if (peers_create(&set->peers, &mapping_peer_type, NULL)) {
		free(set);
		return -ENOMEM;
	}
	*out = set;
	return 0;
}

void mapping_gateways_destroy(struct mapping_gateways *set)
{
	if (!set)
		return;
	index_clear(&set->index);
	peers_destroy(set->peers);
	free(set);
}

/* Select the rows with a valid host, and parse the block of each. */
static size_t parse_rows(const struct db_mapping_gateway *rows, size_t n, struct db_mapping_gateway *good,
	struct block *blocks, mapping_gateways_bad_host_h *on_bad_host, void *arg)
{
	size_t n_good = 0;

	for (size_t i = 0; i < n; i++) {
		struct block *block = &blocks[n_good];
		const char *tls_name = rows[i].tls_name ? rows[i].tls_name : "";

		memset(block, 0, sizeof(*block));
		block->by_name = !rows[i].host[0];
		if (block->by_name || parse_block(rows[i].host, &block->key)) {
			block->key.port = rows[i].port;
			block->enabled = rows[i].enabled;
			utf8_lower(block->tls_name, tls_name, strnlen(tls_name, TLS_NAME_MAX));
			good[n_good++] = rows[i];
		} else if (on_bad_host) {
			on_bad_host(rows[i].name, rows[i].host, arg);
		}
	}
	return n_good;
}

int mapping_gateways_stage(struct mapping_gateways *set, const struct db_mapping_gateway *rows, size_t n,
	mapping_gateways_bad_host_h *on_bad_host, void *arg)
{
	struct db_mapping_gateway *good = calloc(n + 1, sizeof(*good));
	struct block_index *index = &set->staged;
	int err = -ENOMEM;

	index->blocks = calloc(n + 1, sizeof(*index->blocks));
	if (good && index->blocks) {
		const size_t n_good = parse_rows(rows, n, good, index->blocks, on_bad_host, arg);

		err = peers_stage(set->peers, good, n_good);
		if (!err) {
			err = index_build(index, set->peers, n_good);
			if (err)
				peers_abandon(set->peers);
		}
	}
	if (err)
		index_clear(index);
	free(good);
	return err;
}

void mapping_gateways_commit(struct mapping_gateways *set)
{
	peers_commit(set->peers);
	index_clear(&set->index);
	set->index = set->staged;
	set->staged = (struct block_index){0};
}

void mapping_gateways_abandon(struct mapping_gateways *set)
{
	peers_abandon(set->peers);
	index_clear(&set->staged);
}

int mapping_gateways_apply(struct mapping_gateways *set, const struct db_mapping_gateway *rows, size_t n,
	mapping_gateways_bad_host_h *on_bad_host, void *arg)
{
	int err = mapping_gateways_stage(set, rows, n, on_bad_host, arg);

	if (!err)
		mapping_gateways_commit(set);
	return err;
}

/* The longest block that contains the address; one with the port is preferred to one for any port. */
static const struct block *longest_block(const struct block_index *index, struct address_key key)
{
	const uint16_t port = key.port;

	for (unsigned i = 0; i < index->n_lengths[key.family]; i++) {
		const struct block *block;

		key.bits = index->lengths[key.family][i];
		mask(key.address, key.bits);
		key.port = port;
		block = find_block(index, &key);
		if (!block) {
			key.port = 0;
			block = find_block(index, &key);
		}
		if (block)
			return block;
	}
	return NULL;
}

struct mapping_gateway *mapping_gateways_find(
	const struct mapping_gateways *set, const struct sockaddr *source)
{
	struct address_key key = {0};
	const struct block *block;

	if (!address_key(&key, source))
		return NULL;
	block = longest_block(&set->index, key);
	return block && block->enabled ? block->owner : NULL;
}

struct mapping_gateway *mapping_gateways_by_tls_name(const struct mapping_gateways *set, const char *name)
{
	const struct block *block = find_tls_name(&set->index, name);

	return block && block->enabled ? block->owner : NULL;
}

struct mapping_gateway *mapping_gateways_by_name(const struct mapping_gateways *set, const char *name)
{
	return (struct mapping_gateway *)peers_find(set->peers, name);
}

struct mapping_gateway *mapping_gateways_recognise(
	const struct mapping_gateways *set, int64_t id, const char *name)
{
	return (struct mapping_gateway *)peers_recognise(set->peers, id, name);
}

struct mapping_gateway *mapping_gateways_trunk(const struct mapping_gateways *set, const char *name)
{
	struct mapping_gateway *mg = mapping_gateways_by_name(set, name);

	return mg && mapping_gateway_row(mg)->enabled ? mg : NULL;
}

struct ingress *mapping_gateway_ingress(struct mapping_gateway *mg)
{
	return mg ? &mg->ingress : NULL;
}

const struct db_mapping_gateway *mapping_gateway_row(const struct mapping_gateway *mg)
{
	return mg->ingress.peer.row;
}

void mapping_gateways_recount(struct mapping_gateways *set)
{
	peers_recount(set->peers);
}

uint64_t mapping_gateways_channel_drift(const struct mapping_gateways *set)
{
	return peers_channel_drift(set->peers);
}
