"""Our provisional responses to a caller with 100rel, and the answer that waits for them (RFC 3262 section 3)."""

import sip
from net import instants, same
from rel100 import (OFFER, ON, REQUIRED, SHORT, SUPPORTED, acknowledge, acknowledged, begin, ends,
	ends_elsewhere, held, plain, prack, ring)
from runner import run, scenario, variants
from timers import options


# The caller's leg

@scenario
def a_caller_with_100rel_hears_of_ringing_until_it_acknowledges(s):
	gw = s.gateway(sip_100rel="Off")
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	same(b.invited["Supported"].count("100rel"), 0)
	b.reply(180)
	instants(s.caller.expect_count(4, 180), [0, 0.1, 0.3, 0.7], 0.5)
	response = acknowledge(a)
	assert 1 <= int(response["RSeq"]) < 2 ** 31, response["RSeq"]
	s.net.quiet(0.5)
	same(len(s.caller.arrivals(180)), 4)
	same(gw.arrivals("PRACK"), [])
	ends(s, a, b)


@scenario
def a_gateway_with_100rel_is_acknowledged_for_a_caller_without(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	same("100rel" in options(b.invited), True)
	ring(b, 7)
	acknowledged(b, 7)
	plain(a.expect(180))
	ring(b, 8, 183, True)
	acknowledged(b, 8)
	same(plain(a.expect(183)).body, gw.sdp)
	ends(s, a, b)


@variants(("require", REQUIRED), ("support", SUPPORTED), ("require_and_support", REQUIRED + SUPPORTED))
def reliable_responses_for_callers_that(s, headers):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers)
	same((b.invited["Require"], options(b.invited)), ("", ["timer", "100rel"]))
	ring(b, 7)
	acknowledged(b, 7)
	acknowledge(a)
	ends(s, a, b)


@scenario
def both_legs_have_their_own_numbers(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 2 ** 31)
	acknowledged(b, 2 ** 31)
	first = acknowledge(a)
	ring(b, 2 ** 31 + 1, 183, True)
	acknowledged(b, 2 ** 31 + 1)
	second = acknowledge(a, 183)
	same(second.body, gw.sdp)
	same(int(second["RSeq"]), int(first["RSeq"]) + 1)
	ends(s, a, b)


@scenario
def numbers_begin_anywhere(s):
	gw = s.gateway()
	s.start(**ON)
	firsts = set()
	for _ in range(3):
		a, b = begin(s, gw)
		b.reply(180)
		firsts.add(acknowledge(a)["RSeq"])
		b.refuse(486)
		a.expect(486)
	same(len(firsts), 3)


