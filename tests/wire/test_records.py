"""The row in cdr for every way a call can end, column by column (docs/behaviour.md, Call records)."""

import time

from leg import Leg
from net import Failed, same
from runner import run, scenario, variants

SLACK_MS = 150  # ms between what was seen on the wire and what the switch recorded


def epoch(message):
	"""The time of a message in the trace, in ms since the epoch."""
	return round((message.time + time.time() - time.monotonic()) * 1000)


def near(ms, message, what):
	if ms is None or abs(ms - epoch(message)) > SLACK_MS:
		raise Failed("%s is %s, the wire says %d" % (what, ms, epoch(message)))


def is_row(row, s, a, b, gw, begin, end, ring=None, answer=None, attempts=None, **columns):
	"""Every column of the row; begin, ring, answer, end are the messages seen at that time."""
	expected = {"a_call_id": a.call_id, "b_call_id": b.call_id if b else "", "ingress": "customer",
		"gateway": gw.name if gw else "", "caller_in": "4930100200", "caller_out": "4930100200" if b else "",
		"callee_in": "4930", "callee_out": "4930" if b else "", "source_addr": s.caller.host_port,
		"destination_addr": gw.host_port if gw else "", "ingress_kind": "mapping_gateway", **columns}
	expected["gateway_kind"] = "gateway" if expected["gateway"] else None
	same({name: row[name] for name in expected}, expected)
	for name, message in (("begin_ms", begin), ("ring_ms", ring), ("answer_ms", answer), ("end_ms", end)):
		if message:
			near(row[name], message, name)
		else:
			same((name, row[name]), (name, None))
	first = ring or answer
	same(row["pdd_ms"] is None, first is None)
	if first:
		assert abs(row["pdd_ms"] - (first.time - begin.time) * 1000) <= SLACK_MS, row
	same(row["hold_ms"], row["end_ms"] - row["answer_ms"] if answer else None)
	assert set(row) == {*expected, "id", "begin_ms", "ring_ms", "answer_ms", "end_ms", "pdd_ms", "hold_ms",
		"attempts", "journal_number"}, row
	same([(attempt["gateway"], attempt["stage"], attempt["code"]) for attempt in row["attempts"]], attempts)
	for attempt in row["attempts"]:
		assert 0 <= attempt["duration_ms"] <= row["end_ms"] - row["begin_ms"] + 1, row
		assert row["begin_ms"] <= attempt["begin_ms"] <= row["end_ms"], row


def answered(s, gw):
	"""A call and its messages INVITE, 180, 200."""
	a = s.caller.invite("4930")
	b = gw.leg()
	s.net.quiet(0.2)  # so that no two times are equal
	b.reply(180)
	ring = a.expect(180)
	s.net.quiet(0.2)
	b.reply(200, sdp=True)
	answer = a.expect(200)
	a.ack()
	b.expect("ACK")
	s.net.quiet(0.2)
	return a, b, {"begin": a.invited, "ring": ring, "answer": answer}


@scenario
def the_caller_hung_up(s):
	gw = s.gateway()
	s.start()
	a, b, times = answered(s, gw)
	end = a.send("BYE")
	b.hung_up()
	a.expect(200, "BYE")
	is_row(s.switch.record(), s, a, b, gw, end=end, **times, attempts=[("gw", "answered", 200)], sip_code=200,
		end_reason="normal clearing", end_direction=0)


@scenario
def the_callee_hung_up(s):
	gw = s.gateway()
	s.start()
	a, b, times = answered(s, gw)
	end = b.send("BYE")
	a.hung_up()
	b.expect(200, "BYE")
	is_row(s.switch.record(), s, a, b, gw, end=end, **times, attempts=[("gw", "answered", 200)], sip_code=200,
		end_reason="normal clearing", end_direction=1)


@variants(("text", 'SIP;cause=408;text="No session refresh received"', "No session refresh received"),
	("text_alone", 'SIP;text="Session \\"expired\\""', 'Session "expired"'), ("code", "SIP;cause=408", "SIP 408"),
	("timer_of_isup", 'Q.850;cause=102;text="RECOVERY_ON_TIMER_EXPIRE"', "RECOVERY_ON_TIMER_EXPIRE"),
	("second_value", 'Q.850;cause=16;text="done", SIP;cause=408;text="Session timeout"', "Session timeout"),
	("long_text", 'SIP;cause=500;text="%s"' % ("x" * 300), "x" * 119),
	("usual_end", 'Q.850;cause=16;text="Terminated"', "normal clearing"), ("usual_code", "SIP;cause=200", "normal clearing"),
	("bare_protocol", "SIP", "normal clearing"))
def a_side_hung_up_and_gave_as_reason_a(s, reason, words):
	gw = s.gateway()
	s.start()
	for x, y, direction in ((0, 1, 0), (1, 0, 1)):
		legs = s.talk(gw)
		legs[x].send("BYE", [("Reason", reason)])
		legs[y].hung_up()
		legs[x].expect(200, "BYE")
		row = s.switch.records(direction + 1)[-1]
		same((row["end_reason"], row["end_direction"]), (words, direction))


@scenario
def the_switch_was_stopped(s):
	gw = s.gateway()
	s.start()
	a, b, times = answered(s, gw)
	s.switch.signal()
	end = a.hung_up()
	b.hung_up()
	s.switch.ended()
	is_row(s.switch.record(), s, a, b, gw, end=end, **times, attempts=[("gw", "answered", 200)], sip_code=200,
		end_reason="switch stopped", end_direction=2)


