"""
Every message of every procedure is lost, duplicated and delayed once: no session may drop, and none may linger.
	test_matrix.py                                          all
	test_matrix.py reinvite-from-caller                     one procedure
	test_matrix.py "reinvite-from-caller: lost #5 ACK caller->switch"
"""

from agent import ALLOW
from matrix import main
from procedures import ANY, procedure
from steps import each_side, hang_up, ring, sides, talk, up


# A BYE after the end is answered with 481 or 200 (section 15.1.2), and whoever receives a 481 hangs up (section 12.2.1.2).
LATE = {"BYE", "200 BYE", "481 BYE"}


# Set-up -----------------------------------------------------------------------------------------


async def set_up(r, greeting, offer=True):
	with r.part_under_test():
		r.gateway.greeting = greeting
		r.call(offer)
		await up(r)
		await r.quiet()
	r.agree_up()
	await hang_up(r)


procedure("set-up", (100, 183, 180, 200))(set_up)
procedure("set-up-at-once", (200,))(set_up)
procedure("set-up-late-offer", (100, 180, 200), False)(set_up)


@procedure("answer")
async def answer(r):
	await ring(r)
	with r.part_under_test():
		r.gateway.answer(200)
		await up(r)
		await r.quiet()
	r.agree_up()
	await hang_up(r)


@procedure("refusal")
async def refusal(r):
	with r.part_under_test():
		r.gateway.greeting = (100, 180, 486)
		r.call()
		await r.over()
	r.expected = {"sip_code": 486, "end_direction": 1}


async def fail_over(r, greeting):
	"""The first gateway sends these responses and nothing more."""
	with r.part_under_test():
		r.gateways[0].greeting, r.gateway.greeting = greeting, (100, 180, 200)
		r.call()
		await up(r)
		await r.quiet()
	r.agree_up()
	await hang_up(r)


procedure("failover-503", (100, 503), gateways=2)(fail_over)
procedure("failover-trying-timeout", (100,), gateways=2, first={"timeout_trying": 1})(fail_over)


@procedure("failover-silence", gateways=2, first={"timeout_invite": 1})
async def fail_over_from_nobody(r):
	r.gateways[0].mute = True
	await fail_over(r, ())


@procedure("failover-late-answer", gateways=2, first={"timeout_invite": 1})
async def late_answer(r):
	"""The first gateway answers when the second one is ringing already."""
	with r.part_under_test():
		r.gateways[0].greeting = ()
		r.call()
		await r.until(lambda: r.gateway.first, "the second gateway is called")
		r.gateways[0].answer(200)
		r.gateway.answer(200)
		await r.until(lambda: r.gateways[0].state == "down", "the late one is hung up")
		await up(r)
		await r.quiet()
	r.agree_up()
	await hang_up(r)


# Reliable provisional responses -----------------------------------------------------------------


def reliable(r, who):
	r.caller.rel100, r.gateway.rel100 = who in ("caller", "both"), who in ("gateway", "both")


async def reliable_set_up(r, who, offer=True):
	reliable(r, who)
	await set_up(r, (100, 183, 180, 200), offer)


# A 180 still queued when the call is answered is not sent at all.
RINGING = {"180 INVITE", "PRACK", "200 PRACK"}
for who in ("caller", "gateway", "both"):
	procedure("prack-" + who, who, sip_100rel="Supported", tolerated=RINGING)(reliable_set_up)
	procedure("prack-late-offer-" + who, who, False, sip_100rel="Supported", tolerated=RINGING)(reliable_set_up)


async def early_session(r):
	"""Both sides have agreed on a session, and the gateway rings."""
	reliable(r, "both")
	r.gateway.greeting = (100, 183, 180)
	r.call()
	await r.until(lambda: r.caller.settled and r.gateway.settled and r.caller.first.provisional.status == 180
		and r.caller.idle_but_first() and r.gateway.idle_but_first(), "a session before the answer")


@each_side("update-before-answer-from", sip_100rel="Supported")
async def early_update(r, side):
	x, _ = sides(r, side)
	await early_session(r)
	with r.part_under_test():
		client = await x.negotiate("UPDATE")
		r.gateway.answer(200)
		await up(r)
		await r.quiet()
	r.same("the answer", client.final.status, 200)
	r.agree_up()
	await hang_up(r)


@each_side("updates-before-answer-at-once-first", sip_100rel="Supported", tolerated={"491 UPDATE", "200 UPDATE", "UPDATE"})
async def early_updates(r, first):
	x, y = sides(r, first)
	await early_session(r)
	with r.part_under_test():
		both = [r.begin(side.negotiate("UPDATE")) for side in (x, y)]
		for task in both:
			r.same("the answer in the end", (await task).final.status, 200)
		r.gateway.answer(200)
		await up(r)
		await r.quiet()
	r.agree_up()
	await hang_up(r)


@procedure("prack-failover", gateways=2, sip_100rel="Supported", switch_until_connect="On",
	tolerated=RINGING | {"481 PRACK"})
