"""A gateway whose calls fail is taken out of routing and comes back; others stay in (docs/behaviour.md, Gateway liveness)."""

from net import same
from runner import run, scenario

# Two failures in a row open it for 10 s. No ramp.
QUICK = {"SS_GATEWAY_BREAKER_FAILURES": "2", "SS_GATEWAY_BREAKER_TIME": "10", "SS_GATEWAY_BREAKER_RAMP": "0"}
SPEED = 10  # how much faster than real time the switch's clock runs


def gateway(s, name):
	return s.switch.control("gateways.get", name=name)


def comes_to(s, name, state):
	s.net.until(lambda: gateway(s, name)["state"] == state, "%s is %s" % (name, state), step=0.02)


def failing(s, first, second, status=503):
	"""A call that the first gateway fails and the second answers."""
	a = s.caller.invite("4930")
	first.leg().refuse(status)
	b = second.leg()
	s.answer(a, b)
	s.over(a, b)


def answering(s, peer):
	s.over(*s.talk(peer))


def opened(s, **parameters):
	"""Two gateways; the first one's breaker is open."""
	first, second = s.gateways(2)
	s.start(clock_speed=SPEED, **{**QUICK, **parameters})
	failing(s, first, second)
	failing(s, first, second)
	same(gateway(s, "gw1")["state"], "down")
	return first, second


def reasons(s, number, total):
	"""The reasons of the attempts of one call; `calls` calls have been recorded."""
	return [(attempt["gateway"], attempt["stage"], attempt["reason"])
		for attempt in s.switch.records(total)[number]["attempts"]]


@scenario
def a_gateway_whose_calls_fail_leaves_the_plan_and_comes_back(s):
	first, second = opened(s)
	told = gateway(s, "gw1")
	same((told["verdict"], told["reason"]), ("breaker_open", "2 calls in a row failed"))
	assert told["until"].startswith("in ") and told["until"].endswith(" s a test call"), told["until"]
	answering(s, second)
	skipped = reasons(s, 2, 3)[0]
	same(skipped[:2], ("gw1", "skipped"))
	assert skipped[2].startswith("down: 2 calls in a row failed for "), skipped
	candidate = s.switch.control("routes.lookup", callee="4930")["candidates"][0]
	same((candidate["gateway"], candidate["verdict"]), ("gw1", "breaker_open"))
	comes_to(s, "gw1", "probing")
	answering(s, first)
	same((gateway(s, "gw1")["state"], gateway(s, "gw1")["reason"]), ("up", "usable"))
	answering(s, first)
	same([line.split("gateway state ")[1].split(" reason")[0] for line in s.switch.read_log().splitlines()
		if "gateway state" in line],
		["gateway=gw1 from=untried to=up", "gateway=gw2 from=untried to=up", "gateway=gw1 from=up to=down", "gateway=gw1 from=down to=probing", "gateway=gw1 from=probing to=up"])


@scenario
def a_test_call_that_fails_opens_it_again(s):
	first, second = opened(s)
	comes_to(s, "gw1", "probing")
	failing(s, first, second)
	same((gateway(s, "gw1")["state"], gateway(s, "gw1")["reason"]), ("down", "a test call failed"))
	answering(s, second)
	comes_to(s, "gw1", "probing")
	answering(s, first)


@scenario
def half_open_lets_one_call_through_at_a_time(s):
	first, second = opened(s)
	comes_to(s, "gw1", "probing")
	test = s.caller.invite("4930")
	b = first.leg()
	answering(s, second)
	same(gateway(s, "gw1")["verdict"], "probing")
	s.answer(test, b)
	s.over(test, b)
	answering(s, first)
	assert ("gw1", "skipped", "probing: test call under way") in sum((reasons(s, n, 5) for n in range(5)), [])


@scenario
def a_test_call_that_rings_has_succeeded(s):
	first, _ = opened(s)
	comes_to(s, "gw1", "probing")
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(180)
	a.expect(180)
	same(gateway(s, "gw1")["state"], "up")
	answering(s, first)
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_test_call_that_the_caller_gives_up_leaves_its_place_to_the_next(s):
	first, _ = opened(s)
	comes_to(s, "gw1", "probing")
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(100)
	a.cancel()
	a.expect(200, "CANCEL")
	b.cancelled()
	a.expect(487)
	same(gateway(s, "gw1")["state"], "probing")
	answering(s, first)
	same(gateway(s, "gw1")["state"], "up")


@scenario
def silence_and_closed_ports_open_it(s):
	silent = s.peer("silent")
	s.vendor("silent", silent.port)
	s.vendor("closed", s.net.refusing_port())
	good = s.gateway("good")
	s.start(clock_speed=SPEED, SS_SIP_TIMEOUT_INVITE="1", **QUICK)
	for _ in range(2):
		a = s.caller.invite("4930")
		late = silent.leg()
		b = good.leg()
		s.answer(a, b)
		late.refuse(480)
		s.over(a, b)
	answering(s, good)
	same([gateway(s, name)["state"] for name in ("silent", "closed", "good")], ["down", "down", "up"])
	same(gateway(s, "silent")["total"]["failures"], {"timeout": 2})
	same(gateway(s, "closed")["total"]["failures"], {"transport": 2})


