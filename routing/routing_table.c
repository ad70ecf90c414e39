/*
 * A trie over nibbles: a digit, '*' and '+' are one nibble, every other byte is three (an escape for
 * its range, then its halves). Escapes sort where their bytes do, so nibble order is byte order
 * and rows that come sorted can be turned into the finished table in one pass.
 *
 * A node is 16 bytes. Its children lie next to each other, found by counting the bits of its bitmap
 * below the wanted nibble; a run of nodes without branch or route is folded into the label of the
 * node at its end. Nodes and routes are one array each.
 */
#include "routing_table.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	ESCAPE_BELOW_STAR, /* bytes 0x00-0x29 */
	STAR,
	PLUS,
	ESCAPE_BELOW_0, /* bytes 0x2c-0x2f */
	DIGIT_0,
	ESCAPE_ABOVE_9 = DIGIT_0 + 10, /* bytes 0x3a-0xff */
	FANOUT = 16,                   /* the halves of an escaped byte use all of them */
};

enum {
	NIBBLES_MAX = 3 * ROUTING_TABLE_PREFIX_MAX,
	LABEL_MAX = 6,
	NODES_FIRST = 1024, /* initial size of the arrays, which double */
};

struct node {
	uint32_t children;                     /* index of the first one */
	uint32_t routes;                       /* index of the first one */
	uint32_t label : 24, label_length : 8; /* nibbles to pass before it, the first one highest */
	uint16_t bitmap;                       /* bit i: there is a child for nibble i */
	uint16_t n_routes;
};
_Static_assert(sizeof(struct node) == 16, "struct node is not compact");

/* The path to the prefix added last: one open node per nibble, which later prefixes may extend. */
struct builder {
	uint8_t path[NIBBLES_MAX];
	unsigned depth;
	struct node open[NIBBLES_MAX + 1]; /* open[i] is reached by i nibbles; no label yet */
	/* Finished nodes whose parent is open: the children of the deepest open node are on top. */
	struct node closed[NIBBLES_MAX * FANOUT];
	unsigned n_closed;
};

struct routing_table {
	struct node *nodes;
	size_t n_nodes, nodes_size;
	struct routing_table_route *routes;
	size_t n_routes, routes_size;
	size_t n_prefixes;
	struct node root;
	struct builder *builder; /* NULL once finished */
};

/* Writes 1 or 3 nibbles. */
static unsigned encode_byte(uint8_t c, uint8_t *out)
{
	if (c >= '0' && c <= '9') {
		out[0] = (uint8_t)(DIGIT_0 + c - '0');
		return 1;
	}
	if (c == '*' || c == '+') {
		out[0] = c == '*' ? STAR : PLUS;
		return 1;
	}
	out[0] = c < '*' ? ESCAPE_BELOW_STAR : c < '0' ? ESCAPE_BELOW_0 : ESCAPE_ABOVE_9;
	out[1] = c >> 4;
	out[2] = c & 15;
	return 3;
}

