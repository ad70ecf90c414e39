#include "resolver.h"

#include "clock.h"
#include "dns_server.h"
#include "log.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A chain as carriers publish it; sip.test prefers TLS, then TCP in the same order. */
static const char *const zone[] = {
	"--naptr-record=sip.test,10,20,s,SIP+D2T,,_sip._tcp.sip.test",
	"--naptr-record=sip.test,10,10,s,SIPS+D2T,,_sips._tcp.sip.test",
	"--naptr-record=sip.test,20,10,s,SIP+D2U,,_sip._udp.sip.test",
	"--naptr-record=sip.test,5,10,s,SIP+D2W,,_sip._ws.sip.test",
	"--srv-host=_sips._tcp.sip.test,c.test,5071,10,0",
	"--srv-host=_sip._tcp.sip.test,a.test,5072,10,0",
	"--srv-host=_sip._udp.sip.test,b.test,5073,10,0",
	"--srv-host=_sip._udp.order.test,c.test,5063,30,0",
	"--srv-host=_sip._udp.order.test,a.test,5061,10,0",
	"--srv-host=_sip._udp.order.test,b.test,5062,20,0",
	"--srv-host=_sip._udp.weight.test,a.test,5060,10,30",
	"--srv-host=_sip._udp.weight.test,b.test,5060,10,10",
	"--srv-host=_sip._tcp.tcponly.test,a.test,5080,10,0",
	"--srv-host=_sip._udp.gone.test",
	"--srv-host=_sip._udp.doubtful.test,a.test,5064,10,0",
	"--srv-host=_sip._udp.doubtful.test", /* whatever the order of the reply, this comes before one of them */
	"--srv-host=_sip._udp.doubtful.test,b.test,5065,20,0",
	"--host-record=gone.test,127.0.0.4",
	"--srv-host=_sip._udp.halfway.test,missing.test,5060,10,0",
	"--srv-host=_sip._udp.halfway.test,a.test,5060,20,0",
	"--host-record=a.test,127.0.0.1",
	"--host-record=b.test,127.0.0.2",
	"--host-record=c.test,127.0.0.3,fd00::3",
	"--host-record=six.test,fd00::6",
	"--cname=alias.test,a.test",
	NULL,
};

struct fixture {
	struct event_base *base;
	struct dnsmasq dns;
	struct resolver *resolver;
};

/** What a lookup came to. */
struct outcome {
	struct fixture *f;
	bool called;
	int error;
	struct resolver_answer answer;
};

static void on_answer(int error, const struct resolver_answer *answer, void *arg)
{
	struct outcome *o = arg;
	assert_false(o->called);
	o->called = true;
	o->error = error;
	if (answer)
		o->answer = *answer;
}

/** Run the loop until it happened, 10 s at most. */
static void wait_for(struct fixture *f, const bool *happened)
{
	uint64_t end_ms = clock_now_ms() + 10000;
	const struct timeval step = {.tv_usec = 10000};
	while (!*happened && clock_now_ms() < end_ms) {
		event_base_loopexit(f->base, &step);
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	assert_true(*happened);
}

static struct outcome ask(struct fixture *f, const char *host, uint16_t port, const char *transport)
{
	const struct resolver_target target = {host, port, transport};
	struct outcome o = {.f = f};
	struct resolver_query *query;
	assert_int_equal(resolver_lookup(&query, f->resolver, &target, on_answer, &o), 0);
	assert_false(o.called);
	wait_for(f, &o.called);
	return o;
}

static int try(struct fixture *f, const char *host, uint16_t port, const char *transport,
	struct resolver_answer *out)
{
	const struct resolver_target target = {host, port, transport};
	return resolver_try(f->resolver, &target, out);
}

/** "udp:127.0.0.1:5060 tcp:[::1]:5060" */
static const char *words(const struct resolver_answer *a)
{
	static char out[1024];
	char ip[INET6_ADDRSTRLEN];
	size_t n = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < a->n; i++) {
		const struct resolver_address *r = &a->address[i];
		bool v6 = r->addr.any.sa_family == AF_INET6;
		assert_int_equal(r->length, v6 ? sizeof(r->addr.v6) : sizeof(r->addr.v4));
		inet_ntop(r->addr.any.sa_family,
			v6 ? (const void *)&r->addr.v6.sin6_addr : &r->addr.v4.sin_addr, ip, sizeof(ip));
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s:%s%s%s:%u", i ? " " : "", r->transport,
			v6 ? "[" : "", ip, v6 ? "]" : "", ntohs(r->addr.v4.sin_port));
	}
	return out;
}

