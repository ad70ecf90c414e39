"""A URI that came from outside stands in a start line or Route of ours only if it can: what the parser reads in a header may
hold blanks, tabs, folds and control characters, which end the URI of a request line (RFC 3261 sections 7.1 and 25.1)."""

import sip
from net import same
from registrar import grant, reaches, registrar
from runner import run, scenario

ODD = {"blank": " ", "tab": "\t", "fold": "\r\n ", "control": "\x01", "quote": '"', "bracket": "<"}
REASON = "unusable Contact or route"


def each(play):
	"""A scenario for each odd character, between peers of TCP."""
	for name, odd in ODD.items():
		def one(s, odd=odd):
			caller, gw = s.peer("phone", "tcp"), s.gateway("gw", "tcp")
			s.start(["udp", "tcp"], SS_SIP_RESEND_INTERVAL="0.1,0.2")
			play(s, caller, gw, odd)
		one.__name__ = "%s_%s" % (play.__name__, name)
		scenario(one)


def odd_contact(peer, odd):
	return peer.contact.replace("<sip:", "<sip:a%sb@" % odd)


def talks(s, caller, gw):
	s.over(*s.talk(gw, caller=caller))


@each
def callers_contact(s, caller, gw, odd):
	caller.invite("4930", Contact=odd_contact(caller, odd)).expect(400)
	row = s.switch.record()
	same((row["sip_code"], row["end_reason"]), (400, REASON))
	talks(s, caller, gw)


@each
def callers_route(s, caller, gw, odd):
	caller.invite("4930", Record_Route="<sip:127.0.0.1;x=a%sb;lr>" % odd).expect(400)
	same(s.switch.record()["end_reason"], REASON)
	caller.invite("4930", Record_Route="<sip:127.0.0.1;lr>, <sip:127.0.0.1;x=a%sb;lr>" % odd).expect(400)
	talks(s, caller, gw)


@each
def callers_number(s, caller, gw, odd):
	"""In From; without a Contact it is the remote target, too."""
	caller.invite("4930", caller="49%s30" % odd).expect(400)
	same(s.switch.record()["end_reason"], "invalid number")
	caller.invite("4930", caller="49%s30" % odd, Contact=None).expect(400)
	talks(s, caller, gw)


@each
def contact_of_a_reinvite(s, caller, gw, odd):
	a, b = s.talk(gw, caller=caller)
	for leg in a, b:
		leg.send("INVITE", Contact=odd_contact(leg.peer, odd))
		leg.expect(400, "INVITE")
		leg.send("UPDATE", Contact=odd_contact(leg.peer, odd))
		leg.expect(400, "UPDATE")
	s.over(b, a)


@each
def gateways_contact_and_route(s, caller, gw, odd):
	"""Taken as missing: ACK and BYE go where the INVITE went."""
	odd_route = [("Record-Route", "<sip:127.0.0.1;x=a%sb;lr>" % odd)]
	for more in {"contact": odd_contact(gw, odd)}, {"headers": odd_route}:
		a = caller.invite("4930")
		b = gw.leg()
		b.reply(200, sdp=True, **more)
		ack = b.expect("ACK")
		same((ack["Route"], odd in ack.uri), ("", False))
		a.expect(200)
		a.ack()
		s.over(a, b)


@each
def contact_of_the_answer_to_a_reinvite(s, caller, gw, odd):
	a, b = s.talk(gw, caller=caller)
	a.send("INVITE", body=sip.sdp(31000))
	request = b.expect("INVITE")
	b.reply(200, sdp=True, request=request, contact=odd_contact(gw, odd))
	same(b.expect("ACK").uri, request.uri)
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)


@each
def service_route(s, caller, gw, odd):
	"""Not used; the registration stands."""
	r = registrar(s)
	r.script = [grant(40, headers=[("Service-Route", "<sip:a%sb@%s;transport=tcp;lr>" % (odd, gw.host_port))])]
	s.switch.sql("update gateway set registration = 'carrier'")
	reaches(s, "registered")
	a, b = s.talk(gw, caller=caller)
	same(b.invited["Route"], "")
	s.over(a, b)


@scenario
def a_phrase_with_control_characters_is_replaced_by_the_usual_one(s):
	gw = s.gateway("gw", "tcp")
	s.start(["udp", "tcp"])
	for sent, passed in ("Not\t here", "Not\t here"), ("Not\x01here", "Busy Here"):
		a = s.caller.invite("4930")
		b = gw.leg()
		gw.send(sip.build("SIP/2.0 486 " + sent, b.response_headers(b.invited, 486)), b.invited.source)
		b.expect("ACK")
		same(a.expect(486).reason, passed)


run()