@scenario
def the_next_provisional_waits_for_the_prack_of_the_one_before(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(180)
	response = a.expect(180)
	b.reply(183, True)
	s.net.quiet(0.3)
	prack(a, response)
	a.expect(200, "PRACK")
	second = acknowledge(a, 183)
	same((int(second["RSeq"]), second.body), (int(response["RSeq"]) + 1, gw.sdp))
	ends(s, a, b)


@scenario
def of_those_that_wait_without_description_the_newest_goes_out(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(183)
	response = a.expect(183)
	for status in (180, 183, 181):
		b.reply(status)
	b.reply(183, OFFER)
	b.reply(180)
	s.net.until(lambda: s.switch.control("calls.list")["calls"][0]["stage"] == "ringing", "all have come")
	s.net.quiet(0.1)
	prack(a, response)
	a.expect(200, "PRACK")
	number = int(response["RSeq"])
	for status, body in ((181, b""), (183, OFFER), (180, b"")):
		got = acknowledge(a, status)
		number += 1
		same((int(got["RSeq"]), got.body), (number, body))
	ends(s, a, b)


@scenario
def when_too_many_wait_the_newest_takes_the_last_place(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	bodies = [sip.sdp(33000 + 2 * n) for n in range(8)]
	for body in bodies:
		b.reply(183, body)
	same([acknowledge(a, 183).body for _ in range(5)], bodies[:4] + bodies[-1:])
	s.net.quiet(0.2)
	ends(s, a, b)


@scenario
def a_lost_prack_is_answered_when_it_comes_again(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	b.reply(180)
	response = a.expect(180)
	s.caller.expect_count(2, 180)  # the first PRACK was lost
	sent = prack(a, response)
	a.expect(200, "PRACK")
	a.again(sent)  # its 200 was lost
	s.caller.expect_count(2, 200, "PRACK")
	ends(s, a, b)


@scenario
def a_prack_of_what_was_acknowledged_is_481(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(180)
	response = acknowledge(a)
	prack(a, response)
	a.expect(481, "PRACK")
	ends(s, a, b)


@scenario
def a_provisional_that_is_never_acknowledged_refuses_the_call_with_504(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	ringing = b.reply(180)
	a.expect(180)
	b.cancelled()
	refused = a.expect(504)
	assert 0.79 <= refused.time - ringing.time <= 2, refused.time - ringing.time
	assert "no PRACK received" in refused["Reason"], refused.head
	record = s.switch.record()
	same((record["sip_code"], record["end_reason"], record["end_direction"], record["answer_ms"]),
		(504, "no PRACK received", 2, None))
	same(len(record["attempts"]), 1)


@scenario
def nothing_is_resent_over_a_connection_and_504_comes_all_the_same(s):
	gw = s.gateway()
	caller = s.peer("stream", "tcp")
	s.start(("udp", "tcp"), clock_speed=10, **ON, **SHORT)
	a = caller.invite("4930", headers=SUPPORTED)
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	b.cancelled()
	a.expect(504)
	same(len(caller.arrivals(180)), 1)


@scenario
def an_rack_that_matches_nothing_is_481_and_one_that_cannot_be_read_400(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(180)
	response = a.expect(180)
	number = int(response["RSeq"])
	for rack in ("%d 1 INVITE" % (number + 1), "%d 1 INVITE" % (number - 1), "0 1 INVITE", "%d 2 INVITE" % number,
			"%d 1 UPDATE" % number, "%d 1 NONSENSE" % number, "4294967295 4294967295 INVITE"):
		prack(a, response, RAck=rack)
		a.expect(481, "PRACK")
	for rack in (None, "", "x", "%d" % number, "%d 1" % number, "%d 1 " % number, "-1 1 INVITE", "%d INVITE" % number,
			"%d 1x INVITE" % number, "%d,1 INVITE" % number, "%d 1 INVITE" % (number + 2 ** 32),
			"%d %d INVITE" % (number, 1 + 2 ** 32), "%d 1 INVITE" % (number + 2 ** 64), "9" * 300 + " 1 INVITE"):
		prack(a, response, RAck=rack)
		a.expect(400, "PRACK")
	prack(a, response, RAck="%010d  001\r\n\tINVITE" % number)
	a.expect(200, "PRACK")
	ends(s, a, b)


@scenario
def a_refusal_that_was_lost_comes_again(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(180)
	response = a.expect(180)
	for rack, status in (("7 7 INVITE", 481), ("x", 400)):
		sent = prack(a, response, RAck=rack)
		a.expect(status, "PRACK")
		a.again(sent)
		s.caller.expect_count(2, status, "PRACK")
	sent = a.send("UPDATE", body=OFFER)
	a.expect(500, "UPDATE")
	a.again(sent)
	again = s.caller.expect_count(2, 500, "UPDATE")
	same(again[0].message.raw, again[1].message.raw)
	acknowledge_now = prack(a, response)
	a.expect(200, "PRACK")
	same(acknowledge_now["RAck"].split()[0], response["RSeq"])
	ends(s, a, b)


@scenario
def a_prack_with_other_tags_is_481(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(180)
	response = a.expect(180)
	prack(a, response, To=a.remote + "x")
	a.expect(481, "PRACK")
	prack(a, response, From=a.local + "x")
	a.expect(481, "PRACK")
	b.send("PRACK", To=b.remote, RAck="%s 1 INVITE" % response["RSeq"])
	b.expect(481, "PRACK")
	prack(a, response)
	a.expect(200, "PRACK")
	ends(s, a, b)


@scenario
def a_prack_where_nothing_is_reliable_is_481(s):
	gw = s.gateway()
	s.start()
	a, b = begin(s, gw)
	b.reply(180)
	response = plain(a.expect(180))
	prack(a, response, RAck="1 1 INVITE")
	a.expect(481, "PRACK")
	ends(s, a, b)


@scenario
def required_refuses_a_caller_without_100rel_with_421(s):
	gw = s.gateway()
	s.start(SS_SIP_100REL="Required")
	a = s.caller.invite("4930")
	refused = a.expect(421)
	same(refused["Require"], "100rel")
	same(s.switch.record()["sip_code"], 421)
	same(gw.arrivals("INVITE"), [])
	a = s.caller.invite("4930", headers=REQUIRED)
	b = gw.leg()
	same(b.invited["Require"], "100rel")
	b.reply(180)
	acknowledge(a)
	b.refuse(486)
	a.expect(486)
	s.switch.records(2)


@scenario
def off_refuses_a_caller_that_requires_100rel_with_420(s):
	s.gateway()
	s.switch.insert("gateway", name="unused", host="127.0.0.1", port=9, sip_100rel="Required")
	s.start()
	a = s.caller.invite("4930", headers=REQUIRED)
	same(a.expect(420)["Unsupported"], "100rel")
	a = s.caller.invite("4930", headers=[("Require", "100rel, timer, precondition")])
	same(a.expect(420)["Unsupported"], "100rel, precondition")
	s.switch.records(2)


@scenario
def off_leaves_a_caller_that_supports_100rel_as_it_is(s):
	gw = s.gateway(sip_100rel="Supported")
	s.start()
	a, b = begin(s, gw)
	ring(b, 1)
	acknowledged(b, 1)
	plain(a.expect(180))
	ends(s, a, b)


@scenario
def a_mapping_gateway_has_a_setting_of_its_own(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set sip_100rel = 'Required'")
	s.start()
	s.caller.invite("4930").expect(421)
	a, b = begin(s, gw)
	same("100rel" in options(b.invited), False)
	b.reply(180)
	acknowledge(a)
	b.refuse(486)
	a.expect(486)
	s.switch.records(2)


@scenario
def trying_is_never_reliable(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=REQUIRED)
	plain(a.expect(100))
	b.reply(100)
	s.net.quiet(0.2)
	b.reply(183)
	acknowledge(a, 183)
	ends(s, a, b)


@scenario
def a_repeated_invite_gets_the_response_that_waits_for_its_prack(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	b.reply(180)
	response = a.expect(180)
	s.caller.send(a.invited.raw, s.caller.proxy)
	entry = s.caller.expect_count(2, 180)[1]
	same(entry.message.raw, response.raw)
	prack(a, response)
	a.expect(200, "PRACK")
	ends(s, a, b)


# The answer is held back

@scenario
def an_answer_waits_for_the_prack_of_a_description(s):
	gw = s.gateway()
	a, b, response = held(s, gw)
	s.net.quiet(0.3)
	same(s.switch.control("calls.list")["calls"][0]["state"], "connecting")
	sent = prack(a, response)
	a.expect(200, "PRACK")
	answered = a.expect(200, "INVITE")
	assert answered.time >= sent.time
	same((answered["RSeq"], answered.body), ("", gw.sdp))
	a.ack()
	s.over(a, b)
	record = s.switch.record()
	same((record["sip_code"], record["end_direction"]), (200, 0))
	assert record["answer_ms"] - record["begin_ms"] >= 290, record


@scenario
def a_repeated_answer_is_acknowledged_again_while_it_waits(s):
	gw = s.gateway()
	a, b, response = held(s, gw)
	for _ in range(2):
		b.reply(200, True, request=b.invited)
	gw.expect_count(3, "ACK")
	prack(a, response)
	a.expect(200, "PRACK")
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)


@scenario
def an_answer_that_waits_is_cancelled_at_both_sides(s):
	gw = s.gateway()
	a, b, _ = held(s, gw)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	b.hung_up()
	record = s.switch.record()
	same((record["sip_code"], record["answer_ms"], record["end_direction"], record["gateway"]), (487, None, 0, "gw"))


@scenario
def a_caller_that_hangs_up_while_the_answer_waits_ends_both(s):
	gw = s.gateway()
	a, b, _ = held(s, gw)
	a.send("BYE")
	a.expect(200, "BYE")
	a.expect(487, "INVITE")
	b.hung_up()
	same(s.switch.record()["sip_code"], 487)


@scenario
def a_gateway_that_hangs_up_while_its_answer_waits_ends_both(s):
	gw = s.gateway()
	a, b, _ = held(s, gw)
	b.bye()
	a.expect(480, "INVITE")
	record = s.switch.record()
	same((record["sip_code"], record["answer_ms"], record["end_direction"]), (480, None, 1))
	same(gw.arrivals("BYE"), [])


@scenario
def a_prack_that_never_comes_ends_the_gateway_that_answered(s):
	gw = s.gateway()
	a, b, _ = held(s, gw, **SHORT)
	a.expect(504)
	b.hung_up()
	record = s.switch.record()
	same((record["sip_code"], record["answer_ms"], record["end_direction"]), (504, None, 2))


@scenario
def a_stop_of_the_switch_ends_an_answer_that_waits(s):
	gw = s.gateway()
	a, b, _ = held(s, gw)
	s.switch.signal()
	a.expect(503)
	b.hung_up()
	s.switch.ended()
	same(s.switch.record()["sip_code"], 503)


@scenario
def early_hangup_ends_an_answer_that_waits(s):
	gw = s.gateway()
	s.start(clock_speed=20, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="10", **ON)
	a, b = begin(s, gw)
	b.reply(183, True)
	a.expect(183)
	b.reply(200, True)
	b.expect("ACK")
	a.expect(408)
	b.hung_up()
	same(s.switch.record()["sip_code"], 408)


@scenario
def requests_of_the_gateway_while_its_answer_waits_are_491(s):
	gw = s.gateway()
	a, b, response = held(s, gw)
	for method in ("INVITE", "UPDATE", "INFO"):
		b.send(method, body=OFFER)
		b.expect(491, method)
	prack(a, response)
	a.expect(200, "PRACK")
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)


@scenario
def an_answer_does_not_wait_for_a_prack_without_description(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	b.reply(180)
	response = a.expect(180)
	b.reply(183, True)  # queued, and no longer sent
	b.reply(200, True)
	b.expect("ACK")
	a.expect(200, "INVITE")
	a.ack()
	count = len(s.caller.arrivals(180))
	s.net.quiet(1.2)  # longer than the schedule, which must not end the call any more
	same(len(s.caller.arrivals(180)), count)
	prack(a, response)  # late, but belongs to this call
	a.expect(200, "PRACK")
	prack(a, response)
	a.expect(481, "PRACK")
	s.over(a, b)


@scenario
def an_answer_without_description_gets_the_one_the_caller_does_not_have_reliably(s):
	gw = s.gateway()
	s.start(**ON)
	for headers in ((), SUPPORTED):
		a, b = begin(s, gw, headers)
		ring(b, 1)
		acknowledged(b, 1)
		response = a.expect(180)
		ring(b, 2, 183, True)  # passed on to one as it is, held back for the other
		acknowledged(b, 2)
		if not headers:
			a.expect(183)
		b.reply(200, request=b.invited)
		same(a.expect(200, "INVITE").body, gw.sdp)
		a.ack()
		b.expect("ACK")
		if headers:
			prack(a, response)
			a.expect(200, "PRACK")
		s.over(a, b)
	s.switch.records(2)


# Giving up, failover

@scenario
def a_cancel_ends_the_resending(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	ring(b, 1, 183, True)
	acknowledged(b, 1)
	response = a.expect(183)
	b.reply(180, request=b.invited)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.cancelled()
	count = len(s.caller.arrivals(183))
	s.net.quiet(0.4)
	same(len(s.caller.arrivals(183)), count)
	prack(a, response)
	a.expect(481, "PRACK")
	same(s.switch.record()["sip_code"], 487)


@scenario
def after_a_failover_the_numbers_go_on(s):
	first, second = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, first)
	ring(b, 100, 183, True)
	acknowledged(b, 100)
	one = acknowledge(a, 183)
	same(one.body, first.sdp)
	b.refuse(503)
	c = second.leg()
	ring(c, 500, 183, True)
	acknowledged(c, 500)
	two = acknowledge(a, 183)
	same((two.body, int(two["RSeq"])), (second.sdp, int(one["RSeq"]) + 1))
	ends_elsewhere(s, a, c, second.sdp)
	same(s.switch.record()["gateway"], "gw2")


@scenario
def after_a_failover_a_description_that_was_not_sent_does_not_count(s):
	first, second = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, first)
	b.reply(183)
	response = a.expect(183)
	b.reply(183, True)
	b.refuse(503)
	c = second.leg()
	prack(a, response)
	a.expect(200, "PRACK")
	c.reply(183, True)
	same(acknowledge(a, 183).body, second.sdp)
	ends(s, a, c)


@scenario
def after_a_failover_what_waited_is_not_sent(s):
	first, second = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, first)
	b.reply(183)
	response = a.expect(183)
	b.reply(183, True)
	b.refuse(503)
	c = second.leg()
	c.reply(180)
	s.net.quiet(0.1)
	prack(a, response)
	a.expect(200, "PRACK")
	ringing = acknowledge(a, 180)
	same(int(ringing["RSeq"]), int(response["RSeq"]) + 1)
	ends(s, a, c)


if __name__ == "__main__":
	run()
