"""Calls that are being set up outlive the death of the switch (docs/behaviour.md, After a crash)."""

import time

import sip
from crash import Phone, checked, crash, live, long_ago
from dns import Dns
from net import same
from rel100 import ANSWER, OFFER, ON, OTHER, acknowledge, acknowledged, begin, ends, ends_elsewhere, prack, ring
from runner import run, scenario, variants


def restarted(s, leg, repeat=None, **parameters):
	"""A crash, after which the callee gets its INVITE again."""
	s.switch.status()
	before = len(leg.peer.arrivals("INVITE"))
	s.switch.kill()
	s.switch.parameters(**parameters)
	s.switch.start_again()
	entry = leg.peer.expect_count(before + 1, "INVITE")[-1]
	assert entry.message.raw == leg.invited.raw, entry.message.head
	if repeat:
		leg.peer.send(repeat.raw, entry.message.source)


def begun(s, gw, stage, **invite):
	"""A call at a gateway that has said how far it is; both legs, and its last response."""
	a = s.caller.invite("4930", **invite)
	b = gw.leg()
	said = None
	if stage != "calling":
		said = b.reply({"trying": 100, "ringing": 180, "early_media": 183}[stage], sdp=stage == "early_media")
	if stage in ("ringing", "early_media"):
		a.expect(said.status)
	s.switch.status()
	return a, b, said


STAGES = [(stage, stage) for stage in ("calling", "trying", "ringing", "early_media")]


@variants(*STAGES)
def the_answer_connects_a_call_that_was(s, stage):
	gw = s.gateway(capacity=1)
	s.start()
	began = time.time()
	a, b, said = begun(s, gw, stage)
	restarted(s, b, said)
	same(live(s), [True])
	same(s.switch.status()["calls"], {"active": 1, "total": 0, "answered": 0, "failed": 0, "recovered": 1, "refused": 0})
	c = s.caller.invite("4930")
	c.expect(503)  # its channel is taken
	s.net.quiet(0.2)
	answered = time.time()
	s.answer(a, b)
	s.over(a, b)
	row, = [row for row in s.switch.records(2) if row["answer_ms"]]
	same((row["a_call_id"], row["b_call_id"], row["ingress"], row["gateway"], row["sip_code"], row["end_reason"],
		row["source_addr"], row["destination_addr"], row["caller_out"]),
		(a.call_id, b.call_id, "customer", "gw", 200, "normal clearing", s.caller.host_port, gw.host_port, "4930100200"))
	same([(attempt["gateway"], attempt["stage"], attempt["code"]) for attempt in row["attempts"]], [("gw", "answered", 200)])
	assert abs(row["begin_ms"] / 1000 - began) < 0.3 and abs(row["answer_ms"] / 1000 - answered) < 0.3, row
	s.over(*s.talk(gw))


@variants(*STAGES)
def the_caller_can_cancel_a_call_that_was(s, stage):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, stage)
	restarted(s, b, said)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	if not said:
		b.reply(180)  # until then it must not be cancelled
	b.cancelled()
	row = s.switch.record()
	same((row["a_call_id"], row["b_call_id"], row["sip_code"], row["end_reason"], row["end_direction"]),
		(a.call_id, b.call_id, 487, "cancelled by caller", 0))


@variants(*STAGES)
def the_next_gateway_is_tried_in_a_call_that_was(s, stage):
	gw1, gw2 = s.gateways(2)
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")
	a, b, said = begun(s, gw1, stage)
	restarted(s, b, said)
	b.refuse(503)
	c = gw2.leg()
	same(c.invited.body, s.caller.sdp)
	c.reply(180)
	if stage != "ringing":
		a.expect(180)
	s.answer(a, c)
	s.over(a, c)
	row = s.switch.record()
	same([(attempt["gateway"], attempt["code"]) for attempt in row["attempts"]], [("gw1", 503), ("gw2", 200)])