static void assert_found(const struct outcome *o, const char *expected)
{
	assert_int_equal(o->error, 0);
	assert_string_equal(words(&o->answer), expected);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	f->base = event_base_new();
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	resolver_destroy(f->resolver);
	if (f->dns.pid)
		dnsmasq_stop(&f->dns);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void use_servers(struct fixture *f, const char *servers)
{
	assert_int_equal(resolver_create(&f->resolver, f->base, servers), 0);
}

static int set_up_dnsmasq(void **state)
{
	set_up(state);
	struct fixture *f = *state;
	if (!dnsmasq_installed())
		return 0;
	dnsmasq_start(&f->dns, 0, zone);
	use_servers(f, f->dns.address);
	return 0;
}

static struct fixture *with_dnsmasq(void **state)
{
	if (!dnsmasq_installed()) {
		print_message("dnsmasq is not installed (apt install dnsmasq-base)\n");
		skip();
	}
	return *state;
}

/* Numeric hosts. */

static void numeric_hosts_are_answered_without_a_question(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		const char *transport, *expected;
	} cases[] = {
		{"192.0.2.1", 0, "", "udp:192.0.2.1:5060"},
		{"192.0.2.1", 5070, "tcp", "tcp:192.0.2.1:5070"},
		{"192.0.2.1", 0, "tls", "tls:192.0.2.1:5061"},
		{"2001:db8::1", 0, "udp", "udp:[2001:db8::1]:5060"},
		{"[2001:db8::1]", 7, "", "udp:[2001:db8::1]:7"},
	};
	struct fixture *f = *state;
	use_servers(f, "127.0.0.1:1");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolver_answer answer;
		assert_int_equal(try(f, cases[i].host, cases[i].port, cases[i].transport, &answer), 0);
		assert_string_equal(words(&answer), cases[i].expected);
	}
}

static void what_is_no_host_is_refused(void **state)
{
	static const char *const hosts[] = {
		"", "a b", "a\nb", "[::1", "[]", "::g", "fe80::1%eth0", "a@b", "a\x80"};
	struct fixture *f = *state;
	struct resolver_answer answer;
	struct resolver_query *query;
	char long_name[300];
	use_servers(f, "127.0.0.1:1");
	for (unsigned i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const struct resolver_target target = {hosts[i], 0, ""};
		assert_int_equal(resolver_try(f->resolver, &target, &answer), -EINVAL);
		assert_int_equal(resolver_lookup(&query, f->resolver, &target, on_answer, NULL), -EINVAL);
	}
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[254] = '\0';
	assert_int_equal(try(f, long_name, 0, "", &answer), -EINVAL);
	long_name[253] = '\0';
	assert_int_equal(try(f, long_name, 0, "", &answer), -EAGAIN);
	assert_int_equal(try(f, "a.test", 0, "sctp", &answer), -EINVAL);
	assert_int_equal(try(f, "192.0.2.1", 0, "sctp", &answer), -EINVAL);
}

static void servers_that_cannot_be_read_are_refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(resolver_create(&f->resolver, f->base, "not an address"), -EINVAL);
	assert_null(f->resolver);
}

/* RFC 3263 against dnsmasq. */

static void naptr_leads_to_srv_to_addresses(void **state) /* RFC 3263 section 4.1 */
{
	struct outcome o = ask(with_dnsmasq(state), "sip.test", 0, "");
	assert_found(&o, "tls:127.0.0.3:5071 tls:[fd00::3]:5071 tcp:127.0.0.1:5072");
}

static void a_given_transport_skips_naptr(void **state)
{
	struct outcome o = ask(with_dnsmasq(state), "sip.test", 0, "udp");
	assert_found(&o, "udp:127.0.0.2:5073");
}

static void srv_priorities_give_the_order(void **state) /* RFC 2782 */
{
	struct outcome o = ask(with_dnsmasq(state), "order.test", 0, "udp");
	assert_found(&o, "udp:127.0.0.1:5061 udp:127.0.0.2:5062 udp:127.0.0.3:5063 udp:[fd00::3]:5063");
}

