/*
 * Calls at a given rate, and the gateway that answers them, in one process on 127.0.0.1: two SIPp processes would take
 * the CPU from what is measured. The flow is INVITE 180 (20 ms) 200 ACK (1 s) BYE 200. INVITE, BYE and the gateway's 200
 * are resent as RFC 3261 has it; an INVITE that is refused is acknowledged and not tried again.
 *
 *	calls PORT GATEWAY-PORT RATExSECONDS...
 *
 * prints a line for each RATExSECONDS:
 *
 *	offered      calls that began in this time
 *	completed    calls whose BYE was answered in this time
 *	refused      calls that began in it and got a failure
 *	unexplained  those of them that had no 503 with Retry-After
 *	lost         calls that began in it and were not answered, or not hung up, within 32 s
 *	resent       INVITEs and BYEs that were sent again in this time
 *	setup_ms     from INVITE to 200, the median
 *	settled_ms   when the last tenth of a second ended in which more than a tenth of the calls that began were
 *	             refused, lost, or took more than 500 ms to be set up
 *
 * The called number is the number of the call and must cross the switch.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

enum {
	MESSAGE_MAX = 4096,
	BATCH = 64,
	PARTS_MAX = 16,
	CALLS_MAX = 2000000,
	SLOTS = 1 << 16, /* of the timer wheel, 1 ms each: more than any delay */
	ANSWER_MS = 20,
	HOLD_MS = 1000,
	T1_MS = 500,
	T2_MS = 4000,
	GIVE_UP_MS = 32000,
	SLOW_MS = 500,
	SPAN_MS = 100 /* how finely it is told when all is well again */
};

enum state { CALLING, PROCEEDING, UP, LEAVING, COMPLETED, REFUSED, LOST };

struct call;

struct timer {
	LIST_ENTRY(timer) link;
	void (*on_due)(struct call *c); /* NULL = it does not run */
	struct call *call;
	unsigned resends;
};

struct call {
	enum state state;
	unsigned part;
	uint64_t begun_ms, set_up_ms;
	bool unexplained;
	char to[192], target[160]; /* To and Request-URI of requests after the answer */
	struct timer caller, gateway;
	char *answer; /* the gateway's 200; NULL = it has not been called */
};

struct part {
	unsigned rate, seconds;
	uint64_t begin_ms, offered, completed, resent;
};

static LIST_HEAD(, timer) wheel[SLOTS];
static uint64_t now_ms;
static struct call *calls;
static unsigned n_calls, begun, finished;
static struct part parts[PARTS_MAX + 1]; /* the one behind the last counts what comes too late */
static unsigned n_parts, current;
static int caller_fd, gateway_fd;
static unsigned port, caller_port, gateway_port;
static unsigned run; /* tells the messages of this process from those of another */

/* Timers ------------------------------------------------------------------------------------ */

static void stop(struct timer *t)
{
	if (t->on_due)
		LIST_REMOVE(t, link);
	t->on_due = NULL;
}

static void start(struct timer *t, unsigned delay_ms, void (*on_due)(struct call *c))
{
	stop(t);
	t->on_due = on_due;
	LIST_INSERT_HEAD(&wheel[(now_ms + delay_ms) % SLOTS], t, link);
}

/** @return false when it has been sent for long enough */
static bool start_resend(struct timer *t, bool doubling, void (*on_due)(struct call *c))
{
	unsigned delay_ms = t->resends < 16 ? T1_MS << t->resends : GIVE_UP_MS;

	if (t->resends > (doubling ? 5 : 10))
		return false;
	t->resends++;
	start(t, doubling || delay_ms < T2_MS ? delay_ms : T2_MS, on_due);
	return true;
}

static void run_timers(uint64_t until_ms)
{
	for (; now_ms < until_ms; now_ms++)
		for (struct timer *t; (t = LIST_FIRST(&wheel[now_ms % SLOTS]));) {
			void (*on_due)(struct call * c) = t->on_due;

			stop(t);
			on_due(t->call);
		}
}

