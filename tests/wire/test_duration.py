"""How long a call may ring and last: early hangup, maximum duration (docs/behaviour.md, Parameters)."""

import time

from net import Failed, same
from runner import Skip, run, scenario, variants
from timers import LATE, is_due, is_record

SPEED = 5
EARLY = "not answered in time"
TOO_LONG = "maximum call duration reached"
PATIENT = {"SS_SIP_RESEND_INTERVAL": "2,2,2,2,2,2,2,2,2,2", "SS_SIP_TIMEOUT_INVITE": "120"}


def start(s, speed=SPEED, **parameters):
	s.start(clock_speed=speed, **{**PATIENT, **parameters})


def not_answered(s, a, seconds=5):
	"""The caller's INVITE is refused that long after it arrived."""
	refused = is_due(a.expect(408), a.invited, seconds, SPEED)
	assert refused["Reason"], refused.head
	same(is_record(s, EARLY, 2, 408)["answer_ms"], None)


# SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP

@variants(("180", 180, False), ("183", 183, False), ("183_with_sdp", 183, True), ("180_with_sdp", 180, True))
def a_call_that_gets_no_further_is_hung_up_after(s, status, sdp):
	gw, other = s.gateways(2)
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="5")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(status, sdp=sdp)
	a.expect(status)
	not_answered(s, a)
	cancel = b.peer.expect("CANCEL")
	assert cancel["Reason"], cancel.head
	b.reply(200, request=cancel)
	b.refuse(487)
	same(other.arrivals("INVITE"), [])


@scenario
def a_call_that_gets_no_further_is_hung_up_after_100(s):
	gw = s.gateway()
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="5")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(100)
	not_answered(s, a)
	b.cancelled()


@scenario
def a_call_that_no_gateway_says_anything_to_is_hung_up_without_a_cancel(s):
	gw = s.gateway()
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="5")
	a = s.caller.invite("4930")
	gw.leg()
	not_answered(s, a)
	s.settle()
	same(gw.arrivals("CANCEL"), [])


@scenario
def all_attempts_together_have_the_one_limit(s):
	first, second, third = s.gateways(3)
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="10", SS_SIP_TIMEOUT_INVITE="4")
	a = s.caller.invite("4930")
	first.leg()  # silent for 4 s
	b = second.leg()
	s.net.quiet(1 / SPEED)
	b.refuse(503)
	c = third.leg()
	c.reply(180)
	a.expect(180)
	not_answered(s, a, 10)
	c.cancelled()
	same([attempt["gateway"] for attempt in s.switch.record()["attempts"]], ["gw1", "gw2", "gw3"])


@scenario
def the_next_gateway_is_not_tried_after_the_limit(s):
	first, second = s.gateways(2)
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="5", SS_SIP_TIMEOUT_INVITE="7")
	a = s.caller.invite("4930")
	first.leg()
	not_answered(s, a)
	s.net.quiet(4 / SPEED)
	same(second.arrivals("INVITE"), [])


@scenario
def an_answered_call_is_not_hung_up_early(s):
	gw = s.gateway()
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="5")
	a = s.caller.invite("4930")
	b = gw.leg()
	s.net.quiet(2 / SPEED)
	s.answer(a, b)
	s.net.quiet(5 / SPEED)
	s.over(a, b)
	is_record(s, "normal clearing", 0)


@scenario
def an_answer_that_crosses_the_early_hangup_is_acked_and_ended(s):
	gw = s.gateway()
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="5")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	not_answered(s, a)
	b.expect("CANCEL")
	b.reply(200, sdp=True, request=b.invited)
	b.reply(481)
	b.expect("ACK")
	b.hung_up()


@scenario
def a_call_may_ring_as_long_as_it_likes_with_0(s):
	gw = s.gateway()
	start(s, speed=300, SS_SIP_RESEND_INTERVAL="100", SS_SIP_TIMEOUT_RINGING="600")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	s.net.quiet(1.5)
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_caller_who_gives_up_before_the_limit_is_487(s):
	gw = s.gateway()
	start(s, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="5")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.cancelled()
	s.net.quiet(5.5 / SPEED)
	is_record(s, "cancelled by caller", 0, 487)


def memory_kb(s):
	with open("/proc/%d/status" % s.switch.process.pid) as status:
		return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def flood(s, gw, calls):
	"""This many INVITEs that nobody answers; the switch refuses each with 408, and the caller acknowledges."""
	left, taken = {}, 0
	before = time.monotonic()
	while taken < calls or left:
		if time.monotonic() - before > 30:
			raise Failed("%d calls are left" % len(left))
		for _ in range(min(20, calls - taken)):
			dialog = s.caller.invite("4930", caller="49301%05d" % taken)
			left[dialog.call_id] = dialog
			taken += 1
		s.net.poll(0 if taken < calls else 0.05)
		taken -= drain(s, gw, left)
	s.settle()


def drain(s, gw, left):
	"""Returns how many were turned away because of overload, which comes soon when the clock runs fast."""
	refused = 0
	s.net.poll(0)
	for message in s.caller.inbox:
		if message.status == 408 and message["Call-ID"] in left:
			left.pop(message["Call-ID"]).ack_failure(message)
		refused += message.status == 503 and left.pop(message["Call-ID"], None) is not None
	for peer in s.caller, gw:
		peer.inbox.clear()
		peer.secrets.clear()
	s.net.trace.clear()
	return refused


