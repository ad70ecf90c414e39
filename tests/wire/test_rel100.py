"""Reliable provisional responses, each leg for itself, and UPDATE before the answer (RFC 3262, RFC 3311)."""

import sip
from dialog import Dialog
from net import instants, same
from scene import run, scenario

ON = {"SS_SIP_100REL": "Supported"}
SHORT = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2,0.4"}
SUPPORTED, REQUIRED = [("Supported", "100rel")], [("Require", "100rel")]
ALLOW = [("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")]
OFFER, ANSWER, OTHER = sip.sdp(32000), sip.sdp(32002), sip.sdp(32004)


def begin(s, gw, headers=SUPPORTED, **more):
	"""A call up to the gateway's INVITE, of a caller with 100rel."""
	return s.caller.invite("4930", headers=headers, **more), gw.leg()


def ring(b, rseq, status=180, sdp=None, tag=None, contact=None, more=()):
	"""A reliable provisional answer."""
	return b.reply(status, sdp, REQUIRED + [("RSeq", str(rseq))] + ALLOW + list(more), b.invited, tag, contact)


def prack(a, response, body=b"", headers=(), **fields):
	given = {"RAck": "%s %s" % (response["RSeq"], a.invited["CSeq"]), **fields}
	return a.send("PRACK", headers, body, **given)


def acknowledge(a, status=180, body=b""):
	"""The caller gets a reliable provisional response, acknowledges it and gets the 200."""
	response = a.expect(status, "INVITE")
	same((response["Require"], response["Supported"]), ("100rel", ""))
	prack(a, response, body)
	a.expect(200, "PRACK")
	return response


def acknowledged(b, rseq, body=b"", sdp=None):
	"""The gateway gets the PRACK of its answer and accepts it."""
	got = b.expect("PRACK")
	same((got["RAck"], got.body), ("%d %s" % (rseq, b.invited["CSeq"]), body))
	b.reply(200, sdp)
	return got


def plain(response):
	same((response["Require"], response["RSeq"]), ("", ""))
	return response


def ends(s, a, b, sdp=True):
	"""The gateway answers, both talk and hang up; the record says so."""
	b.reply(200, sdp, request=b.invited)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)
	same(s.switch.record()["sip_code"], 200)


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
	same("100rel" in b.invited.all("Supported"), True)
	ring(b, 7)
	acknowledged(b, 7)
	plain(a.expect(180))
	ring(b, 8, 183, True)
	acknowledged(b, 8)
	same(plain(a.expect(183)).body, gw.sdp)
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
	assert "never acknowledged" in refused["Reason"], refused.head
	record = s.switch.record()
	same((record["sip_code"], record["end_reason"], record["end_direction"], record["answer_ms"]),
		(504, "provisional response never acknowledged", 2, None))
	same(len(record["attempts"]), 1)


@scenario
def nothing_is_resent_over_a_connection_and_504_comes_all_the_same(s):
	gw = s.gateway()
	caller = s.peer("stream", "tcp")
	s.start(("udp", "tcp"), **ON, **SHORT)
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
	same("100rel" in b.invited.all("Supported"), False)
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


# The answer waits

def held(s, gw, status=183, **parameters):
	"""A gateway has answered, the description before it is not acknowledged."""
	s.start(**ON, **parameters)
	a, b = begin(s, gw)
	b.reply(status, True)
	response = a.expect(status)
	b.reply(200, True)
	b.expect("ACK")
	return a, b, response


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
	b.reply(183, True)  # waits, and is not sent any more
	b.reply(200, True)
	b.expect("ACK")
	a.expect(200, "INVITE")
	a.ack()
	count = len(s.caller.arrivals(180))
	s.net.quiet(0.5)
	same(len(s.caller.arrivals(180)), count)
	prack(a, response)  # late, but of this call
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
		ring(b, 2, 183, True)  # to the one as it is, for the other it waits
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
	ends(s, a, c)
	same(s.switch.record()["gateway"], "gw2")


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


# The gateway's leg

@scenario
def required_is_told_to_the_gateway(s):
	gw = s.gateway(sip_100rel="Required")
	s.start()
	a, b = begin(s, gw, headers=())
	same((b.invited["Require"], "100rel" in b.invited.all("Supported")), ("100rel", False))
	b.refuse(420, [("Unsupported", "100rel")])
	a.expect(420)


