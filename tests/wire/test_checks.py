"""A leg without a session timer is checked by a re-INVITE at long intervals (docs/behaviour.md, During a call)."""

from net import same
from runner import run, scenario, variants
from timers import BOTH_LEGS, GIVEN_UP, KNOWS_UPDATE, SPEED, TIMER, expires, is_due, start, talk, timed


def both_are_checked(s, a, b, seconds, speed):
	"""In either order, one after the other."""
	left = {a: b, b: a}
	while left:
		x = s.net.until(lambda: next((x for x in left if any(m.is_("INVITE") for m in x.peer.inbox)), None), "one is checked", 9)
		same(is_due(x.expect("INVITE"), x.since, seconds, speed).body, left.pop(x).peer.sdp)
		x.since = x.reply(200, sdp=True)
		x.expect("ACK")


@scenario
def legs_without_timer_are_checked_with_a_reinvite(s):
	gw = s.gateway()
	start(s, SS_SIP_NO_TIMER_REINVITE_INTERVAL="60")
	a, b = talk(s, gw)
	for _ in range(2):
		both_are_checked(s, a, b, 60, SPEED)
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_leg_with_timer_is_not_checked(s, side):
	x, y = timed(s, side, ours=False, interval=1800, SS_SIP_NO_TIMER_REINVITE_INTERVAL="60")
	for _ in range(2):
		y.expect("INVITE")
		y.reply(200, sdp=True)
		y.expect("ACK")
	same(s.net.unread(), [])
	s.over(x, y)


@scenario
def legs_are_never_checked_with_0(s):
	gw = s.gateway()
	start(s, speed=1000, SS_SIP_NO_TIMER_REINVITE_INTERVAL="0", SS_SIP_RESEND_INTERVAL="400", SS_SIP_TIMEOUT_INVITE="120",
		SS_SIP_TIMEOUT_TRYING="300")
	a, b = talk(s, gw)
	s.net.quiet(1)
	s.over(a, b)


@scenario
def checks_that_are_switched_on_reach_the_calls_that_are_up(s):
	gw = s.gateway()
	start(s, speed=400, SS_SIP_NO_TIMER_REINVITE_INTERVAL="0", SS_SIP_RESEND_INTERVAL="400")
	a, b = talk(s, gw)
	s.net.quiet(610 / 400)
	s.switch.sql("update parameter set value = '60' where name = 'SS_SIP_NO_TIMER_REINVITE_INTERVAL'")
	for x in (a, b):
		x.expect("INVITE")
		x.reply(200, sdp=True)
		x.expect("ACK")
	s.over(a, b)


@scenario
def legs_are_checked_after_7200_s_by_default(s):
	gw = s.gateway()
	start(s, speed=1000, SS_SIP_RESEND_INTERVAL="400", SS_SIP_TIMEOUT_TRYING="300")
	a, b = talk(s, gw)
	both_are_checked(s, a, b, 7200, 1000)
	s.over(a, b)


@scenario
def a_leg_whose_timers_are_off_is_checked_too(s):
	gw = s.gateway(session_timer="Off")
	start(s, SS_SIP_NO_TIMER_REINVITE_INTERVAL="60")
	a, b = talk(s, gw, [TIMER, expires(1800, "uac")], [KNOWS_UPDATE])
	same(is_due(b.expect("INVITE"), b.since, 60).body, s.caller.sdp)
	b.reply(200, sdp=True)
	b.expect("ACK")
	s.over(a, b)


def checked(s, side):
	"""A call with a timer on the other leg, so that only this one is checked; this leg, the other leg, the check."""
	y, x = timed(s, "b" if side == "a" else "a", ours=False, interval=1800, SS_SIP_NO_TIMER_REINVITE_INTERVAL="60")
	return x, y, is_due(x.expect("INVITE"), x.since, 60)


@variants(*BOTH_LEGS)
def a_check_answered_with_481_ends_the_call(s, side):
	x, y, _ = checked(s, side)
	x.reply(481)
	x.expect("ACK")
	y.hung_up()
	s.settle()
	same(x.peer.arrivals("BYE"), [])
	same(s.switch.record()["end_direction"], 2)


@variants(*BOTH_LEGS)
def a_check_answered_with_408_ends_the_call(s, side):
	x, y, _ = checked(s, side)
	x.reply(408)
	x.expect("ACK")
	y.hung_up()
	x.hung_up()
	same(s.switch.record()["end_direction"], 2)


@variants(*BOTH_LEGS)
def a_check_that_nobody_answers_ends_the_call(s, side):
	x, y, check = checked(s, side)
	bye = is_due(y.hung_up(), check, GIVEN_UP)
	x.hung_up()
	assert bye["Reason"], bye.head
	same(s.switch.record()["end_direction"], 2)


@variants(("500", 500), ("488", 488), ("405", 405))
def the_call_goes_on_and_is_checked_again_after_a_check_refused_with(s, status):
	x, y, _ = checked(s, "b")
	x.reply(status)
	x.expect("ACK")
	x.expect("INVITE")
	x.reply(200, sdp=True)
	x.expect("ACK")
	s.over(x, y)


@scenario
def a_check_that_meets_another_request_does_no_harm(s):
	x, y, _ = checked(s, "b")
	x.reply(491)
	x.expect("ACK")
	x.expect("INVITE")
	x.reply(200, sdp=True)
	x.expect("ACK")
	s.over(x, y)


@scenario
def a_request_of_the_peer_shows_that_it_lives(s):
	"""A check may be left out on a leg that has just sent something. The call must live in either case."""
	gw = s.gateway()
	start(s, SS_SIP_NO_TIMER_REINVITE_INTERVAL="60")
	a, b = talk(s, gw)
	s.net.quiet(40 / SPEED)
	a.send("INVITE", body=s.caller.sdp.replace(b"sendrecv", b"sendonly"))
	b.expect("INVITE")
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	for x in (a, b):
		x.expect("INVITE")
		x.reply(200, sdp=True)
		x.expect("ACK")
	s.over(a, b)


if __name__ == "__main__":
	run(at_a_time=24)