/* Messages ---------------------------------------------------------------------------------- */

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			  "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
			  "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n";

/** The value of a header, n bytes to the end of its line; NULL = there is none. */
static const char *header(const char *message, const char *name, int *n)
{
	char line[32];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	at = strcasestr(message, line);
	if (!at)
		return NULL;
	at += strlen(line);
	*n = (int)strcspn(at, "\r");
	return *n < MESSAGE_MAX / 8 ? at : NULL;
}

static void send_message(int fd, const char *message)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	sendto(fd, message, strlen(message), 0, (struct sockaddr *)&to, sizeof(to));
}

/** A request of the caller. @param transaction  whose branch it has: the ACK of a failure that of the INVITE */
static void send_request(const struct call *c, const char *method, unsigned cseq, const char *transaction)
{
	unsigned n = (unsigned)(c - calls);
	const char *body = strcmp(method, "INVITE") ? "" : sdp;
	char message[MESSAGE_MAX];

	snprintf(message, sizeof(message),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK-%s-%u-%u;rport\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:4930123456@127.0.0.1:%u>;tag=caller%u\r\nTo: %s\r\n"
		"Call-ID: %u-%u@127.0.0.1\r\nCSeq: %u %s\r\nContact: <sip:caller@127.0.0.1:%u>\r\n"
		"%sContent-Length: %zu\r\n\r\n%s",
		method, c->target, caller_port, transaction, n, run, caller_port, n, c->to, n, run, cseq,
		method, caller_port, body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	send_message(caller_fd, message);
}

/**
 * The answer to a request that came to the gateway, in memory of its own.
 *
 * @param n  the number of the call that it begins; NULL = it belongs to one
 */
static char *respond(const char *request, const char *status, const unsigned *n)
{
	static const char *const copied[] = {"Via", "From", "To", "Call-ID", "CSeq"};
	const char *body = n && status[0] == '2' ? sdp : "";
	char *message = malloc(MESSAGE_MAX), *at = message;
	int length;

	at += sprintf(at, "SIP/2.0 %s\r\n", status);
	for (unsigned i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
		const char *value = header(request, copied[i], &length);

		if (value)
			at += sprintf(at, "%s: %.*s%s\r\n", copied[i], length, value,
				n && !strcmp(copied[i], "To") ? ";tag=gateway" : "");
	}
	if (n)
		at += sprintf(at, "Contact: <sip:4420%08u@127.0.0.1:%u>\r\n", *n, gateway_port);
	if (body[0])
		at += sprintf(at, "Content-Type: application/sdp\r\n");
	sprintf(at, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	return message;
}

/* The gateway ------------------------------------------------------------------------------- */

static void on_answer(struct call *c)
{
	send_message(gateway_fd, c->answer);
	start_resend(&c->gateway, false, on_answer);
}

static void answer_now(const char *request, const char *status, const unsigned *n)
{
	char *message = respond(request, status, n);

	send_message(gateway_fd, message);
	free(message);
}

static void on_gateway_message(const char *message)
{
	struct call *c;
	unsigned n;

	if (!strncmp(message, "OPTIONS ", 8))
		answer_now(message, "200 OK", NULL);
	if (sscanf(message, "%*s sip:4420%u@", &n) < 1 || n >= n_calls)
		return;
	c = &calls[n];
	if (!strncmp(message, "INVITE ", 7)) {
		answer_now(message, "180 Ringing", &n);
		if (!c->answer) {
			c->answer = respond(message, "200 OK", &n);
			start(&c->gateway, ANSWER_MS, on_answer);
		}
	} else {
		stop(&c->gateway);
		if (!strncmp(message, "BYE ", 4))
			answer_now(message, "200 OK", NULL);
	}
}

/* The caller -------------------------------------------------------------------------------- */

static void finish(struct call *c, enum state state)
{
	c->state = state;
	stop(&c->caller);
	finished++;
	parts[current].completed += state == COMPLETED;
}

static void on_lost(struct call *c)
{
	finish(c, LOST);
}

static void on_invite(struct call *c)
{
	parts[current].resent += c->caller.resends > 0;
	send_request(c, "INVITE", 1, "invite");
	if (!start_resend(&c->caller, true, on_invite))
		finish(c, LOST);
}

static void on_bye(struct call *c)
{
	c->state = LEAVING;
	parts[current].resent += c->caller.resends > 0;
	send_request(c, "BYE", 2, "bye");
	if (!start_resend(&c->caller, false, on_bye))
		finish(c, LOST);
}

static void begin_call(unsigned n)
{
	struct call *c = &calls[n];

	c->part = current;
	c->begun_ms = now_ms;
	c->caller.call = c->gateway.call = c;
	snprintf(c->target, sizeof(c->target), "sip:4420%08u@127.0.0.1:%u", n, port);
	snprintf(c->to, sizeof(c->to), "<%s>", c->target);
	parts[current].offered++;
	on_invite(c);
}

static void take_to(struct call *c, const char *response)
{
	int n;
	const char *to = header(response, "To", &n);

	if (to)
		snprintf(c->to, sizeof(c->to), "%.*s", n, to);
}

static void on_answered(struct call *c, const char *response)
{
	int n;
	const char *contact = header(response, "Contact", &n);

	if (c->state < UP) {
		take_to(c, response);
		if (contact)
			sscanf(contact, "<%159[^>]", c->target);
		c->set_up_ms = now_ms;
		c->state = UP;
		c->caller.resends = 0;
		start(&c->caller, HOLD_MS, on_bye);
	}
	if (c->state != REFUSED && c->state != LOST)
		send_request(c, "ACK", 1, "ack");
}

static void on_refused(struct call *c, const char *response, unsigned status)
{
	if (c->state < UP) {
		take_to(c, response);
		c->unexplained = status != 503 || !strcasestr(response, "\r\nRetry-After: ");
		finish(c, REFUSED);
	}
	if (c->state == REFUSED)
		send_request(c, "ACK", 1, "invite");
}

static void on_caller_message(const char *message)
{
	const char *branch = strstr(message, "branch=z9hG4bK-");
	struct call *c;
	char transaction[8];
	unsigned status, n, of_run;

	if (!branch || sscanf(message, "SIP/2.0 %u", &status) < 1 ||
		sscanf(branch, "branch=z9hG4bK-%7[a-z]-%u-%u", transaction, &n, &of_run) < 3 || n >= begun ||
		of_run != run)
		return;
	c = &calls[n];
	if (!strcmp(transaction, "bye")) {
		if (c->state == LEAVING && status >= 200)
			finish(c, status < 300 ? COMPLETED : LOST);
	} else if (status >= 300) {
		on_refused(c, message, status);
	} else if (status >= 200) {
		on_answered(c, message);
	} else if (c->state == CALLING) {
		c->state = PROCEEDING;
		start(&c->caller, GIVE_UP_MS, on_lost);
	}
}

/* Running ----------------------------------------------------------------------------------- */

static uint64_t read_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/** @return the number of messages */
static int read_messages(int fd, void (*on_message)(const char *message))
{
	static char data[BATCH][MESSAGE_MAX];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH] = {0};
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){.iov_base = data[i], .iov_len = MESSAGE_MAX - 1};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		data[i][m[i].msg_len] = '\0';
		on_message(data[i]);
	}
	return n;
}

