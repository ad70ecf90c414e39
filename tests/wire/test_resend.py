"""When unanswered messages are resent (docs/behaviour.md, Resending)."""

import time

from net import instants, same
from registrar import refuse, registrar, silence
from runner import run, scenario

SHORT = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2,0.4", "SS_SIP_SEND_RETRY": "10"}
SHORT_DUE = [0, 0.1, 0.3, 0.7]
GIVEN_UP = 0.8  # after the last resend the first interval is waited once more


def repeated(entries):
	"""All must have the same bytes as the first."""
	same([entry.again for entry in entries], [False] + [True] * (len(entries) - 1))


@scenario
def an_unanswered_invite_is_resent_by_the_list_and_then_given_up(s):
	silent, living = s.gateways(2)
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = silent.leg()
	c = living.leg()
	instants(silent.arrivals("INVITE"), SHORT_DUE)
	repeated(silent.arrivals("INVITE"))
	assert -0.002 <= c.invited.time - b.invited.time - GIVEN_UP <= 0.15, c.invited.time - b.invited.time
	s.answer(a, c)
	s.over(a, c)


@scenario
def the_default_list_begins_with_half_a_second_doubled(s):
	silent = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = silent.leg()
	entries = silent.expect_count(4, "INVITE")
	instants(entries, [0, 0.5, 1.5, 3.5])
	repeated(entries)
	b.refuse(486)
	a.expect(486)


@scenario
def the_schedule_starts_again_for_each_gateway(s):
	first, second = s.gateways(2)
	s.start(**SHORT)
	a = s.caller.invite("4930")
	first.leg()
	second.leg()
	a.expect(408)
	instants(first.arrivals("INVITE"), SHORT_DUE)
	instants(second.arrivals("INVITE"), SHORT_DUE)


@scenario
def an_invite_that_timed_out_is_not_resent_any_more(s):
	silent = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.3,0.3,0.3,0.3,0.3,0.3", SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	silent.leg()
	a.expect(408)
	s.net.quiet(0.5)
	instants(silent.arrivals("INVITE"), [0, 0.3, 0.6, 0.9])


@scenario
def a_cancelled_invite_is_resent_until_it_can_be_cancelled(s):
	silent = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = silent.leg()
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	repeated(silent.expect_count(3, "INVITE"))
	b.reply(180)
	b.cancelled()
	same(len(silent.arrivals("INVITE")), 3)


@scenario
def send_retry_cuts_the_list(s):
	silent = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2,0.4", SS_SIP_SEND_RETRY="1")
	a = s.caller.invite("4930")
	b = silent.leg()
	assert -0.002 <= a.expect(408).time - b.invited.time - 0.2 <= 0.15
	instants(silent.arrivals("INVITE"), [0, 0.1])


@scenario
def without_retries_nothing_is_resent(s):
	silent = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.3", SS_SIP_SEND_RETRY="0")
	a = s.caller.invite("4930")
	silent.leg()
	a.expect(408)
	instants(silent.arrivals("INVITE"), [0])


@scenario
def a_gateway_may_have_a_list_of_its_own(s):
	silent = s.gateway(resend_interval="0.2,0.1")
	s.start(**SHORT)
	a = s.caller.invite("4930")
	silent.leg()
	a.expect(408)
	instants(silent.arrivals("INVITE"), [0, 0.2, 0.3])


@scenario
def a_gateways_own_list_holds_for_all_of_its_leg(s):
	gw = s.gateway(resend_interval="0.1,0.3")
	s.start()
	a, b = s.talk(gw)
	a.send("INFO")
	b.expect("INFO")
	instants(gw.expect_count(3, "INFO"), [0, 0.1, 0.4])
	b.reply(200)
	a.expect(200, "INFO")
	a.send("BYE")
	a.expect(200, "BYE")
	b.expect("BYE")
	instants(gw.expect_count(3, "BYE"), [0, 0.1, 0.4])
	b.reply(200)


@scenario
def auto_starts_at_half_a_second_for_a_near_gateway(s):
	gw = s.gateway(resend_interval="auto")
	s.start(**SHORT)
	s.over(*s.talk(gw))
	a = s.caller.invite("4930")
	b = gw.leg()
	instants(gw.expect_count(4, "INVITE")[1:], [0, 0.5, 1.5])
	b.refuse(486)
	a.expect(486)


SPEED = 2
FAR = 0.4 / SPEED  # real seconds until a far peer answers: 0.4 s of the switch's


def refused_after(s, gw, seconds):
	a = s.caller.invite("4930")
	b = gw.leg()
	s.net.quiet(seconds)
	b.refuse(486)
	a.expect(486)