@scenario
def off_takes_a_reliable_answer_for_an_ordinary_one(s):
	gw = s.gateway(sip_100rel="Off")
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	ring(b, 5, 183, True)
	same(plain(a.expect(183)).body, gw.sdp)
	s.net.quiet(0.3)
	ends(s, a, b)


@scenario
def a_lost_prack_of_ours_is_resent_by_the_schedule(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, headers=())
	ring(b, 5)
	instants(gw.expect_count(3, "PRACK"), [0, 0.1, 0.3], 0.5)
	acknowledged(b, 5)
	s.net.quiet(0.6)
	same(len(gw.arrivals("PRACK")), 3)
	a.expect(180)
	ends(s, a, b)


@scenario
def a_prack_whose_answer_is_lost_goes_on_beside_the_next(s):
	gw = s.gateway()
	s.start(**ON, SS_SIP_RESEND_INTERVAL="0.2,0.4,0.8")
	a, b = begin(s, gw, headers=())
	ring(b, 5)
	first = b.expect("PRACK")  # its 200 is lost
	ring(b, 6, 183, True)
	acknowledged(b, 6)
	a.expect(180)
	a.expect(183)
	a.cancel()
	a.expect(487)
	a.expect(200, "CANCEL")
	b.cancelled()
	s.net.until(lambda: [entry.again for entry in gw.arrivals("PRACK")].count(True), "the first comes again")
	b.reply(200, request=first)


