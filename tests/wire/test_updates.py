"""UPDATE for a side that does not take it, changes of identity, and offers around the caller's ACK (RFC 3311, RFC 3261 section 14)."""

import sip
from net import same
from runner import run, scenario, variants
from timers import BOTH_LEGS, DIRECTION, KNOWS_UPDATE, NO_UPDATE, is_lost, talk

HOLD, HELD = sip.sdp(31000, direction="sendonly"), sip.sdp(31002, direction="recvonly")
PAI = ("P-Asserted-Identity", '"Transferred" <sip:4999@example.com>')
ID = [PAI]
ALLOWS = {True: KNOWS_UPDATE[1], False: NO_UPDATE, None: None}


def call(s, side, theirs=False, ours=True, **parameters):
	"""A call: the leg of this side and the other. theirs, ours: what the other, and this one, says of UPDATE; None: nothing."""
	gw = s.gateway()
	s.start(**parameters)
	caller, callee = (ours, theirs) if side == "a" else (theirs, ours)
	a, b = talk(s, gw, grants=[] if callee is None else [("Allow", ALLOWS[callee])], Allow=ALLOWS[caller])
	return (a, b) if side == "a" else (b, a)


def is_accepted(x, y, answer=HELD):
	"""y accepts the re-INVITE that an UPDATE of x crosses as, and x hears of its final answer alone."""
	y.reply(180)
	y.reply(200, answer)
	same(y.expect("ACK").body, b"")
	return x.expect(200, "UPDATE")


# UPDATE where it is not taken

@variants(*BOTH_LEGS)
def an_update_crosses_as_a_reinvite_where_it_is_not_taken(s, side):
	x, y = call(s, side)
	x.send("UPDATE", body=HOLD)
	reinvite = y.expect("INVITE")
	same((reinvite.body, reinvite["Content-Type"]), (HOLD, "application/sdp"))
	same("UPDATE" in reinvite["Allow"], True)
	answer = is_accepted(x, y)
	same((answer.body, answer["Content-Type"]), (HELD, "application/sdp"))
	same("UPDATE" in answer["Allow"], False)
	y.send("INVITE", body=HELD)  # in force, so that this is a refresh
	same(y.expect(200, "INVITE").body, HOLD)
	y.ack()
	s.over(x, y)


@variants(*[("%d_%s" % (status, leg), status, side) for status in (405, 501) for leg, side in BOTH_LEGS])
def an_update_crosses_once_more_as_a_reinvite_after(s, status, side):
	x, y = call(s, side, theirs=None)
	x.send("UPDATE", body=HOLD)
	same(y.expect("UPDATE").body, HOLD)
	y.reply(status)
	same(y.expect("INVITE").body, HOLD)
	same(is_accepted(x, y).body, HELD)
	x.send("UPDATE", body=HELD)
	same(y.expect("INVITE").body, HELD)
	same(is_accepted(x, y, HOLD).body, HOLD)
	s.over(x, y)


@variants(*[("%d_%s" % (status, leg), status, side) for status in (488, 491) for leg, side in BOTH_LEGS])
def a_reinvite_that_is_refused_refuses_the_update(s, status, side):
	x, y = call(s, side)
	x.send("UPDATE", body=HOLD)
	y.expect("INVITE")
	y.reply(status)
	y.expect("ACK")
	x.expect(status, "UPDATE")
	x.send("UPDATE", body=HOLD)
	y.expect("INVITE")
	same(is_accepted(x, y).body, HELD)
	s.over(x, y)


@variants(*BOTH_LEGS)
def an_update_that_crosses_as_a_reinvite_is_an_offer_like_any_other(s, side):
	x, y = call(s, side)
	x.send("UPDATE", body=HOLD)
	pending = y.expect("INVITE")
	y.send("INVITE", body=HELD)
	y.expect(491, "INVITE")
	x.send("INVITE", body=HELD)
	assert x.expect(500, "INVITE")["Retry-After"]
	y.reply(200, HELD, request=pending)
	y.expect("ACK")
	x.expect(200, "UPDATE")
	s.over(x, y)


@variants(*BOTH_LEGS)
def an_update_whose_reinvite_nobody_answers_gets_408(s, side):
	x, y = call(s, side, SS_SIP_RESEND_INTERVAL="0.1,0.2")
	x.send("UPDATE", body=HOLD)
	y.expect("INVITE")
	x.expect(408, "UPDATE")
	s.over(x, y)


