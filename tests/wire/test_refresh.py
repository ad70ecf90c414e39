"""Sessions refreshed in time, by us or by the peer, on each leg independently (RFC 4028; docs/behaviour.md, During a call)."""

from net import same
from runner import run, scenario, variants
from timers import (BOTH_LEGS, BOTH_WAYS, KNOWS_UPDATE, NO_UPDATE, SPEED, TIMER, expires, granted, is_due,
	is_lost, method_of, options, refresh, refreshes, start, talk, timed)

EXPIRED = "session timer expired"


# We refresh

@variants(("half_the_interval", "2", 90, 45), ("three_quarters", "4", 180, 135), ("nine_tenths", "10", 450, 405))
def we_refresh_after(s, segment, interval, due):
	b, a = timed(s, "b", interval=interval, speed=100, SS_SIP_SESSION_UPDATE_SEGMENT=segment)
	refresh(b, due, interval=interval, speed=100)
	refresh(b, due, interval=interval, speed=100)
	s.over(a, b)


@scenario
def we_refresh_after_three_quarters_by_default(s):
	gw = s.gateway()
	s.start(clock_speed=SPEED, SS_SIP_RESEND_INTERVAL="12")
	a, b = talk(s, gw, grants=[expires(180, "uac"), KNOWS_UPDATE])
	refresh(b, 135)
	s.over(a, b)


@variants(("the_caller", "a", "4"), ("the_gateway", "b", "4"), ("the_gateway_in_the_tenth_segment", "b", "10"))
def a_short_session_is_refreshed_before_its_guard_time_at(s, side, segment):
	"""RFC 4028 section 10: a peer hangs up min(32 s, interval/3) before the end."""
	x, y = timed(s, side, speed=20, SS_SIP_SESSION_UPDATE_SEGMENT=segment)
	refresh(x, 50, speed=20)
	s.over(x, y)


@variants(*BOTH_LEGS)
def an_update_that_refreshes_has_no_body_and_says_who_refreshes(s, side):
	x, y = timed(s, side)
	update = refresh(x, 45)
	same((update.body, update["Content-Type"], granted(update)), (b"", "", (90, "uac")))
	assert "timer" in options(update) and update["Contact"], update.head
	s.over(y, x)


@variants(*BOTH_LEGS)
def a_reinvite_that_refreshes_repeats_the_last_sdp_of_the_other_side(s, side):
	x, y = timed(s, side, update=False)
	for _ in range(2):
		reinvite = refresh(x, 45, "INVITE")
		same((reinvite.body, reinvite["Content-Type"], granted(reinvite)), (y.peer.sdp, "application/sdp", (90, "uac")))
		assert "timer" in options(reinvite), reinvite.head
	s.over(y, x)


@scenario
def a_refresh_after_a_new_offer_repeats_the_new_one(s):
	b, a = timed(s, "b", update=False)
	hold = s.caller.sdp.replace(b"sendrecv", b"sendonly").replace(b"3344 3344", b"3344 3345")
	a.send("INVITE", body=hold)
	same(b.expect("INVITE").body, hold)
	b.since = b.reply(200, sdp=True, headers=[expires(90, "uac")])
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	same(refresh(b, 45, "INVITE").body, hold)
	s.over(a, b)


@variants(*BOTH_LEGS)
def the_cseq_of_a_refresh_goes_on(s, side):
	x, y = timed(s, side)
	y.send("INFO")
	before = int(x.expect("INFO")["CSeq"].split()[0])
	x.reply(200)
	y.expect(200, "INFO")
	update = refresh(x)
	same(int(update["CSeq"].split()[0]), before + 1)
	same(update["Call-ID"], x.call_id)
	s.over(x, y)


@scenario
def an_interval_below_our_minimum_granted_by_a_gateway_is_obeyed(s):
	gw = s.gateway()
	s.start(SS_SIP_SESSION_UPDATE_SEGMENT="2")
	a, b = talk(s, gw, grants=[expires(4, "uac"), KNOWS_UPDATE])
	update = refresh(b, 2, interval=3, speed=1)
	assert granted(update)[0] >= 90, update.head  # never below Min-SE, RFC 4028 section 7.4
	refresh(b, 1.5, interval=4, speed=1)
	s.over(a, b)


@variants(("by_a_longer_one", 240), ("by_a_shorter_one", 60))
def the_interval_is_changed_in_the_answer_to_our_refresh(s, interval):
	b, a = timed(s, "b")
	refresh(b, interval=interval)
	update = refresh(b, interval / 2)
	same(granted(update), (max(90, interval), "uac"))
	s.over(a, b)