async def reliable_failover(r):
	"""After the first gateway has failed, the second rings reliably and answers without early media."""
	reliable(r, "both")
	r.gateways[0].rel100 = True
	await fail_over(r, (100, 180, 503))


@procedure("prack-failover-after-early-media", gateways=2, sip_100rel="Supported", tolerated=RINGING)
async def settled_failover(r):
	"""The caller has agreed on a session with the first gateway; a re-INVITE gives it that of the second."""
	reliable(r, "both")
	r.gateways[0].rel100 = True
	with r.part_under_test():
		r.gateways[0].greeting, r.gateway.greeting = (100, 183), (100, 180, 200)
		r.call()
		await r.until(lambda: r.caller.settled and r.gateways[0].settled, "a session with the first gateway")
		r.gateways[0].answer(503)
		await up(r)
		await r.until(lambda: r.caller.remote_sdp == r.gateway.sdp, "the caller knows the second one")
		await r.quiet()
	await hang_up(r)


@procedure("prack-then-cancel", sip_100rel="Supported", tolerated={"PRACK", "200 PRACK", "481 PRACK", "180 INVITE"})
async def cancel_reliable(r):
	reliable(r, "both")
	with r.part_under_test():
		r.gateway.greeting = (100, 183, 180)
		r.call()
		await r.until(lambda: r.caller.settled, "a session")
		r.caller.cancel()
		await r.over()
	r.expected = {"sip_code": 487, "end_direction": 0}


# Cancel -----------------------------------------------------------------------------------------


@procedure("cancel")
async def cancel(r):
	await ring(r)
	with r.part_under_test():
		r.caller.cancel()
		await r.over()
	r.expected = {"sip_code": 487, "end_direction": 0}


@procedure("cancel-before-ringing")
async def cancel_before_ringing(r):
	with r.part_under_test():
		r.gateway.greeting = ()
		r.call()
		await r.until(lambda: r.gateway.first and r.caller.first.provisional, "100")
		r.caller.cancel()
		await r.until(lambda: r.caller.state == "down", "487")
		r.gateway.answer(180)
		await r.over()
	r.expected = {"sip_code": 487, "end_direction": 0}


@procedure("bye-before-answer", tolerated=LATE)
async def early_bye(r):
	"""A caller may also end an early dialog with BYE (section 15)."""
	await ring(r)
	with r.part_under_test():
		r.caller.bye()
		await r.over()
	r.expected = {"sip_code": 487, "end_direction": 0, "attempts": r.attempts("ringing", 0)}


async def cancel_crossing_answer(r, first):
	"""Whichever the switch receives first decides; the side that is too late is sent a BYE."""
	await ring(r)
	with r.part_under_test():
		if first == "cancel":
			r.caller.cancel()
		r.gateway.answer(200)
		if first != "cancel":
			r.caller.cancel()
		await r.over()
	if r.first_at_switch((r.caller, "CANCEL"), (r.gateway, "200 INVITE"))[0] is r.caller:
		r.expected = {"sip_code": 487, "end_direction": 0, "attempts": r.attempts("ringing", 0)}
	else:
		r.expected = {"sip_code": 200, "end_direction": 0, "attempts": r.attempts("answered", 200)}
	r.expected["end_reason"] = ANY


CROSSING = {"487 INVITE", "CANCEL", "200 CANCEL", "ACK", "BYE", "200 BYE", "200 INVITE"}
procedure("cancel-then-answer", "cancel", tolerated=CROSSING)(cancel_crossing_answer)
procedure("answer-then-cancel", "answer", tolerated=CROSSING)(cancel_crossing_answer)


# During a call ----------------------------------------------------------------------------------


async def negotiate(r, side, method, offer=True, status=200):
	x, y = sides(r, side)
	await talk(r)
	y.reinvite_status = status
	with r.part_under_test():
		client = await x.negotiate(method, offer)
		await r.quiet()
	r.same("the answer", client.final.status, status)
	r.agree_up()
	await hang_up(r)


for side in ("caller", "gateway"):
	procedure("reinvite-from-" + side, side, "INVITE")(negotiate)
	procedure("reinvite-late-offer-from-" + side, side, "INVITE", False)(negotiate)
	procedure("reinvite-refused-from-" + side, side, "INVITE", True, 488)(negotiate)
	procedure("update-from-" + side, side, "UPDATE")(negotiate)


@each_side("update-as-reinvite-from")
async def negotiate_as_reinvite(r, side):
	"""For a side that takes no UPDATE."""
	_, y = sides(r, side)
	y.allow = ALLOW.replace(", UPDATE", "")
	await negotiate(r, side, "UPDATE")


@each_side("reinvite-cancelled-from")
async def cancel_reinvite(r, side):
	x, y = sides(r, side)
	await talk(r)
	y.reinvite_status = 100
	with r.part_under_test():
		client = x.request("INVITE", x.offer())
		await r.until(lambda: client.provisional and y.invited(), "it is pending")
		x.cancel(client)
		await r.quiet()
	r.same("the answer", client.final.status, 487)
	r.agree_up()
	await hang_up(r)


