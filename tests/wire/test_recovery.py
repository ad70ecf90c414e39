"""Answered calls outlive the death of the switch (docs/behaviour.md, During a call)."""

import time

import sip
from crash import Phone, checked, crash, kill, live, long_ago
from net import same
from runner import run, scenario, variants
from timers import SPEED, is_due, refresh, refreshes, timed

SIDES = ("the_caller", 0, 1), ("the_callee", 1, 0)


def cut(s, a, b):
	"""The record of the call, which ended with the process, and the BYE of both sides."""
	for leg in (a, b):
		bye = leg.hung_up()
		assert 'text="switch restarted"' in bye["Reason"], bye.head
	row = s.switch.record()
	same((row["a_call_id"], row["b_call_id"], row["sip_code"], row["end_reason"], row["end_direction"]),
		(a.call_id, b.call_id, 200, "switch restarted", 2))
	return row


@variants(*SIDES)
def a_call_goes_on_and_is_ended_by(s, one, other):
	gw = s.gateway(capacity=1)
	s.start()
	legs = a, b = s.talk(gw)
	answered = time.time()
	crash(s)
	checked(a, b)
	same(live(s), [True])
	same(s.switch.status()["calls"], {"active": 1, "total": 0, "answered": 0, "failed": 0, "recovered": 1, "refused": 0})
	c = s.caller.invite("4930")
	c.expect(503)  # its channel is taken
	s.net.quiet(0.3)
	x, y = legs[one], legs[other]
	x.send("BYE")
	y.hung_up()
	x.expect(200, "BYE")
	ended = time.time()
	row, = [row for row in s.switch.records(2) if row["answer_ms"]]
	same((row["a_call_id"], row["b_call_id"], row["ingress"], row["gateway"], row["caller_in"], row["callee_out"],
		row["source_addr"], row["destination_addr"], row["end_reason"], row["end_direction"]),
		(a.call_id, b.call_id, "customer", "gw", "4930100200", "4930", s.caller.host_port, gw.host_port,
		"normal clearing", one))
	same([(attempt["gateway"], attempt["stage"], attempt["code"]) for attempt in row["attempts"]], [("gw", "answered", 200)])
	assert abs(row["answer_ms"] / 1000 - answered) < 0.3 and abs(row["end_ms"] / 1000 - ended) < 0.3, row
	same(row["hold_ms"], row["end_ms"] - row["answer_ms"])
	s.over(*s.talk(gw))


@variants(*SIDES)
def a_hold_after_the_crash_crosses_from(s, one, other):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	crash(s)
	checked(*legs)
	x, y = legs[one], legs[other]
	hold = x.peer.sdp.replace(b"sendrecv", b"sendonly")
	x.send("INVITE", body=hold)
	reinvite = y.expect("INVITE")
	same(reinvite.body, hold)
	assert sip.cseq(reinvite) > 1000, reinvite.head
	y.reply(200, sdp=True)
	x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")
	crash(s)
	checked(*legs)
	same(len(live(s)), 1)
	s.over(*legs)


@variants(("who_takes_updates", True), ("who_takes_none", False))
def our_refresh_is_sent_in_time_to_a_peer(s, update):
	for side in "ab":
		x, y = timed(s, side, update=update) if side == "a" else (y, x)
		crash(s)
		checked(x, y)
		if side == "a":
			refresh(x, 45, method="UPDATE" if update else "INVITE")
			crash(s)
			checked(x, y)
			refresh(x, 45, method="UPDATE" if update else "INVITE")
	s.over(x, y)


@scenario
def a_refresh_that_was_due_meanwhile_is_sent_at_once(s):
	x, y = timed(s, "b")
	s.switch.kill()
	s.net.quiet(46 / SPEED)
	s.switch.start_again()
	refresh(x)
	checked(x, y)
	s.over(x, y)


@scenario
def a_peer_may_refresh_after_the_crash(s):
	x, y = timed(s, "a", ours=False)
	crash(s)
	checked(x, y)
	refreshes(x)
	crash(s)
	checked(x, y)
	end = x.hung_up()
	y.hung_up()
	is_due(end, x.since, 60)
	same(s.switch.record()["end_reason"], "session timer expired: caller")


