"""Reliable provisional answers of a gateway and our PRACK, also with the answer to a late offer (RFC 3262)."""

import sip
from leg import Leg
from net import instants, same
from rel100 import (ALLOW, ANSWER, OFFER, ON, OTHER, REQUIRED, SHORT, SUPPORTED, acknowledge, acknowledged, begin,
	ends, ends_elsewhere, plain, prack, ring)
from runner import run, scenario
from timers import options


# The gateway's leg

@scenario
def required_is_told_to_the_gateway(s):
	gw = s.gateway(sip_100rel="Required")
	s.start()
	a, b = begin(s, gw, headers=())
	same((b.invited["Require"], options(b.invited)), ("100rel", ["timer", "100rel"]))
	b.refuse(420, [("Unsupported", "100rel")])
	a.expect(503)  # the caller did not require it


@scenario
def off_takes_a_reliable_answer_for_an_ordinary_one(s):
	gw = s.gateway(sip_100rel="Off")
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	ring(b, 5, 183, True)
	same(plain(a.expect(183)).body, gw.sdp)
	s.net.quiet(0.3)
	ends(s, a, b)


@scenario
def a_lost_prack_of_ours_is_resent_by_the_schedule(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, headers=())
	ring(b, 5)
	instants(gw.expect_count(3, "PRACK"), [0, 0.1, 0.3], 0.5)
	acknowledged(b, 5)
	s.net.quiet(0.6)
	same(len(gw.arrivals("PRACK")), 3)
	a.expect(180)
	ends(s, a, b)


@scenario
def a_prack_whose_answer_is_lost_goes_on_beside_the_next(s):
	gw = s.gateway()
	s.start(**ON, SS_SIP_RESEND_INTERVAL="0.2,0.4,0.8")
	a, b = begin(s, gw, headers=())
	ring(b, 5)
	first = b.expect("PRACK")  # its 200 is lost
	ring(b, 6, 183, True)
	acknowledged(b, 6)
	a.expect(180)
	a.expect(183)
	a.cancel()
	a.expect(487)
	a.expect(200, "CANCEL")
	b.cancelled()
	s.net.until(lambda: [entry.again for entry in gw.arrivals("PRACK")].count(True), "the first comes again")
	b.reply(200, request=first)


