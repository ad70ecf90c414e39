"""Refreshes that fail, cross or are refused (RFC 4028; docs/behaviour.md, During a call)."""

import sip
from net import Failed, same
from runner import run, scenario, variants
from timers import (BOTH_LEGS, BOTH_WAYS, DIRECTION, GIVEN_UP, LATE, LEG, NO_UPDATE, SPEED, TIMER, expires, granted,
	is_due, is_lost, is_record, method_of, refresh, talk, timed)

FAILED = "session refresh failed"
EXPIRED = "session timer expired"


def fails(x, status, method="UPDATE", headers=()):
	"""x refuses the next refresh; returns the request."""
	request = x.expect(method)
	x.refused = x.reply(status, headers=headers)
	if method == "INVITE":
		x.expect("ACK")
	return request


# What ends the call

@variants(*BOTH_WAYS)
def a_refresh_answered_with_481_ends_the_call(s, side, update):
	x, y = timed(s, side, update=update)
	is_due(fails(x, 481, method_of(update)), x.since, 45)
	bye = y.hung_up()
	assert bye["Reason"], bye.head
	s.settle()
	same(x.peer.arrivals("BYE"), [])  # there is nothing left to end
	row = s.switch.record()
	same((row["end_direction"], row["sip_code"]), (2, 200))
	same(row["end_reason"], "%s no longer knows the call" % LEG[side])


@variants(*BOTH_WAYS)
def a_refresh_answered_with_408_ends_the_call(s, side, update):
	x, y = timed(s, side, update=update)
	fails(x, 408, method_of(update))
	there, here = y.hung_up(), x.hung_up()
	assert there["Reason"] and here["Reason"], (there.head, here.head)
	is_lost(s, FAILED, side)


@variants(*BOTH_WAYS)
def a_refresh_that_nobody_answers_ends_the_call(s, side, update):
	x, y = timed(s, side, update=update, interval=600, speed=150, SS_SIP_RESEND_INTERVAL="12,12", SS_SIP_TIMEOUT_INVITE="120")
	request = is_due(x.expect(method_of(update)), x.since, 300, 150)
	is_due(y.hung_up(), request, GIVEN_UP, 150)
	x.hung_up()
	same(len([entry for entry in x.peer.arrivals(method_of(update)) if entry.time > x.since.time]), 3)
	is_lost(s, FAILED, side)


@variants(*BOTH_WAYS)
def a_refresh_refused_for_another_reason_does_not_end_the_call_at_once(s, side, update):
	x, y = timed(s, side, update=update)
	method = method_of(update)
	fails(x, 500, method)
	while True:  # retrying is fine, but the end must not move
		message = s.net.until(lambda: x.peer.find(method) or x.peer.find("BYE"), "BYE")
		x.last = message
		if message.method == "BYE":
			break
		assert len(x.peer.arrivals(method)) < 12, "a storm of refreshes"
		x.refused = x.reply(500)
		if not update:
			x.expect("ACK")
	x.reply(200)
	if (x.refused.time - x.since.time) * SPEED < 60:
		is_due(message, x.since, 60)
	else:  # a retry was pending then: the whole interval may be used
		assert (message.time - x.since.time) * SPEED < 90 + LATE * SPEED
	y.hung_up()
	row = s.switch.record()
	same((row["end_direction"], row["sip_code"]), (2, 200))
	assert row["end_reason"] in ["%s: %s" % (words, LEG[side]) for words in (FAILED, EXPIRED)], row


@variants(*BOTH_LEGS)
def a_refused_refresh_is_forgotten_when_their_own_succeeds(s, side):
	x, y = timed(s, side)
	fails(x, 488)
	x.send("UPDATE", [TIMER, expires(90, "uac")])
	answer = x.expect(200, "UPDATE")
	same(granted(answer), (90, "uac"))
	is_due(x.hung_up(), answer, 60)
	y.hung_up()


# What is tried again

@variants(("405_to_the_caller", "a", 405), ("405_to_the_gateway", "b", 405), ("501_to_the_gateway", "b", 501))
def an_update_refused_with(s, side, status):
	"""A re-INVITE takes its place, now and for later refreshes."""
	x, y = timed(s, side)
	is_due(fails(x, status), x.since, 45)
	reinvite = is_due(refresh(x, None, "INVITE"), x.refused, 0)
	same((reinvite.body, granted(reinvite)), (y.peer.sdp, (90, "uac")))
	refresh(x, 45, "INVITE")
	s.over(x, y)


