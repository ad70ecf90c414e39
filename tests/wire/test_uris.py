"""A URI that came from outside stands in a start line or Route of ours only if it can: what the parser reads in a header may
hold blanks, tabs, folds and control characters, which end the URI of a request line (RFC 3261 sections 7.1 and 25.1)."""

import sip
from net import same
from registrar import grant, reaches, registrar
from runner import run, scenario

ODD = {"blank": " ", "tab": "\t", "fold": "\r\n ", "control": "\x01", "quote": '"', "bracket": "<"}


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


def hangs_up_at(s, caller, gw, a):
	"""The gateway answers this call and hangs up; the request line of the BYE that the caller gets, and its routes."""
	b = gw.leg()
	s.answer(a, b)
	b.send("BYE")
	bye = a.hung_up()
	b.expect(200, "BYE")
	return bye.uri, bye["Route"]


@each
def callers_contact(s, caller, gw, odd):
	"""Taken as missing, as of a caller of RFC 2543: From is the target."""
	a = caller.invite("4930", Contact=odd_contact(caller, odd))
	same(hangs_up_at(s, caller, gw, a), (sip.uri(a.local), ""))


@each
def callers_route(s, caller, gw, odd):
	"""Taken as missing, and with it the sound one."""
	for routes in "<sip:127.0.0.1;x=a%sb;lr>", "<sip:127.0.0.1;lr>, <sip:127.0.0.1;x=a%sb;lr>":
		a = caller.invite("4930", Record_Route=routes % odd)
		same(hangs_up_at(s, caller, gw, a), (sip.uri(caller.contact), ""))


@each
def callers_number(s, caller, gw, odd):
	"""In From; without a Contact it is the remote target, too."""
	caller.invite("4930", caller="49%s30" % odd).expect(400)
	same(s.switch.record()["end_reason"], "invalid number")
	caller.invite("4930", caller="49%s30" % odd, Contact=None).expect(400)
	talks(s, caller, gw)


@each
def contact_of_a_reinvite(s, caller, gw, odd):
	"""It leaves the target as it was."""
	a, b = s.talk(gw, caller=caller)
	for leg, other in (a, b), (b, a):
		leg.send("INVITE", body=sip.sdp(31000), Contact=odd_contact(leg.peer, odd))
		other.expect("INVITE")
		other.reply(200, sdp=True)
		leg.expect(200, "INVITE")
		leg.ack()
		other.expect("ACK")
		leg.send("UPDATE", Contact=odd_contact(leg.peer, odd))
		leg.expect(200, "UPDATE")
		other.send("INFO")
		same(leg.expect("INFO").uri, sip.uri(leg.peer.contact))
		leg.reply(200)
		other.expect(200, "INFO")
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