@scenario
def busy_and_unanswered_phones_do_not_open_it(s):
	gw = s.gateway("gw")
	s.start(clock_speed=SPEED, SS_SIP_TIMEOUT_RINGING="1", **QUICK)
	for _ in range(3):
		a = s.caller.invite("4930")
		gw.leg().refuse(486)
		a.expect(486)
		a = s.caller.invite("4930")
		b = gw.leg()
		b.reply(180)
		a.expect(180)
		b.cancelled()
		a.expect(408)
	told = gateway(s, "gw")
	same((told["state"], told["asr_percent"], told["ner_percent"]), ("up", 0, 100))
	same(told["window"]["failures"], {"timeout": 3, "486": 3})


@scenario
def what_counts_can_be_set_for_a_gateway(s):
	first, second = s.gateway("gw1", breaker_on="500"), s.gateway("gw2")
	s.start(clock_speed=SPEED, **QUICK)
	for _ in range(3):
		failing(s, first, second, 503)
	failing(s, first, second, 500)
	failing(s, first, second, 500)
	same(gateway(s, "gw1")["state"], "down")
	answering(s, second)


@scenario
def the_share_of_failures_opens_it(s):
	first, second = s.gateways(2)
	s.start(SS_GATEWAY_BREAKER_FAILURES="None", SS_GATEWAY_BREAKER_WINDOW="5", SS_GATEWAY_BREAKER_RATE="60")
	for good in (False, True, False, True):
		answering(s, first) if good else failing(s, first, second)
	same(gateway(s, "gw1")["state"], "up")
	failing(s, first, second)
	same(gateway(s, "gw1")["reason"], "3 of the last 5 calls failed")


@scenario
def after_the_test_the_load_grows_slowly(s):
	first, second = opened(s, SS_GATEWAY_BREAKER_RAMP="600")
	comes_to(s, "gw1", "probing")
	answering(s, first)
	told = gateway(s, "gw1")
	same((told["state"], told["reason"]), ("up", "ramping up 10 %"))
	for _ in range(9):
		answering(s, second)
	answering(s, first)  # one in ten
	answering(s, second)
	same(reasons(s, 3, 14)[0], ("gw1", "skipped", "ramping up 10 %"))


@scenario
def a_ramp_ends(s):
	first, _ = opened(s, SS_GATEWAY_BREAKER_RAMP="5")
	comes_to(s, "gw1", "probing")
	answering(s, first)
	s.net.until(lambda: gateway(s, "gw1")["reason"] == "usable", "the ramp is over", step=0.02)
	answering(s, first)
	answering(s, first)


@scenario
def a_flapping_gateway_is_tried_each_time_it_may_be_back(s):
	first, second = opened(s)
	for _ in range(3):
		comes_to(s, "gw1", "probing")
		answering(s, first)
		failing(s, first, second)
		failing(s, first, second)
		answering(s, second)
	changes = [line for line in s.switch.read_log().splitlines() if "gateway state gateway=gw1" in line]
	same(len(changes), 2 + 3 * 3)  # up, down, then three times probing, up, down


@scenario
def of_gateways_that_are_all_down_the_least_recently_failed_is_tried(s):
	first, second, third = s.gateways(3)
	s.start(SS_GATEWAY_BREAKER_FAILURES="1")
	a = s.caller.invite("4930")
	for peer in (first, second, third):
		peer.leg().refuse(503)
	a.expect(503)
	a = s.caller.invite("4930")
	b = first.leg()
	s.net.quiet(0.02)  # failures of the same millisecond are equally recent
	b.refuse(503)  # another one, which makes it the most recent
	a.expect(503)
	answering(s, second)
	attempts = reasons(s, 2, 3)
	same([attempt[:2] for attempt in attempts],
		[("gw1", "skipped"), ("gw2", "skipped"), ("gw3", "skipped"), ("gw2", "answered")])
	same(attempts[0][2].split(" for ")[0], "down: a test call failed")
	told = gateway(s, "gw2")
	same((told["state"], told["reason"].split(" %")[0].rsplit(" ", 1)[0]), ("up", "ramping up"))


@scenario
def nobody_is_tried_by_force_once_a_gateway_was_tried(s):
	first, second = s.gateways(2)
	s.start(SS_GATEWAY_BREAKER_FAILURES="1")
	a = s.caller.invite("4930")
	first.leg().refuse(500)
	second.leg().refuse(503)
	a.expect(503)
	a = s.caller.invite("4930")
	first.leg().refuse(500)
	a.expect(500)
	same([attempt[:2] for attempt in reasons(s, 1, 2)], [("gw1", "calling"), ("gw2", "skipped")])