@variants(*BOTH_WAYS)
def a_refresh_that_meets_another_request_is_tried_again(s, side, update):
	"""We chose the Call-ID towards the gateway, so 2.1-4 s later; not that of the caller, so 0-2 s (RFC 3261 section 14.1)."""
	speed = 10
	x, y = timed(s, side, update=update, speed=speed)
	method = method_of(update)
	first = fails(x, 491, method)
	again = refresh(x, None, method)
	waited = (again.time - x.refused.time) * speed
	low, high = (2.1, 4) if side == "b" else (0, 2)
	if not low - 0.1 <= waited <= high + LATE * speed:
		raise Failed("tried again after %.1f s" % waited)
	same(again.body, first.body)
	same(int(again["CSeq"].split()[0]), int(first["CSeq"].split()[0]) + 1)
	s.over(y, x)


@variants(*BOTH_WAYS)
def a_refresh_that_meets_other_requests_for_ever_ends_with_the_session(s, side, update):
	x, y = timed(s, side, update=update)
	method = method_of(update)
	while True:
		message = s.net.until(lambda: x.peer.find(method) or x.peer.find("BYE"), "BYE")
		x.last = message
		if message.method == "BYE":
			break
		assert len(x.peer.arrivals(method)) < 60
		x.reply(491)
		if not update:
			x.expect("ACK")
	x.reply(200)
	passed = (message.time - x.since.time) * SPEED
	assert 60 - 0.6 <= passed <= 90 + LATE * SPEED, passed
	y.hung_up()


@variants(*BOTH_LEGS)
def their_refresh_may_cross_ours(s, side):
	"""Without an offer this is no collision (RFC 3311 section 5.2)."""
	x, y = timed(s, side)
	pending = x.expect("UPDATE")
	x.send("UPDATE", [TIMER, expires(90, "uas")])
	same(granted(x.expect(200, "UPDATE")), (90, "uas"))
	x.since = x.reply(200, headers=[expires(90, "uac")], request=pending)
	refresh(x, 45)
	s.over(x, y)


@variants(("401", 401), ("407", 407))
def a_refresh_challenged_with(s, status):
	for update in (True, False):
		x, y = timed(s, "b", update=update) if update else talk_again(s)
		method = method_of(update)
		asks, brings = {401: ("WWW-Authenticate", "Authorization"),
			407: ("Proxy-Authenticate", "Proxy-Authorization")}[status]
		first = fails(x, status, method, [(asks, 'Digest realm="vendor", nonce="n1", algorithm=MD5')])
		second = refresh(x, None, method)
		given, right = sip.digest(second[brings], method, "secret")
		same(given, right)
		same((second.body, granted(second)), (first.body, granted(first)))
		is_due(second, first, 0)
		s.over(y, x)


def talk_again(s):
	gw = s.net.peers[-1]
	a, b = talk(s, gw, grants=[expires(90, "uac"), ("Allow", NO_UPDATE)])
	return b, a


@variants(("update", True), ("reinvite", False))
def a_refresh_is_challenged_again_after_an_interval_too_small_with(s, update):
	x, y = timed(s, "b", update=update)
	method = method_of(update)
	fails(x, 401, method, [("WWW-Authenticate", 'Digest realm="vendor", nonce="n1"')])
	fails(x, 422, method, [("Min-SE", "200")])
	fails(x, 401, method, [("WWW-Authenticate", 'Digest realm="vendor", nonce="n2"')])
	last = refresh(x, None, method, interval=200)
	assert 'nonce="n2"' in last["Authorization"] and last["Min-SE"] == "200", last.head
	s.over(y, x)


@scenario
def credentials_refused_for_a_refresh_do_not_end_the_call_at_once(s):
	b, a = timed(s, "b")
	challenge = [("WWW-Authenticate", 'Digest realm="vendor", nonce="n1", algorithm=MD5')]
	fails(b, 401, headers=challenge)
	fails(b, 401, headers=challenge)
	a.send("INFO")
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


# What crosses

@variants(*BOTH_LEGS)
def their_reinvite_gets_491_while_our_refresh_is_pending(s, side):
	x, y = timed(s, side, update=False)
	pending = x.expect("INVITE")
	for body in x.peer.sdp, x.peer.sdp.replace(b"sendrecv", b"sendonly"):
		x.send("INVITE", [TIMER, expires(90, "uac")], body)
		x.expect(491, "INVITE")
	x.reply(200, sdp=True, headers=[("Require", "timer"), expires(90, "uac")], request=pending)
	x.expect("ACK")
	x.send("INVITE", [TIMER, expires(90, "uac")], x.peer.sdp)
	same(x.expect(200, "INVITE").body, y.peer.sdp)
	x.ack()
	s.over(x, y)


