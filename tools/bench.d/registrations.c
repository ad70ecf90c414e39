/*
 * Phones that register at a given rate, in one process on the loopback interface; each has an address of its own in
 * 127.0.0.0/8, or they share one as behind a proxy. A registration is REGISTER, 401, REGISTER with a digest (MD5, qop=auth), 200. A request that is not answered
 * is sent again each 500 ms.
 *
 *	registrations PORT PHONES [shared]
 *
 * reads lines "RATE COUNT WRONG" from its standard input. Each has the next COUNT phones register, RATE of them per second;
 * every WRONG-th answers with a wrong password and must get another 401 (0: none does). When all is over it prints a line:
 *
 *	offered      registrations that began
 *	registered   those that got 200
 *	denied       those with a wrong password that got 401
 *	failed       all others that got an answer
 *	lost         those without one for 16 s
 *	resent       REGISTERs that were sent again
 *	p50_us, p99_us, max_us  from a REGISTER to its answer, those that were sent again apart
 *
 * Phone 17 is the user 1000017 with the password secret-1000017, in the realm of the challenge.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

enum {
	MESSAGE_MAX = 2048,
	BATCH = 64,
	PHONES_MAX = 1000000,
	FIRST_USER = 1000000,
	TEXT_MAX = 128, /* a nonce, a realm */
	HASH_MAX = 33,
	RESEND_NS = 500000000,
	RESENDS_MAX = 32
};

enum state { IDLE, ASKING, ANSWERING };

struct phone {
	enum state state;
	bool wrong;
	unsigned cseq, resends;
	uint64_t sent_ns;
	char realm[TEXT_MAX], nonce[TEXT_MAX];
	TAILQ_ENTRY(phone) link;
};

struct figures {
	unsigned offered, registered, denied, failed, lost, resent;
	unsigned n_times;
};

static struct phone *phones;
static unsigned n_phones, next_phone;
static TAILQ_HEAD(, phone) waiting = TAILQ_HEAD_INITIALIZER(
	waiting); /* for an answer, in the order of sending */
static struct figures figures;
static uint32_t *times_us;
static int fd;
static struct sockaddr_in server = {.sin_family = AF_INET};
static unsigned port;
static bool shared;

static uint64_t read_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t); /* that of the timestamps of datagrams */
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Messages ---------------------------------------------------------------------------------- */

static struct in_addr address_of(const struct phone *p)
{
	return (struct in_addr){htonl(0x7f010000u + (shared ? 0 : (unsigned)(p - phones)))};
}

static void send_from(struct in_addr from, char *message, size_t n)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {message, n};
	struct msghdr m = {.msg_name = &server,
		.msg_namelen = sizeof(server),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	const struct in_pktinfo source = {.ipi_spec_dst = from};

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(source));
	memcpy(CMSG_DATA(c), &source, sizeof(source));
	sendmsg(fd, &m, 0);
}

static void hash(char out[HASH_MAX], const char *text)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n;

	EVP_Digest(text, strlen(text), bytes, &n, EVP_md5(), NULL);
	for (unsigned i = 0; i < 16; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

static void write_credentials(char out[MESSAGE_MAX], const struct phone *p, const char *uri)
{
	const unsigned user = FIRST_USER + (unsigned)(p - phones);
	char text[MESSAGE_MAX], a1[HASH_MAX], a2[HASH_MAX], response[HASH_MAX];

	snprintf(text, sizeof(text), "%u:%s:%s-%u", user, p->realm, p->wrong ? "wrong" : "secret", user);
	hash(a1, text);
	snprintf(text, sizeof(text), "REGISTER:%s", uri);
	hash(a2, text);
	snprintf(text, sizeof(text), "%s:%s:00000001:c%u:auth:%s", a1, p->nonce, p->cseq, a2);
	hash(response, text);
	snprintf(out, MESSAGE_MAX,
		"Authorization: Digest username=\"%u\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", algorithm=MD5, "
		"qop=auth, nc=00000001, cnonce=\"c%u\", response=\"%s\"\r\n",
		user, p->realm, p->nonce, uri, p->cseq, response);
}

static void send_register(struct phone *p)
{
	const unsigned user = FIRST_USER + (unsigned)(p - phones);
	char message[2 * MESSAGE_MAX], credentials[MESSAGE_MAX] = "", uri[TEXT_MAX], host[INET_ADDRSTRLEN];
	const struct in_addr from = address_of(p);
	int n;

	inet_ntop(AF_INET, &from, host, sizeof(host));
	snprintf(uri, sizeof(uri), "sip:127.0.0.1:%u", ntohs(server.sin_port));
	if (p->state == ANSWERING)
		write_credentials(credentials, p, uri);
	n = snprintf(message, sizeof(message),
		"REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK-%u-%u;rport\r\nMax-Forwards: 70\r\n"
		"From: <sip:%u@127.0.0.1>;tag=phone%u\r\nTo: <sip:%u@127.0.0.1>\r\nCall-ID: %u@%s\r\n"
		"CSeq: %u REGISTER\r\nContact: <sip:%u@%s:%u>\r\nExpires: 3600\r\n%sUser-Agent: phone\r\n"
		"Content-Length: 0\r\n\r\n",
		uri, host, port, user, p->cseq, user, p->cseq, user, user, host, p->cseq, user, host, port,
		credentials);
	p->sent_ns = read_clock();
	TAILQ_INSERT_TAIL(&waiting, p, link);
	send_from(from, message, (size_t)n);
}

/** The value of a parameter in quotes. */
static bool find_quoted(const char *text, const char *name, char out[TEXT_MAX])
{
	char begin[16];
	const char *at;

	snprintf(begin, sizeof(begin), " %s=\"", name);
	at = strstr(text, begin);
	return at && sscanf(at + strlen(begin), "%127[^\"]", out) == 1;
}

/** What we answer: Kamailio's only challenge, or that of two. */
static bool find_challenge(const char *message, struct phone *p)
{
	const char *line = message;

	while ((line = strstr(line, "\r\nWWW-Authenticate: "))) {
		line += 2;
		if (memmem(line, strcspn(line, "\r"), "SHA-256", 7))
			continue;
		return find_quoted(line, "realm", p->realm) && find_quoted(line, "nonce", p->nonce);
	}
	return false;
}

/* Registering ------------------------------------------------------------------------------- */

static void begin(struct phone *p, bool wrong)
{
	figures.offered++;
	p->wrong = wrong;
	p->state = ASKING;
	p->resends = 0;
	p->cseq++;
	send_register(p);
}

static void answer(struct phone *p)
{
	p->state = ANSWERING;
	p->resends = 0;
	p->cseq++;
	send_register(p);
}

static void on_message(const char *message, uint64_t at_ns)
{
	const char *branch = strstr(message, ";branch=z9hG4bK-");
	unsigned status, user, cseq;
	struct phone *p;

	if (!branch || sscanf(message, "SIP/2.0 %u", &status) < 1 ||
		sscanf(branch, ";branch=z9hG4bK-%u-%u", &user, &cseq) < 2 || user - FIRST_USER >= n_phones)
		return;
	p = &phones[user - FIRST_USER];
	if (p->state == IDLE || cseq != p->cseq || status < 200)
		return;
	TAILQ_REMOVE(&waiting, p, link);
	if (!p->resends)
		times_us[figures.n_times++] = (uint32_t)((at_ns - p->sent_ns) / 1000);
	if (status == 401 && p->state == ASKING && find_challenge(message, p)) {
		answer(p);
		return;
	}
	figures.registered += status == 200 && !p->wrong;
	figures.denied += status == 401 && p->wrong;
	figures.failed += status != (p->wrong ? 401 : 200);
	p->state = IDLE;
}

static void resend(void)
{
	const uint64_t now_ns = read_clock();

	for (struct phone *p; (p = TAILQ_FIRST(&waiting)) && now_ns - p->sent_ns > RESEND_NS;) {
		TAILQ_REMOVE(&waiting, p, link);
		if (p->resends++ == RESENDS_MAX) {
			p->state = IDLE;
			figures.lost++;
			continue;
		}
		figures.resent++;
		send_register(p);
	}
}

static uint64_t received_ns(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(c), sizeof(t));
			return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
		}
	return read_clock();
}