@scenario
def a_gateway_that_ramps_up_is_tried_before_one_that_is_down(s):
	first, second = s.gateways(2)
	s.start(SS_GATEWAY_BREAKER_FAILURES="1", SS_GATEWAY_BREAKER_RAMP="600")
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	second.leg().refuse(503)
	a.expect(503)
	answering(s, first)  # by force, which closes its breaker
	for _ in range(3):
		answering(s, first)


@scenario
def a_gateway_that_the_operator_keeps_out_is_not_tried_by_force(s):
	s.gateway("disabled", enabled=0)
	s.gateway("draining", draining=1)
	s.start()
	a = s.caller.invite("4930")
	same(a.expect(503)["Retry-After"], "")
	same([attempt[2] for attempt in reasons(s, 0, 1)], ["disabled", "draining"])


@scenario
def retry_after_takes_a_gateway_out_and_says_when_it_is_back(s):
	first, second = s.gateways(2)
	s.start(clock_speed=SPEED, SS_GATEWAY_BREAKER_FAILURES="None", SS_GATEWAY_BREAKER_RATE="None")
	a = s.caller.invite("4930")
	first.leg().refuse(503, headers=[("Retry-After", "10")])
	b = second.leg()
	s.answer(a, b)
	s.over(a, b)
	told = gateway(s, "gw1")
	same((told["state"], told["reason"], told["verdict"]), ("down", "Retry-After", "retry_after"))
	a = s.caller.invite("4930")
	second.leg().refuse(503, headers=[("Retry-After", "20")])
	assert 1 <= int(a.expect(503)["Retry-After"]) <= 10
	a = s.caller.invite("4930")  # neither is tried as a last resort
	a.expect(503)
	comes_to(s, "gw1", "up")
	s.net.until(lambda: "gateway=gw1 from=down to=up" in s.switch.read_log(), "it is logged without a call", step=0.02)
	answering(s, first)


@scenario
def a_draining_gateway_keeps_its_calls_and_gets_no_new_ones(s):
	first, second = s.gateways(2)
	s.start()
	a, b = s.talk(first)
	s.switch.sql("update gateway set draining = 1 where name = 'gw1'")
	comes_to(s, "gw1", "draining")
	answering(s, second)
	b.send("INFO")
	a.expect("INFO")
	a.reply(200)
	b.expect(200, "INFO")
	same(gateway(s, "gw1")["calls"], 1)
	s.over(a, b)
	s.switch.sql("update gateway set draining = 0 where name = 'gw1'")
	comes_to(s, "gw1", "up")
	answering(s, first)


@scenario
def a_new_address_begins_with_a_clean_slate(s):
	first, second = opened(s)
	moved = s.peer("moved")
	moved.proxy = s.switch.addresses["udp"]
	s.switch.sql("update gateway set port = %d where name = 'gw1'" % moved.port)
	comes_to(s, "gw1", "untried")
	answering(s, moved)


@scenario
def the_figures_of_a_gateway_are_those_of_its_calls(s):
	gw = s.gateway("gw")
	s.start(clock_speed=SPEED)
	a, b = s.talk(gw)
	s.net.quiet(0.2)
	s.over(a, b)
	for status in (404, 500, 500):
		a = s.caller.invite("4930")
		gw.leg().refuse(status)
		a.expect(status)
	a = s.caller.invite("4930")  # and one that the caller gives up
	b = gw.leg()
	b.reply(100)
	a.cancel()
	a.expect(200, "CANCEL")
	b.cancelled()
	a.expect(487)
	s.settle()
	told = gateway(s, "gw")["total"]
	same((told["attempts"], told["answered"], told["asr_percent"], told["ner_percent"]), (5, 1, 20, 40))
	same(told["failures"], {"404": 1, "500": 2})
	assert 2000 <= told["acd_ms"] < 20000 and told["pdd_median_ms"] is not None, told


@scenario
def the_post_dial_delay_ends_with_the_first_18x(s):
	gw = s.gateway("gw")
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(100)
	b.reply(199)
	s.net.until(lambda: gateway(s, "gw")["rtt_ms"], "the first answer has come", step=0.01)
	s.net.quiet(0.3)
	b.reply(183)
	a.expect(183)
	s.net.quiet(0.3)
	b.reply(180)
	a.expect(180)
	s.answer(a, b)
	s.over(a, b)
	told = gateway(s, "gw")["total"]
	assert 260 <= told["pdd_median_ms"] <= 500, told


@scenario
def an_invite_too_large_for_us_says_nothing_of_the_gateway(s):
	s.gateway("gw")
	s.start(SS_GATEWAY_BREAKER_FAILURES="1")
	a = s.caller.invite("4930", body=b"v=0\r\n" + b"x" * 65000, Allow=None, User_Agent=None)
	a.expect(513, "INVITE")
	told = gateway(s, "gw")
	same((told["state"], told["total"]["attempts"], told["total"]["failures"]), ("untried", 1, {}))


run()
