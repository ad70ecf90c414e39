"""Gateways given by name: resolved outside of calls, addresses tried in order (RFC 3263)."""

from dns import REFUSED, SERVER_FAILURE, Dns
from net import same
from runner import run, scenario


def named(s, *services):
	"""A gateway gw.test without a port, with its servers (priority, port) in DNS; returns the name server."""
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	dns.host("host.gw.test", "127.0.0.1")
	dns.service("_sip._udp.gw.test", *((priority, port, "host.gw.test") for priority, port in services))
	s.vendor("named", 0, host="gw.test")
	return dns


@scenario
def a_name_with_an_address_is_called(s):
	gw = s.peer("gw")
	named(s).host("plain.test", "127.0.0.1")
	s.vendor("plain", gw.port, host="plain.test", prefix="4930")
	s.start()
	s.over(*s.talk(gw))
	same(s.switch.record()["destination_addr"], gw.host_port)


@scenario
def the_first_call_to_a_name_has_a_whole_record(s):
	gw = s.peer("gw")
	named(s).host("gw.test", "127.0.0.1")
	s.switch.pending.append("update gateway set port = %d" % gw.port)  # hence no SRV lookup
	s.start()
	a, b = s.talk(gw)
	s.over(a, b)
	is_called(s.switch.record(), b, gw)


def is_called(row, b, gw):
	same([row[name] for name in ("gateway", "b_call_id", "caller_out", "callee_out", "destination_addr")],
		["named", b.call_id, "4930100200", "4930", gw.host_port])


@scenario
def a_name_that_does_not_exist_fails_over_at_once(s):
	named(s)
	s.switch.pending.append("update gateway set host = 'nowhere.test'")
	living = s.gateway("living")
	s.start()
	a = s.caller.invite("4930")
	b = living.leg()
	assert b.invited.time - a.invited.time < 0.5
	s.answer(a, b)
	s.over(a, b)
	same(s.switch.record()["attempts"][0]["reason"], "name not found")


def unresolved(name, failure, words):
	"""The record, the gateway and the log say what was wrong with the name server."""
	def play(s):
		names = named(s)
		names.failure = failure
		s.switch.pending.append("update gateway set options_check = 1")
		s.start()
		s.caller.invite("4930").expect(503)
		row = s.switch.record()
		same((row["attempts"][0]["reason"], row["sip_code"]), (words, 503))
		s.net.until(lambda: words in (s.switch.control("gateways.get", name="named")["options"] or ""), "the probe says it")
		assert 'name not resolved host=gw.test error="%s"' % words in s.switch.read_log()
	play.__name__ = "a_name_that_gets_%s_says_so" % name
	scenario(play)


unresolved("servfail", SERVER_FAILURE, "DNS server failure")
unresolved("refused", REFUSED, "DNS query refused")


@scenario
def a_name_that_does_not_exist_after_a_refusal_leaves_the_gateway_called_in_the_record(s):
	first = s.gateway("first")
	named(s)
	s.switch.pending.append("update gateway set host = 'nowhere.test' where name = 'named'")
	s.start()
	a = s.caller.invite("4930")
	b = first.leg()
	b.refuse(480)
	a.expect(503, "INVITE")
	row = s.switch.record()
	same((row["gateway"], row["b_call_id"], row["sip_code"]), ("first", b.call_id, 503))


@scenario
def the_server_of_the_lowest_priority_is_called_first(s):
	second, first = s.peer("second"), s.peer("first")
	named(s, (20, second.port), (10, first.port))
	s.start()
	s.over(*s.talk(first))
	same(second.inbox, [])


@scenario
def a_refused_server_is_followed_by_the_next_at_once(s):
	second = s.peer("second")
	named(s, (1, s.net.refusing_port()), (2, second.port))
	s.start()
	a = s.caller.invite("4930")
	b = second.leg()
	assert b.invited.time - a.invited.time < 0.5
	s.answer(a, b)
	s.over(a, b)
	attempts = s.switch.record()["attempts"]
	same([(attempt["gateway"], attempt["address"]) for attempt in attempts], [("named", second.host_port)])


@scenario
def the_record_tells_the_server_that_was_called_last(s):
	second = s.peer("second")
	named(s, (1, s.net.refusing_port()), (2, second.port))
	s.start()
	for count in (1, 2):  # the second time the name is already known
		a, b = s.talk(second)
		s.over(a, b)
		is_called(s.switch.records(count)[-1], b, second)
	a = s.caller.invite("4930")
	b = second.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	b.cancelled()
	is_called(s.switch.records(3)[-1], b, second)


@scenario
def a_silent_server_is_followed_by_the_next_after_2_s(s):
	first, second = s.peer("first"), s.peer("second")
	named(s, (1, first.port), (2, second.port))
	s.start()
	a = s.caller.invite("4930")
	silent = first.leg()
	b = second.leg()
	assert -0.002 <= b.invited.time - silent.invited.time - 2 <= 0.15
	silent.refuse(480)
	s.answer(a, b)
	s.over(a, b)


@scenario
def the_last_silent_server_has_the_invite_timeout(s):
	first, second = s.peer("first"), s.peer("second")
	named(s, (1, first.port), (2, second.port))
	s.start(SS_SIP_TIMEOUT_INVITE="3")
	a = s.caller.invite("4930")
	legs = first.leg(), second.leg()
	left = a.expect(408)
	assert -0.002 <= left.time - a.invited.time - 3 <= 0.15
	for leg in legs:
		leg.refuse(480)