static void srv_is_asked_for_each_transport_without_naptr(void **state)
{
	struct outcome o = ask(with_dnsmasq(state), "tcponly.test", 0, "");
	assert_found(&o, "tcp:127.0.0.1:5080");
}

static void srv_weights_divide_the_calls(void **state)
{
	enum { CALLS = 4000 };
	struct fixture *f = with_dnsmasq(state);
	struct outcome o = ask(f, "weight.test", 0, "udp");
	unsigned a_first = 0;
	for (unsigned i = 0; i < CALLS; i++) {
		struct resolver_answer answer;
		assert_int_equal(try(f, "weight.test", 0, "udp", &answer), 0);
		assert_int_equal(answer.n, 2);
		a_first += strcmp(words(&answer), "udp:127.0.0.1:5060 udp:127.0.0.2:5060") == 0;
	}
	assert_int_equal(o.error, 0);
	/* 3 : 1, give or take 7 standard deviations */
	assert_in_range(a_first, CALLS * 3 / 4 - 190, CALLS * 3 / 4 + 190);
}

static void a_port_skips_srv(void **state) /* RFC 3263 section 4.2 */
{
	struct outcome o = ask(with_dnsmasq(state), "a.test", 5099, "");
	assert_found(&o, "udp:127.0.0.1:5099");
}

static void a_name_without_srv_has_the_default_port(void **state)
{
	struct fixture *f = with_dnsmasq(state);
	struct outcome o = ask(f, "a.test", 0, "");
	assert_found(&o, "udp:127.0.0.1:5060");
	o = ask(f, "A.Test", 0, "tls");
	assert_found(&o, "tls:127.0.0.1:5061");
}

static void aliases_are_followed(void **state)
{
	struct outcome o = ask(with_dnsmasq(state), "alias.test", 5060, "udp");
	assert_found(&o, "udp:127.0.0.1:5060");
}

static void a_name_with_only_an_ipv6_address_is_found(void **state)
{
	struct outcome o = ask(with_dnsmasq(state), "six.test", 0, "udp");
	assert_found(&o, "udp:[fd00::6]:5060");
}

static void a_service_that_is_decidedly_absent_is_not_replaced(void **state) /* RFC 2782: target "." */
{
	struct outcome o = ask(with_dnsmasq(state), "gone.test", 0, "udp");
	assert_int_equal(o.error, -ENOENT);
}

static void an_absent_service_beside_a_server_does_no_harm(void **state)
{
	struct outcome o = ask(with_dnsmasq(state), "doubtful.test", 0, "udp");
	assert_found(&o, "udp:127.0.0.1:5064 udp:127.0.0.2:5065");
}

static void a_server_name_without_address_is_passed_over(void **state)
{
	struct outcome o = ask(with_dnsmasq(state), "halfway.test", 0, "udp");
	assert_found(&o, "udp:127.0.0.1:5060");
}

static void a_name_that_does_not_exist_is_known_not_to(void **state)
{
	struct fixture *f = with_dnsmasq(state);
	struct resolver_answer answer;
	struct outcome o = ask(f, "nobody.test", 0, "");
	assert_int_equal(o.error, -ENOENT);
	assert_int_equal(try(f, "nobody.test", 0, "", &answer), -ENOENT);
}

static void localhost_is_answered_without_a_question(void **state) /* RFC 6761 section 6.3 */
{
	struct fixture *f = *state;
	struct resolver_answer answer;
	assert_int_equal(try(f, "localhost", 0, "", &answer), 0);
	assert_string_equal(words(&answer), "udp:127.0.0.1:5060");
	assert_int_equal(try(f, "LocalHost", 5070, "tcp", &answer), 0);
	assert_string_equal(words(&answer), "tcp:127.0.0.1:5070");
}

/* The cache. */

/** The tests' only way to let time pass; the loop runs meanwhile. */
static void pass_until(struct fixture *f, uint64_t when_ms)
{
	uint64_t now_ms;
	while ((now_ms = clock_now_ms()) < when_ms) {
		const struct timeval left = {.tv_usec = (suseconds_t)(when_ms - now_ms) % 1000 * 1000,
			.tv_sec = (time_t)(when_ms - now_ms) / 1000};
		event_base_loopexit(f->base, &left);
		event_base_dispatch(f->base);
	}
}