def first_waits(s, gw):
	"""Those before the first two retransmissions of an INVITE to this gateway."""
	before = len(gw.arrivals("INVITE"))
	a = s.caller.invite("4930")
	b = gw.leg()
	times = [entry.time for entry in gw.expect_count(before + 3, "INVITE")[before:]]
	b.refuse(486)
	a.expect(486)
	return times[1] - times[0], times[2] - times[1]


def doubled(waits, t1):
	assert t1 - 0.002 <= waits[0] <= t1 + 0.1 and 2 * t1 - 0.002 <= waits[1] <= 2 * t1 + 0.1, (waits, t1)


@scenario
def auto_waits_twice_the_response_time_of_a_far_gateway(s):
	gw = s.gateway(resend_interval="auto")
	s.start(clock_speed=SPEED)
	for _ in range(2):
		refused_after(s, gw, FAR)
	t1 = 2 * s.switch.control("gateways.get", name="gw")["rtt_ms"] / 1000 / SPEED
	assert 2 * FAR <= t1 < 2.5 * FAR, t1
	doubled(first_waits(s, gw), t1)


@scenario
def auto_learns_nothing_from_an_invite_that_was_sent_again(s):
	gw = s.gateway(resend_interval="auto")
	s.start(clock_speed=SPEED)
	for _ in range(3):
		refused_after(s, gw, 0.6 / SPEED)  # to the first copy, or at once to the second?
	assert not s.switch.control("gateways.get", name="gw")["rtt_ms"]
	doubled(first_waits(s, gw), 0.5 / SPEED)


@scenario
def auto_waits_for_a_far_customer(s):
	gw = s.gateway()
	s.start(clock_speed=SPEED, SS_SIP_RESEND_INTERVAL="auto")
	for _ in range(2):
		a = s.caller.invite("4930")
		gw.leg().refuse(486)
		final = a.expect(486, ack=False)
		s.net.quiet(FAR)
		a.ack_failure(final)
	a = s.caller.invite("4930")
	gw.leg().refuse(486)
	final = a.expect(486, ack=False)
	times = [entry.time for entry in s.caller.expect_count(5, 486)[2:]]
	a.ack_failure(final)
	doubled((times[1] - times[0], times[2] - times[1]), 2 * FAR)


@scenario
def auto_waits_for_a_far_customer_that_acknowledges_provisional_responses(s):
	gw = s.gateway()
	s.start(clock_speed=SPEED, SS_SIP_RESEND_INTERVAL="auto", SS_SIP_100REL="Supported")
	for patient in (True, True, False):
		a = s.caller.invite("4930", headers=[("Supported", "100rel")])
		b = gw.leg()
		b.reply(183, sdp=True)
		progress = a.expect(183)
		if patient:
			s.net.quiet(FAR)
		else:
			times = [entry.time for entry in s.caller.expect_count(4, 183)[2:]]
			assert times[1] - times[0] > 1.5 * FAR, times  # its ACKs come at once
		a.send("PRACK", [("RAck", progress["RSeq"] + " 1 INVITE")])
		a.expect(200, "PRACK")
		b.refuse(486)
		a.expect(486)


@scenario
def auto_waits_for_a_far_registrar(s):
	r = registrar(s, columns={"enabled": 0})
	r.always = silence
	s.start(clock_speed=SPEED, SS_SIP_RESEND_INTERVAL="auto")
	s.switch.sql("update registration set enabled = 1")
	asked = r.expect_requests(1)
	s.net.quiet(FAR)
	took = time.monotonic() - asked.time
	r.answer(asked, *refuse(403)(r, asked))
	s.settle()
	s.switch.control("registrations.register", name="carrier")
	asked = r.expect_requests(2)
	times = [entry.time for entry in r.expect_count(4, "REGISTER")[1:]]
	doubled((times[1] - times[0], times[2] - times[1]), 2 * took)
	r.answer(asked, *refuse(403)(r, asked))