@scenario
def a_peer_that_takes_the_refreshing_over_is_waited_for(s):
	b, a = timed(s, "b")
	refresh(b, refresher="uas")
	is_due(b.hung_up(), b.since, 60)
	a.hung_up()
	is_lost(s, EXPIRED, "b")


@scenario
def an_answer_without_timer_ends_the_timer(s):
	b, a = timed(s, "b")
	refresh(b, interval=None)
	s.net.quiet(120 / SPEED)
	s.over(a, b)


@variants(("nothing", ""), ("zero", "0;refresher=uac"), ("garbage", "abc;refresher=uac"),
	("a_number_too_large", "99999999999999999999;refresher=uac"), ("the_largest_number", "4294967295;refresher=uac"),
	("a_strange_refresher", "90;refresher=nobody"), ("a_negative_number", "-90;refresher=uac"))
def a_call_lives_when_a_gateway_grants(s, value):
	gw = s.gateway()
	start(s, speed=2)
	a, b = talk(s, gw, grants=[("Session-Expires", value), KNOWS_UPDATE])
	for _ in range(3):
		b.send("INFO")
		a.expect("INFO")
		a.reply(200)
		b.expect(200, "INFO")
	assert len(gw.arrivals("UPDATE")) < 10
	if gw.arrivals("UPDATE"):
		refresh(b, interval=1800)
	s.over(a, b)


# They refresh

@variants(("90", 90, 60, 30), ("300", 300, 268, 100))
def a_gateway_that_should_refresh_and_is_silent_ends_the_call_shortly_before_the_interval_of(s, interval, due, speed):
	b, a = timed(s, "b", ours=False, interval=interval, speed=speed)
	bye = is_due(b.hung_up(), b.since, due, speed)
	there = a.hung_up()
	assert bye["Reason"] and there["Reason"], (bye.head, there.head)
	is_lost(s, EXPIRED, "b")


@scenario
def a_caller_that_should_refresh_and_is_silent_ends_the_call_shortly_before_the_interval(s):
	a, b = timed(s, "a", ours=False)
	bye = is_due(a.hung_up(), a.since, 60)
	there = b.hung_up()
	assert bye["Reason"] and there["Reason"], (bye.head, there.head)
	is_lost(s, EXPIRED, "a")


@variants(*BOTH_WAYS)
def a_refresh_in_time_keeps_the_call(s, side, update):
	x, y = timed(s, side, ours=False)
	for _ in range(2):
		s.net.quiet(30 / SPEED)
		answer = refreshes(x, method_of(update), body=b"" if update else x.peer.sdp)
		same(granted(answer), (90, "uac"))
		assert "timer" in options(answer, "Require"), answer.head
		same(answer.body, b"" if update else y.peer.sdp)
	is_due(x.hung_up(), answer, 60)
	y.hung_up()
	is_lost(s, EXPIRED, side)


@variants(*BOTH_LEGS)
def the_interval_is_changed_by_their_refresh(s, side):
	x, y = timed(s, side, ours=False)
	answer = refreshes(x, interval=120)
	same(granted(answer), (120, "uac"))
	is_due(x.hung_up(), answer, 120 - 32)
	y.hung_up()


@variants(*BOTH_LEGS)
def their_refresh_can_make_us_the_refresher(s, side):
	x, y = timed(s, side, ours=False)
	answer = refreshes(x, refresher="uas")
	same(granted(answer), (90, "uas"))
	refresh(x, 45)
	s.over(x, y)


@variants(*BOTH_LEGS)
def their_refresh_without_a_word_on_timers_ends_the_timer(s, side):
	x, y = timed(s, side, ours=False)
	x.send("UPDATE")
	same(granted(x.expect(200, "UPDATE")), (None, ""))
	s.net.quiet(120 / SPEED)
	s.over(x, y)


@variants(*BOTH_LEGS)
def their_refresh_below_our_minimum_is_422(s, side):
	x, y = timed(s, side, ours=False)
	x.send("UPDATE", [TIMER, expires(60, "uac")])
	same(x.expect(422, "UPDATE")["Min-SE"], "90")
	same(granted(refreshes(x)), (90, "uac"))
	s.over(x, y)


# Each leg by itself

@scenario
def both_legs_have_timers_of_their_own(s):
	gw = s.gateway()
	start(s)
	a, b = talk(s, gw, [TIMER, expires(120, "uas")], [expires(90, "uac"), KNOWS_UPDATE])
	assert granted(a.since)[1] == "uas", a.since.head
	interval = granted(a.since)[0]
	due = sorted([(45, b, 90), (interval / 2, a, interval)], key=lambda row: row[0])
	for after, leg, every in due:
		refresh(leg, after, interval=every)
	refresh(b, 45)
	refresh(a, interval / 2, interval=interval)
	s.over(a, b)


