"""Messages inside a call that cross, are late, arrive twice or not at all (RFC 3261 sections 12-15, RFC 4028)."""

import sip
from net import same
from runner import run, scenario

HOLD = sip.sdp(31000, direction="sendonly")
HELD = sip.sdp(31002, direction="recvonly")


def up(s, gw, interval=20, allow="INVITE, ACK, BYE"):
	"""A call with a gateway that grants this session interval in seconds and leaves the refreshes to us; both legs."""
	a = s.caller.invite("4930")
	b = gw.leg()
	accept(b, interval, allow)
	a.expect(200, "INVITE")
	a.ack()
	return a, b, b.expect("ACK")


def accept(b, interval=20, allow="INVITE, ACK, BYE", **more):
	b.reply(200, True, [("Session-Expires", "%d;refresher=uac" % interval), ("Require", "timer"), ("Allow", allow)], **more)


@scenario
def a_connection_that_breaks_under_a_relayed_request_ends_the_call(s):
	gw = s.gateway(transport="tcp")
	s.start(listen=("udp", "tcp"), clock_speed=20)
	a, b, ack = up(s, gw, allow="INVITE, ACK, BYE, UPDATE")
	ack.source.reset()
	refresh = b.expect("UPDATE")  # over a new connection of its own
	with s.switch.asleep():
		a.send("INFO")
		refresh.source.reset()
	a.expect(481, "INFO")
	a.hung_up()
	b.expect("INFO")
	b.hung_up()
	same(s.switch.record()["end_reason"], "session refresh failed: gateway")


@scenario
def a_late_offer_through_a_hiding_gateway_is_answered_in_its_prack(s):
	gw = s.gateway(sdp_own_origin=1)
	s.start(SS_SIP_100REL="Supported")
	a = s.caller.invite("4930", headers=[("Supported", "100rel")], sdp=None)
	b = gw.leg()
	b.reply(183, True, [("Require", "100rel"), ("RSeq", "1")])
	offer = a.expect(183, "INVITE")
	a.send("PRACK", body=s.caller.sdp, RAck="%s 1 INVITE" % offer["RSeq"])
	a.expect(200, "PRACK")
	answer = b.expect("PRACK").body
	assert answer.startswith(b"v=0\r\no=- ") and answer.split(b"c=")[1] == s.caller.sdp.split(b"c=")[1], answer
	b.reply(200)
	b.reply(200, request=b.invited)
	b.expect("ACK")
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)


@scenario
def a_gateway_changed_while_it_is_tried_is_judged_by_its_row_of_before(s):
	one = s.gateway("one", switch_stop_codes="603")
	s.gateway("two")
	s.start()
	a = s.caller.invite("4930")
	b = one.leg()
	s.switch.sql("update gateway set switch_stop_codes = '604', capacity = 7 where name = 'one'")
	s.net.until(lambda: s.switch.read_log().count("configuration in force") == 2, "the change in force", step=0.05)
	b.refuse(603)
	a.expect(603)


@scenario
def the_ack_of_a_refresh_goes_where_its_answer_says(s):
	gw, moved = s.gateway(), s.peer("moved")
	moved.secrets = gw.secrets = moved.secrets | gw.secrets  # two places of one side
	s.start(clock_speed=20)
	a, b, _ = up(s, gw)
	b.expect("INVITE")
	accept(b, 2000, contact=moved.contact)
	moved.expect("ACK")
	a.send("BYE")
	b.reply(200, request=moved.expect("BYE"))
	a.expect(200, "BYE")


@scenario
def a_refresh_that_is_refused_for_ever_ends_the_call(s):
	gw = s.gateway()
	s.start(clock_speed=20)
	a, b, _ = up(s, gw, allow="INVITE, ACK, BYE, UPDATE")

	def refused_until_the_end():
		refresh = gw.find("UPDATE")
		if refresh:
			b.reply(491, request=refresh)
		return any(message.is_("BYE") for message in gw.inbox)
	s.net.until(refused_until_the_end, "BYE")
	b.hung_up()
	a.hung_up()