@scenario
def a_provisional_response_stops_the_resending_of_an_invite(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = gw.leg()
	gw.expect_count(2, "INVITE")
	b.reply(100)
	s.net.quiet(0.5)
	same(len(gw.arrivals("INVITE")), 2)
	b.refuse(486)
	a.expect(486)


@scenario
def an_unanswered_bye_is_resent_by_the_list(s):
	gw = s.gateway()
	s.start(**SHORT)
	a, b = s.talk(gw)
	a.send("BYE")
	b.expect("BYE")
	entries = gw.expect_count(4, "BYE")
	instants(entries, SHORT_DUE)
	repeated(entries)
	a.expect(200, "BYE")
	s.settle()
	same(len(gw.arrivals("BYE")), 4)


@scenario
def an_unanswered_bye_to_the_caller_is_resent_by_the_list(s):
	gw = s.gateway()
	s.start(**SHORT)
	a, b = s.talk(gw)
	b.send("BYE")
	b.expect(200, "BYE")
	a.expect("BYE")
	entries = s.caller.expect_count(4, "BYE")
	instants(entries, SHORT_DUE)
	repeated(entries)


@scenario
def an_answered_bye_is_not_resent(s):
	gw = s.gateway()
	s.start(**SHORT)
	a, b = s.talk(gw)
	a.send("BYE")
	b.expect("BYE")
	gw.expect_count(2, "BYE")
	b.reply(200)
	a.expect(200, "BYE")
	s.net.quiet(0.5)
	same(len(gw.arrivals("BYE")), 2)


@scenario
def after_a_provisional_a_bye_is_resent_at_the_last_interval(s):
	gw = s.gateway()
	s.start(**SHORT)
	a, b = s.talk(gw)
	a.send("BYE")
	b.expect("BYE")
	b.reply(100)
	entries = gw.expect_count(3, "BYE")
	instants(entries, [0, 0.1, 0.5])  # the current wait ends first (RFC 3261 section 17.1.2.2)
	b.reply(200)
	a.expect(200, "BYE")


@scenario
def an_unanswered_cancel_is_resent_by_the_list(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.expect("CANCEL")
	entries = gw.expect_count(4, "CANCEL")
	instants(entries, SHORT_DUE)
	repeated(entries)


@scenario
def an_answer_is_resent_until_its_ack_comes(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200)
	entries = s.caller.expect_count(3, 200, "INVITE")
	instants(entries, SHORT_DUE[:3])
	repeated(entries)
	a.ack()
	b.expect("ACK")
	s.net.quiet(0.6)
	same(len(s.caller.arrivals(200, "INVITE")), 3)
	s.over(a, b)


@scenario
def an_answer_never_acked_ends_both_legs(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200)
	b.expect("ACK")
	entries = s.caller.expect_count(4, 200, "INVITE")
	instants(entries, SHORT_DUE)
	repeated(entries)
	bye = a.hung_up()
	assert -0.002 <= bye.time - entries[0].time - GIVEN_UP <= 0.15, bye.time - entries[0].time
	b.hung_up()
	record = s.switch.record()
	same((record["sip_code"], record["end_direction"]), (200, 2))


@scenario
def a_repeated_invite_of_an_answered_call_gets_the_same_answer(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="30")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200)
	a.again(a.invited)
	repeated(s.caller.expect_count(2, 200, "INVITE"))
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def a_repeated_answer_of_a_gateway_is_acked_again(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	b.reply(200, sdp=True, request=b.invited)
	repeated(gw.expect_count(2, "ACK"))
	s.over(a, b)


@scenario
def a_final_failure_is_resent_until_its_ack_comes(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930")
	gw.leg().refuse(486)
	failure = a.expect(486, ack=False)
	entries = s.caller.expect_count(3, 486)
	instants(entries, SHORT_DUE[:3])
	repeated(entries)
	a.ack_failure(failure)
	s.net.quiet(0.6)
	same(len(s.caller.arrivals(486)), 3)


@scenario
def over_tcp_the_list_decides_nothing(s):
	caller, gw = s.peer("phone", "tcp"), s.gateway(transport="tcp")
	s.start(["udp", "tcp"], SS_SIP_RESEND_INTERVAL="0.1", SS_SIP_SEND_RETRY="0")
	a = caller.invite("4930")
	b = gw.leg()
	a.expect(100)
	s.net.quiet(0.5)
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	b.expect("ACK")
	s.net.quiet(0.5)
	a.ack()
	a.send("INFO")
	b.expect("INFO")
	s.net.quiet(0.5)
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


@scenario
def nothing_is_resent_over_tcp(s):
	silent = s.gateway(transport="tcp")
	s.start(["udp", "tcp"], SS_SIP_TIMEOUT_INVITE="1", SS_SIP_RESEND_INTERVAL="0.1,0.2,2")
	a = s.caller.invite("4930")
	b = silent.leg()
	left = a.expect(408)
	assert -0.002 <= left.time - a.invited.time - 1 <= 0.15, left.time - a.invited.time
	same(len(silent.arrivals("INVITE")), 1)
	b.refuse(480)


if __name__ == "__main__":
	run()
