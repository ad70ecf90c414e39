"""Corners of the protocol that lose calls if they are handled wrongly (RFC 3261)."""

import sip
from net import same
from runner import run, scenario

SHORT = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2,0.4"}
FOLDED = '"a \\" b\r\n CSeq: 9 X"\r\n\t<sip:1@x.invalid>;tag='


@scenario
def a_folded_name_is_unfolded_in_ack(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", From=FOLDED + s.caller.token("tag"))
	b = gw.leg()
	b.reply(486)
	ack = b.expect("ACK")
	a.expect(486, "INVITE")
	same(ack["From"], b.invited["From"])
	for message in (b.invited, ack):
		assert b"\r\n " not in message.raw and b"\r\n\t" not in message.raw, message.raw


@scenario
def a_folded_name_is_unfolded_in_cancel(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", From=FOLDED + s.caller.token("tag"))
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	cancel = b.expect("CANCEL")
	b.reply(200)
	b.refuse(487)
	same(cancel["From"], b.invited["From"])
	assert b"\r\n " not in cancel.raw and b"\r\n\t" not in cancel.raw, cancel.raw


@scenario
def a_contact_that_names_nobody_counts_as_missing(s):
	gw = s.gateway()
	s.start()
	s.over(*s.talk(gw, Contact="*"))


@scenario
def a_caller_of_rfc_2543_without_contact_and_tag_is_served(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", Contact=None, From="<sip:4930100200@old.invalid>")
	b = gw.leg()
	s.answer(a, b)
	b.bye()
	same(a.expect("BYE").uri, "sip:4930100200@old.invalid")
	a.reply(200, tag="late")


@scenario
def an_answer_without_a_to_tag_makes_a_call_like_any_other(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.local = b.invited["To"]
	gw.send(sip.build("SIP/2.0 200 OK", [(name, b.invited[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")] +
		[("Contact", gw.contact), ("Content-Type", "application/sdp")], gw.sdp), b.invited.source)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	b.send("BYE")
	b.expect(200, "BYE")
	a.hung_up()
	same(s.switch.record()["sip_code"], 200)


@scenario
def an_offer_in_the_answer_to_another_body_is_answered_in_the_ack(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", body=b"isup", Content_Type="application/isup")
	b = gw.leg()
	same((b.invited.body, b.invited["Content-Type"]), (b"isup", "application/isup"))
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack(sdp=True)
	same(b.expect("ACK").body, s.caller.sdp)
	s.over(a, b)


@scenario
def a_bye_of_the_gateway_before_its_answer_is_481_and_the_call_goes_on(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(183, sdp=True)
	a.expect(183)
	b.send("BYE")
	b.expect(481, "BYE")
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_bye_of_the_gateway_waits_for_the_callers_ack(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	b.expect("ACK")
	a.expect(200, "INVITE")
	b.send("BYE")
	b.expect(200, "BYE")
	s.net.quiet(0.3)  # RFC 3261 section 15: not before the ACK
	a.ack()
	a.hung_up()
	row = s.switch.record()
	same((row["sip_code"], row["end_direction"]), (200, 1))


@scenario
def a_bye_of_the_gateway_waits_no_longer_than_the_answer_is_resent(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	b.expect("ACK")
	a.expect(200, "INVITE")
	b.send("BYE")
	b.expect(200, "BYE")
	assert a.hung_up().time >= s.caller.arrivals(200, "INVITE")[3].time
	s.switch.record()


@scenario
def options_inside_a_call_are_answered_with_allow(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for leg in (a, b):
		leg.send("OPTIONS")
		assert "INVITE" in leg.expect(200, "OPTIONS")["Allow"]
	s.over(a, b)


@scenario
def a_cancel_inside_a_call_that_meets_nothing_is_481(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for leg in (a, b):
		leg.send("CANCEL")
		leg.expect(481, "CANCEL")
	s.over(a, b)


@scenario
def an_unknown_extension_required_inside_a_call_is_420(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for leg in (a, b):
		leg.send("INFO", headers=[("Require", "foo")])
		same(leg.expect(420, "INFO")["Unsupported"], "foo")
	s.over(a, b)


@scenario
def a_repeated_answer_to_an_offerless_reinvite_gets_no_other_ack_than_its_own(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("INVITE")
	b.expect("INVITE")
	answer = b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	gw.send(answer.raw, b.last.source)
	s.net.quiet(0.3)  # there is no SDP for the ACK yet
	a.ack(sdp=True)
	ack = b.expect("ACK")
	gw.send(answer.raw, b.last.source)
	same([entry.message["CSeq"] for entry in gw.expect_count(3, "ACK")][1:], [answer["CSeq"].split()[0] + " ACK"] * 2)
	same(gw.arrivals("ACK")[2].message.body, ack.body)
	s.over(a, b)


@scenario
def a_strict_router_gets_the_target_as_last_route(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	hops = ["<sip:%s;hop=2>" % gw.host_port, "<sip:%s;hop=1>" % gw.host_port]
	b.reply(200, sdp=True, headers=[("Record-Route", hop) for hop in hops])
	a.expect(200, "INVITE")
	a.ack()
	ack = b.expect("ACK")
	same((ack.uri, [sip.uri(route) for route in ", ".join(ack.all("Route")).split(",")]),
		(sip.uri(hops[1]), [sip.uri(hops[0]), sip.uri(gw.contact)]))
	s.over(a, b)


@scenario
def an_invite_without_a_number_is_484(s):
	s.gateway()
	s.start()
	for uri in ("sip:%s:%d", "sip:@%s:%d"):
		s.caller.invite("", uri=uri % s.caller.proxy).expect(484)
	same([row["end_reason"] for row in s.switch.records(2)], ["no number called"] * 2)


if __name__ == "__main__":
	run()