@scenario
def a_481_to_a_notify_ends_its_subscription_only(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("NOTIFY", [("Event", "refer"), ("Subscription-State", "active")])
	b.expect("NOTIFY")
	b.reply(481)
	a.expect(481, "NOTIFY")
	a.send("INFO")
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


@scenario
def a_caller_gets_no_bye_of_ours_before_its_ack(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, True)
	b.expect("ACK")
	a.expect(200, "INVITE")
	a.send("INFO")
	b.expect("INFO")
	b.reply(481)
	a.expect(481, "INFO")
	s.net.quiet(0.3)
	a.ack()
	assert "gateway no longer knows the call" in a.hung_up()["Reason"]


@scenario
def a_caller_that_never_sends_its_ack_gets_the_bye_in_the_end(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.2,0.4")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, True)
	b.expect("ACK")
	b.bye()
	s.caller.expect_count(3, 200, "INVITE")
	a.expect(200, "INVITE")
	a.hung_up()


@scenario
def a_bye_too_large_to_be_passed_on_goes_without_its_body(s):
	gw, caller = s.gateway(transport="tcp"), s.peer("tcpcaller", "tcp")
	s.start(listen=("udp", "tcp"))
	a, b = s.talk(gw, caller=caller)
	b.send("INFO")  # so that the BYE is read alone
	a.expect("INFO")
	a.reply(200)
	b.expect(200, "INFO")
	a.send("BYE", body=b"x" * 64700, Content_Type="text/plain")
	same(b.hung_up().body, b"")
	a.expect(200, "BYE")


@scenario
def an_offer_before_the_caller_has_answered_a_late_one_is_refused(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", sdp=None)
	b = gw.leg()
	b.reply(200, True)
	a.expect(200, "INVITE")
	a.send("UPDATE", body=s.caller.sdp)
	a.expect(491, "UPDATE")
	b.send("UPDATE", body=gw.sdp)
	assert b.expect(500, "UPDATE")["Retry-After"]
	a.ack(sdp=True)
	same(b.expect("ACK").body, s.caller.sdp)
	s.over(a, b)


@scenario
def a_cancelled_reinvite_that_is_accepted_all_the_same_is_accepted_on_both_sides(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for x, y in ((a, b), (b, a)):
		x.send("INVITE", body=HOLD)
		pending = y.expect("INVITE")
		x.cancel()
		x.expect(200, "CANCEL")
		x.send("UPDATE", body=HELD)  # the re-INVITE is still pending
		x.expect(500, "UPDATE")
		y.reply(200, HELD, request=pending)
		same(x.expect(200, "INVITE").body, HELD)
		x.ack()
		y.expect("ACK")
	s.over(a, b)


@scenario
def a_cancelled_reinvite_is_487_whatever_the_other_side_says(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2")
	a, b = s.talk(gw)
	for status in (401, 422, 488):
		a.send("INVITE", body=HOLD)
		pending = b.expect("INVITE")
		b.reply(100)
		a.cancel()
		a.cancel()
		b.expect("CANCEL")
		b.reply(200)
		b.reply(183, request=pending)
		b.reply(status, request=pending, headers=[("Min-SE", "3000")])
		b.expect("ACK")
		a.expect(487, "INVITE")
		same(s.caller.expect_count(2, 200, "CANCEL")[0].again, False)
		s.caller.inbox.clear()
	a.send("INVITE", body=HOLD)
	b.expect("INVITE")
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")  # of a side that is silent
	s.over(a, b)


@scenario
def a_call_goes_on_without_its_gateways_row_and_with_other_parameters(s):
	gw = s.gateway()
	s.start(clock_speed=20)
	a, b, _ = up(s, gw)
	for number, statement in enumerate(("delete from route; delete from gateway",
			"update parameter set value = 'Off' where name = 'SS_SIP_SESSION_TIMER'"), 2):
		s.switch.sql(statement)
		s.net.until(lambda: s.switch.read_log().count("configuration in force") == number, "the change in force", step=0.05)
		same(b.expect("INVITE")["Session-Expires"], "90;refresher=uac")
		accept(b)
		b.expect("ACK")
	b.send("BYE")
	a.hung_up()
	b.expect(200, "BYE")


def settled_early(s):
	"""A call before the answer, with early dialogs on both legs in which offer and answer are complete."""
	gw = s.gateway(auth_user="user", auth_password="secret")
	s.start(SS_SIP_100REL="Supported")
	a = s.caller.invite("4930", headers=[("Supported", "100rel")])
	b = gw.leg()
	b.reply(183, True, [("Require", "100rel"), ("RSeq", "1"), ("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")])
	a.send("PRACK", RAck="%s 1 INVITE" % a.expect(183, "INVITE")["RSeq"])
	a.expect(200, "PRACK")
	b.expect("PRACK")
	b.reply(200)
	return a, b


def challenged(a, b, update, answered_by):
	"""The gateway asks for credentials after all; the UPDATE in its early dialog is answered too late."""
	b.reply(401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n"')], request=b.invited)
	b.expect("ACK")
	b.invited = b.expect("INVITE")
	answered_by.reply(200, HELD, request=update)
	b.reply(200, True, request=b.invited)
	b.expect("ACK")
	a.expect(200, "INVITE")
	a.ack()


@scenario
def an_update_of_the_caller_ends_with_the_early_dialog_of_a_challenge(s):
	a, b = settled_early(s)
	a.send("UPDATE", body=HOLD)
	challenged(a, b, b.expect("UPDATE"), b)
	a.expect(491, "UPDATE")
	s.over(a, b)


@scenario
def an_update_of_the_gateway_ends_with_the_early_dialog_of_a_challenge(s):
	a, b = settled_early(s)
	b.send("UPDATE", body=HOLD)
	challenged(a, b, a.expect("UPDATE"), a)
	b.expect(481, "UPDATE")
	s.over(a, b)


if __name__ == "__main__":
	run()
