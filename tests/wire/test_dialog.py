"""Requests inside a call are relayed to the other side, and its answer back (docs/behaviour.md, During a call)."""

import sip
from net import same
from runner import run, scenario, variants

HOLD = sip.sdp(31000, direction="sendonly")
HELD = sip.sdp(31002, direction="recvonly")
TARGET_REFRESHES = "INVITE", "UPDATE", "NOTIFY", "REFER"


def reinvite(x, y, offer=HOLD, answer=HELD, in_ack=b""):
	"""x sends a re-INVITE, y accepts."""
	x.send("INVITE", body=offer)
	same(y.expect("INVITE").body, offer)
	y.reply(200, sdp=answer)
	same(x.expect(200, "INVITE").body, answer)
	x.ack(sdp=in_ack)
	same(y.expect("ACK").body, in_ack)


@scenario
def a_reinvite_of_either_side_reaches_the_other(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	reinvite(a, b)
	reinvite(b, a)
	reinvite(a, b, s.caller.sdp, gw.sdp)
	s.over(b, a)


@scenario
def a_late_offer_in_a_reinvite_is_answered_in_the_ack(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	reinvite(a, b, b"", HOLD, HELD)
	s.over(a, b)


@scenario
def a_refused_reinvite_leaves_the_call_as_it_was(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("INVITE", body=HOLD)
	b.expect("INVITE")
	b.reply(488)
	b.expect("ACK")
	a.expect(488, "INVITE")
	reinvite(b, a)
	s.over(a, b)


@scenario
def a_reinvite_that_gets_no_further_than_100_is_408_and_the_call_goes_on(s):
	gw = s.gateway()
	s.start(SS_SIP_TIMEOUT_TRYING="1")
	a, b = s.talk(gw)
	a.send("INVITE", body=HOLD)
	pending = b.expect("INVITE")
	trying = b.reply(100)
	b.expect("CANCEL")
	b.reply(200)
	b.reply(487, request=pending)
	b.expect("ACK")
	left = a.expect(408, "INVITE")
	assert -0.002 <= left.time - trying.time - 1 <= 0.15, left.time - trying.time
	reinvite(b, a)
	reinvite(a, b)
	s.over(a, b)


@scenario
def a_cancelled_reinvite_is_487_and_the_call_goes_on(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for x, y in ((a, b), (b, a)):
		x.send("INVITE", body=sip.sdp(31004, direction="sendonly"))
		pending = y.expect("INVITE")
		x.cancel()
		x.expect(200, "CANCEL")
		y.reply(100)
		y.expect("CANCEL")
		y.reply(200)
		y.reply(487, request=pending)
		y.expect("ACK")
		x.expect(487, "INVITE")
		reinvite(y, x)
	s.over(a, b)


@scenario
def reinvites_of_both_sides_at_once_get_491(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("INVITE", body=HOLD)
	b.expect("INVITE")
	b.send("INVITE", body=HELD)
	b.expect(491, "INVITE")
	b.reply(200, sdp=HELD)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def hanging_up_while_a_reinvite_is_pending_ends_both(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("INVITE", body=HOLD)
	b.expect("INVITE")
	pending = b.last
	b.send("BYE")
	b.expect(200, "BYE")
	a.expect(487, "INVITE")
	a.hung_up()
	b.reply(487, request=pending)
	b.expect("ACK")


def relayed(method, content_type, status):
	def play(s):
		gw = s.gateway()
		s.start()
		a, b = s.talk(gw)
		headers = {"REFER": [("Refer-To", "<sip:4940@carrier.example>")],
			"NOTIFY": [("Event", "refer"), ("Subscription-State", "active")]}.get(method, [])
		for x, y in ((a, b), (b, a)):
			body = b"content of " + method.encode()
			x.send(method, headers, body, Content_Type=content_type)
			there = y.expect(method)
			same((there.body, there["Content-Type"]), (body, content_type))
			for name, value in headers:
				same(there[name], value)
			y.reply(status)
			answer = x.expect(status, method)
			same([bool(m["Contact"]) for m in (there, answer)], [method in TARGET_REFRESHES] * 2)
			x.send(method, headers, body, Content_Type=content_type)
			y.expect(method)
			y.reply(488)
			x.expect(488, method)
		s.over(a, b)
	play.__name__ = method.lower() + "_is_relayed_both_ways_with_its_answer"
	scenario(play)


for method, content_type, status in (("INFO", "application/dtmf-relay", 200), ("UPDATE", "application/sdp", 200),
		("MESSAGE", "text/plain", 202), ("NOTIFY", "message/sipfrag", 200), ("REFER", "text/plain", 202)):
	relayed(method, content_type, status)


def gone(s, a, b, moved):
	"""b hangs up, and a's side hears of it where it is now."""
	b.send("BYE")
	bye = moved.expect("BYE")
	same(bye["Call-ID"], a.call_id)
	a.reply(200, request=bye)
	b.expect(200, "BYE")


def two_places(s):
	"""A call, and where the caller's side will be."""
	gw = s.gateway()
	moved = s.peer("moved")
	moved.secrets = s.caller.secrets = moved.secrets | s.caller.secrets
	s.start()
	return *s.talk(gw), moved


@scenario
def a_new_contact_moves_what_follows(s):
	a, b, moved = two_places(s)
	a.send("INVITE", body=HOLD, Contact=moved.contact)
	b.expect("INVITE")
	b.reply(200, sdp=HELD)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	gone(s, a, b, moved)


@variants(("refer", "REFER", ("Refer-To", "<sip:4940@carrier.example>")), ("notify", "NOTIFY", ("Event", "refer")))
def a_new_contact_moves_what_follows_a(s, method, *headers):
	a, b, moved = two_places(s)
	a.send(method, headers, Contact=moved.contact)
	b.expect(method)
	b.reply(202)
	a.expect(202, method)
	gone(s, a, b, moved)


@variants(("refer", "REFER", ("Refer-To", "<sip:4940@carrier.example>")), ("notify", "NOTIFY", ("Event", "refer")))
def a_new_contact_moves_what_follows_the_answer_to_a(s, method, *headers):
	a, b, moved = two_places(s)
	b.send(method, headers)
	a.expect(method)
	a.reply(202, headers=[("Contact", moved.contact)])
	b.expect(202, method)
	gone(s, a, b, moved)


@scenario
def a_body_in_the_answer_comes_back(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("UPDATE", body=HOLD)
	b.expect("UPDATE")
	b.reply(200, sdp=HELD)
	same(a.expect(200, "UPDATE").body, HELD)
	s.over(a, b)


@scenario
def an_ack_of_an_earlier_invite_does_not_end_a_later_one(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2,0.4,0.8")
	a, b = s.talk(gw)
	earlier = a.ack()
	a.send("INVITE", body=HOLD)
	b.expect("INVITE")
	b.reply(200, sdp=HELD)
	a.expect(200, "INVITE")
	a.again(earlier)
	b.expect("ACK")
	before = len(s.caller.arrivals(200, "INVITE"))
	s.caller.expect_count(before + 2, 200, "INVITE")
	a.ack()
	s.over(a, b)


@scenario
def a_request_that_nobody_answers_is_408(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2")
	a, b = s.talk(gw)
	a.send("INFO")
	b.expect("INFO")
	a.expect(408, "INFO")
	same(len(gw.arrivals("INFO")), 3)
	s.over(a, b)


@scenario
def an_unknown_method_is_refused_with_allow(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.send("JUMP")
	answer = s.net.until(lambda: s.caller.find(501, "JUMP") or s.caller.find(405, "JUMP"), "501 or 405")
	assert "INVITE" in answer["Allow"], answer.head
	s.over(a, b)


@scenario
def a_request_of_no_call_is_481(s):
	s.gateway()
	s.start()
	s.caller.request("BYE", "4930", To="<sip:4930@127.0.0.1>;tag=nobody")
	s.caller.expect(481, "BYE")


@scenario
def a_bye_with_wrong_tags_is_481_and_the_call_goes_on(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	right, a.remote = a.remote, a.remote + "x"
	a.send("BYE")
	a.expect(481, "BYE")
	a.remote = right
	a.send("BYE", From=a.local + "x")
	a.expect(481, "BYE")
	s.over(a, b)


@scenario
def a_cseq_that_goes_back_is_refused(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.cseq = 50
	a.send("INFO")
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	a.send("INFO", cseq=7)
	a.expect(500, "INFO")
	s.over(a, b)


@scenario
def a_second_ack_and_a_repeated_bye_change_nothing(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	a.ack()
	bye = a.send("BYE")
	b.hung_up()
	a.expect(200, "BYE")
	a.again(bye)
	s.caller.expect_count(2, 200, "BYE")
	s.switch.record()


if __name__ == "__main__":
	run()