int routing_table_create(struct routing_table **out)
{
	struct routing_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->builder = calloc(1, sizeof(*t->builder));
	if (!t->builder) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void routing_table_destroy(struct routing_table *t)
{
	if (!t)
		return;
	free(t->builder);
	free(t->nodes);
	free(t->routes);
	free(t);
}

/* Make room for `more` elements; *array is as before when it fails. */
static int reserve(void **array, size_t *size, size_t n, size_t more, size_t element)
{
	size_t wanted = *size ? *size : NODES_FIRST;
	void *larger;

	if (n + more <= *size)
		return 0;
	while (wanted < n + more)
		wanted *= 2;
	if (wanted > UINT32_MAX)
		return -ENOMEM;
	larger = realloc(*array, wanted * element);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*size = wanted;
	return 0;
}

static int reserve_nodes(struct routing_table *t, size_t more)
{
	void *nodes = t->nodes;
	int err = reserve(&nodes, &t->nodes_size, t->n_nodes, more, sizeof(*t->nodes));

	t->nodes = nodes;
	return err;
}

static int reserve_route(struct routing_table *t)
{
	void *routes = t->routes;
	int err = reserve(&routes, &t->routes_size, t->n_routes, 1, sizeof(*t->routes));

	t->routes = routes;
	return err;
}

static unsigned count(uint16_t bitmap)
{
	return (unsigned)__builtin_popcount(bitmap);
}

/* Move the closed children of an open node to their final place; the room is reserved. */
static void place_children(struct routing_table *t, struct node *node)
{
	struct builder *b = t->builder;
	const unsigned n = count(node->bitmap);

	b->n_closed -= n;
	if (n)
		memcpy(&t->nodes[t->n_nodes], &b->closed[b->n_closed], n * sizeof(struct node));
	node->children = (uint32_t)t->n_nodes;
	t->n_nodes += n;
}

/* A node with one child and no route becomes the first nibble of the child's label, if that fits. */
static bool fold(struct builder *b, const struct node *node)
{
	struct node *child;
	unsigned way;

	if (count(node->bitmap) != 1 || node->n_routes)
		return false;
	child = &b->closed[b->n_closed - 1];
	if (child->label_length == LABEL_MAX)
		return false;
	way = (unsigned)__builtin_ctz(node->bitmap);
	child->label = (way << (4 * (LABEL_MAX - 1)) | child->label >> 4) & 0xffffff;
	child->label_length++;
	return true;
}

/* The deepest open node is complete: it waits for its parent to be closed, too. */
static void close_deepest(struct routing_table *t)
{
	struct builder *b = t->builder;
	struct node *node = &b->open[b->depth];

	if (!fold(b, node)) {
		place_children(t, node);
		b->closed[b->n_closed++] = *node;
	}
	b->depth--;
}

/* Make path[0..depth) the deepest open node; it shares `common` nibbles with the current one. */
static void open_path(struct routing_table *t, const uint8_t *path, unsigned depth, unsigned common)
{
	struct builder *b = t->builder;

	while (b->depth > common)
		close_deepest(t);
	for (; b->depth < depth; b->depth++) {
		b->path[b->depth] = path[b->depth];
		b->open[b->depth].bitmap |= (uint16_t)(1u << path[b->depth]);
		b->open[b->depth + 1] = (struct node){0};
	}
}

/* @return the number of nibbles, or -EINVAL when the prefix is too long */
static int encode_prefix(const char *prefix, uint8_t path[NIBBLES_MAX])
{
	const size_t length = strnlen(prefix, ROUTING_TABLE_PREFIX_MAX + 1);
	unsigned depth = 0;

	if (length > ROUTING_TABLE_PREFIX_MAX)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		depth += encode_byte((uint8_t)prefix[i], &path[depth]);
	return (int)depth;
}

/* May a route of this priority follow the last one of the same prefix? */
static int check_same_prefix(const struct routing_table *t, const struct node *node, uint16_t priority)
{
	if (!node->n_routes)
		return 0;
	if (priority < t->routes[t->n_routes - 1].priority)
		return -EINVAL;
	return node->n_routes == ROUTING_TABLE_ROUTES_MAX ? -E2BIG : 0;
}

static int check_order(const struct routing_table *t, const uint8_t *path, unsigned depth, unsigned common,
	uint16_t priority)
{
	const struct builder *b = t->builder;

	if (common == b->depth)
		return common == depth ? check_same_prefix(t, &b->open[depth], priority) : 0;
	return common < depth && path[common] > b->path[common] ? 0 : -EINVAL;
}

static void append_route(struct routing_table *t, const struct db_route *row)
{
	struct node *node = &t->builder->open[t->builder->depth];

	if (!node->n_routes) {
		node->routes = (uint32_t)t->n_routes;
		t->n_prefixes++;
	}
	node->n_routes++;
	t->routes[t->n_routes++] = (struct routing_table_route){
		.gateway = row->gateway,
		.priority = row->priority,
		.weight = row->weight,
		.carry_through = row->carry_through,
	};
}

int routing_table_add(struct routing_table *t, const struct db_route *row)
{
	struct builder *b = t->builder;
	uint8_t path[NIBBLES_MAX];
	unsigned common = 0;
	int depth, err;

	assert(b);
	if (!row->enabled)
		return 0;
	depth = encode_prefix(row->prefix, path);
	if (depth < 0)
		return depth;
	while (common < b->depth && common < (unsigned)depth && path[common] == b->path[common])
		common++;
	err = check_order(t, path, (unsigned)depth, common, row->priority);
	if (!err)
		err = reserve_route(t);
	if (!err)
		err = reserve_nodes(t, b->n_closed + b->depth); /* no more than these can close now */
	if (err)
		return err;
	open_path(t, path, (unsigned)depth, common);
	append_route(t, row);
	return 0;
}

/* Give back what doubling allocated in excess; if that fails, the arrays stay as they are. */
static void trim(struct routing_table *t)
{
	void *nodes = realloc(t->nodes, (t->n_nodes + 1) * sizeof(*t->nodes));
	void *routes = realloc(t->routes, (t->n_routes + 1) * sizeof(*t->routes));

	if (nodes) {
		t->nodes = nodes;
		t->nodes_size = t->n_nodes + 1;
	}
	if (routes) {
		t->routes = routes;
		t->routes_size = t->n_routes + 1;
	}
}

int routing_table_finish(struct routing_table *t)
{
	struct builder *b = t->builder;
	int err;

	assert(b);
	err = reserve_nodes(t, b->n_closed + b->depth);
	if (err)
		return err;
	while (b->depth)
		close_deepest(t);
	t->root = b->open[0];
	place_children(t, &t->root);
	free(b);
	t->builder = NULL;
	trim(t);
	return 0;
}

/* A number to look up; digits beyond the longest possible prefix do not matter. */
struct nibbles {
	uint8_t nibble[NIBBLES_MAX];
	uint8_t length[NIBBLES_MAX + 1]; /* bytes that the first i nibbles stand for */
	unsigned n;
};

static void encode_number(const char *number, struct nibbles *out)
{
	out->n = 0;
	out->length[0] = 0;
	for (unsigned i = 0; i < ROUTING_TABLE_PREFIX_MAX && number[i]; i++) {
		out->n += encode_byte((uint8_t)number[i], &out->nibble[out->n]);
		out->length[out->n] = (uint8_t)(i + 1);
	}
}

/* @return the number of nibbles matched after `at`, or -1 when the label differs */
static int pass_label(const struct node *node, const struct nibbles *number, unsigned at)
{
	if (number->n - at < node->label_length)
		return -1;
	for (unsigned i = 0; i < node->label_length; i++)
		if ((node->label >> (4 * (LABEL_MAX - 1 - i)) & 15u) != number->nibble[at + i])
			return -1;
	return node->label_length;
}

/* One step along the number; advances *at. @return NULL when no prefix continues that way */
static const struct node *descend(
	const struct routing_table *t, const struct node *node, const struct nibbles *number, unsigned *at)
{
	const unsigned bit = *at < number->n ? 1u << number->nibble[*at] : 0;
	int passed;

	if (!(node->bitmap & bit))
		return NULL;
	node = &t->nodes[node->children + count((uint16_t)(node->bitmap & (bit - 1)))];
	passed = pass_label(node, number, *at + 1);
	if (passed < 0)
		return NULL;
	*at += 1 + (unsigned)passed;
	return node;
}

unsigned routing_table_match(const struct routing_table *t, const char *number,
	struct routing_table_match out[ROUTING_TABLE_DEPTH_MAX])
{
	struct routing_table_match found[ROUTING_TABLE_PREFIX_MAX + 1]; /* shortest first */
	struct nibbles nibbles;
	unsigned n = 0, n_out = 0, at = 0;

	assert(!t->builder);
	encode_number(number, &nibbles);
	for (const struct node *node = &t->root; node; node = descend(t, node, &nibbles, &at))
		if (node->n_routes)
			found[n++] = (struct routing_table_match){
				.routes = &t->routes[node->routes],
				.n_routes = node->n_routes,
				.length = nibbles.length[at],
			};
	while (n && n_out < ROUTING_TABLE_DEPTH_MAX)
		out[n_out++] = found[--n];
	return n_out;
}

size_t routing_table_prefixes(const struct routing_table *t)
{
	return t->n_prefixes;
}

size_t routing_table_routes(const struct routing_table *t)
{
	return t->n_routes;
}

size_t routing_table_bytes(const struct routing_table *t)
{
	return sizeof(*t) + t->nodes_size * sizeof(*t->nodes) + t->routes_size * sizeof(*t->routes);
}
