"""Further offers before the call is answered: in UPDATE and PRACK (RFC 3311, RFC 3262 section 5)."""

import sip
from net import same
from rel100 import (ALLOW, ANSWER, OFFER, ON, OTHER, REQUIRED, SHORT, acknowledge, acknowledged, begin, ends, ends_elsewhere,
	held, plain, prack, ring, settled)
from runner import run, scenario, variants


@scenario
def an_offer_in_a_prack_crosses_as_update(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	ring(b, 2)
	acknowledged(b, 2)
	prack(a, a.expect(180), OFFER)
	update = b.expect("UPDATE")
	same((update.body, update["CSeq"], update["RAck"]), (OFFER, "4 UPDATE", ""))
	b.reply(200, ANSWER)
	answer = a.expect(200, "PRACK")
	same((answer.body, answer["Session-Expires"]), (ANSWER, ""))
	ends(s, a, b)


@scenario
def an_offer_in_the_prack_of_the_answer_crosses_too(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1, 183, True)
	acknowledged(b, 1)
	prack(a, a.expect(183), OFFER)
	b.expect("UPDATE")
	b.reply(488)
	a.expect(488, "PRACK")
	s.net.quiet(0.2)
	ends(s, a, b)


@scenario
def an_offer_in_a_prack_that_cannot_cross_is_488_and_acknowledges_all_the_same(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = settled(s, gw, "INVITE, ACK, CANCEL, BYE, PRACK")
	b.reply(180, request=b.invited)
	prack(a, a.expect(180), OFFER)
	a.expect(488, "PRACK")
	count = len(s.caller.arrivals(180))
	s.net.quiet(0.5)
	same(len(s.caller.arrivals(180)), count)
	ends(s, a, b)


@variants(("caller", "a"), ("gateway", "b"))
def an_update_with_another_identity_crosses_before_the_answer_from_the(s, side):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	x, y = (a, b) if side == "a" else (b, a)
	name = "<sip:4999@example.com>"
	x.send("UPDATE", [("P-Asserted-Identity", name)])
	there = y.expect("UPDATE")
	same((there["P-Asserted-Identity"], there.body), (name, b""))
	y.reply(200)
	x.expect(200, "UPDATE")
	x.send("UPDATE", [("P-Asserted-Identity", name)])
	x.expect(200, "UPDATE")
	same(len(y.peer.arrivals("UPDATE")), 1)
	ends(s, a, b)


@scenario
def an_offer_in_a_prack_before_the_answer_is_488(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1)
	acknowledged(b, 1)
	prack(a, a.expect(180), OFFER)
	a.expect(488, "PRACK")
	ends(s, a, b)


@scenario
def an_offer_in_a_prack_for_a_gateway_without_100rel_is_488(s):
	gw = s.gateway(sip_100rel="Off")
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(183, True, ALLOW)
	acknowledge(a, 183)
	b.reply(180)
	prack(a, a.expect(180), OFFER)
	a.expect(488, "PRACK")
	ends(s, a, b)


@scenario
def an_offer_in_a_prack_while_the_answer_waits_its_turn_is_488(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1)
	acknowledged(b, 1)
	response = a.expect(180)
	ring(b, 2, 183, True)
	acknowledged(b, 2)
	prack(a, response, OFFER)
	a.expect(488, "PRACK")
	acknowledge(a, 183)
	ends(s, a, b)


@scenario
def an_offer_in_the_prack_that_an_answer_waits_for_is_488_without_allow(s):
	gw = s.gateway()
	a, b, response = held(s, gw)
	prack(a, response, OFFER, headers=ALLOW)
	a.expect(488, "PRACK")  # the gateway never said that it allows UPDATE
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)


@scenario
def an_update_crosses_before_the_answer_from_either_side(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	a.send("UPDATE", body=OFFER)
	got = b.expect("UPDATE")
	same((got.body, got["CSeq"]), (OFFER, "3 UPDATE"))
	b.reply(200, ANSWER)
	same(a.expect(200, "UPDATE").body, ANSWER)
	b.send("UPDATE", body=OTHER)
	got = a.expect("UPDATE")
	same(got.body, OTHER)
	a.reply(200, OFFER)
	same(b.expect(200, "UPDATE").body, OFFER)
	b.send("UPDATE", body=ANSWER)
	a.expect("UPDATE")
	a.reply(488)
	b.expect(488, "UPDATE")
	ends(s, a, b)


@scenario
def after_the_answer_the_dialog_goes_on(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	b.send("UPDATE", body=OTHER)
	a.expect("UPDATE")
	a.reply(200, OFFER)
	b.expect(200, "UPDATE")
	b.reply(200, True, request=b.invited)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	b.send("INFO", cseq=b.cseq)  # not higher than that of the UPDATE
	b.expect(500, "INFO")
	b.send("INFO")
	info = a.expect("INFO")
	same(info["CSeq"], "2 INFO")
	a.reply(200)
	b.expect(200, "INFO")
	a.send("INFO")
	same(b.expect("INFO")["CSeq"], "3 INFO")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


@scenario
def an_update_without_offer_is_answered_here(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	a.send("UPDATE")
	assert a.expect(200, "UPDATE")["Contact"]
	b.send("UPDATE")
	assert b.expect(200, "UPDATE")["Contact"]
	s.net.quiet(0.2)
	ends(s, a, b)


@scenario
def an_update_before_offer_and_answer_are_complete_is_refused(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1)
	acknowledged(b, 1)
	acknowledge(a)
	a.send("UPDATE", body=OTHER)  # its own offer is waiting for our answer
	refused = a.expect(500, "UPDATE")
	assert 0 <= int(refused["Retry-After"]) <= 10, refused.head
	b.send("UPDATE", body=OTHER)  # ours is waiting for its answer
	b.expect(491, "UPDATE")
	ends(s, a, b)


@scenario
def an_update_against_a_late_offer_that_is_not_answered_is_refused(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, sdp=False)
	ring(b, 1, 183, OFFER)
	response = a.expect(183)
	a.send("UPDATE", body=OTHER)
	a.expect(491, "UPDATE")
	b.send("UPDATE", body=OTHER)
	assert 0 <= int(b.expect(500, "UPDATE")["Retry-After"]) <= 10
	prack(a, response, ANSWER)
	a.expect(200, "PRACK")
	acknowledged(b, 1, ANSWER)
	a.send("UPDATE", body=OTHER)
	same(b.expect("UPDATE").body, OTHER)
	b.reply(200, OFFER)
	a.expect(200, "UPDATE")
	ends(s, a, b, sdp=None)


@scenario
def an_update_for_a_gateway_that_does_not_allow_it_is_488(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw, "INVITE, ACK, CANCEL, BYE, PRACK")
	a.send("UPDATE", body=OFFER)
	a.expect(488, "UPDATE")
	ends(s, a, b)


@scenario
def an_update_for_a_caller_that_does_not_allow_it_is_488(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw, Allow="INVITE, ACK, CANCEL, BYE, PRACK")
	b.send("UPDATE", body=OFFER)
	b.expect(488, "UPDATE")
	ends(s, a, b)


@scenario
def an_update_for_a_gateway_without_100rel_is_491(s):
	gw = s.gateway(sip_100rel="Off")
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(183, True, ALLOW)
	acknowledge(a, 183)
	a.send("UPDATE", body=OFFER)
	a.expect(491, "UPDATE")
	ends(s, a, b)


@scenario
def an_update_for_a_gateway_whose_answer_was_not_reliable_is_491(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1)
	acknowledged(b, 1)
	acknowledge(a)
	b.reply(183, True, ALLOW, b.invited)
	acknowledge(a, 183)
	a.send("UPDATE", body=OFFER)
	a.expect(491, "UPDATE")
	ends(s, a, b)


@scenario
def an_update_of_the_gateway_before_the_caller_acknowledged_is_491(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1, 183, True)
	acknowledged(b, 1)
	response = a.expect(183)
	b.send("UPDATE", body=OFFER)
	b.expect(491, "UPDATE")
	prack(a, response)
	a.expect(200, "PRACK")
	b.send("UPDATE", body=OFFER)
	a.expect("UPDATE")
	a.reply(200, ANSWER)
	b.expect(200, "UPDATE")
	ends(s, a, b)


@scenario
def an_update_in_no_early_dialog_is_481(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	b.send("UPDATE", body=OFFER, From=b.local + "x")
	b.expect(481, "UPDATE")
	ends(s, a, b)


@scenario
def other_requests_of_an_early_dialog_are_answered_as_the_table_says(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	for method, status in (("INFO", 491), ("INVITE", 491), ("OPTIONS", 200), ("PRACK", 481), ("SUBSCRIBE", 405), ("BYE", 481)):
		b.send(method)
		b.expect(status, method)
	ends(s, a, b)


@variants(("off", {}), ("on", ON))
def requests_in_an_early_dialog_that_is_not_reliable_are_answered_with_100rel(s, parameters):
	"""RFC 3261 section 12.1: any provisional response with a tag makes one. A 481 would make the gateway give up."""
	gw = s.gateway()
	s.start(**parameters)
	a, b = begin(s, gw, headers=[])
	b.reply(180, headers=ALLOW)
	a.expect(180)
	for method, body, status in (("UPDATE", b"", 200), ("UPDATE", OTHER, 491), ("INFO", b"", 491), ("OPTIONS", b"", 200),
			("BYE", b"", 481)):
		b.send(method, body=body)
		b.expect(status, method)
	b.send("UPDATE", From=b.local + "x")
	b.expect(481, "UPDATE")
	ends(s, a, b, True)


@scenario
def a_response_turns_reliable_after_one_that_was_not(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(180, headers=ALLOW)
	a.expect(180)
	ring(b, 77, 183, True)
	acknowledged(b, 77)
	ring(b, 79)
	ring(b, 78)
	acknowledged(b, 78)
	ends(s, a, b, None)


@scenario
def two_updates_at_a_time_are_glare(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	a.send("UPDATE", body=OFFER)
	pending = b.expect("UPDATE")
	b.send("UPDATE", body=OTHER)
	b.expect(491, "UPDATE")
	a.send("UPDATE", body=OTHER)
	refused = a.expect(500, "UPDATE")
	assert 0 <= int(refused["Retry-After"]) <= 10, refused.head
	b.reply(200, ANSWER, request=pending)
	a.expect(200, "UPDATE")
	ends(s, a, b)


@scenario
def an_update_that_crosses_the_answer_is_answered(s):
	gw = s.gateway()
	s.start(**ON)
	for of_gateway in (False, True):
		a, b = settled(s, gw)
		x, y = (b, a) if of_gateway else (a, b)
		x.send("UPDATE", body=OFFER)
		pending = y.expect("UPDATE")
		b.reply(200, True, request=b.invited)
		a.expect(200, "INVITE")
		a.ack()
		b.expect("ACK")
		y.reply(200, ANSWER, request=pending)
		same(x.expect(200, "UPDATE").body, ANSWER)
		y.send("UPDATE", body=OTHER)
		same(x.expect("UPDATE").body, OTHER)
		x.reply(200, OFFER)
		y.expect(200, "UPDATE")
		s.over(a, b)
	s.switch.records(2)


@scenario
def an_update_challenged_after_the_answer_goes_on_in_the_leg(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	s.start(**ON)
	a, b = settled(s, gw)
	a.send("UPDATE", body=OFFER)
	pending = b.expect("UPDATE")
	b.reply(200, True, request=b.invited)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	b.reply(401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')], request=pending)
	again = b.expect("UPDATE")
	same((again["CSeq"], again.body), ("4 UPDATE", OFFER))
	b.reply(200, ANSWER)
	a.expect(200, "UPDATE")
	a.send("BYE")
	same(b.hung_up()["CSeq"], "5 BYE")
	a.expect(200, "BYE")


@scenario
def an_update_under_way_ends_with_the_attempt(s):
	first, second = s.gateways(2)
	s.start(**ON, **SHORT)
	a, b = settled(s, first)
	a.send("UPDATE", body=OFFER)
	pending = b.expect("UPDATE")
	b.refuse(503)
	a.expect(491, "UPDATE")
	b.reply(200, ANSWER, request=pending)
	c = second.leg()
	c.reply(180)
	acknowledge(a)
	ends_elsewhere(s, a, c, second.sdp)


@scenario
def an_update_of_a_gateway_that_fails_is_481(s):
	first, second = s.gateways(2)
	s.start(**ON, **SHORT)
	a, b = settled(s, first)
	b.send("UPDATE", body=OFFER)
	pending = a.expect("UPDATE")
	b.refuse(503)
	b.expect(481, "UPDATE")
	a.reply(200, ANSWER, request=pending)
	ends_elsewhere(s, a, second.leg(), second.sdp)


@scenario
def a_cancel_ends_an_update_under_way(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = settled(s, gw)
	a.send("UPDATE", body=OFFER)
	pending = b.expect("UPDATE")
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	a.expect(491, "UPDATE")
	b.cancelled()
	b.reply(200, ANSWER, request=pending)
	same(s.switch.record()["sip_code"], 487)


@scenario
def an_update_that_is_481_before_the_answer_does_not_end_the_call(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	a.send("UPDATE", body=OFFER)
	b.expect("UPDATE")
	b.reply(481)
	a.expect(481, "UPDATE")
	ends(s, a, b)


@scenario
def a_description_agreed_on_before_the_answer_is_the_one_that_counts(s):
	gw = s.gateway()
	s.start(**ON)
	for late in ("UPDATE", "PRACK", None):
		a, b = settled(s, gw)
		known, other = s.caller.sdp, gw.sdp
		if late:
			known, other = OFFER, ANSWER
			ring(b, 2)
			acknowledged(b, 2)
			response = a.expect(180)
			prack(a, response, OFFER if late == "PRACK" else b"")
			if late == "UPDATE":
				a.expect(200, "PRACK")
				a.send("UPDATE", body=OFFER)
			b.expect("UPDATE")
			b.reply(200, ANSWER)
			a.expect(200, late)
		b.reply(200, True if late else None, request=b.invited)
		a.expect(200, "INVITE")
		a.ack()
		b.expect("ACK")
		a.send("INVITE", body=known)  # a refresh, answered here
		same(a.expect(200, "INVITE").body, other)
		a.ack()
		s.over(a, b)
	s.switch.records(3)


@scenario
def an_early_update_moves_the_target(s):
	gw = s.gateway()
	moved = s.peer("moved")
	moved.secrets = gw.secrets = gw.secrets | moved.secrets
	s.start(**ON)
	a, b = settled(s, gw)
	b.send("UPDATE", Contact=moved.contact)
	b.expect(200, "UPDATE")
	a.send("UPDATE", body=OFFER)
	update = moved.expect("UPDATE")
	b.reply(200, ANSWER, request=update)
	a.expect(200, "UPDATE")
	ends(s, a, b)


@scenario
def our_own_origin_goes_on_from_the_early_dialog(s):
	gw = s.gateway(sdp_own_origin=1)
	s.start(**ON)
	a, b = begin(s, gw, sdp=False)

	def origin(body):
		name, number, version = body.split(b"\r\n")[1].split()[:3]
		same(name, b"o=-")
		return number, int(version)

	ring(b, 1, 183, OFFER)
	acknowledge(a, 183, ANSWER)
	got = b.expect("PRACK")
	number, version = origin(got.body)
	b.reply(200)
	a.send("UPDATE", body=OTHER)
	same(origin(b.expect("UPDATE").body), (number, version + 1))
	b.reply(200, OFFER)
	a.expect(200, "UPDATE")
	b.reply(200, request=b.invited)
	b.expect("ACK")
	a.expect(200, "INVITE")
	a.ack()
	a.send("INVITE", body=sip.sdp(35000))
	same(origin(b.expect("INVITE").body), (number, version + 2))
	b.reply(200, OFFER)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def an_update_goes_to_the_fork_that_was_settled_last(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	for tag, sdp in (("one", True), ("two", None), ("three", OTHER), ("four", None)):
		ring(b, 1, 183, sdp, tag)
		acknowledged(b, 1)
		acknowledge(a, 183)
	a.send("UPDATE", body=OFFER)
	same(sip.param(b.expect("UPDATE")["To"], "tag"), "three")
	b.reply(200, ANSWER)
	a.expect(200, "UPDATE")
	b.reply(200, True, request=b.invited, tag="one")
	a.expect(200, "INVITE")
	a.ack()
	same(sip.param(b.expect("ACK")["To"], "tag"), "one")
	s.over(a, b)


@scenario
def an_update_in_another_fork_than_the_one_that_answers_ends(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	for tag in ("one", "two"):
		ring(b, 1, 183, True, tag)
		acknowledged(b, 1)
		acknowledge(a, 183)
	a.send("UPDATE", body=OFFER)
	pending = b.expect("UPDATE")
	b.reply(200, True, request=b.invited, tag="one")
	a.expect(491, "UPDATE")
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	b.reply(200, ANSWER, request=pending)
	s.over(a, b)


@scenario
def what_the_gateway_allows_is_learnt_from_each_answer(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw, "INVITE, ACK, CANCEL, BYE, PRACK")
	ring(b, 2)
	acknowledged(b, 2)
	acknowledge(a)
	a.send("UPDATE", body=OFFER)
	b.expect("UPDATE")
	b.reply(200, ANSWER)
	a.expect(200, "UPDATE")
	ends(s, a, b)


@scenario
def nothing_is_taken_from_a_fork_while_its_offer_waits(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, sdp=False)
	ring(b, 9, 183, OFFER)
	response = a.expect(183)
	ring(b, 10)
	s.net.quiet(0.2)
	prack(a, response, ANSWER)
	a.expect(200, "PRACK")
	acknowledged(b, 9, ANSWER)
	ring(b, 10)
	acknowledged(b, 10)
	acknowledge(a)
	ring(b, 11, 183, OTHER)  # no longer an offer
	acknowledged(b, 11)
	acknowledge(a, 183)
	ends(s, a, b, sdp=None)


@scenario
def after_a_challenge_numbers_begin_anew(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	ring(b, 5)
	acknowledged(b, 5)
	a.expect(180)
	b.reply(401, request=b.invited, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')])
	b.expect("ACK")
	b.invited = b.last = gw.expect("INVITE")
	ring(b, 1, 183, True)
	same(acknowledged(b, 1)["RAck"], "1 %s" % b.invited["CSeq"])
	a.expect(183)
	ends(s, a, b)


@scenario
def an_answer_without_tag_is_an_ordinary_one(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	lines = [(name, b.invited[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")]
	for status in (183, 100):
		to = "" if status == 183 else ";tag=x"
		gw.send(sip.build("SIP/2.0 %d Progress" % status, lines[:2] + [("To", b.invited["To"] + to)] + lines[3:] + REQUIRED +
			[("RSeq", "1"), ("Contact", gw.contact)]), b.invited.source)
	plain(a.expect(183))
	s.net.quiet(0.2)
	same(gw.arrivals("PRACK"), [])
	ends(s, a, b)


@scenario
def an_offer_in_the_prack_of_an_answered_call_crosses(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(183, True)
	response = a.expect(183)
	b.reply(200, True, ALLOW)
	b.expect("ACK")
	prack(a, response, OFFER)
	same(b.expect("UPDATE").body, OFFER)
	a.expect(200, "INVITE")
	a.ack()
	b.reply(200, ANSWER)
	same(a.expect(200, "PRACK").body, ANSWER)
	s.over(a, b)


@scenario
def a_reinvite_that_requires_100rel_gets_no_provisional(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = settled(s, gw)
	b.reply(200, True, request=b.invited)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	for x, y in ((a, b), (b, a)):
		x.send("INVITE", REQUIRED, OFFER)
		y.expect("INVITE")
		y.reply(180)
		s.net.quiet(0.2)
		y.reply(200, ANSWER)
		same(x.expect(200, "INVITE").body, ANSWER)
		x.ack()
		y.expect("ACK")
	s.over(a, b)


if __name__ == "__main__":
	run()