@variants(("both_do", True, True), ("the_gateway_does_not", True, False), ("the_caller_does_not", False, True),
	("the_gateway_says_nothing", True, None))
def update_is_offered_to_each_side_where_the_other_takes_it_and(s, caller, callee):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", Allow=ALLOWS[caller])
	b = gw.leg()
	allow = [] if callee is None else [("Allow", ALLOWS[callee])]
	b.reply(180, headers=allow)
	b.reply(200, True, allow)
	b.expect("ACK")
	offered = ["UPDATE" in message["Allow"] for message in (b.invited, a.expect(180), a.expect(200, "INVITE"))]
	same(offered, [caller, bool(callee), bool(callee)])
	a.ack()
	s.over(a, b)


# Identity

@variants(*BOTH_LEGS)
def another_identity_crosses_in_an_update(s, side):
	x, y = call(s, side, theirs=True)
	for headers in ID, [("Remote-Party-ID", "<sip:4998@example.com>;party=calling")]:
		x.send("UPDATE", headers)
		there = y.expect("UPDATE")
		same((there[headers[0][0]], there.body), (headers[0][1], b""))
		y.reply(200)
		same(x.expect(200, "UPDATE").body, b"")
		x.send("UPDATE", headers)  # known by now: a refresh
		x.expect(200, "UPDATE")
	same(len(y.peer.arrivals("UPDATE")), 2)
	s.over(x, y)


@variants(*BOTH_LEGS)
def another_identity_crosses_in_a_reinvite_with_the_description_that_is_known(s, side):
	x, y = call(s, side)
	x.send("UPDATE", ID)
	there = y.expect("INVITE")
	same((there[PAI[0]], there.body, there["Content-Type"]), (PAI[1], x.peer.sdp, "application/sdp"))
	answer = is_accepted(x, y, y.peer.sdp)
	same((answer.body, answer["Content-Type"]), (b"", ""))
	s.over(x, y)


@scenario
def media_that_move_when_an_identity_crosses_are_told_the_other_side(s):
	x, y = call(s, "b")
	x.send("UPDATE", ID)
	y.expect("INVITE")
	same(is_accepted(x, y, HELD).body, b"")
	same(x.expect("INVITE").body, HELD)
	x.reply(200, True)
	x.expect("ACK")
	s.over(x, y)


@variants(*BOTH_LEGS)
def another_identity_with_the_same_description_crosses(s, side):
	x, y = call(s, side)
	x.send("INVITE", ID, x.peer.sdp)
	there = y.expect("INVITE")
	same((there[PAI[0]], there.body), (PAI[1], x.peer.sdp))
	y.reply(491)  # it has not got through
	y.expect("ACK")
	x.expect(491, "INVITE")
	x.send("INVITE", ID, x.peer.sdp)
	same(y.expect("INVITE")[PAI[0]], PAI[1])
	y.reply(200, True)
	x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")
	x.send("INVITE", ID, x.peer.sdp)
	same(x.expect(200, "INVITE").body, y.peer.sdp)
	x.ack()
	s.over(x, y)


@scenario
def the_identity_of_the_setup_is_known(s):
	gw = s.gateway()
	s.start()
	a, b = talk(s, gw, [("P-Asserted-Identity", "<sip:1@example.com>")], ID)
	for x, headers in ((a, [("P-Asserted-Identity", "<sip:1@example.com>")]), (b, ID)):
		x.send("UPDATE", headers)
		x.expect(200, "UPDATE")
		x.send("INVITE", headers, x.peer.sdp)
		x.expect(200, "INVITE")
		x.ack()
	s.over(a, b)


# Around the ACK

def answered(s, **parameters):
	"""The caller has its 200 and has not acknowledged it yet."""
	gw = s.gateway()
	s.start(**parameters)
	a = s.caller.invite("4930")
	a.expect(100)
	b = gw.leg()
	b.reply(200, True, [KNOWS_UPDATE])
	a.expect(200, "INVITE")
	b.expect("ACK")
	return a, b


@variants(*BOTH_LEGS)
def a_reinvite_before_the_ack_of_the_caller_waits_for_it(s, side):
	a, b = answered(s)
	x, y = (a, b) if side == "a" else (b, a)
	x.send("INVITE", body=HOLD)
	x.expect(100, "INVITE")
	b.send("UPDATE", body=HELD)
	b.expect(491 if side == "a" else 500, "UPDATE")
	s.net.quiet(0.3)
	a.send("ACK", cseq=1)
	same(y.expect("INVITE").body, HOLD)
	y.reply(200, HELD)
	same(x.expect(200, "INVITE").body, HELD)
	x.ack()
	y.expect("ACK")
	s.over(a, b)


