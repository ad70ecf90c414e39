"""Messages that have the tokens of a call and come from another address: believed and listed, or refused (RFC 3261 section 26)."""

import copy

import sip
from dialog import same_transaction
from net import same
from registrar import reaches, registrar, silence, status
from runner import run, scenario, variants

ELSEWHERE = "127.0.0.66"


def elsewhere(s, leg, transport="udp", host=ELSEWHERE):
	"""The same side of the same call at an address that no row has."""
	peer = s.peer("elsewhere", transport, host)
	peer.proxy = s.switch.addresses[transport]
	leg.peer.secrets |= peer.secrets
	peer.secrets = leg.peer.secrets
	moved = copy.copy(leg)
	moved.peer, moved.route = peer, peer.proxy
	return moved


def entries(s):
	return [(entry["source"], entry["reason"], entry["method"], entry["name"], entry["count"])
		for entry in s.switch.control("strangers.list")["strangers"]]


def listed(s, *expected):
	s.net.until(lambda: entries(s) == list(expected), "listed are %s, not %s" % (expected, entries(s)), step=0.02)


def answer(leg, request, status, sdp=None):
	"""Answer from leg's address what came elsewhere."""
	request = copy.copy(request)
	request.source = leg.peer.proxy
	leg.reply(status, sdp=sdp, request=request)


