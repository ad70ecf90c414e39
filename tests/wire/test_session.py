"""Session timers: what is asked for and granted on each leg, and 422 (RFC 4028; docs/behaviour.md, During a call)."""

from net import same
from runner import run, scenario, variants
from timers import (BOTH_WAYS, KNOWS_UPDATE, SPEED, TIMER, expires, granted, is_due, method_of, options, refresh, refreshes,
	start, talk, timed)


def asked(s, gw):
	"""A call that the gateway refuses; returns the INVITE it received."""
	a = s.caller.invite("4930")
	b = gw.leg()
	b.refuse(486)
	a.expect(486)
	return b.invited


# What we ask a gateway for

@scenario
def an_invite_asks_for_a_session_timer(s):
	gw = s.gateway()
	s.start(SS_SIP_SESSION_TTL="1234")
	invite = asked(s, gw)
	same(granted(invite)[0], 1234)
	assert "timer" in options(invite), invite.head
	assert int(invite["Min-SE"] or 90) == 90, invite.head


@scenario
def the_interval_asked_for_is_1800_s_by_default(s):
	gw = s.gateway()
	s.start()
	same(granted(asked(s, gw))[0], 1800)


@variants(("by_the_parameter", "Off", None, False), ("for_a_gateway", "On", "Off", False),
	("but_on_for_a_gateway", "Off", "On", True))
def timers_switched_off(s, parameter, column, on):
	gw = s.gateway(session_timer=column)
	s.start(SS_SIP_SESSION_TIMER=parameter)
	invite = asked(s, gw)
	same((granted(invite)[0] is not None, "timer" in options(invite)), (on, on))


@scenario
def a_gateway_whose_timers_are_off_is_not_refreshed_whatever_it_grants(s):
	gw = s.gateway(session_timer="Off")
	start(s)
	a, b = talk(s, gw, grants=[expires(90, "uac"), KNOWS_UPDATE])
	s.net.quiet(120 / SPEED)
	s.over(a, b)


# 422 from a gateway

@scenario
def an_interval_too_small_for_a_gateway_is_asked_for_again(s):
	gw, other = s.gateways(2)
	start(s, SS_SIP_SESSION_TTL="90")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.refuse(422, [("Min-SE", "300")])
	c = gw.leg()
	first, second = b.invited, c.invited
	same((second["Call-ID"], second["From"], second["To"], second.uri, second.body),
		(first["Call-ID"], first["From"], first["To"], first.uri, first.body))
	same(int(second["CSeq"].split()[0]), int(first["CSeq"].split()[0]) + 1)
	same(second["Min-SE"], "300")
	assert granted(second)[0] >= 300, second.head
	c.since = c.reply(200, sdp=True, headers=[expires(300, "uac"), KNOWS_UPDATE])
	a.expect(200)
	a.ack()
	c.expect("ACK")
	update = refresh(c, 150, interval=300)
	same((granted(update), update["Min-SE"]), ((300, "uac"), "300"))
	s.over(a, c)
	same([attempt["gateway"] for attempt in s.switch.record()["attempts"]], ["gw1"])
	same(other.arrivals("INVITE"), [])


