"""Calls given up, answers that are too late, and races (docs/behaviour.md, Setting up a call; RFC 3261 section 9)."""

import sip
from net import same
from runner import run, scenario

SHORT = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2,0.4"}


def gives_up(a):
	a.cancel()
	a.expect(200, "CANCEL")
	return a.expect(487, "INVITE")


@scenario
def cancel_waits_for_the_first_provisional(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	gives_up(a)
	gw.expect_count(1, "INVITE")
	s.net.quiet(0.4)
	trying = b.reply(100)
	cancel = b.expect("CANCEL")
	assert cancel.time >= trying.time - 0.002
	same((cancel["Via"], cancel.uri, cancel["To"], cancel["From"]),
		(b.invited["Via"], b.invited.uri, b.invited["To"], b.invited["From"]))
	same(cancel["CSeq"].split()[0], b.invited["CSeq"].split()[0])
	b.reply(200)
	b.refuse(487)
	record = s.switch.record()
	same((record["sip_code"], record["end_direction"], record["answer_ms"]), (487, 0, None))


@scenario
def cancel_after_the_first_provisional_goes_out_at_once(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	gives_up(a)
	cancel = b.expect("CANCEL")
	assert cancel.time - s.net.trace[0].time < 1
	b.reply(200)
	b.refuse(487)
	same(s.switch.record()["sip_code"], 487)


@scenario
def a_cancelled_gateway_that_never_ends_its_invite_is_let_go(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	gives_up(a)
	b.expect("CANCEL")
	b.reply(200)
	s.switch.record()


@scenario
def a_cancelled_gateway_that_stays_silent_is_let_go(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	gw.leg()
	gives_up(a)
	s.settle()
	same(gw.arrivals("CANCEL"), [])


@scenario
def an_answer_that_crosses_the_cancel_is_acked_and_ended(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	b.expect("CANCEL")
	b.reply(200, sdp=True, request=b.invited)
	b.reply(481)
	b.expect("ACK")
	b.hung_up()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	record = s.switch.record()
	same((record["sip_code"], record["answer_ms"], record["hold_ms"]), (487, None, None))


@scenario
def an_answer_and_a_cancel_at_the_same_instant_leave_no_leg(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	with s.switch.asleep():
		b.reply(200, sdp=True)
		a.cancel()
	a.expect(200, "CANCEL")
	b.expect("ACK")
	final = s.net.until(lambda: s.caller.find(200, "INVITE") or s.caller.find(487, "INVITE"), "an end of the INVITE")
	if final.status == 200:  # the answer was first
		a.ack()
		s.over(a, b)
	else:
		a.ack_failure(final)
		b.hung_up()
	same(s.switch.record()["sip_code"], final.status)


@scenario
def an_answer_after_a_cancel_that_could_not_be_sent_is_acked_and_ended(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	gives_up(a)
	b.reply(200, sdp=True)
	b.expect("ACK")
	b.hung_up()
	same(s.switch.record()["answer_ms"], None)
	same(gw.arrivals("CANCEL"), [])


@scenario
def a_late_answer_of_an_abandoned_gateway_is_acked_and_ended(s):
	first, second = s.gateways(2)
	s.start(SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	b = first.leg()
	c = second.leg()
	s.answer(a, c)
	b.reply(200, sdp=True)
	b.expect("ACK")
	b.hung_up()
	s.over(a, c)
	record = s.switch.record()
	same((record["gateway"], record["b_call_id"], record["sip_code"]), ("gw2", c.call_id, 200))
	same([(attempt["gateway"], attempt["stage"]) for attempt in record["attempts"]],
		[("gw1", "calling"), ("gw2", "answered")])


@scenario
def a_late_answer_before_the_next_gateway_answers_never_reaches_the_caller(s):
	first, second = s.gateways(2)
	s.start(SS_SIP_TIMEOUT_TRYING="1")
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(100)
	b.expect("CANCEL")
	b.reply(481)
	c = second.leg()
	b.reply(200, sdp=True, request=b.invited)
	b.expect("ACK")
	b.hung_up()
	c.reply(180)
	a.expect(180)
	s.answer(a, c)
	s.over(a, c)
	same(s.switch.record()["gateway"], "gw2")


@scenario
def a_late_provisional_of_an_abandoned_gateway_is_cancelled(s):
	first, second = s.gateways(2)
	s.start(SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	b = first.leg()
	c = second.leg()
	s.answer(a, c)
	b.reply(183, sdp=True)
	b.cancelled()
	s.over(a, c)


@scenario
def a_provisional_later_than_the_resend_schedule_is_cancelled(s):
	first, second = s.gateways(2)
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = first.leg()
	c = second.leg()  # the schedule of the first is over
	s.answer(a, c)
	s.net.quiet(1)
	b.reply(180)
	b.cancelled()
	s.over(a, c)


@scenario
def a_late_answer_after_the_end_of_the_call_is_acked_and_ended(s):
	gw = s.gateway()
	s.start(SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	b = gw.leg()
	a.expect(408)
	s.switch.record()
	b.reply(200, sdp=True)
	b.expect("ACK")
	b.hung_up()
	same(s.switch.record()["answer_ms"], None)


@scenario
def a_late_answer_whose_contact_cannot_be_called_is_hung_up_where_the_invite_went(s):
	first, second = s.gateways(2)
	s.start(SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	b = first.leg()
	c = second.leg()
	s.answer(a, c)
	b.reply(200, sdp=True, contact="<tel:+4930>")
	same(b.expect("ACK").uri, b.invited.uri)
	same(b.hung_up().uri, b.invited.uri)
	s.over(a, c)


@scenario
def only_the_live_attempt_is_cancelled(s):
	first, second = s.gateways(2)
	s.start()
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	c = second.leg()
	c.reply(180)
	a.expect(180)
	gives_up(a)
	c.cancelled()
	same(first.arrivals("CANCEL"), [])
	same([(attempt["code"], attempt["stage"]) for attempt in s.switch.record()["attempts"]],
		[(503, "calling"), (0, "ringing")])


@scenario
def a_failure_that_crosses_the_cancel_tries_no_other_gateway(s):
	first, _ = s.gateways(2)
	s.start()
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(100)
	a.cancel()
	b.expect("CANCEL")
	b.reply(503, request=b.invited)
	b.reply(481)
	b.expect("ACK")
	a.expect(200, "CANCEL")
	a.expect(487)


@scenario
def a_cancel_after_the_answer_changes_nothing(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200)
	a.cancel()
	a.expect(200, "CANCEL")
	a.ack()
	b.expect("ACK")
	s.over(a, b)
	same(gw.arrivals("CANCEL"), [])


@scenario
def a_repeated_cancel_gets_the_same_answer(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	cancel = a.cancel()
	a.expect(200, "CANCEL")
	s.caller.send(cancel.raw, s.caller.proxy)
	s.caller.expect_count(2, 200, "CANCEL")
	a.expect(487)
	b.cancelled()


@scenario
def a_cancel_of_nothing_is_481(s):
	s.gateway()
	s.start()
	s.caller.request("CANCEL", "4930", CSeq="7 CANCEL")
	s.caller.expect(481, "CANCEL")


@scenario
def a_bye_of_the_caller_before_the_answer_gives_up(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.send("BYE")
	a.expect(200, "BYE")
	a.expect(487, "INVITE")
	b.cancelled()
	same(s.switch.record()["sip_code"], 487)


@scenario
def both_sides_hang_up_at_the_same_instant(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	with s.switch.asleep():
		a.send("BYE")
		b.send("BYE")
	a.expect(200, "BYE")
	b.expect(200, "BYE")
	for leg in (a, b):  # the switch's own BYE crosses that of the side it heard second
		if leg.peer.arrivals("BYE"):
			leg.hung_up()
	record = s.switch.record()
	same(record["sip_code"], 200)
	assert record["end_direction"] in (0, 1)


@scenario
def a_second_bye_right_behind_the_first_is_481(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	with s.switch.asleep():
		a.send("BYE")
		a.send("BYE")
		a.send("INFO")
	a.expect(200, "BYE")
	a.expect(481, "BYE")
	a.expect(481, "INFO")
	b.hung_up()
	s.switch.record()


@scenario
def the_reason_of_the_callers_cancel_crosses(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	reason = 'SIP;cause=200;text="Call completed elsewhere"'
	a.peer.send(sip.build("CANCEL %s SIP/2.0" % a.invited.uri, [(name, a.invited[name]) for name in
		("Via", "From", "To", "Call-ID", "Max-Forwards")] + [("CSeq", "1 CANCEL"), ("Reason", reason)]), a.peer.proxy)
	a.expect(200, "CANCEL")
	a.expect(487)
	same(b.expect("CANCEL")["Reason"], reason)
	b.reply(200)
	b.reply(487, request=b.invited)
	b.expect("ACK")


@scenario
def an_invite_that_expires_ends_with_487(s):
	gw = s.gateway()
	s.start(clock_speed=10)
	a = s.caller.invite("4930", Expires="5")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.expect(487)
	b.cancelled()
	row = s.switch.record()
	same((row["sip_code"], row["end_reason"], row["end_direction"]), (487, "invitation expired", 2))


@scenario
def the_next_branch_of_a_serial_fork_is_a_call_of_its_own(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	gw.leg().refuse(486)
	a.expect(486)
	b = s.caller.invite("4931", Call_ID=a.call_id, From=a.invited["From"], CSeq=a.invited["CSeq"])
	gw.leg().refuse(486)
	b.expect(486)
	same(len(s.switch.records(2)), 2)


if __name__ == "__main__":
	run()