static void an_answer_serves_until_its_ttl_is_over(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct resolver_answer answer;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	server.ttl_s = 1;
	use_servers(f, server.address);
	struct outcome o = ask(f, "a.test", 5060, "udp");
	assert_found(&o, "udp:127.0.0.9:5060");
	const uint64_t known_ms = clock_now_ms();
	assert_int_equal(try(f, "a.test", 5060, "udp", &answer), 0);
	assert_string_equal(words(&answer), "udp:127.0.0.9:5060");
	pass_until(f, known_ms + 1001);
	assert_int_equal(server.questions, 2); /* A, AAAA */
	assert_int_equal(try(f, "a.test", 5060, "udp", &answer), -EAGAIN);
	ask(f, "a.test", 5060, "udp");
	assert_int_equal(server.questions, 4);
	responder_stop(&server);
}

static void a_name_that_moved_is_found_after_its_ttl(void **state)
{
	static const char *const moved[] = {"--host-record=a.test,127.0.0.77", NULL};
	struct fixture *f = with_dnsmasq(state);
	struct outcome o = ask(f, "a.test", 5060, "udp"); /* TTL 1 s */
	const uint64_t known_ms = clock_now_ms();
	assert_found(&o, "udp:127.0.0.1:5060");
	dnsmasq_stop(&f->dns);
	dnsmasq_start(&f->dns, f->dns.port, moved);
	pass_until(f, known_ms + 1001);
	o = ask(f, "a.test", 5060, "udp");
	assert_found(&o, "udp:127.0.0.77:5060");
}

static void a_name_in_use_is_asked_for_before_its_ttl_is_over(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct resolver_answer answer;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	server.ttl_s = 2;
	use_servers(f, server.address);
	ask(f, "a.test", 5060, "udp");
	const uint64_t known_ms = clock_now_ms();
	pass_until(f, known_ms + 1520);
	assert_int_equal(server.questions, 2);
	assert_int_equal(try(f, "a.test", 5060, "udp", &answer), 0);
	pass_until(f, known_ms + 2020);
	assert_int_equal(server.questions, 4);
	assert_int_equal(try(f, "a.test", 5060, "udp", &answer), 0); /* nobody had to wait */
	responder_stop(&server);
}

static void lookups_of_the_same_target_share_their_questions(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct outcome first = {.f = f}, second = {.f = f};
	const struct resolver_target target = {"a.test", 5060, "udp"}, same = {"A.TEST", 5060, "udp"};
	struct resolver_query *query;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	use_servers(f, server.address);
	assert_int_equal(resolver_lookup(&query, f->resolver, &target, on_answer, &first), 0);
	assert_int_equal(resolver_lookup(&query, f->resolver, &same, on_answer, &second), 0);
	wait_for(f, &first.called);
	wait_for(f, &second.called);
	assert_found(&second, "udp:127.0.0.9:5060");
	pass_until(f, clock_now_ms() + 20);
	assert_int_equal(server.questions, 2);
	responder_stop(&server);
}

static void that_a_name_does_not_exist_is_not_asked_twice(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct resolver_answer answer;
	responder_start(&server, f->base, RESPONDER_NXDOMAIN);
	use_servers(f, server.address);
	struct outcome o = ask(f, "a.test", 5060, "udp");
	assert_int_equal(o.error, -ENOENT);
	assert_int_equal(try(f, "a.test", 5060, "udp", &answer), -ENOENT);
	pass_until(f, clock_now_ms() + 20);
	assert_int_equal(server.questions, 2);
	responder_stop(&server);
}

/* Failing servers. */

static void a_server_that_is_not_there_is_a_failure_at_once(void **state)
{
	struct fixture *f = *state;
	struct resolver_answer answer;
	char servers[32];
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", free_port());
	use_servers(f, servers);
	const uint64_t begin_ms = clock_now_ms();
	struct outcome o = ask(f, "a.test", 0, "");
	assert_int_equal(o.error, -RESOLVER_ERROR_UNREACHABLE);
	assert_true(clock_now_ms() - begin_ms < 1000);
	assert_int_equal(try(f, "a.test", 0, "", &answer), -RESOLVER_ERROR_UNREACHABLE);
}