/** The part that goes on now, and the calls that are due in it. */
static void begin_calls(void)
{
	struct part *p = &parts[current];

	if (current < n_parts && now_ms - p->begin_ms >= p->seconds * 1000ull) {
		p[1].begin_ms = p->begin_ms + p->seconds * 1000ull;
		current++;
		p++;
	}
	if (current < n_parts)
		for (uint64_t due = (now_ms - p->begin_ms) * p->rate / 1000; p->offered < due;)
			begin_call(begun++);
}

static void run_parts(void)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	now_ms = parts[0].begin_ms = read_clock();
	while (current < n_parts || finished < begun) {
		nanosleep(&pause, NULL); /* not poll(): to wake this process would be work of the switch */
		run_timers(read_clock());
		begin_calls();
		for (int n = BATCH; n == BATCH;) {
			n = read_messages(caller_fd, on_caller_message);
			n = read_messages(gateway_fd, on_gateway_message) == BATCH ? BATCH : n;
		}
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool went_well(const struct call *c)
{
	return c->state == COMPLETED && c->set_up_ms - c->begun_ms <= SLOW_MS;
}

/** @return in ms from the begin of the part */
static uint64_t find_settled(unsigned number)
{
	uint64_t begin_ms = parts[number].begin_ms, span = 0, settled_ms = 0;
	unsigned bad = 0;

	for (unsigned i = 0; i < begun; i++) {
		const struct call *c = &calls[i];

		if (c->part != number)
			continue;
		if ((c->begun_ms - begin_ms) / SPAN_MS != span) {
			span = (c->begun_ms - begin_ms) / SPAN_MS;
			bad = 0;
		}
		bad += !went_well(c);
		if (bad * 10000 > parts[number].rate * SPAN_MS)
			settled_ms = (span + 1) * SPAN_MS;
	}
	return settled_ms;
}

static void print_part(unsigned number)
{
	const struct part *p = &parts[number];
	uint64_t *setup_ms = calloc(p->offered + 1, sizeof(*setup_ms));
	unsigned refused = 0, unexplained = 0, lost = 0, set_up = 0;

	for (unsigned i = 0; i < begun; i++) {
		const struct call *c = &calls[i];

		if (c->part != number)
			continue;
		refused += c->state == REFUSED;
		unexplained += c->unexplained;
		lost += c->state == LOST;
		if (c->set_up_ms)
			setup_ms[set_up++] = c->set_up_ms - c->begun_ms;
	}
	qsort(setup_ms, set_up, sizeof(*setup_ms), compare);
	printf("rate=%u seconds=%u offered=%llu completed=%llu refused=%u unexplained=%u lost=%u resent=%llu "
	       "setup_ms=%llu settled_ms=%llu\n",
		p->rate, p->seconds, (unsigned long long)p->offered, (unsigned long long)p->completed,
		refused, unexplained, lost, (unsigned long long)p->resent,
		(unsigned long long)setup_ms[set_up / 2], (unsigned long long)find_settled(number));
	free(setup_ms);
}

static int open_socket(unsigned *at)
{
	struct sockaddr_in local = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)*at),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(local);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
		perror("calls: cannot bind");
		exit(1);
	}
	getsockname(fd, (struct sockaddr *)&local, &size);
	*at = ntohs(local.sin_port);
	return fd;
}

int main(int argc, char **argv)
{
	uint64_t total = 0;

	for (int i = 3; i < argc && n_parts < PARTS_MAX; i++) {
		struct part *p = &parts[n_parts++];

		if (sscanf(argv[i], "%ux%u", &p->rate, &p->seconds) < 2)
			total = CALLS_MAX;
		total += (uint64_t)p->rate * p->seconds;
	}
	if (!n_parts || n_parts != (unsigned)(argc - 3) || total > CALLS_MAX) {
		fprintf(stderr, "usage: calls PORT GATEWAY-PORT RATExSECONDS...\n");
		return 2;
	}
	port = (unsigned)atoi(argv[1]);
	gateway_port = (unsigned)atoi(argv[2]);
	run = (unsigned)read_clock();
	n_calls = (unsigned)total;
	calls = calloc(n_calls, sizeof(*calls));
	if (!calls)
		return 1;
	caller_fd = open_socket(&caller_port);
	gateway_fd = open_socket(&gateway_port);
	run_parts();
	for (unsigned i = 0; i < n_parts; i++)
		print_part(i);
	return 0;
}
