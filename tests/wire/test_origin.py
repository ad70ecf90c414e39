"""gateway.sdp_own_origin: our own o= and s= lines, consistent over the whole call (RFC 4566 section 5.2, RFC 3264 section 8)."""

import re

import sip
from net import Failed, same
from runner import run, scenario, variants
from timers import NO_UPDATE, TIMER, expires, refresh, start, talk

HOLD = sip.sdp(31000, "alice", "sendonly")
HELD = sip.sdp(31002, "bob", "recvonly")
ORIGIN = re.compile(rb"^o=- (\d+) (\d+) IN IP4 127\.0\.0\.1\r?$", re.M)


class Stream:
	"""What one side sees of the other: always the same session id, and a version that grows by one with each change."""

	def __init__(self):
		self.id, self.version, self.rest = None, None, None

	def has(self, message, original):
		"""This body is what was sent, apart from o= and s=."""
		body = message.body
		found = ORIGIN.search(body)
		if not found:
			raise Failed("no origin of ours: %r" % body)
		same(int(message["Content-Length"]), len(body))
		same(re.search(rb"(?m)^s=.*$", body).group().rstrip(b"\r"), b"s=-")
		same(others(body), others(original))
		number, version = int(found.group(1)), int(found.group(2))
		if self.id is not None:
			same((number, version), (self.id, self.version + (others(body) != self.rest)))
		self.id, self.version, self.rest = number, version, others(body)


def others(body):
	return [line for line in body.splitlines(True) if not line.startswith((b"o=", b"s="))]


def gateways(s, count=1):
	"""Gateways with sdp_own_origin, and a caller and gateways whose own o= and s= lines would be recognised."""
	s.caller.sdp = sip.sdp(30000, "customer").replace(b"s=-", b"s=PBX of the customer")
	found = s.gateways(count, sdp_own_origin=1)
	for number, gw in enumerate(found):
		gw.sdp = sip.sdp(30002 + 2 * number, "vendor%d" % number)
	return found


def call(s):
	"""A call through such a gateway; the streams towards caller and gateway, which have seen its first descriptions."""
	gw, = gateways(s)
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	to_a, to_b = Stream(), Stream()
	to_b.has(b.invited, s.caller.sdp)
	b.reply(200, sdp=True)
	to_a.has(a.expect(200), gw.sdp)
	a.ack()
	b.expect("ACK")
	return a, b, to_a, to_b


def offered(x, y, to_x, to_y, offer, answer, in_ack=b"", method="INVITE"):
	x.send(method, body=offer)
	there = y.expect(method)
	if offer:
		to_y.has(there, offer)
	y.reply(200, sdp=answer)
	to_x.has(x.expect(200, method), answer)
	if method == "INVITE":
		x.ack(sdp=in_ack)
		ack = y.expect("ACK")
		if in_ack:
			to_y.has(ack, in_ack)
		else:
			same(ack.body, b"")


@scenario
def every_description_of_a_call_has_our_origin(s):
	a, b, to_a, to_b = call(s)
	offered(a, b, to_a, to_b, HOLD, HELD)
	offered(b, a, to_b, to_a, HOLD, HELD)
	offered(a, b, to_a, to_b, b"", s.caller.sdp, HOLD)
	offered(b, a, to_b, to_a, HELD, HOLD, method="UPDATE")
	offered(a, b, to_a, to_b, s.caller.sdp, b.peer.sdp)
	s.over(a, b)


@scenario
def the_version_stays_when_only_their_origin_has_changed(s):
	a, b, to_a, to_b = call(s)
	version = to_b.version
	offered(a, b, to_a, to_b, HOLD, HELD)
	same(to_b.version, version + 1)
	a.send("INVITE", body=HOLD.replace(b"3344 3344", b"3344 3399"))
	message = s.net.until(lambda: b.peer.find("INVITE") or s.caller.find(200, "INVITE"), "an INVITE or its answer")
	if message.method == "INVITE" and not message.is_response:
		to_b.has(message, HOLD)
		same(to_b.version, version + 1)
		b.last = message
		b.reply(200, sdp=HELD)
		a.expect(200, "INVITE")
		a.ack()
		b.expect("ACK")
	else:
		a.ack()
	s.over(a, b)


@scenario
def without_the_setting_nothing_is_touched(s):
	gw = s.gateway(sdp_own_origin=0)
	s.start()
	a = s.caller.invite("4930", sdp=HOLD)
	b = gw.leg()
	same(b.invited.body, HOLD)
	b.reply(200, sdp=HELD)
	same(a.expect(200).body, HELD)
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@variants(("the_gateway", "b"), ("the_caller", "a"))
def a_refresh_keeps_the_version_towards(s, side):
	gw, = gateways(s)
	start(s)
	to_a, to_b = Stream(), Stream()
	asks, grants = ([TIMER, expires(90, "uas")], []) if side == "a" else ([], [expires(90, "uac"), ("Allow", NO_UPDATE)])
	a, b = talk(s, gw, asks, grants, Allow=NO_UPDATE)
	to_b.has(b.invited, s.caller.sdp)
	to_a.has(a.since, gw.sdp)
	x, to_x, shown = (a, to_a, gw.sdp) if side == "a" else (b, to_b, s.caller.sdp)
	for _ in range(2):
		to_x.has(refresh(x, None, "INVITE"), shown)
	s.over(a, b)