@scenario
def a_repeated_answer_is_neither_passed_on_nor_acknowledged_twice(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	again = ring(b, 5)
	acknowledged(b, 5)
	acknowledge(a)
	gw.send(again.raw, b.invited.source)
	s.net.quiet(0.3)
	same((len(gw.arrivals("PRACK")), len(s.caller.arrivals(180))), (1, 1))
	ends(s, a, b)


@scenario
def an_answer_out_of_order_is_neither_passed_on_nor_acknowledged(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 5, 183)
	acknowledged(b, 5)
	acknowledge(a, 183)
	ring(b, 7, 180, True)
	ring(b, 4, 180, True)
	s.net.quiet(0.3)
	ring(b, 6)
	acknowledged(b, 6)
	same(acknowledge(a).body, b"")
	ring(b, 7, 183, True)
	acknowledged(b, 7)
	acknowledge(a, 183)
	ends(s, a, b)


@scenario
def numbers_do_not_wrap(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	ring(b, 2 ** 32 - 1, 183)
	acknowledged(b, 2 ** 32 - 1)
	a.expect(183)
	ring(b, 0)
	a.expect(180)  # without RSeq: an ordinary response
	ring(b, 1)
	s.net.quiet(0.3)
	ends(s, a, b)


@scenario
def an_answer_whose_number_is_none_is_an_ordinary_one(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	for number in ("x", "", "-1", "4294967296", "99999999999999999999999"):  # unreadable: left out
		ring(b, number, 182)
	plain(a.expect(182))
	for lines in (REQUIRED + [("RSeq", "0")], REQUIRED, [("RSeq", "5")]):
		b.reply(183, None, lines, b.invited)
	b.reply(180)
	a.expect(180)
	plain(a.expect(183))
	same((len(s.caller.arrivals(183)), gw.arrivals("PRACK")), (3, []))
	ends(s, a, b)


@scenario
def a_prack_that_is_refused_does_not_end_the_attempt(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 5)
	b.expect("PRACK")
	b.reply(481)
	acknowledge(a)
	ring(b, 6, 183, True)
	acknowledged(b, 6)
	acknowledge(a, 183)
	s.net.until(lambda: "PRACK refused code=481" in s.switch.read_log(), "it is logged", step=0.02)
	ends(s, a, b)


@scenario
def a_prack_that_is_never_answered_does_not_end_the_attempt(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, headers=())
	ring(b, 5)
	a.expect(180)
	b.expect("PRACK")
	s.net.until(lambda: "PRACK not answered" in s.switch.read_log(), "it is logged", step=0.02)
	same(len(gw.arrivals("PRACK")), 4)
	ends(s, a, b)


@scenario
def a_challenged_prack_is_answered_with_credentials(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	challenge = [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')]
	b.reply(401, headers=challenge)
	b.expect("ACK")
	b.invited = b.last = gw.expect("INVITE")
	ring(b, 5)
	first = b.expect("PRACK")
	b.reply(401, headers=challenge)
	second = acknowledged(b, 5)
	same([message["CSeq"] for message in (b.invited, first, second)], ["2 INVITE", "3 PRACK", "4 PRACK"])
	same(*sip.digest(second["Authorization"], "PRACK", "secret"))
	a.expect(180)
	ends(s, a, b)


@scenario
def each_fork_is_acknowledged_in_its_own_dialog(s):
	gw = s.gateway()
	forks = [s.peer("fork%d" % n) for n in range(2)]
	gw.secrets = gw.secrets.union(*[fork.secrets for fork in forks])
	for fork in forks:
		fork.secrets = gw.secrets
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	dialogs = []
	for n, fork in enumerate(forks):
		ring(b, 10 * n + 10, 183, sip.sdp(34000 + n), "fork%d" % n, fork.contact)
		got = fork.expect("PRACK")
		same((got["RAck"], sip.param(got["To"], "tag"), got["CSeq"], sip.address(got.uri)[1]),
			("%d 1 INVITE" % (10 * n + 10), "fork%d" % n, "2 PRACK", fork.port))
		dialogs.append(Leg.invited(fork, got))
		dialogs[n].reply(200)
		same(a.expect(183).body, sip.sdp(34000 + n))
	ring(b, 11, 180, None, "fork0", forks[0].contact)
	got = dialogs[0].expect("PRACK")
	same((got["RAck"], got["CSeq"]), ("11 1 INVITE", "3 PRACK"))
	dialogs[0].reply(200)
	a.expect(180)
	ring(b, 13, 180, None, "fork1", forks[1].contact)  # out of order
	b.reply(200, True, request=b.invited, tag="fork1", contact=forks[1].contact)
	a.expect(200, "INVITE")
	forks[1].expect("ACK")
	a.ack()
	a.send("BYE")
	bye = dialogs[1].hung_up()
	same((bye["CSeq"], sip.param(bye["To"], "tag")), ("3 BYE", "fork1"))
	a.expect(200, "BYE")


@scenario
def a_prack_takes_the_route_of_its_early_dialog(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	proxy = s.peer("proxy")
	proxy.secrets = gw.secrets = gw.secrets | proxy.secrets
	route = "<sip:%s;lr>" % proxy.host_port
	ring(b, 1, more=[("Record-Route", "<sip:192.0.2.1;lr>"), ("Record-Route", route)])
	got = proxy.expect("PRACK")
	same(got.all("Route"), [route, "<sip:192.0.2.1;lr>"])
	Leg.invited(proxy, got).reply(200)
	a.expect(180)
	ends(s, a, b)


@scenario
def of_many_forks_eight_are_acknowledged(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=())
	for n in range(20):
		ring(b, 1, 183, None, "fork%d" % n)
	for n in range(8):
		b.expect("PRACK")
		b.reply(200)
	a.expect(183)
	s.net.quiet(0.3)
	same(len(s.caller.arrivals(183)), 8)
	b.reply(200, True, request=b.invited, tag="fork19")
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def a_reliable_199_is_acknowledged_and_goes_no_further(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw)
	ring(b, 1)
	acknowledged(b, 1)
	acknowledge(a)
	ring(b, 2, 199)
	acknowledged(b, 2)
	s.net.quiet(0.3)
	ends(s, a, b)


@scenario
def a_cancel_while_our_prack_is_unanswered_leaves_nothing(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw)
	ring(b, 1, 183, True)
	b.expect("PRACK")
	a.expect(183)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.cancelled()
	s.settle()
	same(s.switch.record()["sip_code"], 487)


# INVITE without offer

@scenario
def the_answer_to_a_late_offer_crosses_in_the_pracks(s):
	gw = s.gateway()
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, sdp=False)
	again = ring(b, 9, 183, OFFER)
	response = a.expect(183)
	same((response.body, response["Require"]), (OFFER, "100rel"))
	gw.send(again.raw, b.invited.source)
	s.net.quiet(0.05)
	same(gw.arrivals("PRACK"), [])
	prack(a, response, ANSWER)
	a.expect(200, "PRACK")
	got = acknowledged(b, 9, ANSWER)
	same(got["Content-Type"], "application/sdp")
	b.reply(200, request=b.invited)
	same(b.expect("ACK").body, b"")  # before that of the caller
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)
	same(s.switch.record()["sip_code"], 200)


@scenario
def a_lost_prack_with_an_answer_is_resent_with_it(s):
	gw = s.gateway(auth_user="us", auth_password="secret")
	s.start(**ON, **SHORT)
	a, b = begin(s, gw, sdp=False)
	ring(b, 9, 183, OFFER)
	prack(a, a.expect(183), ANSWER)
	a.expect(200, "PRACK")
	same([entry.message.body for entry in gw.expect_count(3, "PRACK")], [ANSWER] * 3)
	b.expect("PRACK")
	b.reply(401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n"')])
	acknowledged(b, 9, ANSWER)
	ends(s, a, b, sdp=None)


@scenario
def without_offer_a_caller_without_100rel_keeps_the_gateway_from_it(s):
	for setting in ("Supported", "Required"):
		s.gateway(setting, prefix=setting[0], sip_100rel=setting)
	s.start()
	for gw in (peer for peer in s.net.peers if peer is not s.caller):
		a = s.caller.invite(gw.name[0], sdp=False, headers=SUPPORTED)
		b = gw.leg()
		same((b.invited["Require"], "100rel" in options(b.invited)), ("", False))
		b.reply(200, OFFER)
		a.expect(200, "INVITE")
		a.ack(ANSWER)
		same(b.expect("ACK").body, ANSWER)
		s.over(a, b)
	s.switch.records(2)


@scenario
def without_offer_a_caller_without_100rel_gets_what_the_gateway_describes(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, headers=(), sdp=False)
	b.reply(183, OFFER)
	same(plain(a.expect(183)).body, OFFER)
	b.reply(200, OFFER)
	a.expect(200, "INVITE")
	a.ack(ANSWER)
	same(b.expect("ACK").body, ANSWER)
	s.over(a, b)


@scenario
def without_offer_a_description_that_is_not_reliable_stays_here(s):
	gw = s.gateway()
	s.start(**ON)
	a, b = begin(s, gw, sdp=False)
	b.reply(183, OFFER)
	response = acknowledge(a, 183)
	same((response.body, response["Content-Type"]), (b"", ""))
	b.reply(200, OFFER)
	same(a.expect(200, "INVITE").body, OFFER)
	a.ack(ANSWER)
	same(b.expect("ACK").body, ANSWER)
	s.over(a, b)


@scenario
def after_a_failover_the_caller_has_answered_already(s):
	first, second = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, first, sdp=False)
	ring(b, 9, 183, OFFER)
	acknowledge(a, 183, ANSWER)
	acknowledged(b, 9, ANSWER)
	b.refuse(503)
	c = second.leg()
	same((c.invited.body, c.invited.all("Content-Type")), (ANSWER, ["application/sdp"]))
	ring(c, 3, 183, OTHER)
	same(acknowledge(a, 183).body, OTHER)
	acknowledged(c, 3)
	ends_elsewhere(s, a, c, OTHER, sdp=None)


@scenario
def what_the_caller_changed_before_a_failover_is_offered_to_the_next_gateway(s):
	first, second = s.gateways(2)
	s.start(**ON)
	a, b = begin(s, first, headers=SUPPORTED + ALLOW + [("Content-Language", "de")])
	ring(b, 9, 183, ANSWER)
	acknowledged(b, 9)
	acknowledge(a, 183)
	a.send("UPDATE", body=OFFER)
	same(b.expect("UPDATE").body, OFFER)
	b.reply(200, ANSWER)
	a.expect(200, "UPDATE")
	b.refuse(503)
	c = second.leg()
	same((c.invited.body, c.invited.all("Content-Type"), c.invited["Content-Language"]), (OFFER, ["application/sdp"], ""))
	ends_elsewhere(s, a, c, second.sdp)


@scenario
def the_answer_given_in_a_prack_serves_a_fork_that_offers_in_its_200(s):
	gw = s.gateway()
	s.start(**ON)
	for in_ack, passed in ((b"", ANSWER), (gw.sdp, gw.sdp)):
		a, b = begin(s, gw, sdp=False)
		ring(b, 9, 183, OFFER)
		acknowledge(a, 183, ANSWER)
		acknowledged(b, 9, ANSWER)
		b.local = b.local.replace(sip.param(b.local, "tag"), "fork" + sip.param(b.local, "tag"))
		b.reply(200, OTHER, request=b.invited)
		a.expect(200, "INVITE")
		a.ack(in_ack)
		got = b.expect("ACK")
		same((got.body, got.all("Content-Type")), (passed, ["application/sdp"]))
		same(a.expect("INVITE").body, OTHER)
		a.reply(200, True)
		a.expect("ACK")
		s.over(a, b)
	s.switch.records(2)


if __name__ == "__main__":
	run()