@scenario
def a_repeated_answer_is_neither_passed_on_nor_acknowledged_twice(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	again = ring(b, 5)
	acknowledged(b, 5)
	acknowledge(a)
	gw.send(again.raw, b.invited.source)
	s.net.quiet(0.3)
	same((len(gw.arrivals("PRACK")), len(s.caller.arrivals(180))), (1, 1))
	ends(s, a, b)


@scenario
def an_answer_out_of_order_is_neither_passed_on_nor_acknowledged(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 5, 183)
	acknowledged(b, 5)
	acknowledge(a, 183)
	ring(b, 7, 180, True)
	ring(b, 4, 180, True)
	s.net.quiet(0.3)
	ring(b, 6)
	acknowledged(b, 6)
	same(acknowledge(a).body, b"")
	ring(b, 7, 183, True)
	acknowledged(b, 7)
	acknowledge(a, 183)
	ends(s, a, b)


@scenario
def numbers_do_not_wrap(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	ring(b, 2 ** 32 - 1, 183)
	acknowledged(b, 2 ** 32 - 1)
	a.expect(183)
	ring(b, 0)
	a.expect(180)  # no number at all: an ordinary one
	ring(b, 1)
	s.net.quiet(0.3)
	ends(s, a, b)


@scenario
def an_answer_whose_number_is_none_is_an_ordinary_one(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	for number in ("x", "", "-1", "4294967296", "99999999999999999999999"):  # malformed: dropped
		ring(b, number, 182)
	for lines in (REQUIRED + [("RSeq", "0")], REQUIRED, [("RSeq", "5")]):
		b.reply(183, None, lines, b.invited)
	b.reply(180)
	a.expect(180)
	plain(a.expect(183))
	same((len(s.caller.arrivals(183)), gw.arrivals("PRACK")), (3, []))
	ends(s, a, b)


@scenario
def a_prack_that_is_refused_does_not_end_the_attempt(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 5)
	b.expect("PRACK")
	b.reply(481)
	acknowledge(a)
	ring(b, 6, 183, True)
	acknowledged(b, 6)
	acknowledge(a, 183)
	s.net.until(lambda: "PRACK refused code=481" in s.switch.read_log(), "it is logged", step=0.02)
	ends(s, a, b)


@scenario
def a_prack_that_is_never_answered_does_not_end_the_attempt(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, headers=())
	ring(b, 5)
	a.expect(180)
	b.expect("PRACK")
	s.net.until(lambda: "PRACK not answered" in s.switch.read_log(), "it is logged", step=0.02)
	same(len(gw.arrivals("PRACK")), 4)
	ends(s, a, b)


@scenario
def a_challenged_prack_is_answered_with_credentials(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	challenge = [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')]
	b.reply(401, headers=challenge)
	b.expect("ACK")
	b.invited = b.last = gw.expect("INVITE")
	ring(b, 5)
	first = b.expect("PRACK")
	b.reply(401, headers=challenge)
	second = acknowledged(b, 5)
	same([message["CSeq"] for message in (b.invited, first, second)], ["2 INVITE", "3 PRACK", "4 PRACK"])
	same(*sip.digest(second["Authorization"], "PRACK", "secret"))
	a.expect(180)
	ends(s, a, b)


@scenario
def each_fork_is_acknowledged_in_its_own_dialog(s):
	gw = s.gateway()
	forks = [s.peer("fork%d" % n) for n in range(2)]
	gw.secrets = gw.secrets.union(*[fork.secrets for fork in forks])
	for fork in forks:
		fork.secrets = gw.secrets
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	dialogs = []
	for n, fork in enumerate(forks):
		ring(b, 10 * n + 10, 183, sip.sdp(34000 + n), "fork%d" % n, fork.contact)
		got = fork.expect("PRACK")
		same((got["RAck"], sip.param(got["To"], "tag"), got["CSeq"], sip.address(got.uri)[1]),
			("%d 1 INVITE" % (10 * n + 10), "fork%d" % n, "2 PRACK", fork.port))
		dialogs.append(Dialog.invited(fork, got))
		dialogs[n].reply(200)
		same(a.expect(183).body, sip.sdp(34000 + n))
	ring(b, 11, 180, None, "fork0", forks[0].contact)
	got = dialogs[0].expect("PRACK")
	same((got["RAck"], got["CSeq"]), ("11 1 INVITE", "3 PRACK"))
	dialogs[0].reply(200)
	a.expect(180)
	ring(b, 13, 180, None, "fork1", forks[1].contact)  # out of its order
	b.reply(200, True, request=b.invited, tag="fork1", contact=forks[1].contact)
	a.expect(200, "INVITE")
	forks[1].expect("ACK")
	a.ack()
	a.send("BYE")
	bye = dialogs[1].hung_up()
	same((bye["CSeq"], sip.param(bye["To"], "tag")), ("3 BYE", "fork1"))
	a.expect(200, "BYE")


@scenario
def a_prack_takes_the_route_of_its_early_dialog(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	proxy = s.peer("proxy")
	proxy.secrets = gw.secrets = gw.secrets | proxy.secrets
	route = "<sip:%s;lr>" % proxy.host_port
	ring(b, 1, more=[("Record-Route", "<sip:192.0.2.1;lr>"), ("Record-Route", route)])
	got = proxy.expect("PRACK")
	same(got.all("Route"), [route, "<sip:192.0.2.1;lr>"])
	Dialog.invited(proxy, got).reply(200)
	a.expect(180)
	ends(s, a, b)


@scenario
def of_many_forks_eight_are_acknowledged(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	for n in range(20):
		ring(b, 1, 183, None, "fork%d" % n)
	for n in range(8):
		b.expect("PRACK")
		b.reply(200)
	a.expect(183)
	s.net.quiet(0.3)
	same(len(s.caller.arrivals(183)), 8)
	b.reply(200, True, request=b.invited, tag="fork19")
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def a_reliable_199_is_acknowledged_and_goes_no_further(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1)
	acknowledged(b, 1)
	acknowledge(a)
	ring(b, 2, 199)
	acknowledged(b, 2)
	s.net.quiet(0.3)
	ends(s, a, b)


@scenario
def a_cancel_while_our_prack_is_unanswered_leaves_nothing(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	ring(b, 1, 183, True)
	b.expect("PRACK")
	a.expect(183)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.cancelled()
	s.settle()
	same(s.switch.record()["sip_code"], 487)


# INVITE without offer

@scenario
def the_answer_to_a_late_offer_crosses_in_the_pracks(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, sdp=False)
	again = ring(b, 9, 183, OFFER)
	response = a.expect(183)
	same((response.body, response["Require"]), (OFFER, "100rel"))
	gw.send(again.raw, b.invited.source)
	s.net.quiet(0.05)
	same(gw.arrivals("PRACK"), [])
	prack(a, response, ANSWER)
	a.expect(200, "PRACK")
	got = acknowledged(b, 9, ANSWER)
	same(got["Content-Type"], "application/sdp")
	b.reply(200, request=b.invited)
	same(b.expect("ACK").body, b"")  # before the caller's
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)
	same(s.switch.record()["sip_code"], 200)


@scenario
def a_lost_prack_with_an_answer_is_resent_with_it(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, sdp=False)
	ring(b, 9, 183, OFFER)
	prack(a, a.expect(183), ANSWER)
	a.expect(200, "PRACK")
	same([entry.message.body for entry in gw.expect_count(3, "PRACK")], [ANSWER] * 3)
	b.expect("PRACK")
	b.reply(401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n"')])
	acknowledged(b, 9, ANSWER)
	ends(s, a, b, sdp=None)


@scenario
def without_offer_a_caller_without_100rel_keeps_the_gateway_from_it(s):
	for setting in ("Supported", "Required"):
		s.gateway(setting, prefix=setting[0], sip_100rel=setting)
	s.start()
	for gw in (peer for peer in s.net.peers if peer is not s.caller):
		a = s.caller.invite(gw.name[0], sdp=False, headers=SUPPORTED)
		b = gw.leg()
		same((b.invited["Require"], "100rel" in b.invited.all("Supported")), ("", False))
		b.reply(200, OFFER)
		a.expect(200, "INVITE")
		a.ack(ANSWER)
		same(b.expect("ACK").body, ANSWER)
		s.over(a, b)
	s.switch.records(2)


@scenario
def without_offer_a_description_that_is_not_reliable_stays_here(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, sdp=False)
	b.reply(183, OFFER)
	response = acknowledge(a, 183)
	same((response.body, response["Content-Type"]), (b"", ""))
	b.reply(200, OFFER)
	same(a.expect(200, "INVITE").body, OFFER)
	a.ack(ANSWER)
	same(b.expect("ACK").body, ANSWER)
	s.over(a, b)


@scenario
def after_a_failover_the_caller_has_answered_already(s):
	first, second = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, first, sdp=False)
	ring(b, 9, 183, OFFER)
	acknowledge(a, 183, ANSWER)
	acknowledged(b, 9, ANSWER)
	b.refuse(503)
	c = second.leg()
	same(c.invited.body, b"")
	ring(c, 3, 183, OTHER)
	same(acknowledge(a, 183).body, OTHER)
	acknowledged(c, 3, ANSWER)
	ends(s, a, c, sdp=None)


@scenario
def the_answer_given_in_a_prack_serves_a_gateway_that_offers_in_its_200(s):
	first, second = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, first, sdp=False)
	ring(b, 9, 183, OFFER)
	acknowledge(a, 183, ANSWER)
	acknowledged(b, 9, ANSWER)
	b.refuse(503)
	c = second.leg()
	c.reply(200, OTHER)
	a.expect(200, "INVITE")
	a.ack()
	got = c.expect("ACK")
	same((got.body, got["Content-Type"]), (ANSWER, "application/sdp"))
	s.over(a, c)


# Offers before the answer

def settled(s, gw, allow=None, **invite):
	"""Offer and answer are complete on both legs, in a 183."""
	a, b = begin(s, gw, **invite)
	if allow:
		b.reply(183, True, REQUIRED + [("RSeq", "1"), ("Allow", allow)], b.invited)
	else:
		ring(b, 1, 183, True)
	acknowledged(b, 1)
	acknowledge(a, 183)
	return a, b


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
def an_offer_in_the_prack_that_an_answer_waits_for_crosses(s):
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
	b.send("INFO", cseq=b.cseq)  # not above that of the UPDATE
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
	a.send("UPDATE", body=OTHER)  # its own offer waits for our answer
	refused = a.expect(500, "UPDATE")
	assert 0 <= int(refused["Retry-After"]) <= 10, refused.head
	b.send("UPDATE", body=OTHER)  # ours waits for its answer
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
	b.send("INFO")
	b.expect(481, "INFO")
	b.send("BYE")
	b.expect(481, "BYE")
	ends(s, a, b)


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
	ends(s, a, c)


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
	ends(s, a, second.leg())


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
	ring(b, 11, 183, OTHER)  # no offer any more
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
	a.send("INVITE", REQUIRED, OFFER)
	b.expect("INVITE")
	b.reply(180)
	s.net.quiet(0.2)
	b.reply(200, ANSWER)
	same(a.expect(200, "INVITE").body, ANSWER)
	a.ack()
	b.expect("ACK")
	s.over(a, b)


if __name__ == "__main__":
	run()
