"""Which failures lead to the next gateway, and when (docs/behaviour.md, Setting up a call)."""

from net import same
from runner import run, scenario, variants

LONG = {"SS_SIP_TIMEOUT_" + name: "60" for name in
	("INVITE", "TRYING", "SESSION_PROGRESS", "SESSION_PROGRESS_SDP", "RINGING")}


def provisional(stage):
	"""The provisional response that brings an attempt to this stage, and its SDP."""
	return {"INVITE": None, "TRYING": (100, None), "SESSION_PROGRESS": (183, None),
		"SESSION_PROGRESS_SDP": (183, True), "RINGING": (180, None)}[stage]


def stage_times_out(s, stage, others):
	"""The only gateway, or the first of two, stays in this stage; the other timeouts are long."""
	first = s.gateway("first")
	second = s.gateway("second") if others else None
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On", **{**LONG, "SS_SIP_TIMEOUT_" + stage: "1"})
	a = s.caller.invite("4930")
	b = first.leg()
	entered = b.invited
	if provisional(stage):
		status, sdp = provisional(stage)
		entered = b.reply(status, sdp)
		if status > 100:
			a.expect(status)
		b.expect("CANCEL")
		b.reply(200)
		b.reply(487, request=b.invited)
		b.expect("ACK")
	if others:
		c = second.leg()
		left = c.invited
		s.answer(a, c)
		s.over(a, c)
	else:
		left = a.expect(408, "INVITE")
	assert -0.002 <= left.time - entered.time - 1 <= 0.15, left.time - entered.time
	if stage == "INVITE":
		b.refuse(480)  # too late
	record = s.switch.record()
	same([attempt["gateway"] for attempt in record["attempts"]], ["first", "second"][:1 + bool(others)])
	same(record["attempts"][0]["stage"], {"INVITE": "calling"}.get(stage, stage.lower().replace("session_", "")))
	same(record["sip_code"], 200 if others else 408)


def stage_scenario(stage, others):
	def play(s):
		stage_times_out(s, stage, others)
	play.__name__ = "the_%s_timeout_%s" % (stage.lower(),
		"tries_the_next_gateway" if others else "is_408_without_another_gateway")
	scenario(play)


for stage in ("INVITE", "TRYING", "SESSION_PROGRESS", "SESSION_PROGRESS_SDP", "RINGING"):
	stage_scenario(stage, True)
	stage_scenario(stage, False)


@scenario
def entering_a_stage_cancels_the_timer_of_the_one_before(s):
	first, second = s.gateways(2)
	s.start(SS_SIP_TIMEOUT_INVITE="1", SS_SIP_TIMEOUT_TRYING="1", SS_SIP_TIMEOUT_SESSION_PROGRESS="1")
	a = s.caller.invite("4930")
	b = first.leg()
	s.net.quiet(0.6)
	b.reply(100)
	s.net.quiet(0.6)
	progress = b.reply(183)
	a.expect(183)
	b.cancelled()
	c = second.leg()
	assert -0.002 <= c.invited.time - progress.time - 1 <= 0.15, c.invited.time - progress.time
	s.answer(a, c)
	s.over(a, c)


@scenario
def a_queue_that_tells_how_it_gets_on_is_waited_for(s):
	first, second = s.gateways(2)
	s.start(**LONG | {"SS_SIP_TIMEOUT_SESSION_PROGRESS": "1"})
	a = s.caller.invite("4930")
	b = first.leg()
	for status in (183, 182, 181):
		last = b.reply(status)
		a.expect(status)
		s.net.quiet(0.6)
	b.reply(100)
	b.cancelled()
	c = second.leg()
	assert -0.002 <= c.invited.time - last.time - 1 <= 0.3, c.invited.time - last.time
	s.answer(a, c)
	s.over(a, c)