static void a_silent_server_costs_five_seconds(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	responder_start(&server, f->base, RESPONDER_SILENT);
	use_servers(f, server.address);
	const uint64_t begin_ms = clock_now_ms();
	struct outcome o = ask(f, "a.test", 0, "");
	assert_int_equal(o.error, -RESOLVER_ERROR_TIMEOUT);
	assert_in_range(clock_now_ms() - begin_ms, 4950, 5900);
	assert_in_range(server.questions, 2, 4); /* how often in this time is up to the version of c-ares */
	responder_stop(&server);
}

static void the_last_good_answer_serves_while_the_server_fails(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct resolver_answer answer;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	server.ttl_s = 1;
	use_servers(f, server.address);
	ask(f, "a.test", 5060, "udp");
	server.mode = RESPONDER_SERVFAIL;
	pass_until(f, clock_now_ms() + 1001);
	struct outcome o = ask(f, "a.test", 5060, "udp");
	assert_found(&o, "udp:127.0.0.9:5060");
	assert_int_equal(try(f, "a.test", 5060, "udp", &answer), 0);
	assert_string_equal(words(&answer), "udp:127.0.0.9:5060");
	server.mode = RESPONDER_NXDOMAIN; /* gone is gone */
	o = ask(f, "a.test", 5060, "udp");
	assert_int_equal(o.error, -ENOENT);
	responder_stop(&server);
}

static void an_srv_failure_does_not_lead_to_the_bare_name(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	server.refused_type = 33; /* SRV */
	use_servers(f, server.address);
	struct outcome o = ask(f, "a.test", 0, "udp");
	assert_int_equal(o.error, -RESOLVER_ERROR_SERVFAIL);
	responder_stop(&server);
}

static void a_server_that_does_not_know_naptr_is_asked_for_the_rest(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	server.refused_type = 35; /* NAPTR */
	use_servers(f, server.address);
	struct outcome o = ask(f, "a.test", 0, "");
	assert_found(&o, "udp:127.0.0.9:5060");
	responder_stop(&server);
}

static void an_address_found_serves_although_the_other_family_failed(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	server.refused_type = 28; /* AAAA */
	use_servers(f, server.address);
	struct outcome o = ask(f, "a.test", 5060, "udp");
	assert_found(&o, "udp:127.0.0.9:5060");
	responder_stop(&server);
}

static void garbage_ends_every_lookup_and_harms_nothing(void **state)
{
	enum { LOOKUPS = 50, ROUNDS = 40 };
	struct fixture *f = *state;
	struct responder server;
	static struct outcome o[LOOKUPS];
	static const char *const transports[] = {"", "udp", "tls"};
	responder_start(&server, f->base, RESPONDER_GARBAGE);
	server.seed = 1;
	use_servers(f, server.address);
	for (unsigned round = 0; round < ROUNDS; round++) {
		memset(o, 0, sizeof(o));
		for (unsigned i = 0; i < LOOKUPS; i++) {
			char host[32];
			const struct resolver_target target = {
				host, i % 4 == 3 ? 5060 : 0, transports[i % 3]};
			struct resolver_query *query;
			snprintf(host, sizeof(host), "name%u-%u.test", round, i);
			assert_int_equal(resolver_lookup(&query, f->resolver, &target, on_answer, &o[i]), 0);
		}
		for (unsigned i = 0; i < LOOKUPS; i++) {
			wait_for(f, &o[i].called);
			assert_true(
				o[i].error || (o[i].answer.n > 0 && o[i].answer.n <= RESOLVER_ADDRESSES_MAX));
		}
	}
	server.mode = RESPONDER_ADDRESS;
	struct outcome good = ask(f, "good.test", 0, "");
	assert_found(&good, "udp:127.0.0.9:5060");
	responder_stop(&server);
}

/* Ending early. */

static void a_cancelled_lookup_is_not_told(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct outcome cancelled = {.f = f}, other = {.f = f};
	const struct resolver_target target = {"a.test", 5060, "udp"};
	struct resolver_query *query, *other_query;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	use_servers(f, server.address);
	assert_int_equal(resolver_lookup(&query, f->resolver, &target, on_answer, &cancelled), 0);
	assert_int_equal(resolver_lookup(&other_query, f->resolver, &target, on_answer, &other), 0);
	resolver_cancel(query);
	wait_for(f, &other.called);
	assert_false(cancelled.called);
	resolver_cancel(NULL);
	responder_stop(&server);
}

static struct resolver_query *other_query;

