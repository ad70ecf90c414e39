"""Numbers from peers are bounded, whatever they say: CSeq, Max-Forwards, Min-SE, Session-Expires, Expires, RSeq, Content-Length."""

import sip
from net import same
from registrar import challenge, grant, reaches, refuse, registrar
from runner import run, scenario, variants

HUGE = ["4294967295", "4294967296", "18446744073709551617"]


@scenario
def a_cseq_of_2_to_the_31_and_more_is_400(s):
	gw = s.gateway()
	phone = s.peer("phone", "tcp")
	s.start(["udp", "tcp"], SS_SIP_RESEND_INTERVAL="0.1,0.2")
	for caller in s.caller, phone:
		for number in "2147483648", "4294967295":
			caller.invite("4930", CSeq=number + " INVITE").expect(400, "INVITE")
	a = s.caller.invite("4930", CSeq="2147483646 INVITE")
	b = gw.leg()
	s.answer(a, b)
	a.send("INFO", cseq=2147483648)
	a.expect(400, "INFO")
	a.send("INFO", cseq=2147483647)
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(b, a)


@scenario
def max_forwards_never_exceeds_ours(s):
	gw = s.gateway()
	s.start()
	for given, passed in ("4294967295", "69"), ("71", "69"), ("70", "69"), ("69", "68"), (None, "70"):
		a, b = s.caller.invite("4930", Max_Forwards=given), gw.leg()
		same(b.invited["Max-Forwards"], passed)
		s.answer(a, b)
		a.send("INFO", Max_Forwards=given)
		same(b.expect("INFO")["Max-Forwards"], passed)
		b.reply(200)
		a.expect(200, "INFO")
		s.over(a, b)


@variants(*((n, n) for n in ["86401"] + HUGE))
def a_422_that_demands_more_than_a_day_is_final(s, number):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	gw.leg().refuse(422, [("Min-SE", number)])
	a.expect(503)
	same([attempt["code"] for attempt in s.switch.record()["attempts"]], [422])


@variants(*((n, n) for n in ["86401"] + HUGE))
def a_min_se_of_more_than_a_day_is_ignored(s, number):
	gw = s.gateway()
	s.start(SS_SIP_SESSION_TTL=1800)
	a = s.caller.invite("4930", Supported="timer", Session_Expires=number, Min_SE=number)
	b = gw.leg()
	b.reply(200, sdp=True)
	b.expect("ACK")
	same(a.expect(200)["Session-Expires"], "1800;refresher=uas")
	a.ack()
	s.over(a, b)


@variants(*((n, n) for n in HUGE))
def an_expiry_beyond_32_bits_is_a_long_one(s, number):
	"""Not the rest that is left of it modulo 2^32, which may be 0."""
	r = registrar(s)
	r.script = [grant(False, expires=number)]
	s.start()
	found = reaches(s, "registered")
	same(found["expires_s"] > 3600, True)


@variants(*((n, n) for n in HUGE))
def a_min_expires_of_ages_fails_the_registration(s, number):
	r = registrar(s)
	r.script = [refuse(423, ("Min-Expires", number))]
	s.start()
	same(reaches(s, "waiting")["code"], 423)
	same(len(r.requests), 1)


@scenario
def a_body_shorter_than_content_length_is_400(s):
	"""In a datagram (RFC 3261 section 18.3); a response of that kind is dropped."""
	gw = s.gateway()
	s.start()
	for number in ["1", "2147483648", "-1"] + HUGE:
		raw = sip.build("OPTIONS sip:1@%s SIP/2.0" % sip.host_port(*s.caller.proxy), [("Via", s.caller.via()), ("Max-Forwards", "70"),
			("From", "<sip:a@b>;tag=%s" % number), ("To", "<sip:1@c>"), ("Call-ID", "length" + number), ("CSeq", "1 OPTIONS")])
		s.caller.send(raw.replace(b"Content-Length: 0", b"Content-Length: " + number.encode()), s.caller.proxy)
		s.caller.expect(400, "OPTIONS", call_id="length" + number)

	a = s.caller.invite("4930")
	b = gw.leg()
	raw = sip.build("SIP/2.0 486 Busy", b.response_headers(b.invited, 486))
	gw.send(raw.replace(b"Content-Length: 0", b"Content-Length: 1"), b.invited.source)
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_number_with_blanks_or_control_characters_is_400(s):
	gw = s.gateway()
	s.start()
	for number in "49%2030", "49%0D%0AX:y", "49%0030", "49%7f", "%09", "49%1b30", "49\x0130":
		s.caller.invite(number).expect(400)
		if number != "49%2030":
			s.caller.invite("4930", caller=number).expect(400)
	same({row["end_reason"] for row in s.switch.records(13)}, {"invalid number"})
	a = s.caller.invite("4930", caller="I%20have%20spaces")  # RFC 4475 section 3.1.1.4
	b = gw.leg()
	same(sip.user(b.invited["From"]), "I%20have%20spaces")
	s.answer(a, b)
	s.over(a, b)


@scenario
def numbers_of_255_characters_are_called_and_looked_up(s):
	gw = s.gateway()
	s.start()
	number = "4" * 255
	a, b = s.talk(gw, number, caller=s.caller)
	same(sip.user(b.invited.uri), number)
	s.over(a, b)
	found = s.switch.control("routes.lookup", callee=number, caller=number)
	same([candidate["gateway"] for candidate in found["candidates"]], ["gw"])
	s.caller.invite(number + "4").expect(400)


run()