@variants(*SIDES)
def the_target_is_the_last_one_of(s, one, other):
	gw = s.gateway()
	s.start()
	legs = a, b = s.talk(gw)
	x, y = legs[one], legs[other]
	moved = s.peer("moved")
	x.peer.secrets |= moved.secrets
	moved.secrets = x.peer.secrets
	x.send("INVITE", body=x.peer.sdp.replace(b"sendrecv", b"inactive"), Contact=moved.contact)
	y.expect("INVITE")
	y.reply(200, sdp=True)
	x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")
	crash(s)
	checked(y)
	question = moved.expect("OPTIONS")
	same(question.uri, sip.uri(moved.contact))
	x.peer.send(sip.build("SIP/2.0 200 OK", x.response_headers(question, 200)), question.source)
	y.send("BYE")
	y.expect(200, "BYE")
	bye = moved.expect("BYE")
	x.peer.send(sip.build("SIP/2.0 200 OK", x.response_headers(bye, 200)), bye.source)


@variants(("answers_481_as_caller", 0, 481, "caller no longer knows the call"),
	("answers_481_as_callee", 1, 481, "gateway no longer knows the call"),
	("answers_408", 1, 408, "session refresh failed: gateway"), ("is_silent", 0, None, "session refresh failed: caller"))
def the_call_ends_when_a_peer(s, gone, status, reason):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2")
	legs = s.talk(gw)
	crash(s)
	checked(legs[1 - gone])
	legs[gone].expect("OPTIONS")
	if status:
		legs[gone].reply(status)
	legs[1 - gone].hung_up()
	if status != 481:
		legs[gone].hung_up()
	row = s.switch.record()
	same((row["end_reason"], row["end_direction"], row["sip_code"]), (reason, 2, 200))


@scenario
def any_other_answer_shows_that_the_peer_is_there(s):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	crash(s)
	for leg, status in zip(legs, (405, 503)):
		leg.expect("OPTIONS")
		leg.reply(status)
	s.over(*legs)


@scenario
def without_recovery_both_sides_get_bye(s):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	a, b = s.talk(gw)
	talked = time.time()
	s.net.quiet(1.2)
	died = time.time()
	crash(s)
	row = cut(s, a, b)
	assert abs(row["answer_ms"] / 1000 - talked) < 0.3 and abs(died - row["end_ms"] / 1000) < 0.4, (row, died)