@scenario
def the_gateway_is_refreshed_by_us_while_the_caller_refreshes_us(s):
	gw = s.gateway()
	start(s)
	a, b = talk(s, gw, [TIMER, expires(90, "uac")], [expires(90, "uac"), ("Allow", NO_UPDATE)])
	s.net.quiet(30 / SPEED)
	refreshes(a, "INVITE", body=s.caller.sdp)
	refresh(b, 45, "INVITE")
	answer = refreshes(a)
	refresh(b, 45, "INVITE")
	is_due(a.hung_up(), answer, 60)
	b.hung_up()
	is_lost(s, EXPIRED, "a")


@variants(("an_update_without_body", "UPDATE", False), ("an_update_with_the_same_sdp", "UPDATE", True),
	("a_reinvite_with_the_same_sdp", "INVITE", True))
def nobody_hears_of(s, method, body):
	gw = s.gateway()
	s.start()
	a, b = talk(s, gw, [TIMER, expires(1800)], [expires(1800, "uas")])
	for x, y in ((a, b), (b, a), (a, b)):
		answer = refreshes(x, method, 1800, "uac", x.peer.sdp if body else b"")
		same(answer.body, y.peer.sdp if body else b"")
		assert answer["Contact"], answer.head
	same((len(s.caller.arrivals("UPDATE")), len(s.caller.arrivals("INVITE"))), (0, 0))
	same((len(gw.arrivals("UPDATE")), len(gw.arrivals("INVITE"))), (0, 1))
	s.over(a, b)


@scenario
def a_refresh_with_a_new_offer_is_relayed_and_refreshes_both_legs(s):
	gw = s.gateway()
	start(s)
	a, b = talk(s, gw, [TIMER, expires(90, "uac")], [expires(90, "uac"), ("Allow", NO_UPDATE)])
	s.net.quiet(30 / SPEED)
	hold = s.caller.sdp.replace(b"sendrecv", b"sendonly")
	a.send("INVITE", [TIMER, expires(90, "uac")], hold)
	there = b.expect("INVITE")
	same((there.body, granted(there)), (hold, (90, "uac")))
	b.since = b.reply(200, sdp=True, headers=[expires(90, "uac")])
	answer = a.expect(200, "INVITE")
	same(granted(answer), (90, "uac"))
	a.ack()
	b.expect("ACK")
	refresh(b, 45, "INVITE")
	is_due(a.hung_up(), answer, 60)
	b.hung_up()
	is_lost(s, EXPIRED, "a")


@variants(("a_caller", "a"), ("a_gateway", "b"))
def a_held_call_lives_on_the_refreshes_of(s, side):
	"""The SDP that is compared is the last one in force, not the first."""
	x, y = timed(s, side, ours=False)
	hold, held = (sdp.replace(b"sendrecv", direction) for sdp, direction in
		((x.peer.sdp, b"sendonly"), (y.peer.sdp, b"recvonly")))
	x.send("INVITE", [TIMER, expires(90, "uac")], hold)
	y.expect("INVITE")
	y.reply(200, sdp=held)
	same(x.expect(200, "INVITE").body, held)
	x.ack()
	y.expect("ACK")
	same(refreshes(x, "INVITE", body=hold).body, held)
	x.send("INVITE", [TIMER, expires(90, "uac")], x.peer.sdp)
	same(y.expect("INVITE").body, x.peer.sdp)
	y.reply(200, sdp=True)
	same(x.expect(200, "INVITE").body, y.peer.sdp)
	x.ack()
	y.expect("ACK")
	s.over(x, y)


VIDEO, NO_VIDEO = b"m=video 4002 RTP/AVP 96\r\n", b"m=video 0 RTP/AVP 96\r\n"


@variants(*[("%s_of_a_%s_by_%s" % (what, leg, method), side, method, offer, answer, agreed)
	for what, offer, answer, agreed in (("a_refused_stream", VIDEO, NO_VIDEO, NO_VIDEO),
		("a_stream_that_is_off", b"", b"a=inactive\r\n", b"a=inactive\r\n"),
		("a_stream_one_way", b"", b"a=sendonly\r\n", b"a=recvonly\r\n"))
	for leg, side in (("caller", "a"), ("gateway", "b")) for method in ("INVITE", "UPDATE")])
