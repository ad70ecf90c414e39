"""Gateways given by name: resolved outside of calls, addresses tried in order (RFC 3263)."""

from dns import Dns
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


if __name__ == "__main__":
	run()
