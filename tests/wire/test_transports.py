"""UDP, TCP and TLS, IPv4 and IPv6, and calls between them."""

import sip
from net import same
from runner import run, scenario, variants

ALL = ("udp", "tcp", "tls")


def between(s, caller_transport, gateway_transport, caller_host="127.0.0.1", gateway_host="127.0.0.1"):
	"""A call ended by the caller and one ended by the gateway, over these transports."""
	s.switch.insert("mapping_gateway", name="customer6", host="::1")
	caller = s.peer("phone", caller_transport, caller_host)
	gw = s.gateway("gw", gateway_transport, gateway_host)
	wanted = ["udp"] + [transport + ("6" if ":" in host else "") for transport, host in
		((caller_transport, caller_host), (gateway_transport, gateway_host))]
	s.start(list(dict.fromkeys(wanted)))
	a, b = s.talk(gw, caller=caller)
	same(b.invited["Via"].split()[0], "SIP/2.0/" + gateway_transport.upper())
	s.over(a, b)
	a, b = s.talk(gw, caller=caller)
	s.over(b, a)
	for row in s.switch.records(2):
		same(row["destination_addr"].rpartition(":")[2], str(gw.port))
	return caller, gw


def pair(caller, gateway):
	def play(s):
		between(s, caller, gateway)
	play.__name__ = "%s_to_%s" % (caller, gateway)
	scenario(play)


for caller in ALL:
	for gateway in ALL:
		if (caller, gateway) != ("udp", "udp"):
			pair(caller, gateway)


@variants(*((transport, transport) for transport in ALL))
def received_stands_beside_every_rport(s, transport):
	"""Also where Via names the source itself (RFC 3581 section 4)."""
	phone = s.peer("phone", transport)
	s.start(["udp", transport][transport == "udp":])
	for more, status in ({}, 200), ({"CSeq": "1 BYE"}, 400), ({"Require": "x"}, 420):
		phone.request("OPTIONS", **more)
		via = phone.expect(status)["Via"]
		same((sip.param(via, "received"), bool(sip.param(via, "rport"))), ("127.0.0.1", True))


@variants(*((transport, transport) for transport in ALL[:2]))
def of_several_listeners_the_one_the_kernel_would_send_from_is_used(s, transport):
	"""Their addresses are compared, not their texts: 127.0.0.11 begins like 127.0.0.1."""
	gw, other = s.gateway("gw", transport), s.gateway("other", transport, "127.0.0.11", prefix="33")
	s.start(listen=["udp"][:transport != "udp"], arguments=[word for host in ("127.0.0.11", "127.0.0.1")
		for word in ("--listen", "sip:%s:0;transport=%s" % (host, transport))])
	for callee, to in ("4930", gw), ("3310", other):
		a, b = s.talk(to, callee)
		hosts = sip.address("sip:" + b.invited["Via"].split()[1])[0], sip.address(b.invited["Contact"])[0]
		same(hosts, ("127.0.0.1", "127.0.0.1"))
		s.over(b, a)


@scenario
def ipv6_to_ipv6(s):
	between(s, "udp", "udp", "::1", "::1")


@scenario
def ipv4_to_ipv6(s):
	between(s, "udp", "udp", gateway_host="::1")


@scenario
def ipv6_over_tcp_to_ipv4(s):
	between(s, "tcp", "udp", caller_host="::1")


@scenario
def a_message_in_pieces_is_read(s):
	caller = s.peer("phone", "tcp")
	gw = s.gateway()
	s.start(["udp", "tcp"])
	caller.connect(caller.proxy).piece = 50
	s.over(*s.talk(gw, caller=caller))


@scenario
def a_gateway_that_closes_its_connection_is_called_on_a_new_one(s):
	gw = s.gateway(transport="tcp")
	s.start(["udp", "tcp"])
	s.over(*s.talk(gw))
	for connection in list(gw.connections.values()):
		connection.finish()
	s.over(*s.talk(gw))


@scenario
def a_connection_reset_before_any_answer_fails_over(s):
	first, second = s.gateway("first", "tcp"), s.gateway("second")
	s.start(["udp", "tcp"])
	a = s.caller.invite("4930")
	b = first.leg()
	for connection in list(first.connections.values()):
		connection.reset()
	c = second.leg()
	assert c.invited.time - b.invited.time < 1
	s.answer(a, c)
	s.over(a, c)


@scenario
def a_connection_reset_after_a_provisional_fails_over(s):
	first, second = s.gateway("first", "tcp"), s.gateway("second")
	s.start(["udp", "tcp"])
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(183)
	a.expect(183)
	reset(first)
	c = second.leg(timeout=1)
	s.answer(a, c)
	cancel = b.expect("CANCEL")  # over a new connection
	b.reply(200)
	b.reply(487, request=same_connection(b.invited, cancel))
	b.expect("ACK")
	s.over(a, c)