@scenario
def after_an_outage_of_more_than_a_minute_both_sides_get_bye(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	kill(s)
	long_ago(s)
	s.switch.start_again()
	row = cut(s, a, b)
	same(row["end_ms"], row["answer_ms"])  # it was answered after that


@variants(("a_gateway", "gateway"), ("a_customer", "mapping_gateway"))
def a_call_without_its_row_ends_when_it_is_that_of(s, table):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	kill(s)
	s.switch.sql("delete from route", "delete from " + table)
	s.switch.start_again()
	cut(s, a, b)


@scenario
def a_row_that_was_renamed_is_the_same(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	kill(s)
	s.switch.sql("update gateway set name = 'other'", "update mapping_gateway set name = 'someone'")
	s.switch.start_again()
	checked(a, b)
	s.over(a, b)
	row = s.switch.record()
	same((row["gateway"], row["ingress"]), ("other", "someone"))


@scenario
def the_longest_call_counts_from_the_answer(s):
	gw = s.gateway()
	s.start(clock_speed=30, SS_MAXCALLDURATION="60")
	a, b = s.talk(gw)
	answered = time.monotonic()
	for _ in range(2):
		s.net.quiet(0.3)
		crash(s)
		checked(a, b)
	a.hung_up()
	b.hung_up()
	assert 1.98 <= time.monotonic() - answered < 2.8, time.monotonic() - answered
	row = s.switch.record()
	same((row["end_reason"], row["hold_ms"] // 1000), ("maximum call duration reached", 60))


@scenario
def a_side_without_timer_is_checked_after_the_same_time(s):
	gw = s.gateway()
	s.start(clock_speed=60, SS_SIP_NO_TIMER_REINVITE_INTERVAL="60", SS_SIP_RESEND_INTERVAL="60")
	a, b = s.talk(gw)
	began = time.monotonic()
	s.net.quiet(0.5)
	crash(s)
	checked(a, b)
	for _ in range(2):  # whichever comes first
		leg = s.net.until(lambda: next((leg for leg in (a, b) if any(m.is_("INVITE", None) for m in leg.peer.inbox)), None),
			"a check")
		leg.expect("INVITE")
		leg.reply(200, sdp=True)
		leg.expect("ACK")
	assert 0.98 <= time.monotonic() - began < 1.8, time.monotonic() - began
	s.over(a, b)


@variants(*SIDES)
def a_bye_that_was_not_answered_is_sent_again_when_the_hangup_was_that_of(s, one, other):
	gw = s.gateway(capacity=1)
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	x.send("BYE")
	first = y.expect("BYE")
	x.expect(200, "BYE")
	for turn in (1, 2):
		crash(s)
		same(s.switch.status()["calls"]["active"], 0)
		bye = y.expect("BYE")
		assert sip.cseq(bye) > sip.cseq(first) and not bye["Reason"], bye.head
	y.reply(200)
	s.settle()
	crash(s)
	s.net.quiet(0.2)
	row = s.switch.record()
	same((row["end_reason"], row["end_direction"]), ("normal clearing", one))


@scenario
def a_bye_that_waits_for_an_ack_is_sent_after_the_crash(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	b.expect("ACK")
	b.send("BYE")
	b.expect(200, "BYE")
	for turn in (1, 2):
		before = len(s.caller.arrivals(200, "INVITE"))
		crash(s)
		s.caller.expect_count(before + 1, 200, "INVITE")
	same(s.caller.arrivals("BYE"), [])
	a.ack()
	a.hung_up()
	same(s.switch.record()["end_direction"], 1)


@scenario
def both_sides_get_the_bye_of_the_switch_again(s):
	gw = s.gateway()
	s.start(clock_speed=30, SS_MAXCALLDURATION="60")
	a, b = s.talk(gw)
	a.expect("BYE")
	b.expect("BYE")
	crash(s)
	for leg in (a, b):
		leg.hung_up()
	s.settle()
	same(s.switch.record()["end_reason"], "maximum call duration reached")


@scenario
def a_repeated_answer_of_the_gateway_is_acknowledged_again(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	crash(s)
	checked(a, b)
	b.reply(200, sdp=True, request=b.invited)
	same(sip.cseq(b.expect("ACK")), sip.cseq(b.invited))
	s.over(a, b)


@scenario
def an_answer_that_was_lost_comes_again(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	first = a.expect(200, "INVITE")
	b.expect("ACK")
	crash(s)
	answers = s.caller.expect_count(3, 200, "INVITE")
	same({entry.message.raw for entry in answers}, {first.raw})
	checked(a, b)
	s.net.quiet(1.2)
	same(len(s.caller.arrivals(200, "INVITE")), 3)
	s.over(a, b)


@scenario
def an_answer_that_was_lost_comes_again_after_each_crash(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	b.expect("ACK")
	for _ in range(3):
		before = len(s.caller.arrivals(200, "INVITE"))
		crash(s)
		s.caller.expect_count(before + 1, 200, "INVITE")
		for leg in (a, b):
			leg.expect("OPTIONS")
			leg.reply(200)
	a.ack()
	crash(s)
	before = len(s.caller.arrivals(200, "INVITE"))
	for leg in (a, b):
		leg.expect("OPTIONS")
		leg.reply(200)
	s.over(a, b)
	same(len(s.caller.arrivals(200, "INVITE")), before)


@scenario
def a_reinvite_that_is_under_way_is_to_be_sent_again(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	hold = s.caller.sdp.replace(b"sendrecv", b"sendonly").replace(b"3344 3344", b"3344 3345")
	a.send("INVITE", body=hold)
	first = b.expect("INVITE")
	crash(s)
	a.expect(491, "INVITE")
	checked(a, b)
	b.reply(200, sdp=True, request=first)
	same(sip.cseq(b.expect("ACK")), sip.cseq(first))
	same(b.expect("INVITE").body, s.caller.sdp)  # what the caller has said by now
	b.reply(200, sdp=True)
	b.expect("ACK")
	a.send("INVITE", body=hold)
	same(b.expect("INVITE").body, hold)
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@variants(*SIDES)
def the_answer_to_a_reinvite_comes_again_until_the_ack_of(s, one, other):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	x.send("INVITE", body=x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	y.expect("INVITE")
	y.reply(200, sdp=True)
	x.expect(200, "INVITE")
	y.expect("ACK")
	for turn in (1, 2):
		before = len(x.peer.arrivals(200, "INVITE"))
		crash(s)
		checked(y)
		x.expect("OPTIONS")
		x.reply(200)
		x.peer.expect_count(before + 1, 200, "INVITE")
	x.ack()
	crash(s)
	checked(y)
	x.expect("OPTIONS")
	x.reply(200)
	before = len(x.peer.arrivals(200, "INVITE"))
	s.net.quiet(0.2)
	same(len(x.peer.arrivals(200, "INVITE")), before)
	s.over(*legs)


@scenario
def a_refresh_that_was_answered_here_gets_its_answer_again(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("INVITE", body=s.caller.sdp)
	a.expect(200, "INVITE")
	before = len(s.caller.arrivals(200, "INVITE"))
	crash(s)
	s.caller.expect_count(before + 1, 200, "INVITE")
	checked(a, b)
	s.over(a, b)


@variants(*SIDES)
def the_refusal_of_a_reinvite_comes_again_until_the_ack_of(s, one, other):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	x.send("INVITE", body=x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	y.expect("INVITE")
	y.reply(488)
	y.expect("ACK")
	refusal = x.expect(488, "INVITE", ack=False)
	before = len(x.peer.arrivals(488, "INVITE"))
	crash(s)
	same(x.peer.expect_count(before + 1, 488, "INVITE")[-1].message.raw, refusal.raw)
	for leg in legs:
		leg.expect("OPTIONS")
		leg.reply(200)
	x.ack_failure(refusal)
	s.over(*legs)


@variants(*SIDES)
def a_reinvite_that_ended_with_the_call_is_refused_again_for(s, one, other):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	x.send("INVITE", body=x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	request = y.expect("INVITE")
	y.send("BYE")
	y.expect(200, "BYE")
	y.reply(487, request=request)
	y.expect("ACK")
	refusal = x.expect(487, "INVITE", ack=False)
	x.hung_up()
	s.switch.records(1)
	before = len(x.peer.arrivals(487, "INVITE"))
	crash(s)
	same(x.peer.expect_count(before + 1, 487, "INVITE")[-1].message.raw, refusal.raw)
	x.ack_failure(refusal)


# Requests that come again, since their answer was lost

@variants(*((method.lower() + "_of_" + side, method, one, other) for method in ("INFO", "MESSAGE", "REFER", "NOTIFY")
	for side, one, other in SIDES))
def what_was_answered_before_the_crash_does_not_cross_twice_as(s, method, one, other):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	x.send("OPTIONS")
	x.expect(200, "OPTIONS")
	status = 202 if method == "REFER" else 200
	sent = x.send(method, [("Refer-To", "<sip:4931@example.com>")] if method == "REFER" else
		[("Event", "refer"), ("Subscription-State", "active")] if method == "NOTIFY" else [])
	y.expect(method)
	y.reply(status)
	first = x.expect(status, method)
	for turn in (1, 2):
		crash(s)
		asked(x, y)
		before = len(x.peer.arrivals(status, method))
		x.again(sent)
		same(x.peer.expect_count(before + 1, status, method)[-1].message.raw, first.raw)
	same(len(y.peer.arrivals(method)), 1)
	x.send("INFO")
	y.expect("INFO")
	y.reply(200)
	x.expect(200, "INFO")
	s.over(*legs)


@variants(*SIDES)
def many_requests_before_the_crash_are_known_by_their_number_from(s, one, other):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	for _ in range(70):
		sent = x.send("INFO")
		y.expect("INFO")
		y.reply(200)
		x.expect(200, "INFO")
	crash(s)
	asked(x, y)
	before = len(x.peer.arrivals(200, "INFO"))
	x.again(sent)
	x.peer.expect_count(before + 1, 200, "INFO")
	same(len(y.peer.arrivals("INFO")), 70)
	s.over(*legs)


@variants(*SIDES)
def an_update_whose_answer_was_lost_is_answered_after_the_crash_to(s, one, other):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	offer, answer = sip.sdp(4002), sip.sdp(4004)
	sent = x.send("UPDATE", body=offer)
	same(y.expect("UPDATE").body, offer)
	y.reply(200, answer)
	x.expect(200, "UPDATE")
	crash(s)
	asked(x, y)
	before = len(x.peer.arrivals(200, "UPDATE"))
	x.again(sent)
	same(x.peer.expect_count(before + 1, 200, "UPDATE")[-1].message.body, answer)
	same(len(y.peer.arrivals("UPDATE")), 1)
	s.over(*legs)


@variants(("info", "INFO"), ("update", "UPDATE"))
def what_was_not_answered_before_the_crash_crosses_again_as(s, method):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	sent = a.send(method, body=sip.sdp(4002) if method == "UPDATE" else b"")
	b.expect(method)
	crash(s)
	asked(a, b)
	a.again(sent)
	assert sip.cseq(b.expect(method)) > 1000
	b.reply(200, sdp=method == "UPDATE")
	a.expect(200, method)
	s.over(a, b)


@scenario
def a_caller_that_has_acknowledged_its_answer_does_not_get_it_again(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	crash(s)
	asked(a, b)
	s.net.quiet(0.2)
	same(len(s.caller.arrivals(200, "INVITE")), 1)
	s.over(a, b)


# Offers in the answer

def offered(s, one, other):
	"""A call in which this side has asked the other for an offer, and got it; both legs and the answer."""
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	x.send("INVITE")
	same(y.expect("INVITE").body, b"")
	answer = y.reply(200, y.peer.sdp.replace(b"sendrecv", b"recvonly"))
	x.expect(200, "INVITE")
	return x, y, answer


def asked(*legs):
	for leg in legs:
		leg.expect("OPTIONS")
		leg.reply(200)


@variants(*SIDES)
def the_ack_with_the_answer_crosses_after_the_crash_from(s, one, other):
	x, y, answer = offered(s, one, other)
	crash(s)
	asked(x, y)
	y.again(answer)
	s.net.quiet(0.1)
	same(y.peer.arrivals("ACK")[1 - one:], [])
	x.ack(x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	same(y.expect("ACK").body, x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	crash(s)
	asked(x, y)
	s.over(x, y)


@variants(*SIDES)
def an_ack_with_an_answer_that_was_lost_is_made_again_for(s, other, one):
	x, y, answer = offered(s, one, other)
	x.ack(x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	first = y.expect("ACK")
	crash(s)
	asked(x, y)
	y.again(answer)
	again = y.expect("ACK")
	same((sip.cseq(again), again.body), (sip.cseq(first), first.body))
	s.over(x, y)


@variants(*SIDES)
def an_offer_that_comes_after_the_crash_is_answered_and_passed_on_from(s, other, one):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	x, y = legs[one], legs[other]
	x.send("INVITE")
	request = y.expect("INVITE")
	crash(s)
	x.expect(491, "INVITE")
	asked(x, y)
	offer = sip.sdp(4002)
	answer = y.reply(200, offer, request=request)
	for turn in (1, 2):
		acknowledged = y.expect("ACK")
		same((sip.cseq(acknowledged), acknowledged.body), (sip.cseq(request), x.peer.sdp))
		if turn == 1:
			y.again(answer)
	same(x.expect("INVITE").body, offer)
	x.reply(200, sdp=True)
	x.expect("ACK")
	s.over(x, y)


@scenario
def an_offer_in_the_first_answer_was_answered_in_the_ack(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", sdp=None)
	b = gw.leg()
	answer = b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack(sdp=True)
	first = b.expect("ACK")
	crash(s)
	checked(a, b)
	b.again(answer)
	again = b.expect("ACK")
	same((sip.cseq(again), again.body), (sip.cseq(first), s.caller.sdp))
	s.over(a, b)


@scenario
def a_caller_may_answer_the_offer_in_its_ack_after_the_crash(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", sdp=None)
	b = gw.leg()
	answer = b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	for turn in (1, 2):
		crash(s)
		same([call["state"] for call in s.switch.control("calls.list")["calls"]], ["answered"])
		s.caller.expect_count(1 + turn, 200, "INVITE")
		asked(a, b)
	b.again(answer)
	s.net.quiet(0.1)
	same(gw.arrivals("ACK"), [])
	a.ack(sdp=True)
	same(b.expect("ACK").body, s.caller.sdp)
	crash(s)
	asked(a, b)
	s.net.quiet(0.2)
	s.over(a, b)


@scenario
def a_caller_that_does_not_answer_the_offer_gets_bye(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2")
	a = s.caller.invite("4930", sdp=None)
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	crash(s)
	asked(a, b)
	b.expect("ACK")
	a.hung_up()
	b.hung_up()
	same(s.switch.record()["end_reason"], "no ACK received: caller")


@scenario
def both_sides_get_bye_until_they_answer_however_often_the_switch_dies(s):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	a, b = s.talk(gw)
	s.switch.status()
	for turn in (1, 2):
		crash(s)
		a.expect("BYE")
		b.expect("BYE")
	a.reply(200)
	crash(s)
	b.hung_up()
	s.settle()
	crash(s)
	s.net.quiet(0.2)
	same([row["end_reason"] for row in s.switch.records(1)], ["switch restarted"])


@scenario
def without_recovery_a_caller_gets_its_answer_before_the_bye(s):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	b.expect("ACK")
	crash(s)
	s.caller.expect_count(2, 200, "INVITE")
	same(s.caller.arrivals("BYE"), [])
	a.ack()
	cut(s, a, b)


@variants(("tcp", "tcp"), ("tls", "tls"))
def a_connection_is_opened_again_over(s, transport):
	gw = s.gateway(transport=transport, tls_verify="Off") if transport == "tls" else s.gateway(transport=transport)
	caller = s.peer("phone", transport)
	s.start(listen=(transport,))
	a, b = s.talk(gw, caller=caller)
	crash(s)
	for leg in (a, b):
		leg.route = leg.expect("OPTIONS").source
		leg.reply(200)
	a.ack()
	s.over(b, a)


@scenario
def two_hundred_calls_are_asked_at_a_pace(s):
	caller, gw = Phone(s.net, "phone"), Phone(s.net, "gw")
	s.vendor("gw", gw.port)
	gw.secrets = caller.secrets  # so many of them take the harness half a minute to look for
	s.start()
	legs = [s.talk(gw, caller=caller)[0] for _ in range(200)]
	crash(s)
	began = time.monotonic()
	same(s.switch.status()["calls"]["recovered"], 200)
	s.net.until(lambda: all(len(peer.answered["OPTIONS"]) >= 200 for peer in (caller, gw)), "all are checked")
	assert time.monotonic() - began > 0.6, "400 questions came in %g s" % (time.monotonic() - began)
	for a in legs:
		a.send("BYE")
		a.expect(200, "BYE")
	rows = s.switch.records(200)
	same({row["a_call_id"] for row in rows}, {a.call_id for a in legs})
	same({row["end_reason"] for row in rows}, {"normal clearing"})
	same([len(peer.answered["BYE"]) for peer in (caller, gw)], [0, 200])


if __name__ == "__main__":
	run()