@scenario
def the_second_attempt_goes_on_and_the_record_has_the_first(s):
	gw1, gw2, gw3 = s.gateways(3)
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")
	a = s.caller.invite("4930")
	first = gw1.leg()
	first.refuse(500)
	second = gw2.leg()
	ringing = second.reply(180)
	a.expect(180)
	restarted(s, second, ringing)
	second.refuse(503)
	third = gw3.leg()
	restarted(s, third)
	s.answer(a, third)
	s.over(a, third)
	row = s.switch.record()
	same([(attempt["gateway"], attempt["stage"], attempt["code"]) for attempt in row["attempts"]],
		[("gw1", "calling", 500), ("gw2", "ringing", 503), ("gw3", "answered", 200)])
	same(s.net.unread(), [])


def refused(s, a, b, said):
	"""The caller gets 503, the gateway CANCEL once it has said something, and one record says so."""
	refusal = a.expect(503, "INVITE")
	assert 'text="switch restarted"' in refusal["Reason"] and sip.param(refusal["To"], "tag"), refusal.head
	if not said:
		b.reply(180)
	assert 'text="switch restarted"' in b.expect("CANCEL")["Reason"]
	b.reply(200)
	b.reply(487, request=b.invited)
	b.expect("ACK")
	row = s.switch.record()
	same((row["a_call_id"], row["sip_code"], row["end_reason"], row["end_direction"], row["answer_ms"], row["hold_ms"],
		row["gateway"], row["b_call_id"]), (a.call_id, 503, "switch restarted", 2, None, None, "gw", b.call_id))
	return row


@variants(*STAGES)
def without_recovery_both_sides_are_told_that_it_ends_when_it_was(s, stage):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	a, b, said = begun(s, gw, stage)
	restarted(s, b, said)
	refused(s, a, b, said)


@scenario
def without_recovery_both_sides_are_told_however_often_the_switch_dies(s):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	a, b, said = begun(s, gw, "ringing")
	for turn in (1, 2):
		restarted(s, b, said)
		b.expect("CANCEL")
		refusal = a.expect(503, "INVITE", ack=False)
	a.ack_failure(refusal)
	b.reply(200)
	b.reply(487, request=b.invited)
	b.expect("ACK")
	same([row["end_reason"] for row in s.switch.records(1)], ["switch restarted"])


@scenario
def after_an_outage_of_more_than_a_minute_it_ends(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "ringing")
	s.switch.kill()
	long_ago(s)
	s.switch.start_again()
	b.peer.expect_count(2, "INVITE")
	b.again(said)
	refused(s, a, b, said)


@variants(("a_gateway", "gateway"), ("a_customer", "mapping_gateway"))
def it_ends_without_the_row_of(s, table):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "ringing")
	s.switch.kill()
	s.switch.sql("delete from route", "delete from " + table)
	s.switch.start_again()
	b.peer.expect_count(2, "INVITE")
	b.again(said)
	refused(s, a, b, said)


@scenario
def a_caller_that_is_refused_may_cancel_and_the_gateway_answer(s):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	a, b, said = begun(s, gw, "calling")
	restarted(s, b)
	a.expect(503, "INVITE", ack=False)
	a.cancel()
	a.expect(200, "CANCEL")
	a.ack_failure(s.caller.arrivals(503, "INVITE")[0].message)
	b.reply(200, sdp=True, request=b.invited)
	b.expect("ACK")
	b.hung_up()


@scenario
def a_gateway_that_answered_meanwhile_is_heard(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "ringing")
	s.switch.kill()
	answer = b.reply(200, sdp=True)
	s.switch.start_again()
	gw.expect_count(2, "INVITE")
	b.again(answer)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def a_caller_that_cancels_while_the_switch_is_dead_is_heard(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "ringing")
	s.switch.kill()
	a.cancel()
	s.switch.start_again()
	gw.expect_count(2, "INVITE")
	b.again(said)
	a.again(a.hop_by_hop("CANCEL", a.invited["To"]))
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	b.cancelled()