/** @return the number of messages */
static int read_messages(void)
{
	static char data[BATCH][MESSAGE_MAX];
	static char control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH] = {0};
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){.iov_base = data[i], .iov_len = MESSAGE_MAX - 1};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = sizeof(control[i])};
	}
	n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		data[i][m[i].msg_len] = '\0';
		on_message(data[i], received_ns(&m[i].msg_hdr));
	}
	return n;
}

static void run(unsigned rate, unsigned count, unsigned wrong)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	const uint64_t begin_ns = read_clock();

	figures = (struct figures){0};
	while (figures.offered < count || !TAILQ_EMPTY(&waiting)) {
		const uint64_t due = (read_clock() - begin_ns) * rate / 1000000000;

		while (figures.offered < count && figures.offered < due && phones[next_phone].state == IDLE) {
			begin(&phones[next_phone], wrong && figures.offered % wrong == 0);
			next_phone = (next_phone + 1) % n_phones;
		}
		while (read_messages() == BATCH)
			;
		resend();
		nanosleep(&pause, NULL); /* not poll(): to wake this process would be work of the switch */
	}
}

/* ------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_figures(void)
{
	const struct figures *f = &figures;
	const unsigned n = f->n_times;

	qsort(times_us, n, sizeof(*times_us), compare);
	printf("offered=%u registered=%u denied=%u failed=%u lost=%u resent=%u p50_us=%u p99_us=%u max_us=%u\n",
		f->offered, f->registered, f->denied, f->failed, f->lost, f->resent, n ? times_us[n / 2] : 0,
		n ? times_us[n * 99ull / 100] : 0, n ? times_us[n - 1] : 0);
	fflush(stdout);
}

/** On the loopback interface only, at all addresses of which the phones are. */
static bool open_socket(void)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	socklen_t size = sizeof(local);
	int on = 1, buffer = 8 << 20;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")) ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
		bind(fd, (struct sockaddr *)&local, size) ||
		getsockname(fd, (struct sockaddr *)&local, &size))
		return false;
	port = ntohs(local.sin_port);
	return true;
}

int main(int argc, char **argv)
{
	unsigned rate, count, wrong;

	n_phones = argc == 3 || argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	shared = argc == 4;
	if (!n_phones || n_phones > PHONES_MAX) {
		fprintf(stderr, "usage: registrations PORT PHONES [shared]\n");
		return 2;
	}
	server.sin_port = htons((uint16_t)atoi(argv[1]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	phones = calloc(n_phones, sizeof(*phones));
	times_us = calloc(2 * (size_t)PHONES_MAX, sizeof(*times_us));
	if (!phones || !times_us || !open_socket()) {
		perror("registrations");
		return 1;
	}
	while (scanf("%u %u %u", &rate, &count, &wrong) == 3 && rate && count <= PHONES_MAX) {
		run(rate, count, wrong);
		print_figures();
	}
	return 0;
}
