"""Who is not known gets no record, no more bytes than it sent, silence if the operator wants that, and a line in a list."""

import sip
from net import same
from runner import run, scenario, variants

OFF = {"SS_REPLY_UNAUTHORIZED": "Off"}
METHODS = ("INVITE", "OPTIONS", "REGISTER", "CANCEL", "BYE", "INFO", "PRACK", "SUBSCRIBE", "PUBLISH", "NOSUCH")


def stranger(s, host="127.0.0.66", **more):
	return s.peer("stranger", host=host, **more)


def strangers(s):
	return s.switch.control("strangers.list")["strangers"]


def listed(s, reason, count=1):
	"""The entry of this reason, once it has this count."""
	def find():
		return [entry for entry in strangers(s) if entry["reason"] == reason and entry["count"] == count]
	return s.net.until(find, "%s is listed %d times: %s" % (reason, count, strangers(s)), step=0.02)[0]


def raw(peer, text, **fields):
	"""Send a message whose lines end as they must."""
	fields = {"via": peer.via(), "host": peer.host_port, "proxy": sip.host_port(*peer.proxy), **fields}
	peer.send((text % fields).replace("\n", "\r\n").encode(), peer.proxy)


MALFORMED = """INVITE sip:4930@%(proxy)s SIP/2.0
Via: %(via)s
From: <sip:a@%(host)s>;tag=1
To: <sip:4930@%(proxy)s>
Call-ID: c-%(host)s
CSeq: 1 BYE
Content-Length: 0

"""
OLD = """OPTIONS sip:4930@%(proxy)s SIP/7.0
Via: %(via)s
From: <sip:a@%(host)s>;tag=1
To: <sip:4930@%(proxy)s>
Call-ID: d-%(host)s
CSeq: 1 OPTIONS
Content-Length: 0

"""


@scenario
def a_strangers_requests_are_listed_by_source_and_leave_no_record(s):
	s.start()
	peer, other = stranger(s), stranger(s, host="127.0.0.67")
	peer.proxy = other.proxy = s.caller.proxy
	for callee in ("4930", "4931"):
		peer.invite(callee).expect(403, "INVITE")
	other.request("OPTIONS")
	other.expect(403)
	last, first = strangers(s)
	same([last[key] for key in ("source", "reason", "method", "user", "count")],
		["127.0.0.67", "unknown source", "OPTIONS", "", 1])
	same([first[key] for key in ("source", "port", "transport", "reason", "method", "user", "name", "count")],
		["127.0.0.66", peer.port, "udp", "unknown source", "INVITE", "4931", "", 2])
	assert first["first_ms"] <= first["last_ms"] <= last["last_ms"], (first, last)
	same(s.switch.control("strangers.list", limit=1, offset=1)["strangers"][0]["source"], "127.0.0.66")
	same(s.switch.control("strangers.list")["counts"]["unknown source"], 3)
	same(s.switch.records(None), [])
	log = s.switch.read_log()
	same(log.count("message of a stranger"), 2)
	assert "source=127.0.0.66:%d" % peer.port in log, log


@variants(("udp", "udp"), ("tcp", "tcp"))
def silence_is_silence_to_whatever_a_stranger_sends(s, transport):
	s.start(("udp", "tcp"), **OFF)
	peer = stranger(s, transport=transport)
	peer.proxy = s.switch.addresses[transport]
	for method in METHODS:
		peer.request(method, "4930")
		peer.request(method, "4930", To="<sip:4930@x.invalid>;tag=nobodys")
	peer.request("INVITE", "4930", Require="nosuch", Max_Forwards="0")
	same(listed(s, "unknown source", 2 * len(METHODS) + 1)["source"], "127.0.0.66")
	if transport == "udp":
		raw(peer, MALFORMED)
		raw(peer, OLD)
		listed(s, "malformed", 2)
	peer.request("OPTIONS", "4930", CSeq="4294967295 OPTIONS")
	listed(s, "malformed", 3 if transport == "udp" else 1)
	s.net.quiet(0.1)
	same(s.switch.records(None), [])


@scenario
def what_cannot_be_read_is_answered_and_listed(s):
	s.start()
	peer = stranger(s)
	peer.proxy = s.caller.proxy
	raw(peer, MALFORMED)
	peer.expect(400)
	raw(peer, OLD)
	peer.expect(505)
	same(listed(s, "malformed", 2)["source"], "127.0.0.66")
	raw(s.caller, MALFORMED)
	s.caller.expect(400)


@scenario
def known_peers_get_their_400_with_silence_for_strangers(s):
	s.start(**OFF)
	raw(s.caller, MALFORMED)
	s.caller.expect(400)


@scenario
def no_answer_to_a_stranger_is_longer_than_twice_its_request(s):
	s.start()
	peer = stranger(s)
	peer.proxy = s.caller.proxy
	short = [b"%s sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;rport\r\nf:sip:a;tag=%d\r\nt:sip:a\r\ni:%d\r\nCSeq:1 %s\r\n\r\n"
		% (method, number, number, method) for number, method in enumerate((b"PRACK", b"OPTIONS", b"INVITE", b"BYE"))]
	short += [b"BYE sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;rport\r\n\r\n", b"BYE sip:a SIP/3.0\r\nv:SIP/2.0/UDP a;rport\r\n\r\n"]
	for request in short:
		sent, before = len(request), len(s.net.trace)
		peer.sock.sendto(request, peer.proxy)
		s.net.until(lambda: s.switch.status(), "it is handled")
		s.net.poll(0.02)
		answered = sum(len(entry.message.raw) for entry in s.net.trace[before:])
		assert answered <= 2 * sent, (request, answered)
	peer.inbox.clear()
	peer.request("OPTIONS", "4930")  # of the usual length
	peer.expect(403)


@scenario
def a_refusal_of_a_stranger_is_sent_once(s):
	s.start(SS_SIP_RESEND_INTERVAL="0.05,0.05")
	peer = stranger(s)
	peer.proxy = s.caller.proxy
	a = peer.invite("4930")
	a.expect(403, "INVITE", ack=False)
	s.net.quiet(0.3)
	same(len(peer.arrivals(403)), 1)


@scenario
def fifty_forged_answers_draw_nothing_and_are_listed(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.05,0.05,0.05,0.05")
	forger = stranger(s)
	forger.proxy = s.caller.proxy
	for number in range(50):
		forger.send(sip.build("SIP/2.0 200 OK", [
			("Via", "SIP/2.0/UDP %s;branch=z9hG4bK%016x" % (sip.host_port(*forger.proxy), number)),
			("From", "<sip:a@x.invalid>;tag=1"), ("To", "<sip:b@y.invalid>;tag=%d" % number), ("Call-ID", "nobodys"),
			("CSeq", "1 INVITE"), ("Contact", forger.contact)]), forger.proxy)
	same(listed(s, "no such transaction", 50)["method"], "INVITE")
	s.net.quiet(0.3)
	s.over(*s.talk(gw))
	same(forger.inbox, [])


if __name__ == "__main__":
	run()
