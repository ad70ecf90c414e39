"""Answered calls outlive the death of the switch (docs/behaviour.md, During a call)."""

import time

import sip
from net import same
from runner import run, scenario, variants

SIDES = ("the_caller", 0, 1), ("the_callee", 1, 0)


def crash(s, **parameters):
	"""The switch dies and is started again at its addresses."""
	s.switch.kill()
	s.switch.parameters(**parameters)
	s.switch.start_again()


def checked(*legs):
	"""The switch asks each peer once whether it is there."""
	for leg in legs:
		leg.expect("OPTIONS")
		leg.reply(200)


def live(s):
	return [call["recovered"] for call in s.switch.control("calls.list")["calls"]]


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


if __name__ == "__main__":
	run()