@scenario
def a_gateway_that_answers_after_its_connection_was_reset_is_hung_up(s):
	first, second = s.gateway("first", "tcp"), s.gateway("second")
	s.start(["udp", "tcp"])
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(183)
	a.expect(183)
	reset(first)
	c = second.leg(timeout=1)
	cancel = b.expect("CANCEL")
	b.reply(200)
	b.reply(200, True, request=same_connection(b.invited, cancel))
	b.expect("ACK")
	b.hung_up()
	s.answer(a, c)
	s.over(a, c)


def same_connection(request, later):
	"""This request, to be answered over the connection of a later one."""
	request.source = later.source
	return request


def reset(peer):
	for connection in list(peer.connections.values()):
		connection.reset()


def just_reset(s, gw, ask):
	"""ask() makes the switch send over a connection that has just been reset without its noticing."""
	with s.switch.asleep():
		ask()
		reset(gw)


@scenario
def a_bye_for_a_connection_just_reset_goes_out_on_a_new_one(s):
	gw = s.gateway(transport="tcp")
	s.start(["udp", "tcp"])
	a, b = s.talk(gw)
	just_reset(s, gw, lambda: a.send("BYE"))
	b.hung_up()
	a.expect(200, "BYE")


@scenario
def an_invite_for_a_connection_just_reset_goes_out_on_a_new_one(s):
	gw = s.gateway(transport="tcp")
	s.start(["udp", "tcp"])
	s.over(*s.talk(gw))
	s.settle()
	calls = []
	just_reset(s, gw, lambda: calls.append(s.caller.invite("4930")))
	b = gw.leg()
	s.answer(calls[0], b)
	s.over(calls[0], b)


@scenario
def an_answer_right_before_its_connection_is_reset_is_acked_on_a_new_one(s):
	gw = s.gateway(transport="tcp")
	s.start(["udp", "tcp"])
	a = s.caller.invite("4930")
	b = gw.leg()
	just_reset(s, gw, lambda: b.reply(200, sdp=True))
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


# what is inside a dialog stays on its schedule


def inside(method, transport):
	"""The gateway is away for a moment when it is sent this request."""
	def play(s):
		gw = s.gateway(transport=transport)
		s.start(list(dict.fromkeys(("udp", transport))))
		a, b = s.talk(gw)
		gw.away()
		a.send(method, body=s.caller.sdp + b"a=sendonly\r\n" if method == "INVITE" else b"")
		if method == "BYE":
			a.expect(200, "BYE")
		s.net.quiet(0.3)
		gw.listen()
		b.expect(method)
		b.reply(200, method == "INVITE")
		if method != "BYE":
			a.expect(200, method)
		if method == "INVITE":
			a.ack()
			b.expect("ACK")
		if method != "BYE":
			s.over(a, b)
	play.__name__ = "a_%s_to_a_gateway_that_was_away_over_%s_arrives" % (method.lower(), transport)
	scenario(play)


for method in ("BYE", "INFO", "INVITE"):
	for transport in ALL[:2]:
		inside(method, transport)


@scenario
def a_cancel_that_came_back_is_sent_again(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	gw.away()
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	s.net.quiet(0.3)
	gw.listen()
	b.cancelled()


@scenario
def an_answer_that_was_lost_with_its_connection_is_sent_over_a_new_one(s):
	caller, gw = s.peer("phone", "tcp"), s.gateway()
	s.start(["udp", "tcp"])
	a = caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	reset(caller)  # as if it had not been read
	s.net.until(lambda: any(entry.again and entry.message.is_(200, "INVITE") for entry in s.net.trace),
		"the answer comes over a new connection", 1)
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def a_body_larger_than_a_packet_passes_over_udp(s):
	gw = s.gateway()
	s.start()
	body = s.caller.sdp + b"a=fmtp:8 " + b"x" * 9000 + b"\r\n"
	a = s.caller.invite("4930", body=body)
	b = gw.leg()
	same(b.invited.body, body)
	s.answer(a, b)
	s.over(a, b)


@scenario
def two_listeners_of_one_transport_serve_side_by_side(s):
	gw = s.gateway()
	s.start(["udp", "udp"])
	addresses = [sip.address(listener) for listener in s.switch.status()["listeners"]]
	same(len(set(addresses)), 2)
	for address in addresses:
		s.caller.proxy = address
		s.over(*s.talk(gw))


@scenario
def a_burst_over_one_connection_is_read_to_its_end(s):
	caller = s.peer("phone", "tcp")
	s.start(["udp", "tcp"])
	with s.switch.asleep():
		for _ in range(300):
			caller.request("OPTIONS")
	assert sum(len(entry.message.raw) for entry in s.net.trace) > 100000
	caller.expect_count(300, 200, "OPTIONS")
	caller.inbox.clear()


if __name__ == "__main__":
	run()