@scenario
def a_challenge_and_an_interval_too_small_are_both_answered(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	start(s, SS_SIP_SESSION_TTL="90")
	a = s.caller.invite("4930")
	gw.leg().refuse(422, [("Min-SE", "300")])
	gw.leg().refuse(401, [("WWW-Authenticate", 'Digest realm="vendor", nonce="n1"')])
	b = gw.leg()
	assert b.invited["Authorization"] and granted(b.invited)[0] >= 300, b.invited.head
	same(b.invited["Min-SE"], "300")
	s.answer(a, b)
	s.over(a, b)


@scenario
def an_invite_is_challenged_again_after_an_interval_too_small(s):
	"""A server may authenticate before it looks at the interval."""
	gw = s.gateway(auth_user="us", auth_password="secret")
	start(s, SS_SIP_SESSION_TTL="90")
	a = s.caller.invite("4930")
	gw.leg().refuse(401, [("WWW-Authenticate", 'Digest realm="vendor", nonce="n1"')])
	gw.leg().refuse(422, [("Min-SE", "300")])
	gw.leg().refuse(401, [("WWW-Authenticate", 'Digest realm="vendor", nonce="n2"')])
	b = gw.leg()
	assert 'nonce="n2"' in b.invited["Authorization"] and granted(b.invited)[0] >= 300, b.invited.head
	s.answer(a, b)
	s.over(a, b)


@variants(("always", [("Min-SE", "300")]), ("without_min_se", []), ("with_garbage", [("Min-SE", "x")]),
	("with_a_number_too_large", [("Min-SE", "99999999999")]))
def a_gateway_that_says_422_is_left_for_the_next(s, headers):
	gw, other = s.gateways(2)
	start(s, SS_SIP_SESSION_TTL="90")
	a = s.caller.invite("4930")
	while not other.inbox:
		gw.leg().refuse(422, headers)
		assert len(gw.arrivals("INVITE")) < 5  # it must give up at some point
		s.net.until(lambda: gw.inbox or other.inbox, "an INVITE")
	b = other.leg()
	s.answer(a, b)
	s.over(a, b)
	same([(attempt["gateway"], attempt["code"]) for attempt in s.switch.record()["attempts"]], [("gw1", 422), ("gw2", 200)])


@variants(*BOTH_WAYS)
def an_interval_too_small_for_a_refresh_is_asked_for_again(s, side, update):
	x, y = timed(s, side, update=update)
	method = method_of(update)
	first = is_due(x.expect(method), x.since, 45)
	x.reply(422, headers=[("Min-SE", "200")])
	if not update:
		x.expect("ACK")
	second = refresh(x, None, method, interval=200)
	same((second["Min-SE"], second["Call-ID"], second.body), ("200", first["Call-ID"], first.body))
	assert granted(second)[0] >= 200 and granted(second)[1] == "uac", second.head
	same(int(second["CSeq"].split()[0]), int(first["CSeq"].split()[0]) + 1)
	third = refresh(x, 100, method, interval=200)
	same((granted(third), third["Min-SE"]), ((200, "uac"), "200"))
	s.over(x, y)


# What a caller asks for

@scenario
def a_caller_whose_interval_is_too_small_gets_422(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", headers=[TIMER, expires(89)])
	same(a.expect(422)["Min-SE"], "90")
	row = s.switch.record()
	same((row["sip_code"], row["attempts"], gw.arrivals("INVITE")), (422, [], []))


@scenario
def a_caller_who_asks_again_with_enough_gets_through(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", headers=[TIMER, expires(60)])
	a.expect(422)
	a, b = talk(s, gw, [TIMER, expires(90), ("Min-SE", "90")], Call_ID=a.call_id, CSeq="2 INVITE", From=a.local)
	same(granted(a.since)[0], 90)
	s.over(a, b)


@scenario
def a_small_interval_of_a_caller_without_timer_support_is_no_failure(s):
	gw = s.gateway()
	s.start()
	a, b = talk(s, gw, [expires(30)])
	interval, refresher = granted(a.since)
	if interval is not None:  # a proxy may have asked for it; then we refresh, RFC 4028 section 9
		same(refresher, "uas")
		assert interval <= 30, a.since.head
	s.over(a, b)


@scenario
def a_caller_without_timer_gets_none(s):
	gw = s.gateway()
	start(s)
	a, b = talk(s, gw)
	same((granted(a.since), a.since["Require"]), ((None, ""), ""))
	s.net.quiet(120 / SPEED)
	s.over(a, b)


@variants(("by_the_parameter", "Off", None), ("for_a_mapping_gateway", "On", "Off"))
def what_a_caller_asks_for_is_ignored_when_timers_are_off(s, parameter, column):
	gw = s.gateway(session_timer="Off")
	if column:
		s.switch.pending.append("update mapping_gateway set session_timer = '%s'" % column)
	start(s, SS_SIP_SESSION_TIMER=parameter)
	a, b = talk(s, gw, [TIMER, expires(30, "uac")])
	same((granted(a.since), "timer" in options(a.since, "Require")), ((None, ""), False))
	s.net.quiet(120 / SPEED)
	s.over(a, b)


@scenario
def a_mapping_gateway_may_have_timers_alone(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set session_timer = 'On'")
	start(s, SS_SIP_SESSION_TIMER="Off")
	a, b = talk(s, gw, [TIMER, expires(90, "uas")])
	same((granted(a.since), granted(b.invited)), ((90, "uas"), (None, "")))
	refresh(a, 45)
	s.over(a, b)


@variants(("uac", "uac"), ("uas", "uas"))
def the_refresher_a_caller_asks_for_is_honoured_when_it_is(s, refresher):
	gw = s.gateway()
	start(s)
	a, b = talk(s, gw, [TIMER, expires(90, refresher)])
	same(granted(a.since), (90, refresher))
	assert "timer" in options(a.since, "Require"), a.since.head
	if refresher == "uas":
		refresh(a, 45)
		s.over(a, b)
	else:
		is_due(a.hung_up(), a.since, 60)
		b.hung_up()


@variants(("an_interval", [TIMER, expires(90)]), ("nothing", [TIMER]), ("a_compact_interval", [("k", "timer"), ("x", "90")]))
def a_caller_that_leaves_the_refresher_to_us_and_asks_for(s, asks):
	gw = s.gateway()
	start(s, SS_SIP_SESSION_TTL="90")
	a, b = talk(s, gw, asks)
	interval, refresher = granted(a.since)
	same(interval, 90)
	if refresher == "uas":
		refresh(a, 45)
	else:
		same(refresher, "uac")
		refreshes(a)
	s.over(a, b)


@variants(("with_an_interval", [expires(300)]), ("without_an_interval", []))
def the_minimum_of_a_caller_is_kept(s, asks):
	gw = s.gateway()
	start(s, SS_SIP_SESSION_TTL="90")
	a, b = talk(s, gw, [TIMER, ("Min-SE", "200"), *asks])
	interval, refresher = granted(a.since)
	assert 200 <= interval <= 300, a.since.head
	if refresher == "uas":
		update = refresh(a, interval / 2, interval=interval)
		assert granted(update)[0] >= 200, update.head
	s.over(a, b)


@scenario
def an_interval_is_never_granted_longer_than_asked_for(s):
	gw = s.gateway()
	s.start(SS_SIP_SESSION_TTL="1800")
	a, b = talk(s, gw, [TIMER, expires(100, "uas")])
	same(granted(a.since), (100, "uas"))
	s.over(a, b)


@scenario
def a_caller_may_require_timers(s):
	gw = s.gateway()
	start(s)
	a, b = talk(s, gw, [("Require", "timer"), TIMER, expires(90, "uas")])
	same(granted(a.since), (90, "uas"))
	same(options(b.invited, "Require"), [])
	s.over(a, b)


@variants(("by_the_parameter", "Off", None), ("for_a_mapping_gateway", "On", "Off"))
def a_caller_who_requires_timers_that_are_off_gets_420(s, parameter, column):
	gw = s.gateway()
	if column:
		s.switch.pending.append("update mapping_gateway set session_timer = '%s'" % column)
	s.start(SS_SIP_SESSION_TIMER=parameter)
	a = s.caller.invite("4930", headers=[("Require", "timer"), TIMER, expires(90)])
	same(a.expect(420)["Unsupported"], "timer")
	same((s.switch.record()["sip_code"], gw.arrivals("INVITE")), (420, []))


@scenario
def the_answer_says_that_we_know_timers(s):
	gw = s.gateway()
	s.start()
	a, b = talk(s, gw)
	assert "timer" in options(a.since), a.since.head
	s.over(a, b)


if __name__ == "__main__":
	run(at_a_time=24)