@variants(("the_gateway", "b"), ("the_caller", "a"))
def a_refresh_is_answered_with_the_same_version_to(s, side):
	gw, = gateways(s)
	s.start()
	to_a, to_b = Stream(), Stream()
	a, b = talk(s, gw, [TIMER, expires(1800)], [expires(1800, "uas")])
	to_b.has(b.invited, s.caller.sdp)
	to_a.has(a.since, gw.sdp)
	x, y, to_x = (a, b, to_a) if side == "a" else (b, a, to_b)
	x.send("INVITE", [TIMER, expires(1800, "uac")], x.peer.sdp)
	to_x.has(x.expect(200, "INVITE"), y.peer.sdp)
	x.ack()
	s.over(x, y)


@scenario
def early_media_and_the_same_in_the_answer_keep_the_version(s):
	gw, = gateways(s)
	s.start()
	to_a, to_b = Stream(), Stream()
	a = s.caller.invite("4930")
	b = gw.leg()
	to_b.has(b.invited, s.caller.sdp)
	for status in 183, 180, 200:
		b.reply(status, sdp=True)
		to_a.has(a.expect(status, "INVITE"), gw.sdp)
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def other_sdp_in_the_answer_than_before_it_raises_the_version(s):
	gw, = gateways(s)
	s.start()
	to_a = Stream()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(183, sdp=HELD)
	to_a.has(a.expect(183), HELD)
	b.reply(200, sdp=True)
	to_a.has(a.expect(200), gw.sdp)
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def the_next_gateway_raises_the_version_for_the_caller(s):
	first, second = gateways(s, 2)
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")
	to_a = Stream()
	a = s.caller.invite("4930")
	b = first.leg()
	Stream().has(b.invited, s.caller.sdp)
	b.reply(183, sdp=True)
	to_a.has(a.expect(183), first.sdp)
	b.refuse(503)
	c = second.leg()
	Stream().has(c.invited, s.caller.sdp)
	c.reply(200, sdp=True)
	to_a.has(a.expect(200), second.sdp)
	a.ack()
	c.expect("ACK")
	s.over(a, c)


@scenario
def reliable_early_media_and_offers_before_the_answer_have_our_origin(s):
	"""183 and PRACK on both legs, an UPDATE of each side before the answer (RFC 3262, RFC 3311)."""
	gw, = gateways(s)
	s.start(SS_SIP_100REL="Supported")
	to_a, to_b = Stream(), Stream()
	a = s.caller.invite("4930", headers=[("Supported", "100rel")])
	b = gw.leg()
	to_b.has(b.invited, s.caller.sdp)
	b.reply(183, sdp=True, headers=[("Require", "100rel"), ("RSeq", "7"), ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK")])
	same(b.expect("PRACK")["RAck"], "7 1 INVITE")
	b.reply(200)
	early = a.expect(183)
	to_a.has(early, gw.sdp)
	a.send("PRACK", [("RAck", early["RSeq"] + " 1 INVITE")])
	a.expect(200, "PRACK")
	offered(a, b, to_a, to_b, HOLD, HELD, method="UPDATE")
	offered(b, a, to_b, to_a, gw.sdp, HOLD, method="UPDATE")
	b.reply(200, request=b.invited)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	offered(a, b, to_a, to_b, s.caller.sdp, gw.sdp)
	s.over(a, b)


@scenario
def two_calls_have_two_ids_and_neither_leg_shows_the_other(s):
	a, b, to_a, to_b = call(s)
	c = s.caller.invite("4930")
	d = b.peer.leg()
	other = Stream()
	other.has(d.invited, s.caller.sdp)
	assert other.id != to_b.id
	s.answer(c, d)
	s.over(c, d)
	s.over(a, b)


@scenario
def an_invite_without_offer_gets_the_lines_in_the_answer_and_the_ack(s):
	gw, = gateways(s)
	s.start()
	to_a, to_b = Stream(), Stream()
	a = s.caller.invite("4930", sdp=False)
	b = gw.leg()
	same(b.invited.body, b"")
	b.reply(200, sdp=HOLD)
	to_a.has(a.expect(200), HOLD)
	a.ack(sdp=HELD)
	to_b.has(b.expect("ACK"), HELD)
	offered(a, b, to_a, to_b, s.caller.sdp, gw.sdp)
	s.over(a, b)


@variants(("without_s", HOLD.replace(b"s=-\r\n", b"")), ("with_bare_line_ends", HOLD.replace(b"\r\n", b"\n")),
	("without_a_last_line_end", HOLD[:-2]), ("that_is_one_line", b"o="), ("that_is_garbage", b"\xff\x00\x01no sdp at all"),
	("with_o_further_down", HOLD + b"o=x 1 1 IN IP4 1.2.3.4\r\ns=y\r\n"))
def a_call_lives_with_sdp(s, body):
	gw, = gateways(s)
	s.start()
	a = s.caller.invite("4930", sdp=body)
	b = gw.leg()
	same(int(b.invited["Content-Length"]), len(b.invited.body))
	s.answer(a, b)
	s.over(a, b)


@scenario
def other_bodies_are_not_touched(s):
	a, b, _, _ = call(s)
	body = b"o=alice 1 1 IN IP4 1.2.3.4\r\ns=x\r\n"
	a.send("MESSAGE", body=body, Content_Type="text/plain")
	same(b.expect("MESSAGE").body, body)
	b.reply(200)
	a.expect(200, "MESSAGE")
	s.over(a, b)


if __name__ == "__main__":
	run()