@variants(("progress_with_sdp", 183, True), ("ringing", 180, False))
def a_queue_does_not_prolong(s, status, sdp):
	first, second = s.gateways(2)
	s.start(**LONG | {"SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP": "1", "SS_SIP_TIMEOUT_RINGING": "1",
		"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"})
	a = s.caller.invite("4930")
	b = first.leg()
	since = b.reply(status, sdp)
	a.expect(status)
	s.net.quiet(0.6)
	b.reply(182)
	a.expect(182)
	b.cancelled()
	c = second.leg()
	assert -0.002 <= c.invited.time - since.time - 1 <= 0.3, c.invited.time - since.time
	s.answer(a, c)
	s.over(a, c)


@scenario
def a_gateways_own_timeout_overrides_the_parameter(s):
	first, second = s.gateway("first", timeout_invite=1), s.gateway("second", timeout_trying=1)
	s.start(**LONG)
	a = s.caller.invite("4930")
	b = first.leg()
	c = second.leg()
	assert -0.002 <= c.invited.time - b.invited.time - 1 <= 0.15, c.invited.time - b.invited.time
	c.reply(100)
	c.cancelled()
	a.expect(408)
	b.refuse(480)


def goes_on(s, status, headers=(), **parameters):
	first, second = s.gateways(2)
	s.start(**parameters)
	a = s.caller.invite("4930")
	first.leg().refuse(status, headers)
	b = second.leg()
	s.answer(a, b)
	s.over(a, b)


def ends(s, status, headers=(), before=(), **parameters):
	"""The first gateway gives this final answer after these provisional responses, and the caller receives it."""
	first, _ = s.gateways(2)
	s.start(**parameters)
	a = s.caller.invite("4930")
	b = first.leg()
	for early, sdp in before:
		b.reply(early, sdp)
		a.expect(early)
	b.refuse(status, headers)
	assert "cause=" in a.expect(status, "INVITE")["Reason"]
	same(len(s.switch.record()["attempts"]), 1)


def on_status(status, function, **parameters):
	def play(s):
		function(s, status, **parameters)
	play.__name__ = "%d_%s" % (status, "tries_the_next_gateway" if function is goes_on else "ends_switching")
	scenario(play)


for status in (302, 404, 480, 500, 503):
	on_status(status, goes_on)
for status in (484, 486, 600, 603, 604, 606):
	on_status(status, ends)


@scenario
def stop_codes_are_those_of_the_parameter(s):
	ends(s, 480, SS_GATEWAY_SWITCH_STOP_CODES="480")


@scenario
def a_code_taken_from_the_stop_codes_tries_the_next_gateway(s):
	goes_on(s, 603, SS_GATEWAY_SWITCH_STOP_CODES="480")


@scenario
def user_busy_tries_the_next_gateway_when_told_so(s):
	goes_on(s, 486, SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY="Off")