@scenario
def an_invite_that_comes_again_gets_what_was_said_last(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "calling")
	restarted(s, b)
	a.again(a.invited)
	s.caller.expect_count(3, 100)
	b.reply(180)
	ringing = a.expect(180)
	a.again(a.invited)
	same(s.caller.expect_count(2, 180)[-1].message.raw, ringing.raw)
	s.answer(a, b)
	s.over(a, b)


@scenario
def the_switch_may_die_twice(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "calling")
	restarted(s, b)
	said = b.reply(180)
	a.expect(180)
	restarted(s, b, said)
	s.answer(a, b)
	crash(s)
	checked(a, b)
	s.over(a, b)
	same(s.switch.record()["attempts"][0]["stage"], "answered")


@scenario
def an_invite_without_offer_goes_on(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "ringing", sdp=None)
	restarted(s, b, said)
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack(sdp=True)
	same(b.expect("ACK").body, s.caller.sdp)
	s.over(a, b)


@scenario
def credentials_that_were_given_go_on(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.refuse(401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')])
	b = gw.leg()
	assert "Digest" in b.invited["Authorization"]
	said = b.reply(180)
	a.expect(180)
	restarted(s, b, said)
	b.reply(200, sdp=True)
	same(b.expect("ACK")["Authorization"], b.invited["Authorization"])
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)


@variants(("tcp", "tcp"), ("tls", "tls"))
def it_goes_on_over(s, transport):
	more = {"tls_verify": "Off"} if transport == "tls" else {}
	gw = s.gateway(transport=transport, **more)
	caller = s.peer("phone", transport)
	s.start(listen=(transport,))
	a = caller.invite("4930")
	b = gw.leg()
	said = b.reply(180)
	a.expect(180)
	restarted(s, b)
	b.route = gw.arrivals("INVITE")[-1].message.source
	b.last.source = b.route
	gw.send(said.raw, b.route)
	b.reply(200, sdp=True)
	answer = a.expect(200, "INVITE")
	a.route = answer.source
	a.ack()
	b.expect("ACK")
	s.over(a, b)


# Reliable provisional responses

def reliable(s, status=180, sdp=None):
	"""A call between a caller and a gateway with 100rel; both legs, the gateway's response and the caller's."""
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	said = ring(b, 7, status, sdp)
	acknowledged(b, 7)
	return gw, a, b, said, a.expect(status)


@variants(("ringing", 180, None), ("early_media", 183, True))
def a_response_that_awaits_its_prack_comes_again_when_it_is(s, status, sdp):
	gw, a, b, said, heard = reliable(s, status, sdp)
	restarted(s, b)
	again = s.caller.expect_count(2, status)
	same(again[-1].message.raw, heard.raw)
	prack(a, heard)
	a.expect(200, "PRACK")
	ends(s, a, b)


@variants(("ringing", 180, None), ("early_media", 183, True))
def what_was_acknowledged_is_not_said_again_when_it_is(s, status, sdp):
	gw, a, b, said, heard = reliable(s, status, sdp)
	prack(a, heard)
	a.expect(200, "PRACK")
	restarted(s, b, said)
	refused = b.expect("PRACK")  # ours might have been lost
	assert sip.cseq(refused) > 1000, refused.head
	b.reply(481)
	s.net.quiet(0.2)
	same(len(s.caller.arrivals(status)), 1)
	ring(b, 8, 181)
	acknowledged(b, 8)
	more = acknowledge(a, 181)
	same(int(more["RSeq"]), int(heard["RSeq"]) + 1)
	ends(s, a, b)


@scenario
def a_prack_that_comes_again_is_answered_again(s):
	gw, a, b, said, heard = reliable(s)
	sent = prack(a, heard)
	a.expect(200, "PRACK")
	restarted(s, b)
	before = len(s.caller.arrivals(200, "PRACK"))
	a.again(sent)
	s.caller.expect_count(before + 1, 200, "PRACK")
	ends(s, a, b)


@scenario
def an_update_that_comes_again_is_answered_again(s):
	gw, a, b, said, heard = reliable(s, 183, True)
	prack(a, heard)
	a.expect(200, "PRACK")
	sent = a.send("UPDATE", body=OTHER)
	same(b.expect("UPDATE").body, OTHER)
	b.reply(200, ANSWER)
	same(a.expect(200, "UPDATE").body, ANSWER)
	restarted(s, b)
	a.again(sent)
	same(b.expect("UPDATE").body, OTHER)
	b.reply(200, ANSWER)
	s.caller.expect_count(2, 200, "UPDATE")
	ends(s, a, b)


@scenario
def a_prack_of_ours_that_was_lost_is_sent_anew(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	said = ring(b, 7)
	b.expect("PRACK")
	heard = acknowledge(a)
	restarted(s, b, said)
	acknowledged(b, 7)
	ends(s, a, b)


@scenario
def a_gateway_without_100rel_may_repeat_what_the_caller_has_acknowledged(s):
	gw = s.gateway(sip_100rel="Off")
	s.start(**ON)
	a, b = begin(s, gw)
	said = b.reply(180)
	heard = acknowledge(a)
	restarted(s, b, said)
	s.net.quiet(0.2)
	same(len(s.caller.arrivals(180)), 1)
	b.reply(183, True)
	more = acknowledge(a, 183)
	same(int(more["RSeq"]), int(heard["RSeq"]) + 1)
	ends(s, a, b)


@scenario
def an_answer_waits_for_the_prack_after_the_crash_too(s):
	gw, a, b, said, heard = reliable(s, 183, True)
	b.reply(200, request=b.invited)
	b.expect("ACK")
	s.switch.status()
	for _ in range(2):
		s.switch.kill()
		s.switch.start_again()
		s.net.quiet(0.1)
	same([call["state"] for call in s.switch.control("calls.list")["calls"]], ["connecting"])
	same(s.caller.arrivals(200, "INVITE"), [])
	prack(a, heard)
	a.expect(200, "PRACK")
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)
	row = s.switch.record()
	same((row["gateway"], row["b_call_id"], [attempt["stage"] for attempt in row["attempts"]]), ("gw", b.call_id, ["answered"]))


@scenario
def an_answer_that_waited_ends_with_the_call_without_recovery(s):
	gw, a, b, said, heard = reliable(s, 183, True)
	b.reply(200, request=b.invited)
	b.expect("ACK")
	crash(s, SS_CALL_RECOVERY="Off")
	a.expect(503, "INVITE")
	b.hung_up()


@scenario
def what_was_negotiated_is_offered_to_the_next_gateway(s):
	gw1, gw2 = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, gw1, sdp=None)
	ring(b, 7, 183, OFFER)
	heard = a.expect(183)
	prack(a, heard, body=ANSWER)
	a.expect(200, "PRACK")
	acknowledged(b, 7, ANSWER)
	restarted(s, b)
	b.refuse(503)
	c = gw2.leg()
	same(c.invited.body, ANSWER)
	restarted(s, c)
	ends_elsewhere(s, a, c, gw2.sdp)