# The next server (RFC 3263 section 4.3) ----------------------------------------------------------


def servers(s, *names):
	"""A gateway whose name stands for these peers, in this order."""
	peers = [s.peer(name) for name in names]
	named(s, *((number, peer.port) for number, peer in enumerate(peers)))
	return peers


def left(record):
	"""The servers that were left for another one."""
	return [(server["address"], server["code"], server["reason"]) for server in record["attempts"][0]["servers"]]


def goes_on(name, before=()):
	"""The first server answers 503, after these provisional responses."""
	def play(s):
		first, second = servers(s, "first", "second")
		s.start(SS_GATEWAY_SWITCH_LIMIT="1")
		a = s.caller.invite("4930")
		b = first.leg()
		for status, sdp in before:
			b.reply(status, sdp)
			if status > 100:
				a.expect(status)
		b.refuse(503)
		c = second.leg(timeout=1)
		s.answer(a, c)
		s.over(a, c)
		record = s.switch.record()
		is_called(record, c, second)
		same([(attempt["gateway"], attempt["code"], attempt["address"]) for attempt in record["attempts"]],
			[("named", 200, second.host_port)])
		same(left(record), [(first.host_port, 503, "Service Unavailable")])
	play.__name__ = "a_server_that_answers_503_%s_is_followed_by_the_next" % name
	scenario(play)


goes_on("at_once")
goes_on("after_100", [(100, None)])
goes_on("after_early_media", [(100, None), (183, True)])


def is_final(name, status, before=(), **parameters):
	"""The first of two servers answers with this, and the caller gets it."""
	def play(s):
		first, second = servers(s, "first", "second")
		s.start(**parameters)
		a = s.caller.invite("4930")
		b = first.leg()
		for early in before:
			b.reply(early)
			a.expect(early)
		b.refuse(status)
		a.expect(status, "INVITE")
		same(second.inbox, [])
		assert "servers" not in s.switch.record()["attempts"][0]
	play.__name__ = name
	scenario(play)


is_final("another_failure_than_503_concerns_all_servers", 500)
is_final("a_server_that_refuses_after_ringing_is_followed_by_none", 503, [180])
is_final("a_stop_code_ends_it_for_all_servers", 503, SS_GATEWAY_SWITCH_STOP_CODES="503")


@scenario
def when_all_servers_answer_503_the_next_gateway_is_called(s):
	first, second = servers(s, "first", "second")
	other = s.gateway("other")
	s.start(SS_GATEWAY_SWITCH_LIMIT="2")
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	second.leg().refuse(503)
	b = other.leg()
	s.answer(a, b)
	s.over(a, b)
	same([attempt["code"] for attempt in s.switch.record()["attempts"]], [503, 200])


@scenario
def retry_after_sets_one_server_aside_and_that_of_all_the_gateway(s):
	first, second = servers(s, "first", "second")
	s.start()
	a = s.caller.invite("4930")
	first.leg().refuse(503, [("Retry-After", "60")])
	b = second.leg()
	s.answer(a, b)
	s.over(a, b)
	a = s.caller.invite("4930")  # the first server is not called
	second.leg().refuse(503, [("Retry-After", "90")])
	assert 50 <= int(a.expect(503, "INVITE")["Retry-After"]) <= 60
	a = s.caller.invite("4930")  # nobody is
	a.expect(503, "INVITE")
	same((first.inbox, second.inbox), ([], []))
	records = s.switch.records(3)
	same(left(records[1]), [(first.host_port, 0, "set aside by Retry-After")])
	same([attempt["stage"] for attempt in records[2]["attempts"]], ["skipped"])


@scenario
def a_server_that_rings_and_says_nothing_more_is_followed_by_the_next_gateway(s):
	first, second = servers(s, "first", "second")
	other = s.gateway("other")
	s.start(SS_SIP_TIMEOUT_TRYING="3")
	a = s.caller.invite("4930")
	b = first.leg()
	trying = b.reply(100)
	b.cancelled()
	c = other.leg()
	assert -0.002 <= c.invited.time - trying.time - 3 <= 0.15
	same(second.inbox, [])
	s.answer(a, c)
	s.over(a, c)


@scenario
def a_server_that_was_left_and_answers_late_is_hung_up(s):
	first, second = servers(s, "first", "second")
	s.start()
	a = s.caller.invite("4930")
	late = first.leg()
	b = second.leg()
	b.reply(180)
	a.expect(180)
	late.reply(180)
	late.expect("CANCEL")
	late.reply(200)
	late.reply(200, True, request=late.invited)
	late.expect("ACK")
	late.hung_up()
	s.answer(a, b)
	s.over(a, b)
	record = s.switch.record()
	is_called(record, b, second)
	same(left(record), [(first.host_port, 0, "timeout")])


@scenario
def all_servers_share_the_invite_timeout(s):
	peers = servers(s, "first", "second", "third")
	s.start(SS_SIP_TIMEOUT_INVITE="5")
	a = s.caller.invite("4930")
	legs = [peer.leg() for peer in peers]
	gone = a.expect(408)
	assert -0.002 <= gone.time - a.invited.time - 5 <= 0.15
	for leg in legs:
		leg.refuse(480)


if __name__ == "__main__":
	run()