@scenario
def the_answer_was_never_acknowledged(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	answer = a.expect(200)
	b.expect("ACK")
	end = a.hung_up()
	b.hung_up()
	is_row(s.switch.record(), s, a, b, gw, begin=a.invited, answer=answer, end=end,
		attempts=[("gw", "answered", 200)], sip_code=200, end_reason="no ACK received: caller", end_direction=2)


@scenario
def the_caller_gave_up(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	ring = a.expect(180)
	end = a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.cancelled()
	is_row(s.switch.record(), s, a, b, gw, begin=a.invited, ring=ring, end=end, attempts=[("gw", "ringing", 0)],
		sip_code=487, end_reason="cancelled by caller", end_direction=0)


@scenario
def the_gateway_refused(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.refuse(486)
	end = a.expect(486)
	is_row(s.switch.record(), s, a, b, gw, begin=a.invited, end=end, attempts=[("gw", "calling", 486)],
		sip_code=486, end_reason="Busy Here", end_direction=1)


@scenario
def the_gateway_was_silent(s):
	gw = s.gateway()
	s.start(SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	b = gw.leg()
	end = a.expect(408)
	b.refuse(480)
	is_row(s.switch.record(), s, a, b, gw, begin=a.invited, end=end, attempts=[("gw", "calling", 0)],
		sip_code=408, end_reason="gateway timeout", end_direction=2)


@scenario
def the_gateway_was_not_there(s):
	port = s.net.refusing_port()
	s.vendor("dead", port)
	s.start()
	a = s.caller.invite("4930")
	end = a.expect(503)
	row = s.switch.record()
	assert row["b_call_id"], row
	is_row(row, s, a, None, None, begin=a.invited, end=end, attempts=[("dead", "calling", 0)], sip_code=503,
		end_reason="gateway unreachable", end_direction=2, gateway="dead", b_call_id=row["b_call_id"],
		caller_out="4930100200", callee_out="4930", destination_addr="127.0.0.1:%d" % port)


@scenario
def no_route_matched(s):
	s.gateway(prefix="33")
	s.start()
	a = s.caller.invite("4930")
	end = a.expect(404)
	is_row(s.switch.record(), s, a, None, None, begin=a.invited, end=end, attempts=[], sip_code=404,
		end_reason="no route", end_direction=2)


@scenario
def every_gateway_was_disabled(s):
	gw = s.gateway(enabled=0)
	s.start()
	a = s.caller.invite("4930")
	end = a.expect(503)
	row = s.switch.record()
	is_row(row, s, a, None, None, begin=a.invited, end=end, attempts=[(gw.name, row["attempts"][0]["stage"],
		row["attempts"][0]["code"])], sip_code=503, end_reason="no gateway available", end_direction=2)
	same(row["attempts"][0]["reason"], "disabled")


@scenario
def every_attempt_is_told_and_every_gateway_passed_over(s):
	s.gateway("off", enabled=0)
	s.vendor("dead", s.net.refusing_port())
	busy, silent, living = s.gateway("busy"), s.gateway("silent"), s.gateway("living")
	s.start(SS_SIP_TIMEOUT_TRYING="1")
	a = s.caller.invite("4930")
	busy.leg().refuse(503)
	b = silent.leg()
	b.reply(100)
	b.cancelled()
	c = living.leg()
	c.reply(183, sdp=True)
	a.expect(183)
	s.answer(a, c)
	s.over(a, c)
	attempts = s.switch.record()["attempts"]
	same([(attempt["gateway"], attempt["stage"], attempt["code"]) for attempt in attempts][1:],
		[("dead", "calling", 0), ("busy", "calling", 503), ("silent", "trying", 0), ("living", "answered", 200)])
	same((attempts[0]["gateway"], attempts[0]["reason"]), ("off", "disabled"))
	same([attempt["address"] for attempt in attempts][2:], [gw.host_port for gw in (busy, silent, living)])
	assert attempts[3]["duration_ms"] >= 998, attempts


@scenario
def the_invite_itself_was_refused(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "30"))
	live = s.talk(gw)
	calls = []

	def refused(a, status, reason, **columns):
		end = a.expect(status)
		calls.append(a)
		row, = [row for row in s.switch.records(len(calls)) if row["a_call_id"] == a.call_id]
		is_row(row, s, a, None, None, begin=a.invited, end=end, attempts=[], sip_code=status, end_reason=reason,
			end_direction=2, **columns)

	refused(s.caller.invite("4930", Require="foo"), 420, "unsupported extension required")
	refused(s.caller.invite("4930", Max_Forwards="0"), 483, "too many hops")
	invite = s.caller.request("INVITE")
	refused(Leg(s.caller, invite, s.caller.proxy), 484, "no number called",
		caller_in="caller", callee_in="")
	s.switch.stopping()
	refused(s.caller.invite("4930"), 503, "switch is stopping")
	s.over(*live)
	s.switch.ended()
	same(len(s.switch.records(None)), 5)


@scenario
def a_refused_stranger_leaves_no_row(s):
	stranger = s.peer("stranger", host="127.0.0.9")
	s.gateway()
	s.start()
	stranger.invite("4930").expect(403)
	stranger.invite("4930", Max_Forwards="0").expect(403)
	s.settle()
	s.switch.signal()
	s.switch.ended()
	same(s.switch.records(None), [])


@scenario
def odd_numbers_are_written_as_they_came(s):
	gw = s.gateway()
	s.start()
	for number in ("+49(30)1-2*", "x'(select_1)--", "a%40b%3Bc"):
		a = s.caller.invite(number, caller=number)
		gw.leg().refuse(486)
		a.expect(486)
	rows = s.switch.records(3)
	same([row["callee_in"] for row in rows], [row["caller_in"] for row in rows])
	same(rows[0]["callee_in"], "+49(30)1-2*")


if __name__ == "__main__":
	run()