@scenario
def an_update_before_the_answer_crosses_after_the_crash(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	said = ring(b, 7, 183, True)
	acknowledged(b, 7)
	acknowledge(a, 183)
	restarted(s, b)
	a.send("UPDATE", body=OTHER)
	same(b.expect("UPDATE").body, OTHER)
	b.reply(200, ANSWER)
	same(a.expect(200, "UPDATE").body, ANSWER)
	ends(s, a, b)


# Times

@variants(("ringing", 180, "SS_SIP_TIMEOUT_RINGING"), ("trying", 100, "SS_SIP_TIMEOUT_TRYING"),
	("early_media", 183, "SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP"))
def the_stage_lasts_as_long_as_it_would_have_when_it_is(s, status, parameter):
	gw = s.gateway()
	s.start(clock_speed=20, SS_SIP_RESEND_INTERVAL="60", **{parameter: "30"})
	a, b, said = begun(s, gw, {180: "ringing", 100: "trying", 183: "early_media"}[status])
	since = time.monotonic()
	s.net.quiet(0.7)
	restarted(s, b, said)
	b.cancelled()
	passed = a.expect(408, "INVITE").time - since
	assert 1.4 < passed < 2, passed
	attempt, = s.switch.record()["attempts"]
	same((attempt["reason"], attempt["duration_ms"] // 1000), ("timeout while " + attempt["stage"], 30))


@variants(("early_hangup", {"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP": "30"}, {}, 408, "not answered in time"),
	("expires", {}, {"Expires": "30"}, 487, "invitation expired"))
def the_time_until_the_answer_is_limited_by(s, parameters, fields, status, reason):
	gw = s.gateway()
	s.start(clock_speed=20, SS_SIP_RESEND_INTERVAL="60", **parameters)
	a, b, said = begun(s, gw, "ringing", **fields)
	since = time.monotonic()
	s.net.quiet(0.7)
	restarted(s, b, said)
	b.cancelled()
	passed = a.expect(status, "INVITE").time - since
	assert 1.4 < passed < 2, passed
	same(s.switch.record()["end_reason"], reason)


@scenario
def the_record_says_when_it_rang_first(s):
	gw = s.gateway()
	s.start()
	a, b, _ = begun(s, gw, "trying")
	s.net.quiet(0.2)
	b.reply(183)
	rang = time.time()
	a.expect(183)
	s.net.quiet(0.2)
	said = b.reply(180)
	a.expect(180)
	s.switch.status()
	s.net.quiet(0.3)
	restarted(s, b, said)
	s.answer(a, b)
	s.over(a, b)
	row = s.switch.record()
	same([abs(at) < 0.1 for at in (row["ring_ms"] / 1000 - rang - 0.2, row["begin_ms"] / 1000 + row["pdd_ms"] / 1000 - rang)],
		[True, True])


# Names

def named(s, *services):
	"""A gateway gw.test with these servers (priority, port) in DNS; returns the name server."""
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	dns.host("host.gw.test", "127.0.0.1")
	dns.service("_sip._udp.gw.test", *((priority, port, "host.gw.test") for priority, port in services))
	s.vendor("named", 0, host="gw.test")
	return dns


@scenario
def a_name_that_was_being_looked_up_is_looked_up_again(s):
	gw = s.peer("gw")
	dns = named(s, (1, gw.port))
	dns.held = []
	s.start()
	a = s.caller.invite("4930")
	s.net.until(lambda: dns.held and s.switch.status()["calls"]["active"], "the name is asked for")
	s.switch.kill()
	dns.held = None
	s.switch.start_again()
	b = gw.leg()
	s.answer(a, b)
	s.over(a, b)
	same([attempt["gateway"] for attempt in s.switch.record()["attempts"]], ["named"])


@scenario
def the_servers_of_a_name_that_are_left_are_called(s):
	first, second, third = (s.peer("server%d" % number) for number in (1, 2, 3))
	named(s, (1, first.port), (2, second.port), (3, third.port))
	s.start()
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	b = second.leg()
	restarted(s, b)
	b.refuse(503)
	c = third.leg()
	s.answer(a, c)
	s.over(a, c)
	row = s.switch.record()
	same(([attempt["gateway"] for attempt in row["attempts"]], row["destination_addr"]), (["named"], third.host_port))


@scenario
def a_server_that_is_silent_after_the_crash_is_followed_by_the_next(s):
	first, second = s.peer("server1"), s.peer("server2")
	named(s, (1, first.port), (2, second.port))
	s.start(clock_speed=10, SS_SIP_RESEND_INTERVAL="60")
	a = s.caller.invite("4930")
	b = first.leg()
	restarted(s, b)
	c = second.leg()
	s.answer(a, c)
	s.over(a, c)
	b.reply(100)
	b.cancelled()


@scenario
def what_is_too_large_for_the_journal_is_refused(s):
	gw = s.gateway(transport="tcp")
	caller = s.peer("phone", "tcp")
	s.start(listen=("tcp",))
	a = caller.invite("4930", body=sip.sdp(4000) + b"a=x:" + 17000 * b"x" + b"\r\n")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	crash(s)
	a.expect(503, "INVITE")
	same(s.switch.record()["end_reason"], "switch restarted")


@scenario
def the_refusal_of_what_is_too_large_for_the_journal_comes_again(s):
	gw = s.gateway(transport="tcp")
	caller = s.peer("phone", "tcp")
	s.start(listen=("tcp",))
	a = caller.invite("4930", body=sip.sdp(4000) + b"a=x:" + 17000 * b"x" + b"\r\n")
	b = gw.leg()
	b.refuse(486)
	first = a.expect(486, "INVITE", ack=False)
	crash(s)
	same(a.expect(486, "INVITE")["To"], first["To"])
	same([row["sip_code"] for row in s.switch.records(1)], [486])


# What was given up with the call

@variants(("has_said_nothing", "calling"), ("rings", "ringing"))
def a_cancel_that_was_not_answered_is_sent_again_to_a_gateway_that(s, stage):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, stage)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	if said:
		b.expect("CANCEL")
	for turn in (1, 2):
		restarted(s, b)
	same(s.switch.status()["calls"]["active"], 0)
	b.reply(180, request=b.invited)
	b.cancelled()
	s.settle()
	before = len(gw.arrivals("INVITE"))
	crash(s)
	s.net.quiet(0.2)
	same(len(gw.arrivals("INVITE")), before)
	same([row["sip_code"] for row in s.switch.records(1)], [487])


@scenario
def an_answer_that_crosses_a_cancel_and_a_crash_is_hung_up(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "ringing")
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	b.expect("CANCEL")
	restarted(s, b)
	b.reply(200, sdp=True, request=b.invited)
	b.expect("ACK")
	b.hung_up()


# What was said last, and was not acknowledged

def refused_twice(s, a, status):
	"""The caller does not acknowledge its refusal, the switch dies twice, and it gets the same each time until its ACK."""
	first = a.expect(status, "INVITE", ack=False)
	same(s.switch.records(1)[0]["sip_code"], status)
	crash(s)
	again = a.expect(status, "INVITE", ack=False)
	same([again[name] for name in ("Via", "From", "To", "Call-ID", "CSeq")],
		[first[name] for name in ("Via", "From", "To", "Call-ID", "CSeq")])
	before = len(s.caller.arrivals(status, "INVITE"))
	crash(s)
	same(s.caller.expect_count(before + 1, status, "INVITE")[-1].message.raw, again.raw)
	a.again(a.invited)
	same(s.caller.expect_count(before + 2, status, "INVITE")[-1].message.raw, again.raw)
	a.ack_failure(first)
	s.settle()
	before = len(s.caller.arrivals(status, "INVITE"))
	crash(s)
	s.net.quiet(0.2)
	same(len(s.caller.arrivals(status, "INVITE")), before)
	row, = s.switch.records(1)
	same((row["a_call_id"], row["sip_code"]), (a.call_id, status))


@variants(("busy", 486, 486), ("that_asks_for_credentials", 401, 503))
def a_refusal_of_the_gateway_comes_again_when_it_is(s, status, passed):
	gw = s.gateway()
	s.start()
	a, b, _ = begun(s, gw, "ringing")
	b.refuse(status)
	refused_twice(s, a, passed)


@scenario
def the_refusal_of_a_caller_that_cancels_comes_again(s):
	gw = s.gateway()
	s.start()
	a, b, _ = begun(s, gw, "ringing")
	a.cancel()
	a.expect(200, "CANCEL")
	b.cancelled()
	refused_twice(s, a, 487)


@scenario
def the_refusal_after_a_timeout_comes_again_and_so_does_the_cancel(s):
	gw = s.gateway()
	s.start(SS_SIP_TIMEOUT_RINGING="1")
	a, b, said = begun(s, gw, "ringing")
	first = a.expect(408, "INVITE", ack=False)
	b.expect("CANCEL")
	restarted(s, b, said)
	same(a.expect(408, "INVITE")["To"], first["To"])
	b.cancelled()
	s.settle()
	same([row["sip_code"] for row in s.switch.records(1)], [408])


@scenario
def a_refusal_has_the_header_that_its_code_must_have_when_it_comes_again(s):
	gw = s.gateway()
	s.start()
	a, b, _ = begun(s, gw, "ringing")
	b.refuse(405, headers=[("Allow", "INVITE, ACK, BYE")])
	first = a.expect(405, "INVITE", ack=False)
	crash(s)
	again = a.expect(405, "INVITE")
	assert again["Allow"] and again["To"] == first["To"], again.head


@scenario
def an_answer_that_waited_for_a_prack_is_hung_up_when_the_caller_cancels(s):
	gw, a, b, said, heard = reliable(s, 183, True)
	b.reply(200, request=b.invited)
	b.expect("ACK")
	a.cancel()
	a.expect(200, "CANCEL")
	first = a.expect(487, "INVITE", ack=False)
	b.expect("BYE")
	crash(s)
	same(a.expect(487, "INVITE")["To"], first["To"])
	b.hung_up()
	s.settle()
	same([row["sip_code"] for row in s.switch.records(1)], [487])


# Gateways that were given up while the call goes on

@variants(("before_it_said_anything", "calling", "SS_SIP_TIMEOUT_INVITE"), ("while_it_rang", "ringing", "SS_SIP_TIMEOUT_RINGING"))
def a_gateway_that_was_given_up_is_cancelled_again(s, stage, timeout):
	gw1, gw2 = s.gateways(2)
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On", **{timeout: "1"})
	a, b, said = begun(s, gw1, stage)
	c = gw2.leg()
	ringing = c.reply(183)
	a.expect(183)
	if said:
		b.expect("CANCEL")
	for turn in (1, 2):
		s.switch.status()
		s.switch.kill()
		s.switch.start_again()
		gw1.expect_count(1 + turn, "INVITE")
		gw2.expect_count(1 + turn, "INVITE")
		c.again(ringing)
	same(live(s), [True])
	b.reply(200, sdp=True, request=b.invited)
	b.expect("ACK")
	b.hung_up()
	s.answer(a, c)
	before = len(gw1.arrivals("INVITE"))
	crash(s)
	checked(a, c)
	same(len(gw1.arrivals("INVITE")), before)
	s.over(a, c)
	same([(attempt["gateway"], attempt["stage"]) for attempt in s.switch.record()["attempts"]], [("gw1", stage), ("gw2", "answered")])


@scenario
def a_server_that_was_given_up_is_cancelled_again(s):
	first, second = s.peer("server1"), s.peer("server2")
	named(s, (1, first.port), (2, second.port))
	s.start(clock_speed=10, SS_SIP_RESEND_INTERVAL="60")
	a = s.caller.invite("4930")
	b = first.leg()
	c = second.leg()
	restarted(s, c)
	first.expect_count(2, "INVITE")
	b.reply(180, request=b.invited)
	b.cancelled()
	s.answer(a, c)
	s.over(a, c)


@scenario
def a_gateway_that_was_given_up_outlives_its_call(s):
	gw1, gw2 = s.gateways(2)
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On", SS_SIP_TIMEOUT_RINGING="1")
	a, b, said = begun(s, gw1, "ringing")
	c = gw2.leg()
	b.expect("CANCEL")
	c.refuse(486)
	a.expect(486)
	s.switch.records(1)
	restarted(s, b, said)
	b.cancelled()
	s.settle()
	same([row["sip_code"] for row in s.switch.records(1)], [486])


@scenario
def a_late_answer_is_hung_up_again_while_the_call_goes_on(s):
	gw1, gw2 = s.gateways(2)
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On", SS_SIP_TIMEOUT_RINGING="1")
	a, b, said = begun(s, gw1, "ringing")
	c = gw2.leg()
	b.expect("CANCEL")
	b.reply(200)
	b.reply(200, sdp=True, request=b.invited)
	b.expect("ACK")
	first = b.expect("BYE")
	for turn in (1, 2):
		restarted(s, c)
		bye = b.expect("BYE")
		assert sip.cseq(bye) > sip.cseq(first) + 900, bye.head
	same(len(gw1.arrivals("INVITE")), 1)
	b.reply(200)
	s.answer(a, c)
	s.switch.status()
	before = len(gw1.arrivals("BYE"))
	crash(s)
	checked(a, c)
	same(len(gw1.arrivals("BYE")), before)
	s.over(a, c)
	same(len(s.switch.records(1)), 1)


@scenario
def a_late_answer_is_hung_up_again_beside_the_refusal(s):
	gw = s.gateway()
	s.start()
	a, b, said = begun(s, gw, "ringing")
	a.cancel()
	a.expect(200, "CANCEL")
	first = a.expect(487, "INVITE", ack=False)
	b.expect("CANCEL")
	b.reply(200)
	b.reply(200, sdp=True, request=b.invited)
	b.expect("ACK")
	b.expect("BYE")
	crash(s)
	b.hung_up()
	same(a.expect(487, "INVITE")["To"], first["To"])
	s.settle()
	same([row["sip_code"] for row in s.switch.records(1)], [487])


# What decides whether the next gateway is tried

@variants(("a_description_in_its_180", [(180, True)], {"SS_SIP_STOP_SWITCH_AFTER_SDP": "On", "SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}),
	("a_description_after_its_180", [(180, None), (183, True)],
		{"SS_SIP_STOP_SWITCH_AFTER_SDP": "On", "SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}),
	("a_description_before_its_180", [(183, True), (180, None)],
		{"SS_SIP_STOP_SWITCH_AFTER_SDP": "On", "SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}),
	("its_180", [(180, None)], {}), ("its_180_after_a_description", [(183, True), (180, None)], {}))
def no_other_gateway_is_tried_after_the_crash_because_of(s, said, parameters):
	gw1, gw2 = s.gateways(2)
	s.start(**parameters)
	a = s.caller.invite("4930")
	b = gw1.leg()
	for status, sdp in said:
		b.reply(status, sdp=sdp)
		a.expect(status)
	restarted(s, b)
	b.refuse(503)
	a.expect(503, "INVITE")
	same(gw2.arrivals("INVITE"), [])


# Many at a time

@scenario
def two_hundred_calls_outlive_five_crashes_and_are_answered_meanwhile(s):
	caller, gw = Phone(s.net, "phone"), Phone(s.net, "gw")
	s.vendor("gw", gw.port, capacity=200)
	gw.secrets = caller.secrets  # so many of them take the harness half a minute to look for
	s.start()
	ringing, answered = [], []
	for _ in range(200):
		a = caller.invite("4930")
		b = gw.leg()
		gw.said[b.call_id] = b.reply(180).raw
		a.expect(180)
		ringing.append((a, b))
	for _ in range(5):
		gw.repeated = 0
		crash(s)
		same(s.switch.status()["calls"]["recovered"], 200)
		s.net.until(lambda: gw.repeated >= len(ringing), "all are asked again")
		for _ in range(40):
			a, b = ringing.pop()
			gw.said[b.call_id] = b.reply(200, sdp=True).raw
			a.expect(200, "INVITE")
			a.ack()
			b.expect("ACK")
			answered.append(a)
	for a in answered:
		a.send("BYE")
		a.expect(200, "BYE")
	rows = s.switch.records(200)
	same({row["a_call_id"] for row in rows}, {a.call_id for a in answered})
	same({(row["end_reason"], row["sip_code"], row["end_direction"]) for row in rows}, {("normal clearing", 200, 0)})
	same([len(peer.answered["BYE"]) for peer in (caller, gw)], [0, 200])


if __name__ == "__main__":
	run()