@each_side("info-from")
async def info(r, side):
	x, _ = sides(r, side)
	await talk(r)
	with r.part_under_test():
		client = x.request("INFO", b"Signal=5")
		await r.quiet()
	r.same("the answer", client.final.status, 200)
	r.agree_up()
	await hang_up(r)


@each_side("reinvite-right-after-answer-from", tolerated={"491 INVITE", "ACK", "INVITE"})
async def reinvite_at_once(r, side):
	"""With the ACK or right after it; a side on which the initial INVITE is still open answers 491."""
	x, _ = sides(r, side)
	await ring(r)
	with r.part_under_test():
		r.gateway.answer(200)
		await r.until(lambda: x.state == "up", "an answer")
		await x.negotiate("INVITE")
		await up(r)
		await r.quiet()
	r.agree_up()
	await hang_up(r)


async def both_negotiate(r, first, methods, taken=True):
	"""At the same time: at least one receives 491, both succeed in the end (section 14.1, RFC 3311 section 5.2)."""
	x, y = sides(r, first)
	if not taken:
		y.allow = ALLOW.replace(", UPDATE", "")
	await talk(r)
	with r.part_under_test():
		both = [r.begin(x.negotiate(methods[0])), r.begin(y.negotiate(methods[1]))]
		for task in both:
			r.same("the answer in the end", (await task).final.status, 200)
		await r.quiet()
	r.agree_up()
	await hang_up(r)


for side in ("caller", "gateway"):
	for methods in (("INVITE", "INVITE"), ("UPDATE", "UPDATE"), ("INVITE", "UPDATE"), ("UPDATE", "INVITE")):
		procedure("%s-and-%s-at-once-%s-first" % (*(m.lower() for m in methods), side), side, methods,
			tolerated={"491 INVITE", "491 UPDATE", "200 INVITE", "200 UPDATE", "ACK", "INVITE", "UPDATE", "100 INVITE",
				"500 UPDATE", "500 INVITE"})(both_negotiate)
	procedure("update-as-reinvite-and-invite-at-once-%s-first" % side, side, ("UPDATE", "INVITE"), False,
		tolerated={"491 INVITE", "491 UPDATE", "200 INVITE", "200 UPDATE", "ACK", "INVITE", "UPDATE", "100 INVITE",
			"500 UPDATE", "500 INVITE"})(both_negotiate)


# The end ----------------------------------------------------------------------------------------


@each_side("bye-from")
async def bye(r, side):
	x, _ = sides(r, side)
	await talk(r)
	with r.part_under_test():
		x.bye()
		await r.over()
	r.ended_by(x)


@each_side("bye-right-after-answer-from", tolerated=LATE)
async def bye_at_once(r, side):
	x, _ = sides(r, side)
	await ring(r)
	with r.part_under_test():
		r.gateway.answer(200)
		await r.until(lambda: x.state == "up" and x.may_offer(), "an acknowledged answer")  # section 15
		x.bye()
		await r.over()
	r.ended_by(x)


@each_side("byes-at-once-first", tolerated=LATE)
async def both_bye(r, first):
	x, y = sides(r, first)
	await talk(r)
	with r.part_under_test():
		x.bye()
		y.bye()
		await r.over()
	r.ended_by(r.first_at_switch((x, "BYE"), (y, "BYE"))[0])


async def bye_crossing(r, hangs_up, order, method):
	"""One side hangs up while the other one sends a re-INVITE or UPDATE."""
	x, y = sides(r, hangs_up)
	await talk(r)
	with r.part_under_test():
		if order == "first":
			x.bye()
		y.request(method, y.offer())
		if order != "first":
			x.bye()
		await r.over()
	heard = [label for who, label in r.at_switch() if who == x.name and label in ("BYE", "481 " + method)]
	if heard[0] == "BYE":
		r.ended_by(x)
	else:  # its BYE was lost or late, and the request told the switch
		r.expected = {"sip_code": 200, "end_direction": 2,
			"end_reason": hangs_up + " no longer knows the call"}


for side in ("caller", "gateway"):
	for order in ("first", "second"):
		for method in ("INVITE", "UPDATE"):
			procedure("%s-bye-%s-crossing-%s" % (side, order, method.lower()), side, order, method,
				tolerated=LATE | {status + " " + method for status in ("481", "487")} | {"ACK", "INVITE", "UPDATE",
					"100 INVITE"})(bye_crossing)


@each_side("reinvite-and-bye-from", tolerated=LATE | {"200 INVITE", "481 INVITE", "487 INVITE", "ACK",
	"INVITE", "100 INVITE"})
async def reinvite_and_bye(r, side):
	x, _ = sides(r, side)
	await talk(r)
	with r.part_under_test():
		x.request("INVITE", x.offer())
		x.bye()
		await r.over()
	r.ended_by(x)


PARAMETERS = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2,0.4,0.8,0.8,0.8,0.8,0.8,0.8,0.8",
	"SS_GATEWAY_BREAKER_FAILURES": "None", "SS_GATEWAY_BREAKER_RATE": "None"}  # the runs share their gateways

if __name__ == "__main__":
	main(**PARAMETERS)