static void on_answer_cancel_other(int error, const struct resolver_answer *answer, void *arg)
{
	on_answer(error, answer, arg);
	resolver_cancel(other_query);
}

static void a_handler_may_cancel_another_lookup(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct outcome cancelled = {.f = f}, canceller = {.f = f};
	const struct resolver_target target = {"a.test", 5060, "udp"};
	struct resolver_query *query;
	responder_start(&server, f->base, RESPONDER_ADDRESS);
	use_servers(f, server.address);
	assert_int_equal(
		resolver_lookup(&query, f->resolver, &target, on_answer_cancel_other, &canceller), 0);
	assert_int_equal(resolver_lookup(&other_query, f->resolver, &target, on_answer, &cancelled), 0);
	wait_for(f, &canceller.called);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_false(cancelled.called);
	responder_stop(&server);
}

static void waiting_lookups_end_with_the_resolver(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct outcome o = {.f = f};
	const struct resolver_target target = {"a.test", 0, ""};
	struct resolver_query *query;
	responder_start(&server, f->base, RESPONDER_SILENT);
	use_servers(f, server.address);
	assert_int_equal(resolver_lookup(&query, f->resolver, &target, on_answer, &o), 0);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	resolver_destroy(f->resolver);
	f->resolver = NULL;
	assert_false(o.called);
	responder_stop(&server);
}

static void names_in_flight_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct responder server;
	struct outcome o = {.f = f};
	int error = 0;
	unsigned n = 0;
	responder_start(&server, f->base, RESPONDER_SILENT);
	use_servers(f, server.address);
	while (!error && n < 1000) {
		char host[32];
		const struct resolver_target target = {host, 5060, "udp"};
		struct resolver_query *query;
		snprintf(host, sizeof(host), "name%u.test", n++);
		error = resolver_lookup(&query, f->resolver, &target, on_answer, &o);
	}
	assert_int_equal(error, -EBUSY);
	responder_stop(&server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_DNSMASQ(name) cmocka_unit_test_setup_teardown(name, set_up_dnsmasq, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numeric_hosts_are_answered_without_a_question),
		TEST(what_is_no_host_is_refused),
		TEST(servers_that_cannot_be_read_are_refused),
		TEST_DNSMASQ(naptr_leads_to_srv_to_addresses),
		TEST_DNSMASQ(a_given_transport_skips_naptr),
		TEST_DNSMASQ(srv_priorities_give_the_order),
		TEST_DNSMASQ(srv_is_asked_for_each_transport_without_naptr),
		TEST_DNSMASQ(srv_weights_divide_the_calls),
		TEST_DNSMASQ(a_port_skips_srv),
		TEST_DNSMASQ(a_name_without_srv_has_the_default_port),
		TEST_DNSMASQ(aliases_are_followed),
		TEST_DNSMASQ(a_name_with_only_an_ipv6_address_is_found),
		TEST_DNSMASQ(a_service_that_is_decidedly_absent_is_not_replaced),
		TEST_DNSMASQ(an_absent_service_beside_a_server_does_no_harm),
		TEST_DNSMASQ(a_server_name_without_address_is_passed_over),
		TEST_DNSMASQ(a_name_that_does_not_exist_is_known_not_to),
		TEST(localhost_is_answered_without_a_question),
		TEST(an_answer_serves_until_its_ttl_is_over),
		TEST_DNSMASQ(a_name_that_moved_is_found_after_its_ttl),
		TEST(a_name_in_use_is_asked_for_before_its_ttl_is_over),
		TEST(lookups_of_the_same_target_share_their_questions),
		TEST(that_a_name_does_not_exist_is_not_asked_twice),
		TEST(a_server_that_is_not_there_is_a_failure_at_once),
		TEST(a_silent_server_costs_five_seconds),
		TEST(the_last_good_answer_serves_while_the_server_fails),
		TEST(an_srv_failure_does_not_lead_to_the_bare_name),
		TEST(a_server_that_does_not_know_naptr_is_asked_for_the_rest),
		TEST(an_address_found_serves_although_the_other_family_failed),
		TEST(garbage_ends_every_lookup_and_harms_nothing),
		TEST(a_cancelled_lookup_is_not_told),
		TEST(a_handler_may_cancel_another_lookup),
		TEST(waiting_lookups_end_with_the_resolver),
		TEST(names_in_flight_are_bounded),
	};
	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT); /* each name that fails is a warning */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