@variants(*BOTH_LEGS)
def their_update_with_an_offer_gets_491_while_our_refresh_is_pending(s, side):
	x, y = timed(s, side, update=False)
	pending = x.expect("INVITE")
	x.send("UPDATE", body=x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	x.expect(491, "UPDATE")
	x.reply(200, sdp=True, headers=[expires(90, "uac")], request=pending)
	x.expect("ACK")
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_reinvite_of_the_other_side_gets_491_while_our_refresh_is_pending(s, side):
	x, y = timed(s, side, update=False)
	pending = x.expect("INVITE")
	hold = y.peer.sdp.replace(b"sendrecv", b"sendonly")
	y.send("INVITE", body=hold)
	y.expect(491, "INVITE")
	x.reply(200, sdp=True, headers=[expires(90, "uac")], request=pending)
	x.expect("ACK")
	y.send("INVITE", body=hold)
	same(x.expect("INVITE").body, hold)
	x.reply(200, sdp=True, headers=[expires(90, "uac")])
	y.expect(200, "INVITE")
	y.ack()
	x.expect("ACK")
	s.over(y, x)


@variants(*BOTH_LEGS)
def a_refresh_of_one_side_is_answered_while_ours_of_the_other_is_pending(s, side):
	x, y = timed(s, side, update=False)
	pending = x.expect("INVITE")
	for method in "INVITE", "UPDATE":
		y.send(method, body=y.peer.sdp)
		same(y.expect(200, method).body, x.peer.sdp)
		if method == "INVITE":
			y.ack()
	x.reply(200, sdp=True, headers=[expires(90, "uac")], request=pending)
	x.expect("ACK")
	s.over(x, y)


@variants(*BOTH_LEGS)
def refreshes_of_both_sides_may_meet(s, side):
	"""Of two timers begun by one answer both are due at once."""
	x, y = timed(s, side, ours=False)
	x.send("INVITE", [TIMER, expires(90, "uac")], x.peer.sdp)
	x.expect(200, "INVITE")
	y.send("INVITE", body=y.peer.sdp)
	same(y.expect(200, "INVITE").body, x.peer.sdp)
	y.ack()
	y.send("INVITE", body=y.peer.sdp.replace(b"sendrecv", b"sendonly"))
	y.expect(491, "INVITE")  # that would cross, while x has an INVITE open
	x.ack()
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_side_whose_new_offer_is_under_way_is_not_silent(s, side):
	x, y = timed(s, side, ours=False)
	s.net.quiet(45 / SPEED)
	x.send("INVITE", [TIMER, expires(90, "uac")], sip.sdp(39000))
	y.expect("INVITE")
	x.expect(100)
	s.net.quiet(30 / SPEED)
	y.reply(200, sdp=True)
	x.since = x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")
	is_due(x.hung_up(), x.since, 60)
	y.hung_up()
	is_lost(s, EXPIRED, side)


@variants(*BOTH_LEGS)
def no_refresh_starts_while_a_reinvite_of_the_other_side_is_pending(s, side):
	x, y = timed(s, side, update=False, interval=240, speed=60)
	y.send("INVITE", body=y.peer.sdp.replace(b"sendrecv", b"sendonly"))
	pending = x.expect("INVITE")
	x.reply(180)
	y.expect(180)
	s.net.quiet(130 / 60)  # the refresh is due at 120 s; INVITEs on one leg must not overlap, RFC 3261 section 14.1
	x.since = x.reply(200, sdp=True, headers=[expires(240, "uac")], request=pending)
	y.expect(200, "INVITE")
	y.ack()
	x.expect("ACK")
	refresh(x, 120, "INVITE", 240, speed=60)
	s.over(x, y)


@variants(*BOTH_WAYS)
def a_bye_while_a_refresh_is_pending_ends_the_call(s, side, update):
	x, y = timed(s, side, update=update)
	pending = x.expect(method_of(update))
	x.send("BYE")
	y.hung_up()
	x.expect(200, "BYE")
	x.reply(481, request=pending)
	if not update:
		x.expect("ACK")
	is_record(s, "normal clearing", DIRECTION[side])


@variants(*BOTH_WAYS)
def a_refresh_answered_after_the_call_has_ended_leaves_nothing(s, side, update):
	x, y = timed(s, side, update=update)
	pending = x.expect(method_of(update))
	y.send("BYE")
	y.expect(200, "BYE")
	x.expect("BYE")
	x.reply(200)
	x.reply(200, sdp=not update, headers=[expires(90, "uac")], request=pending)
	if not update:
		x.expect("ACK")
		bye = s.net.until(lambda: x.peer.find("BYE") or s.switch.idle(), "nothing held", step=0.02)
		if bye is not True:  # RFC 3261 section 13.2.2.4: a late answer may be followed by a BYE
			x.reply(481, request=bye)
	is_record(s, "normal clearing", DIRECTION["b" if side == "a" else "a"])


@variants(*BOTH_LEGS)
def a_provisional_answer_to_a_refresh_is_waited_for(s, side):
	x, y = timed(s, side, update=False)
	pending = x.expect("INVITE")
	x.reply(100)
	x.reply(180, request=pending)
	s.net.quiet(10 / SPEED)
	x.reply(200, sdp=True, headers=[expires(90, "uac")], request=pending)
	x.expect("ACK")
	s.over(x, y)


@scenario
def a_repeated_answer_to_a_refresh_gets_its_ack_again(s):
	b, a = timed(s, "b", update=False)
	b.expect("INVITE")
	answer = b.reply(200, sdp=True, headers=[expires(90, "uac")])
	b.expect("ACK")
	before = len(b.peer.arrivals("ACK"))
	b.peer.send(answer.raw, b.last.source)
	b.peer.expect_count(before + 1, "ACK")
	assert b.peer.arrivals("ACK")[-1].again
	s.over(a, b)


@scenario
def a_new_origin_in_the_answer_to_a_refresh_concerns_nobody_else(s):
	b, a = timed(s, "b", update=False)
	b.expect("INVITE")
	other = b.peer.sdp.replace(b"3344 3344", b"3344 3345")
	b.since = b.reply(200, sdp=other, headers=[expires(90, "uac")])
	b.expect("ACK")
	same(refresh(b, 45, "INVITE").body, s.caller.sdp)
	s.over(a, b)


def moves(x):
	"""x answers a refresh with media at another port; returns the new description."""
	x.expect("INVITE")
	x.since = x.reply(200, sdp=sip.sdp(39000), headers=[expires(90, "uac")])
	x.expect("ACK")
	return sip.sdp(39000)


@variants(*BOTH_LEGS)
def media_that_moves_in_the_answer_to_a_refresh_is_told_the_other_leg(s, side):
	x, y = timed(s, side, update=False)
	moved = moves(x)
	told = y.expect("INVITE")
	same((told.body, told["Content-Type"]), (moved, "application/sdp"))
	y.reply(200, sdp=sip.sdp(39002))
	same(y.expect("ACK").body, b"")
	same(is_due(x.expect("INVITE"), x.since, 45).body, sip.sdp(39002))
	x.reply(200, sdp=moved)
	x.expect("ACK")
	s.net.quiet(0.2)
	s.over(x, y)


@variants(*BOTH_LEGS)
def the_other_leg_is_told_of_moved_media_once_its_own_offer_is_answered(s, side):
	x, y = timed(s, side, update=False)
	moved = moves(x)
	y.expect("INVITE")
	y.reply(491)
	y.expect("ACK")
	same(y.expect("INVITE").body, moved)
	y.reply(488)
	y.expect("ACK")
	y.send("INFO")
	x.expect("INFO")
	x.reply(200)
	y.expect(200, "INFO")
	s.over(x, y)


@variants(*BOTH_WAYS)
def the_switch_stops_while_a_refresh_is_pending(s, side, update):
	x, y = timed(s, side, update=update)
	pending = x.expect(method_of(update))
	s.switch.signal()
	x.hung_up()
	y.hung_up()
	x.reply(481, request=pending)
	if not update:
		x.expect("ACK")
	s.switch.ended()
	is_record(s, "switch stopped", 2)


@variants(*BOTH_LEGS)
def a_refresh_does_not_overtake_a_reinvite_that_may_be_lost(s, side):
	"""The peer that gets the INVITE later would find it out of order (RFC 3261 section 12.2.2)."""
	x, y = timed(s, side)
	y.send("INVITE", body=sip.sdp(31000))
	x.expect("INVITE")
	x.reply(100)
	s.net.quiet(1.8)  # 54 s: the refresh was due after 45
	x.reply(200, sdp=True, headers=[("Require", "timer"), expires(90, "uac")])
	x.expect("ACK")
	y.expect(200, "INVITE")
	y.ack()
	s.over(y, x)


if __name__ == "__main__":
	run(at_a_time=24)