@variants(("soon", "40"), ("after_a_long_resend_list", "60,60"))
def the_memory_of_a_flood_of_calls_that_nobody_answers_comes_back(s, resend):
	"""Once the transactions that linger are gone, too."""
	gw = s.gateway()
	start(s, speed=24, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP="60", SS_SIP_RESEND_INTERVAL=resend)
	with open("/proc/%d/maps" % s.switch.process.pid) as maps:
		if "libasan" in maps.read():
			raise Skip("the sanitizer keeps what is freed")
	before = memory_kb(s)
	flood(s, gw, 1500)
	full = memory_kb(s)
	s.net.until(lambda: memory_kb(s) < before + 3000, "memory back from %d to %d KiB" % (full, before),
		20, step=0.05)
	gw.inbox.clear()
	same({(row["sip_code"], row["end_reason"]) for row in s.switch.records(1500)}, {(408, EARLY)})


# SS_MAXCALLDURATION

def cut(s, gw, seconds, speed=SPEED, **invite):
	"""A call that rings for a while and is ended this long after it was answered."""
	a = s.caller.invite("4930", **invite)
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	s.net.quiet(0.4)  # counted from the answer
	answered = b.reply(200, sdp=True)
	a.expect(200)
	a.ack()
	b.expect("ACK")
	there, here = is_due(b.hung_up(), answered, seconds, speed), a.hung_up()
	assert there["Reason"] and here["Reason"], (there.head, here.head)
	row = is_record(s, TOO_LONG, 2)
	assert abs(row["hold_ms"] - seconds * 1000) < 1000 * LATE * speed, row


@variants(("10", 10), ("30", 30))
def a_call_ends_after_the_longest_duration_of(s, seconds):
	gw = s.gateway()
	start(s, speed=seconds, SS_MAXCALLDURATION=str(seconds))
	cut(s, gw, seconds, seconds)


@scenario
def a_gateway_may_have_a_longest_duration(s):
	gw = s.gateway(max_call_duration=12)
	start(s, speed=10)
	cut(s, gw, 12, 10)


@scenario
def a_mapping_gateway_may_have_a_longest_duration(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set max_call_duration = 12")
	start(s, speed=10)
	cut(s, gw, 12, 10)


@variants(("the_parameter_for_the_customer", 10, 20, None), ("the_parameter_for_the_gateway", 10, None, 20),
	("the_gateway", 20, 10, 30), ("the_mapping_gateway", 20, 30, 10))
def the_shortest_wins_and_it_is_that_of(s, system, gateway, customer):
	gw = s.gateway(max_call_duration=gateway)
	s.switch.pending.append("update mapping_gateway set max_call_duration = %s" % (customer or "NULL"))
	start(s, speed=10, SS_MAXCALLDURATION=str(system))
	cut(s, gw, 10, 10)


@scenario
def the_duration_is_that_of_the_gateway_that_answered(s):
	first = s.gateway("first", max_call_duration=10)
	second = s.gateway("second", max_call_duration=25)
	start(s, speed=10)
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	b = second.leg()
	answered = b.reply(200, sdp=True)
	a.expect(200)
	a.ack()
	b.expect("ACK")
	is_due(b.hung_up(), answered, 25, 10)
	a.hung_up()


@scenario
def a_call_may_last_for_ever_with_0(s):
	gw = s.gateway()
	start(s, speed=1000, SS_SIP_RESEND_INTERVAL="400", SS_SIP_NO_TIMER_REINVITE_INTERVAL="0",
		SS_SIP_TIMEOUT_INVITE="120", SS_SIP_TIMEOUT_TRYING="300")
	a, b = s.talk(gw)
	s.net.quiet(1.5)
	s.over(a, b)


@scenario
def a_call_that_ends_before_is_not_cut(s):
	gw = s.gateway()
	start(s, speed=10, SS_MAXCALLDURATION="10")
	a, b = s.talk(gw)
	s.over(a, b)
	s.net.quiet(1.2)
	is_record(s, "normal clearing", 0)


@scenario
def a_call_is_cut_while_a_reinvite_is_pending(s):
	gw = s.gateway()
	start(s, speed=10, SS_MAXCALLDURATION="10")
	a, b = s.talk(gw)
	a.send("INVITE", body=s.caller.sdp.replace(b"sendrecv", b"sendonly"))
	pending = b.expect("INVITE")
	a.expect(487, "INVITE")
	a.hung_up()
	b.hung_up()
	b.reply(487, request=pending)
	b.expect("ACK")
	is_record(s, TOO_LONG, 2)


@scenario
def neither_refreshes_nor_holding_makes_a_call_last_longer(s):
	gw = s.gateway()
	start(s, speed=10, SS_MAXCALLDURATION="20")
	a, b = s.talk(gw)
	answered = next(entry for entry in s.net.trace if entry.sent and entry.message.is_(200, "INVITE"))
	s.net.quiet(1)
	a.send("INVITE", body=s.caller.sdp.replace(b"sendrecv", b"sendonly"))
	b.expect("INVITE")
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	is_due(b.hung_up(), answered.message, 20, 10)
	a.hung_up()


if __name__ == "__main__":
	run(at_a_time=12)