def a_refresh_is_answered_with_what_was_agreed_on(s, side, method, offer, answer, agreed):
	"""The one who answered repeats its answer (RFC 3264 section 8.2)."""
	x, y = timed(s, side, ours=False)
	plain, theirs = (leg.peer.sdp.replace(b"a=sendrecv\r\n", b"") for leg in (y, x))
	y.send("INVITE", body=plain + offer)
	same(x.expect("INVITE").body, plain + offer)
	x.reply(200, sdp=theirs + answer, headers=[expires(90, "uas"), KNOWS_UPDATE])
	same(y.expect(200, "INVITE").body, theirs + answer)
	y.ack()
	x.expect("ACK")
	same(refreshes(x, method, body=theirs + answer).body, plain + agreed)
	same(refreshes(y, method, body=plain + offer).body, theirs + answer)
	s.over(x, y)


@variants(*BOTH_LEGS)
def an_offer_that_is_refused_refreshes_nothing(s, side):
	x, y = timed(s, side, ours=False)
	s.net.quiet(30 / SPEED)
	x.send("INVITE", [TIMER, expires(90, "uac")], x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	y.expect("INVITE")
	y.reply(488)
	y.expect("ACK")
	x.expect(488, "INVITE")
	is_due(x.hung_up(), x.since, 60)
	y.hung_up()


@variants(*BOTH_LEGS)
def a_new_offer_with_an_interval_below_our_minimum_is_422_and_goes_no_further(s, side):
	x, y = timed(s, side, ours=False)
	hold = x.peer.sdp.replace(b"sendrecv", b"sendonly")
	x.send("INVITE", [TIMER, expires(89, "uac")], hold)
	same(x.expect(422, "INVITE")["Min-SE"], "90")
	x.send("INVITE", [TIMER, expires(90, "uac")], hold)
	same(y.expect("INVITE").body, hold)
	y.reply(200, sdp=True)
	same(granted(x.expect(200, "INVITE")), (90, "uac"))
	x.ack()
	y.expect("ACK")
	s.over(x, y)


@scenario
def an_interval_too_small_for_the_other_leg_of_a_new_offer_is_asked_for_again(s):
	gw = s.gateway()
	s.start(SS_SIP_SESSION_TTL="90")
	a, b = talk(s, gw, grants=[expires(90, "uas")])
	hold = s.caller.sdp.replace(b"sendrecv", b"sendonly")
	a.send("INVITE", body=hold)
	b.expect("INVITE")
	b.reply(422, headers=[("Min-SE", "300")])
	b.expect("ACK")
	again = b.expect("INVITE")
	same((again.body, again["Min-SE"], granted(again)[0]), (hold, "300", 300))
	b.reply(200, sdp=True, headers=[expires(300, "uas")])
	same(a.expect(200, "INVITE").body, gw.sdp)
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@variants(("update", True), ("reinvite", False))
def refreshes_over_tcp_are_as_over_udp_by(s, update):
	gw = s.gateway(transport="tcp")
	s.caller = s.peer("customer", "tcp")
	s.start(("udp", "tcp"), clock_speed=SPEED, SS_SIP_SESSION_UPDATE_SEGMENT="2", SS_SIP_TIMEOUT_INVITE="120")
	allow = KNOWS_UPDATE[1] if update else NO_UPDATE
	a, b = talk(s, gw, [TIMER, expires(100, "uas")], [expires(90, "uac"), ("Allow", allow)], Allow=allow)
	for x, y, interval in ((b, a, 90), (a, b, 100)):
		request = refresh(x, interval / 2, method_of(update), interval)
		same(request.body, b"" if update else y.peer.sdp)
	same(refreshes(a, "INVITE", 100, "uac", s.caller.sdp).body, gw.sdp)
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_new_contact_in_their_refresh_moves_what_follows(s, side):
	x, y = timed(s, side, ours=False)
	moved = elsewhere(s, x)
	x.send("UPDATE", [TIMER, expires(90, "uac")], Contact=moved.contact)
	x.expect(200, "UPDATE")
	y.send("BYE")
	x.reply(200, request=moved.expect("BYE"))
	y.expect(200, "BYE")


@variants(*BOTH_LEGS)
def a_new_contact_in_the_answer_to_our_refresh_moves_what_follows(s, side):
	x, y = timed(s, side)
	moved = elsewhere(s, x)
	x.expect("UPDATE")
	x.reply(200, headers=[expires(90, "uac")], contact=moved.contact)
	y.send("BYE")
	x.reply(200, request=moved.expect("BYE"))
	y.expect(200, "BYE")


def elsewhere(s, x):
	"""Another address of x."""
	moved = s.peer("moved")
	moved.secrets = x.peer.secrets = moved.secrets | x.peer.secrets
	return moved


if __name__ == "__main__":
	run(at_a_time=24)
