"""What may happen inside a call, in which state, and with what outcome (RFC 3261 sections 12 and 14, RFC 3311, RFC 3515)."""

import sip
from net import Failed, same
from runner import run, scenario, variants
from timers import BOTH_LEGS, DIRECTION, LEG, LATE, NO_UPDATE, expires, is_due, is_lost, is_record, refresh, start, timed

SHORT = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2"}
HOLD = sip.sdp(31000, direction="sendonly")
HELD = sip.sdp(31002, direction="recvonly")
OTHER_CODEC = HOLD.replace(b"RTP/AVP 8 0 101", b"RTP/AVP 18").replace(b"sendonly", b"sendrecv")
T38 = (b"v=0\r\no=- 3344 3345 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n"
	b"m=image 31004 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\n")
# Bytes that a rewriter would normalise: no final line end, odd order, spaces, unknown lines, bare line feeds.
ODD = (b"v=0\no=Mr.  X 1 1 IN IP4 host.invalid\r\ns= \r\nx=what\r\nb=AS:64\r\na=x:\xc3\xa9\xff\r\nt=0 0\r\nc=IN IP6 ::1\r\n"
	b"m=audio 7 RTP/AVP 0\r\na=sendrecv")


def call(s, side="a", **parameters):
	"""A call; the leg of this side and the other."""
	gw = s.gateway()
	s.start(**parameters)
	a, b = s.talk(gw)
	return (a, b) if side == "a" else (b, a)


def offered(x, y, offer, answer, in_ack=b"", method="INVITE"):
	"""x offers, y accepts; every byte arrives."""
	x.send(method, body=offer)
	there = y.expect(method)
	same((there.body, there["Content-Type"]), (offer, "application/sdp" if offer else ""))
	y.reply(200, sdp=answer)
	same(x.expect(200, method).body, answer)
	if method == "INVITE":
		x.ack(sdp=in_ack)
		same(y.expect("ACK").body, in_ack)


def accepted(x, y, pending, answer=True):
	"""y accepts the re-INVITE of x that is pending."""
	y.reply(200, sdp=answer, request=pending)
	x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")


def refused(x, y, status, offer=HOLD, method="INVITE"):
	x.send(method, body=offer)
	same(y.expect(method).body, offer)
	y.reply(status)
	if method == "INVITE":
		y.expect("ACK")
	return x.expect(status, method)


def retry_after(response):
	if not 0 <= int(response["Retry-After"].split()[0].split(";")[0]) <= 10:
		raise Failed("Retry-After: %s" % response["Retry-After"])


# Offers and answers

@variants(*BOTH_LEGS)
def hold_codec_change_and_resume_pass_byte_for_byte(s, side):
	x, y = call(s, side)
	offered(x, y, HOLD, HELD)
	offered(x, y, OTHER_CODEC, OTHER_CODEC.replace(b"31000", b"31006"))
	offered(y, x, HOLD.replace(b"31000", b"31008"), HELD)
	offered(x, y, x.peer.sdp, y.peer.sdp)
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_late_offer_and_its_answer_pass_byte_for_byte(s, side):
	x, y = call(s, side)
	offered(x, y, b"", HOLD, HELD)
	offered(x, y, b"", y.peer.sdp, x.peer.sdp)
	s.over(y, x)


@variants(*BOTH_LEGS)
def an_update_with_an_offer_passes_byte_for_byte_with_its_answer(s, side):
	x, y = call(s, side)
	offered(x, y, HOLD, HELD, method="UPDATE")
	offered(y, x, OTHER_CODEC, HOLD, method="UPDATE")
	s.over(x, y)