@scenario
def a_reinvite_that_overtakes_the_answer_in_the_ack_waits_for_it(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", sdp=False)
	a.expect(100)
	b = gw.leg()
	b.reply(200, True)
	a.expect(200, "INVITE")
	a.send("INVITE", body=HOLD)
	a.expect(100, "INVITE")
	a.send("ACK", cseq=1, body=s.caller.sdp)
	same(b.expect("ACK").body, s.caller.sdp)
	same(b.expect("INVITE").body, HOLD)
	b.reply(200, HELD)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@variants(*[("%s_%s" % (what, leg), side, offer, in_ack) for what, offer, in_ack in
	(("an_offer", HOLD, b""), ("a_late_offer", b"", HELD)) for leg, side in BOTH_LEGS])
def a_second_reinvite_waits_for_the_ack_of_the_first_with(s, side, offer, in_ack):
	x, y = call(s, side)
	x.send("INVITE", body=offer)
	y.expect("INVITE")
	y.reply(200, y.peer.sdp)
	same(x.expect(200, "INVITE").body, y.peer.sdp)
	first = x.invite_sent
	count = len(y.peer.arrivals("INVITE"))
	second = x.send("INVITE", body=x.peer.sdp + b"a=x\r\n")
	s.net.until(lambda: [entry for entry in x.peer.arrivals(100, "INVITE")
		if entry.message["CSeq"] == second["CSeq"]], "100 to the second")
	s.net.quiet(0.2)
	same(len(y.peer.arrivals("INVITE")), count)
	x.invite_sent = first
	x.ack(sdp=in_ack)
	same(y.expect("ACK").body, in_ack)
	same(y.expect("INVITE").body, x.peer.sdp + b"a=x\r\n")
	y.reply(200, y.peer.sdp)
	x.invite_sent = second
	x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")
	s.over(x, y)


@scenario
def an_update_of_the_gateway_before_the_ack_of_the_caller_waits_for_it(s):
	a, b = answered(s)
	b.send("UPDATE", body=HOLD)
	s.net.quiet(0.3)
	a.ack()
	same(a.expect("UPDATE").body, HOLD)
	a.reply(200, HELD)
	same(b.expect(200, "UPDATE").body, HELD)
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_refresh_before_the_ack_of_the_caller_is_answered_at_once(s, side):
	a, b = answered(s)
	x = a if side == "a" else b
	first = a.invite_sent
	x.send("INVITE", body=x.peer.sdp)
	x.expect(200, "INVITE")
	x.ack()
	a.invite_sent = first
	a.ack()
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_reinvite_that_waits_for_an_ack_that_never_comes_ends_with_the_call(s, side):
	a, b = answered(s, SS_SIP_RESEND_INTERVAL="0.1,0.2,0.4")
	x = a if side == "a" else b
	x.send("INVITE", body=HOLD)
	a.hung_up()
	b.hung_up()
	x.expect(487, "INVITE")
	is_lost(s, "no ACK received", "a")


@variants(*BOTH_LEGS)
def a_reinvite_that_waits_can_be_cancelled(s, side):
	a, b = answered(s)
	x = a if side == "a" else b
	x.send("INVITE", body=HOLD)
	x.expect(100, "INVITE")
	x.cancel()
	x.expect(200, "CANCEL")
	x.expect(487, "INVITE")
	a.send("ACK", cseq=1)
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_bye_before_the_ack_of_the_caller_ends_the_call(s, side):
	a, b = answered(s)
	x, y = (a, b) if side == "a" else (b, a)
	x.send("BYE")
	x.expect(200, "BYE")
	if side == "b":
		a.ack()
	y.hung_up()
	if side == "a":
		a.ack()
	row = s.switch.record()
	same((row["end_reason"], row["end_direction"]), ("normal clearing", DIRECTION[side]))


@scenario
def a_second_invite_of_the_caller_before_the_answer_gets_500(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(183, True)
	a.expect(183)
	first = a.invite_sent
	a.send("INVITE", body=HOLD)
	assert 0 <= int(a.expect(500, "INVITE")["Retry-After"]) <= 10
	a.invite_sent = first
	s.answer(a, b)
	s.over(a, b)


if __name__ == "__main__":
	run()