@scenario
def user_busy_ends_switching_even_until_connect(s):
	ends(s, 486, before=[(180, None)], SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")


@scenario
def ringing_ends_switching(s):
	ends(s, 503, before=[(180, None)])


@scenario
def progress_with_sdp_does_not_end_switching(s):
	first, second = s.gateways(2)
	s.start()
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(183, sdp=True)
	same(a.expect(183).body, first.sdp)
	b.refuse(503)
	c = second.leg()
	c.reply(183, sdp=True)
	same(a.expect(183).body, second.sdp)
	s.answer(a, c)
	s.over(a, c)


@scenario
def sdp_ends_switching_when_told_so(s):
	ends(s, 503, before=[(183, True)], SS_SIP_STOP_SWITCH_AFTER_SDP="On")


@scenario
def ringing_goes_on_until_connect_when_told_so(s):
	first, second = s.gateways(2)
	s.start(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(180)
	a.expect(180)
	b.refuse(480)
	c = second.leg()
	s.answer(a, c)
	s.over(a, c)


@scenario
def an_invite_timeout_ends_switching_when_told_so(s):
	first, _ = s.gateways(2)
	s.start(SS_SIP_TIMEOUT_INVITE="1", SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT="On")
	a = s.caller.invite("4930")
	b = first.leg()
	a.expect(408)
	b.refuse(480)


@scenario
def the_switch_limit_ends_switching(s):
	first, second, _ = s.gateways(3)
	s.start(SS_GATEWAY_SWITCH_LIMIT="2")
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	second.leg().refuse(480)
	a.expect(480)


@scenario
def a_gateways_own_switching_rules_override_the_parameters(s):
	first = s.gateway("first", switch_until_connect="On", switch_stop_after_user_busy="Off")
	second = s.gateway("second", switch_until_connect="On", switch_stop_codes="480")
	third = s.gateway("third", switch_until_connect="On", switch_stop_after_sdp="On")
	s.gateway("never")
	s.start()
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(180)
	a.expect(180)
	b.refuse(486)
	second.leg().refuse(603)
	c = third.leg()
	c.reply(183, sdp=True)
	a.expect(183)
	c.refuse(500)
	a.expect(500)


@scenario
def the_third_of_three_gateways_answers(s):
	silent, busy, living = s.gateways(3)
	s.start(SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	b = silent.leg()
	busy.leg().refuse(503)
	c = living.leg()
	b.refuse(480)
	s.answer(a, c)
	s.over(a, c)
	attempts = s.switch.record()["attempts"]
	same([(attempt["gateway"], attempt["stage"]) for attempt in attempts][:2], [("gw1", "calling"), ("gw2", "calling")])
	same(attempts[1]["code"], 503)


def refused(s, transport):
	s.vendor("dead", s.net.refusing_port(transport=transport), transport)
	living = s.gateway("living")
	s.start(["udp", transport] if transport != "udp" else ["udp"])
	a = s.caller.invite("4930")
	b = living.leg()
	assert b.invited.time - a.invited.time < 0.1, b.invited.time - a.invited.time
	s.answer(a, b)
	s.over(a, b)
	same([attempt["gateway"] for attempt in s.switch.record()["attempts"]], ["dead", "living"])


@scenario
def a_refused_udp_port_fails_over_within_100_ms(s):
	refused(s, "udp")


@scenario
def a_refused_tcp_port_fails_over_within_100_ms(s):
	refused(s, "tcp")


@scenario
def a_transport_error_of_the_last_gateway_is_503(s):
	s.vendor("dead", s.net.refusing_port())
	s.start()
	assert "cause=" in s.caller.invite("4930").expect(503)["Reason"]


@scenario
def the_last_failure_is_what_the_caller_gets(s):
	first, second = s.gateways(2)
	s.start()
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	second.leg().refuse(404)
	a.expect(404)
	same(s.switch.record()["sip_code"], 404)


@scenario
def a_gateway_that_asks_for_retry_after_is_left_out(s):
	first, second = s.gateways(2)
	s.start()
	a = s.caller.invite("4930")
	first.leg().refuse(503, [("Retry-After", "60")])
	b = second.leg()
	s.answer(a, b)
	s.over(a, b)
	s.over(*s.talk(second))
	skipped = s.switch.records(2)[1]["attempts"][0]
	same(skipped["gateway"], "gw1")
	assert "etry" in skipped["reason"], skipped


@scenario
def when_every_gateway_is_left_out_the_caller_is_told_when_to_retry(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	gw.leg().refuse(503, [("Retry-After", "60 (maintenance)")])
	a.expect(503)
	assert 1 <= int(s.caller.invite("4930").expect(503)["Retry-After"].split()[0]) <= 60


@scenario
def the_last_gateway_tells_the_caller_when_to_retry(s):
	first, second = s.gateways(2)
	s.start()
	a = s.caller.invite("4930")
	first.leg().refuse(503, [("Retry-After", "90")])
	second.leg().refuse(503, [("Retry-After", "60 (maintenance)")])
	same(a.expect(503)["Retry-After"].split()[0], "60")


@scenario
def a_retransmitted_invite_does_not_disturb_the_failover(s):
	first, second = s.gateways(2)
	s.start(SS_SIP_TIMEOUT_INVITE="1")
	a = s.caller.invite("4930")
	b = first.leg()
	a.again(a.invited)
	c = second.leg()
	a.again(a.invited)
	c.reply(180)
	a.expect(180)
	a.again(a.invited)
	s.caller.expect_count(2, 180)
	b.refuse(480)
	s.answer(a, c)
	s.over(a, c)
	same(s.switch.status()["calls"]["total"], 1)
	s.switch.record()


if __name__ == "__main__":
	run()