@scenario
def odd_sdp_passes_byte_for_byte_in_every_place(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", sdp=ODD)
	b = gw.leg()
	same(b.invited.body, ODD)
	b.reply(183, sdp=ODD[:-2])
	same(a.expect(183).body, ODD[:-2])
	b.reply(200, sdp=ODD[:-3])
	same(a.expect(200).body, ODD[:-3])
	a.ack()
	b.expect("ACK")
	offered(a, b, ODD[:-4], ODD[:-5])
	offered(b, a, b"", ODD[:-6], ODD[:-7])
	offered(b, a, ODD[:-8], ODD[:-9], method="UPDATE")
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_fax_is_offered_and_accepted(s, side):
	x, y = call(s, side)
	offered(x, y, T38, T38.replace(b"31004", b"31010"))
	offered(y, x, y.peer.sdp, x.peer.sdp)
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_fax_that_is_refused_leaves_the_call(s, side):
	x, y = call(s, side)
	refused(x, y, 488, T38)
	offered(x, y, HOLD, HELD)
	s.over(y, x)


@variants(("488_to_the_caller", "a", 488), ("408_to_the_caller", "a", 408), ("488_to_the_gateway", "b", 488),
	("500_to_the_gateway", "b", 500), ("606_to_the_gateway", "b", 606))
def the_sdp_in_force_is_the_old_one_after_a_reinvite_refused_with(s, side, status):
	"""Our own refresh to the other side shows it."""
	y, x = timed(s, "b" if side == "a" else "a", update=False)
	refused(x, y, status)
	same(refresh(y, 45, "INVITE").body, x.peer.sdp)
	s.over(x, y)


@variants(("update", "UPDATE", "a"), ("reinvite_of_the_gateway", "INVITE", "b"))
def the_sdp_in_force_is_the_new_one_after_an_accepted(s, method, side):
	y, x = timed(s, "b" if side == "a" else "a", update=False)
	x.send(method, body=HOLD)
	y.expect("INVITE")  # it does not take UPDATE
	y.since = y.reply(200, sdp=HELD, headers=[expires(90, "uac")])
	x.expect(200, method)
	if method == "INVITE":
		x.ack()
	y.expect("ACK")
	same(refresh(y, 45, "INVITE", sdp=HELD).body, HOLD)
	s.over(x, y)


@scenario
def the_sdp_in_force_after_a_late_offer_is_that_of_the_ack(s):
	b, a = timed(s, "b", update=False)
	a.send("INVITE")
	b.expect("INVITE")
	b.since = b.reply(200, sdp=HOLD, headers=[expires(90, "uac")])
	a.expect(200, "INVITE")
	a.ack(sdp=HELD)
	same(b.expect("ACK").body, HELD)
	same(refresh(b, 45, "INVITE", sdp=HOLD).body, HELD)
	s.over(a, b)


@scenario
def the_sdp_in_force_after_an_invite_without_offer_is_that_of_the_ack(s):
	gw = s.gateway()
	start(s)
	a = s.caller.invite("4930", sdp=False)
	b = gw.leg()
	b.since = b.reply(200, sdp=True, headers=[expires(90, "uac")])
	a.expect(200)
	a.ack(sdp=HELD)
	same(b.expect("ACK").body, HELD)
	same(refresh(b, 45, "INVITE").body, HELD)
	s.over(a, b)


@scenario
def the_sdp_in_force_may_have_come_before_the_answer(s):
	"""183 with SDP, 200 without: our refresh to the caller repeats the SDP of the 183."""
	gw = s.gateway()
	start(s)
	a = s.caller.invite("4930", headers=[("Supported", "timer"), expires(90, "uas")], Allow=NO_UPDATE)
	b = gw.leg()
	b.reply(183, sdp=True)
	a.expect(183)
	b.reply(200)
	a.since = a.expect(200)
	a.ack()
	b.expect("ACK")
	same(refresh(a, 45, "INVITE").body, gw.sdp)
	s.over(a, b)


# Other methods

def crosses(x, y, method, status, body=b"", content_type=None, headers=()):
	x.send(method, headers, body, Content_Type=content_type)
	there = y.expect(method)
	same((there.body, there["Content-Type"]), (body, content_type or ""))
	for name, value in headers:
		same(there[name], value)
	y.reply(status)
	return x.expect(status, method)


@variants(*BOTH_LEGS)
def digits_cross_in_order(s, side):
	x, y = call(s, side)
	for digit in b"1*#0":
		crosses(x, y, "INFO", 200, b"Signal=%c\r\nDuration=160\r\n" % digit, "application/dtmf-relay")
	crosses(y, x, "INFO", 200, b"5", "application/dtmf")
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_refer_with_replaces_and_its_notifications_cross(s, side):
	x, y = call(s, side)
	refer_to = "<sip:4940@carrier.example?Replaces=12345%40192.0.2.1%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>"
	crosses(x, y, "REFER", 202, headers=[("Refer-To", refer_to), ("Referred-By", "<sip:boss@example.com>")])
	for state, line in (("active;expires=60", b"SIP/2.0 100 Trying\r\n"),
			("terminated;reason=noresource", b"SIP/2.0 200 OK\r\n")):
		crosses(y, x, "NOTIFY", 200, line, "message/sipfrag;version=2.0",
			[("Event", "refer"), ("Subscription-State", state)])
	refused(x, y, 603, b"", "REFER")
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_message_and_its_refusal_cross(s, side):
	x, y = call(s, side)
	crosses(x, y, "MESSAGE", 200, b"hello", "text/plain")
	crosses(x, y, "MESSAGE", 415, b"<hello/>", "text/html")
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_method_that_we_do_not_know_is_501_or_405_with_allow(s, side):
	x, y = call(s, side)
	for method in "JUMP", "SUBSCRIBE", "PUBLISH", "REGISTER":
		x.send(method)
		answer = s.net.until(lambda: x.peer.find(501, method) or x.peer.find(405, method), "501 or 405 to " + method)
		allowed = {name.strip() for name in answer["Allow"].split(",")}
		assert {"INVITE", "ACK", "BYE", "CANCEL", "INFO", "REFER", "NOTIFY", "MESSAGE"} <= allowed, answer.head
		assert method not in allowed, answer.head
	s.over(x, y)


@variants(*BOTH_LEGS)
def options_inside_the_call_are_answered(s, side):
	"""RFC 3261 section 11: by us or by the other side."""
	x, y = call(s, side)
	x.send("OPTIONS")
	s.net.until(lambda: x.peer.find(200, "OPTIONS") or answers_options(y), "200 to OPTIONS")
	s.over(x, y)


def answers_options(y):
	request = y.peer.find("OPTIONS")
	if request:
		y.reply(200, request=request)


@variants(*BOTH_LEGS)
def requests_of_one_side_may_overlap(s, side):
	x, y = call(s, side)
	x.send("INFO", body=b"1", Content_Type="text/plain")
	first = y.expect("INFO")
	x.send("INFO", body=b"2", Content_Type="text/plain")
	second = y.expect("INFO")
	y.reply(200, request=second)
	answer = x.expect(200, "INFO")
	same(answer["CSeq"], "%d INFO" % x.cseq)
	y.reply(200, request=first)
	x.expect(200, "INFO")
	s.over(x, y)


# One offer at a time

@scenario
def reinvites_at_the_same_instant_get_491_each_and_then_succeed_one_after_the_other(s):
	a, b = call(s)
	with s.switch.asleep():
		a.send("INVITE", body=HOLD)
		b.send("INVITE", body=HELD)
	first = s.net.until(lambda: s.caller.find(491, "INVITE") or b.peer.find(491, "INVITE"), "491 to one of them")
	x, y = (b, a) if first["Call-ID"] == a.call_id else (a, b)  # whose INVITE has crossed, who received it
	y.ack_failure(first)
	y.expect("INVITE")
	y.reply(491)
	y.expect("ACK")
	x.expect(491, "INVITE")
	offered(y, x, HELD, HOLD)
	offered(x, y, OTHER_CODEC, HELD)
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_reinvite_gets_491_while_that_of_the_other_side_is_pending(s, side):
	x, y = call(s, side)
	x.send("INVITE", body=HOLD)
	pending = y.expect("INVITE")
	y.send("INVITE", body=HELD)
	y.expect(491, "INVITE")
	accepted(x, y, pending)
	offered(y, x, HELD, HOLD)
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_second_reinvite_of_the_same_side_gets_500_while_its_first_is_pending(s, side):
	x, y = call(s, side)
	first = x.send("INVITE", body=HOLD)
	pending = y.expect("INVITE")
	x.send("INVITE", body=HELD)
	retry_after(x.expect(500, "INVITE"))
	x.invite_sent = first
	accepted(x, y, pending)
	offered(x, y, HELD, HOLD)
	s.over(x, y)


@variants(("of_a_reinvite", "INVITE"), ("of_an_update", "UPDATE"))
def an_update_gets_500_while_an_offer_of_the_same_side_is_pending(s, method):
	for x, y in (lambda a, b: ((a, b), (b, a)))(*call(s)):
		first = x.send(method, body=HOLD)
		pending = y.expect(method)
		x.send("UPDATE", body=HELD)
		retry_after(x.expect(500, "UPDATE"))
		if method == "INVITE":
			x.invite_sent = first
			accepted(x, y, pending)
		else:
			y.reply(200, sdp=True, request=pending)
			x.expect(200, method)
	s.over(x, y)


@variants(("of_a_reinvite", "INVITE"), ("of_an_update", "UPDATE"))
def an_update_gets_491_while_an_offer_of_the_other_side_is_pending(s, method):
	for x, y in (lambda a, b: ((a, b), (b, a)))(*call(s)):
		x.send(method, body=HOLD)
		pending = y.expect(method)
		y.send("UPDATE", body=HELD)
		y.expect(491, "UPDATE")
		if method == "INVITE":
			accepted(x, y, pending)
		else:
			y.reply(200, sdp=True, request=pending)
			x.expect(200, method)
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_reinvite_gets_491_while_an_update_of_the_other_side_is_pending(s, side):
	x, y = call(s, side)
	x.send("UPDATE", body=HOLD)
	pending = y.expect("UPDATE")
	y.send("INVITE", body=HELD)
	y.expect(491, "INVITE")
	y.reply(200, sdp=True, request=pending)
	x.expect(200, "UPDATE")
	offered(y, x, HELD, HOLD)
	s.over(x, y)


@variants(*BOTH_LEGS)
def an_info_crosses_while_a_reinvite_is_pending(s, side):
	x, y = call(s, side)
	x.send("INVITE", body=HOLD)
	pending = y.expect("INVITE")
	crosses(x, y, "INFO", 200, b"1", "application/dtmf")
	crosses(y, x, "INFO", 200, b"2", "application/dtmf")
	accepted(x, y, pending)
	s.over(x, y)


@variants(*BOTH_LEGS)
def an_update_is_refused_while_a_late_offer_awaits_its_answer(s, side):
	"""The 200 to an INVITE without offer has the offer of y; x answers it in the ACK (RFC 3311 section 5.2)."""
	x, y = call(s, side)
	x.send("INVITE")
	y.expect("INVITE")
	y.reply(200, sdp=HOLD)
	x.expect(200, "INVITE")
	late_offer_refuses(x, y)
	x.ack(sdp=HELD)
	same(y.expect("ACK").body, HELD)
	s.over(x, y)


def late_offer_refuses(x, y):
	x.send("UPDATE", body=HELD)
	x.expect(491, "UPDATE")
	y.send("UPDATE", body=HELD)
	retry_after(y.expect(500, "UPDATE"))


@scenario
def an_update_is_refused_while_the_offer_of_the_answer_awaits_its_own(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", sdp=False)
	b = gw.leg()
	b.reply(200, sdp=HOLD)
	a.expect(200)
	late_offer_refuses(a, b)
	a.ack(sdp=HELD)
	same(b.expect("ACK").body, HELD)
	offered(a, b, OTHER_CODEC, HOLD, method="UPDATE")
	s.over(a, b)


@variants(*BOTH_LEGS)
def a_cancelled_reinvite_that_is_answered_all_the_same_is_acked(s, side):
	"""It then counts as accepted on both legs, which keep the same session."""
	x, y = call(s, side)
	x.send("INVITE", body=HOLD)
	pending = y.expect("INVITE")
	y.reply(100)
	x.cancel()
	x.expect(200, "CANCEL")
	y.expect("CANCEL")
	y.reply(200)
	y.reply(200, sdp=True, request=pending)
	x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")
	crosses(x, y, "INFO", 200, b"1", "application/dtmf")
	crosses(y, x, "INFO", 200, b"2", "application/dtmf")
	s.over(x, y)


# Failures

@variants(*BOTH_LEGS)
def a_cseq_that_goes_back_gets_500(s, side):
	x, y = call(s, side)
	x.cseq += 50
	crosses(x, y, "INFO", 200)
	for method in "INFO", "UPDATE", "INVITE", "MESSAGE":
		x.send(method, cseq=x.cseq - 7)
		x.expect(500, method)
	crosses(x, y, "INFO", 200)
	s.over(x, y)


@variants(*[("%s_from_%s" % (what, who), side, back) for what, back in (("used_already", 0), ("lower", 7))
	for who, side in (("the_caller", "a"), ("the_gateway", "b"))])
def a_bye_ends_the_call_though_its_cseq_is(s, side, back):
	x, y = call(s, side)
	x.cseq += 50
	crosses(x, y, "INFO", 200)
	x.send("BYE", cseq=x.cseq - back)
	y.hung_up()
	x.expect(200, "BYE")
	is_record(s, "normal clearing", DIRECTION[side])


@variants(*[("%s_from_%s" % (method.lower(), who), side, method) for method in ("INFO", "INVITE", "UPDATE")
	for who, side in (("the_caller", "a"), ("the_gateway", "b"))])
def a_leg_that_no_longer_exists_ends_the_other_after(s, side, method):
	x, y = call(s, side)
	refused(x, y, 481, HOLD, method)
	bye = x.hung_up()
	assert bye["Reason"], bye.head
	s.settle()
	same(y.peer.arrivals("BYE"), [])
	row = s.switch.record()
	same((row["end_direction"], row["end_reason"]), (2, "%s no longer knows the call" % LEG["b" if side == "a" else "a"]))


@variants(("408", 408), ("480", 480), ("487", 487), ("500", 500), ("503", 503), ("603", 603))
def the_call_goes_on_after_a_reinvite_refused_with(s, status):
	x, y = call(s)
	refused(x, y, status)
	offered(x, y, HOLD, HELD)
	refused(y, x, status)
	offered(y, x, HOLD, HELD)
	s.over(x, y)


@variants(*BOTH_LEGS)
def a_reinvite_that_nobody_answers_gets_408_and_the_call_goes_on(s, side):
	x, y = call(s, side, **SHORT)
	x.send("INVITE", body=HOLD)
	y.expect("INVITE")
	x.expect(408, "INVITE")
	offered(x, y, HELD, HOLD)
	s.over(x, y)


@variants(("by_who_sent_it", True), ("by_who_got_it", False))
def a_call_hung_up_while_a_reinvite_is_pending(s, sender):
	x, y = call(s)
	x.send("INVITE", body=HOLD)
	pending = y.expect("INVITE")
	y.reply(180)
	x.expect(180, "INVITE")
	first, second = (x, y) if sender else (y, x)
	first.send("BYE")
	second.hung_up()
	first.expect(200, "BYE")
	x.expect(487, "INVITE")
	cancel = y.peer.find("CANCEL")
	if cancel:
		y.reply(200, request=cancel)
	y.reply(487, request=pending)
	y.expect("ACK")
	same(s.switch.record()["end_reason"], "normal clearing")


@variants(*BOTH_LEGS)
def a_reinvite_accepted_after_the_call_has_ended_is_acked(s, side):
	x, y = call(s, side)
	x.send("INVITE", body=HOLD)
	pending = y.expect("INVITE")
	x.send("BYE")
	x.expect(200, "BYE")
	x.expect(487, "INVITE")
	y.hung_up()
	y.reply(200, sdp=True, request=pending)
	y.expect("ACK")
	bye = s.net.until(lambda: y.peer.find("BYE") or s.switch.idle(), "nothing held", step=0.02)
	if bye is not True:  # RFC 3261 section 13.2.2.4: a late answer may be followed by a BYE
		y.reply(481, request=bye)


@variants(*BOTH_LEGS)
def an_answer_to_a_reinvite_that_is_never_acked_ends_both_legs(s, side):
	x, y = call(s, side, SS_SIP_RESEND_INTERVAL="0.3,0.3")
	x.send("INVITE", body=HOLD)
	y.expect("INVITE")
	y.reply(200, sdp=True)
	y.expect("ACK")
	first = x.expect(200, "INVITE")
	bye = is_due(x.hung_up(), first, 0.9, 1)
	y.hung_up()
	assert bye["Reason"], bye.head
	same(len([entry for entry in x.peer.arrivals(200, "INVITE") if entry.message["CSeq"] == first["CSeq"]]), 3)
	is_lost(s, "no ACK received", side)


@scenario
def an_answer_that_is_never_acked_is_resent_by_the_schedule_and_then_both_legs_end(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.2,0.4,0.2")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(200, sdp=True)
	b.expect("ACK")
	first = a.expect(200, "INVITE")
	times = [entry.time - first.time for entry in s.caller.expect_count(4, 200, "INVITE")]
	for time, due in zip(times, (0, 0.2, 0.6, 0.8)):
		assert -0.02 <= time - due <= LATE, times
	is_due(a.hung_up(), first, 1, 1)
	b.hung_up()
	is_lost(s, "no ACK received", "a")


if __name__ == "__main__":
	run()