@scenario
def a_bye_of_the_caller_from_elsewhere_is_believed_and_listed(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	away = elsewhere(s, a)
	away.send("BYE")
	away.expect(200, "BYE")
	b.hung_up()
	listed(s, (ELSEWHERE, "other source", "BYE", "customer", 1))
	same(s.switch.record()["end_direction"], 0)
	same(s.switch.read_log().count("message of a stranger reason=\"other source\""), 1)


@scenario
def a_reinvite_of_the_gateway_from_elsewhere_is_believed_and_listed_once(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	away = elsewhere(s, b)
	for port in (31000, 31002):
		away.send("INVITE", body=sip.sdp(port), Contact=gw.contact)
		a.expect("INVITE")
		a.reply(200, sdp=True)
		away.expect(200, "INVITE")
		away.ack()
		a.expect("ACK")
	listed(s, (ELSEWHERE, "other source", "ACK", "gw", 4))
	same(s.switch.read_log().count("message of a stranger"), 1)
	s.over(a, b)


@scenario
def answers_from_elsewhere_are_believed_and_listed(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	away = elsewhere(s, b)
	answer(away, b.invited, 180)
	a.expect(180)
	answer(away, b.invited, 200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	away.expect("ACK")  # at the address of its Contact
	listed(s, (ELSEWHERE, "other source", "INVITE", "gw", 2))
	s.over(a, away)


@scenario
def another_port_of_the_peer_is_no_other_source(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	moved = elsewhere(s, b, host="127.0.0.1")
	moved.send("BYE")
	moved.expect(200, "BYE")
	a.hung_up()
	listed(s)


@scenario
def another_address_of_the_customers_block_is_no_other_source(s):
	gw = s.gateway(host="127.0.1.1")
	s.switch.pending.append("update mapping_gateway set host = '127.0.0.0/24'")
	s.start()
	a, b = s.talk(gw)
	away = elsewhere(s, a)
	away.send("BYE")
	away.expect(200, "BYE")
	b.hung_up()
	listed(s)


@scenario
def a_caller_behind_nat_is_no_other_source(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", Contact="<sip:4930@127.0.0.99:5099>")
	b = gw.leg()
	s.answer(a, b)
	a.send("BYE")
	a.expect(200, "BYE")
	b.hung_up()
	listed(s)


@scenario
def a_cancel_from_elsewhere_is_believed_and_listed(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	away = elsewhere(s, a)
	away.cancel()
	away.expect(200, "CANCEL")
	b.cancelled()
	a.expect(487, "INVITE")
	listed(s, (ELSEWHERE, "other source", "CANCEL", "customer", 1))


STRICT = {"strict_source": 1}


@scenario
def a_strict_gateway_is_not_believed_from_elsewhere(s):
	gw = s.gateway(**STRICT)
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	away = elsewhere(s, b)
	answer(away, b.invited, 180)
	answer(away, b.invited, 200, sdp=True)
	listed(s, (ELSEWHERE, "strict source", "INVITE", "gw", 2))
	s.answer(a, b)
	for number, method in enumerate(("INVITE", "UPDATE", "INFO", "BYE"), 3):
		away.send(method, body=sip.sdp(9) if method == "INVITE" else b"", cseq=b.cseq + 50, Contact=gw.contact)
		away.expect(403, method, ack=False)
		listed(s, (ELSEWHERE, "strict source", method, "gw", number))
	away.send("ACK", cseq=1)
	listed(s, (ELSEWHERE, "strict source", "ACK", "gw", 7))
	s.over(b, a)
	same(s.switch.record()["end_direction"], 1)


@scenario
def a_strict_customer_is_not_believed_from_elsewhere(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set strict_source = 1")
	s.start(SS_REPLY_UNAUTHORIZED="Off")
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	away = elsewhere(s, a)
	away.cancel()
	listed(s, (ELSEWHERE, "strict source", "CANCEL", "customer", 1))
	s.answer(a, b)
	away.send("BYE", cseq=50)
	listed(s, (ELSEWHERE, "strict source", "BYE", "customer", 2))
	s.over(a, b)


@scenario
def a_strict_peer_may_move_by_its_contact(s):
	gw = s.gateway(**STRICT)
	s.start()
	a, b = s.talk(gw)
	away = elsewhere(s, b)
	b.send("UPDATE", Contact=away.peer.contact)
	b.expect(200, "UPDATE")
	away.send("BYE", cseq=b.cseq + 1)
	away.expect(200, "BYE")
	a.hung_up()
	listed(s)


@scenario
def the_answer_of_a_strict_gateway_to_its_probe_is_not_believed_from_elsewhere(s):
	gw = s.gateway(options_check=1, **STRICT)
	s.start(SS_SIP_OPTIONS_CHECK_PERIOD="5")
	probe = gw.expect("OPTIONS")
	away = s.peer("elsewhere", host=ELSEWHERE)
	away.send(sip.build("SIP/2.0 200 OK", [(name, probe[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")]),
		probe.source)
	listed(s, (ELSEWHERE, "strict source", "OPTIONS", "gw", 1))
	gw.send(sip.build("SIP/2.0 200 OK", [(name, probe[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")]),
		probe.source)


@scenario
def the_answer_of_a_strict_registrar_is_not_believed_from_elsewhere(s):
	r = registrar(s, columns=STRICT)
	r.script = [silence]
	s.start()
	request = r.net.until(lambda: r.requests and r.requests[0], "REGISTER comes")
	away = s.peer("elsewhere", host=ELSEWHERE)
	away.send(sip.build("SIP/2.0 403 No", [(name, request[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")]),
		request.source)
	listed(s, (ELSEWHERE, "strict source", "REGISTER", "carrier", 1))
	same(status(s)["code"], None)
	r.answer(request, 200, [("Contact", request["Contact"]), ("Expires", "3600")])
	reaches(s, "registered")


@variants(("udp", "udp"), ("tcp", "tcp"))
def a_leg_over_tls_is_not_believed_by(s, transport):
	gw = s.gateway(transport="tls")
	s.start(("udp", "tcp", "tls"))
	a, b = s.talk(gw)
	away = elsewhere(s, b, transport)
	for method in ("BYE", "INFO", "INVITE"):
		away.send(method, body=sip.sdp(9) if method == "INVITE" else b"", cseq=b.cseq + 50, Contact=gw.contact)
		away.expect(403, method, ack=False)
	away.send("ACK", cseq=1)
	listed(s, (ELSEWHERE, "weaker transport", "ACK", "gw", 4))
	a.send("INFO")
	info = b.expect("INFO")
	answer(away, info, 500)
	listed(s, (ELSEWHERE, "weaker transport", "INFO", "gw", 5))
	b.reply(200)
	a.expect(200, "INFO")
	s.over(b, a)
	same(s.switch.record()["end_direction"], 1)


@scenario
def a_caller_over_tls_is_not_cancelled_by_udp(s):
	gw = s.gateway()
	caller = s.peer("tls-caller", "tls")
	s.start(("udp", "tls"))
	a = caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	away = elsewhere(s, a)
	cancel = same_transaction(a.invited, "CANCEL", a.invited["To"]).replace(b"SIP/2.0/TLS", b"SIP/2.0/UDP")
	away.peer.send(cancel, away.route)
	away.expect(403, "CANCEL")
	listed(s, (ELSEWHERE, "weaker transport", "CANCEL", "customer", 1))
	s.answer(a, b)
	s.over(a, b)


if __name__ == "__main__":
	run()
