"""Setting up a call (docs/behaviour.md, Setting up a call)."""

import sip
from net import same
from runner import run, scenario


@scenario
def the_caller_hangs_up(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	same(b.invited.body, s.caller.sdp)
	same((sip.user(b.invited.uri), sip.user(b.invited["To"]), sip.user(b.invited["From"])),
		("4930", "4930", "4930100200"))
	b.reply(100)
	b.reply(180)
	same(a.expect(180).body, b"")
	b.reply(200, sdp=True)
	same(a.expect(200).body, gw.sdp)
	a.ack()
	same(b.expect("ACK").body, b"")
	s.over(a, b)


@scenario
def the_callee_hangs_up(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.over(b, a)


@scenario
def the_caller_gets_100_before_any_gateway_answers(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	a.expect(100)
	b = gw.leg()
	b.refuse(404)
	a.expect(404)


@scenario
def early_media_passes_in_183_and_180(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	for status in (183, 180):
		b.reply(status, sdp=sip.sdp(30000 + status))
		same(a.expect(status).body, sip.sdp(30000 + status))
	s.answer(a, b)
	s.over(a, b)


@scenario
def an_answer_without_any_provisional_connects(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	s.answer(a, b)
	s.over(a, b)


@scenario
def an_offerless_invite_takes_its_answer_in_the_ack(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", sdp=None)
	b = gw.leg()
	same((b.invited.body, b.invited["Content-Type"]), (b"", ""))
	b.reply(200, sdp=True)
	same(a.expect(200).body, gw.sdp)
	a.ack(sdp=True)
	ack = b.expect("ACK")
	same((ack.body, ack["Content-Type"]), (s.caller.sdp, "application/sdp"))
	s.over(b, a)


@scenario
def a_body_that_is_not_sdp_passes_byte_for_byte(s):
	gw = s.gateway()
	s.start()
	body = b"--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--x\r\n\r\n\0\xff\xfe\r\n--x--\r\n"
	a = s.caller.invite("4930", body=body, Content_Type="multipart/mixed;boundary=x")
	b = gw.leg()
	same((b.invited.body, b.invited["Content-Type"].replace(" ", "")), (body, "multipart/mixed;boundary=x"))
	b.refuse(486)
	a.expect(486)


@scenario
def two_calls_at_once_are_kept_apart(s):
	gw = s.gateway()
	s.start()
	first, second = s.caller.invite("4931"), s.caller.invite("4932")
	legs = {sip.user(leg.invited.uri): leg for leg in (gw.leg(), gw.leg())}
	for a, callee in ((second, "4932"), (first, "4931")):
		legs[callee].reply(183, sdp=sip.sdp(int(callee) + 30000))
		same(a.expect(183).body, sip.sdp(int(callee) + 30000))
		s.answer(a, legs[callee])
	s.over(first, legs["4931"])
	s.over(legs["4932"], second)


@scenario
def the_longest_prefix_chooses_the_gateway(s):
	s.gateway("any", prefix="")
	germany, berlin = s.gateway("germany", prefix="49"), s.gateway("berlin", prefix="4930")
	s.start()
	s.over(*s.talk(berlin, "493012"))
	s.over(*s.talk(germany, "4940"))


@scenario
def no_route_is_404(s):
	s.gateway(prefix="49")
	s.start()
	assert "cause=" in s.caller.invite("33").expect(404)["Reason"]


@scenario
def an_unknown_source_gets_403(s):
	s.gateway()
	stranger = s.peer("stranger", host="127.0.0.9")
	s.start()
	stranger.invite("4930").expect(403)
	s.settle()
	same(s.switch.status()["calls"]["total"], 0)


@scenario
def an_unknown_source_gets_silence_when_told_so(s):
	s.gateway()
	stranger = s.peer("stranger", host="127.0.0.9")
	s.start(SS_REPLY_UNAUTHORIZED="Off")
	stranger.invite("4930")
	stranger.request("OPTIONS")
	s.caller.invite("0", Max_Forwards="0").expect(483)  # so the switch has read what was sent before
	same(stranger.arrivals(403), [])


@scenario
def options_from_a_known_source_is_answered(s):
	s.start()
	s.caller.request("OPTIONS")
	answer = s.caller.expect(200, "OPTIONS")
	assert "INVITE" in answer["Allow"], answer.raw


def challenge(gw, status, parameters):
	"""The gateway asks for credentials; the Leg of the INVITE that has them."""
	refused = gw.leg()
	name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
	refused.refuse(status, [(name, 'Digest realm="vendor", nonce="n1n2", algorithm=MD5' + parameters)])
	leg = gw.leg()
	same(leg.call_id, refused.call_id)
	same(int(leg.invited["CSeq"].split()[0]), int(refused.invited["CSeq"].split()[0]) + 1)
	same(leg.invited["From"], refused.invited["From"])
	given, right = sip.digest(leg.invited["Authorization" if status == 401 else "Proxy-Authorization"], "INVITE",
		"se:cret")
	same(given, right)
	return leg


def authenticated(s, status, parameters):
	gw = s.gateway(auth_user="us", auth_password="se:cret")
	s.start()
	a = s.caller.invite("4930")
	b = challenge(gw, status, parameters)
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_gateways_401_is_answered_with_its_credentials(s):
	authenticated(s, 401, "")


@scenario
def a_gateways_407_with_qop_is_answered_with_its_credentials(s):
	authenticated(s, 407, ', qop="auth", opaque="o"')


@scenario
def credentials_refused_are_a_failure_and_the_next_gateway_is_tried(s):
	gw, second = s.gateway(auth_user="us", auth_password="se:cret"), s.gateway("second")
	s.start()
	a = s.caller.invite("4930")
	challenge(gw, 401, "").refuse(401, [("WWW-Authenticate", 'Digest realm="vendor", nonce="n3"')])
	b = second.leg()
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_challenge_without_credentials_is_a_failure(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	gw.leg().refuse(407, [("Proxy-Authenticate", 'Digest realm="vendor", nonce="n1"')])
	final = a.expect(503, "INVITE")
	same((final["Proxy-Authenticate"], final["WWW-Authenticate"]), ("", ""))


@scenario
def forked_ringing_and_two_answers_leave_one_call(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180, tag="forkone")
	a.expect(180)
	b.reply(180, tag="forktwo")
	b.reply(200, sdp=True, tag="forktwo")
	a.expect(200)
	a.ack()
	same(sip.param(b.expect("ACK")["To"], "tag"), "forktwo")
	b.reply(200, sdp=True, tag="forkone", request=b.invited)
	same(sip.param(b.expect("ACK")["To"], "tag"), "forkone")
	same(sip.param(b.hung_up()["To"], "tag"), "forkone")
	a.send("BYE")
	same(sip.param(b.hung_up()["To"], "tag"), "forktwo")
	a.expect(200, "BYE")
	same(s.switch.record()["sip_code"], 200)


if __name__ == "__main__":
	run()
