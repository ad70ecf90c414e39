"""A header that cannot be read is left out, and the message counts without it (RFC 3261 section 8.2); only what no message
can do without makes it garbage: start line, Via, From, To, Call-ID, CSeq, Content-Length and Require."""

import sip
from net import same
from registrar import SPEED, grant, reaches, refuse, registrar
from rel100 import ON, ring
from runner import run, scenario

# Each cannot be read by the parser; what it takes (blanks, comments, foreign words) passes and is of no interest here.
BAD = [("Expires", "never"), ("Expires", "-1"), ("Content-Disposition", ""), ("Event", ""), ("Session-Expires", "x"),
	("Session-Expires", ""), ("Min-SE", "x"), ("RSeq", "x"), ("RAck", "1 2"), ("Max-Forwards", "many"), ("Timestamp", "abc"),
	("Date", "today"), ("Allow", '"'), ("Supported", "@;"), ("Accept", "x;;="), ("Allow-Events", "@"), ("Warning", "399 gw"),
	("Retry-After", "x"), ("Call-Info", "x"), ("Error-Info", "none"), ("Reason", "@"), ("Privacy", "@"), ("Alert-Info", "Ring"),
	("P-Asserted-Identity", "<>"), ("Remote-Party-ID", "x"), ("Diversion", "<"), ("Route", "x y"), ("Record-Route", "<>"),
	("Service-Route", "<>"), ("Path", "<>"), ("MIME-Version", "@"), ("Content-Language", "@"), ("Accept-Encoding", "@"),
	("In-Reply-To", ""), ("Unsupported", "@"), ("Proxy-Require", "@"), ("Proxy-Authenticate", ""), ("WWW-Authenticate", "@"),
	("Proxy-Authorization", ""), ("Authorization", ""), ("Authentication-Info", ""), ("Refer-To", "<>"), ("Referred-By", "<>"),
	("Replaces", "@"), ("SIP-ETag", ""), ("SIP-If-Match", ""), ("Subscription-State", "@"), ("Min-Expires", "x"),
	("Reply-To", "<"), ("History-Info", "<"), ("User-Agent", "a (b"), ("Server", "a (b"), ("Security-Client", "@"),
	("Contact", "<sip:a@127.0.0.1>, nobody"), ("Contact", "<sip:127.0.0.1"), ("Request-Disposition", "@"), ("Accept-Contact", "x")]
TWICE = [(name, value) for name, value in (("Expires", "60"), ("Max-Forwards", "60"), ("User-Agent", "x"), ("Subject", "x"),
	("Date", "Sat, 13 Nov 2010 23:29:00 GMT"), ("Session-Expires", "1800"), ("MIME-Version", "1.0"), ("RSeq", "1"))
	for _ in range(2)]
GARBAGE = [  # beside the right one
	("From", "<"), ("To", "<"), ("Call-ID", ""), ("CSeq", "1 BYE"), ("Via", "x"),
	("Require", '"'), ("Content-Length", "x")]
NOTED = "unreadable header"


def each(lines=tuple(BAD)):
	"""Each bad line alone, and two of some."""
	yield from ([line] for line in lines)
	yield from ([TWICE[i], TWICE[i + 1]] for i in range(0, len(TWICE), 2))


def counted(s):
	return s.switch.control("strangers.list")["counts"][NOTED]


@scenario
def a_call_is_set_up_whatever_the_caller_wrote(s):
	gw = s.gateway()
	s.start()
	for lines in each():
		fields = {"Max_Forwards": None, "User_Agent": None, "Contact": None if lines[0][0] == "Contact" else s.caller.contact}
		a = s.caller.invite("4930", headers=lines, **fields)
		gw.leg().refuse(486)
		a.expect(486)
	assert counted(s) > 20, counted(s)


@scenario
def the_first_of_two_counts(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", headers=[("Max-Forwards", "20")], Max_Forwards="10")
	b = gw.leg()
	same(b.invited["Max-Forwards"], "9")
	b.refuse(486)
	a.expect(486)
	same(counted(s), 1)


@scenario
def an_answer_counts_whatever_the_gateway_wrote(s):
	gw = s.gateway()
	s.start()
	for lines in each():
		a = s.caller.invite("4930")
		b = gw.leg()
		b.reply(180, headers=lines)
		a.expect(180)
		b.reply(183, sdp=True, headers=lines)
		a.expect(183)
		b.reply(200, sdp=True, headers=lines, request=b.invited)
		a.expect(200)
		a.ack()
		b.expect("ACK")
		s.over(a, b)
	assert counted(s) > 60, counted(s)


@scenario
def a_refusal_counts_whatever_the_gateway_wrote(s):
	gw = s.gateway()
	s.start()
	for status, all in ((486, each()), (302, each(BAD[::9])), (404, each(BAD[1::9])), (600, each(BAD[2::9]))):
		for lines in all:
			a = s.caller.invite("4930")
			gw.leg().refuse(status, lines)
			a.expect(480 if status == 302 else status)


@scenario
def requests_inside_the_dialog_are_served(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for lines in each():
		for leg, other in (a, b), (b, a):
			leg.send("INFO", lines, Max_Forwards=None, User_Agent=None)
			other.expect("INFO")
			other.reply(200, headers=lines)
			leg.expect(200, "INFO")
	for leg, other in (a, b), (b, a):
		leg.send("INVITE", [("Min-SE", "x"), ("Expires", "x")], sip.sdp(31000))
		other.expect("INVITE")
		other.reply(200, sdp=True, headers=[("Session-Expires", "x"), ("Require", "")])
		leg.expect(200, "INVITE")
		leg.ack()
		other.expect("ACK")
		leg.send("UPDATE", [("Session-Expires", "x")])
		leg.expect(200, "UPDATE")
	a.send("BYE", [("Reason", "@"), ("Expires", "x")])
	b.expect("BYE")
	b.reply(200, headers=[("Event", "")])
	a.expect(200, "BYE")


@scenario
def a_contact_of_somebody_else_leaves_the_target(s):
	"""The remote target stays as it was, in the 2xx to a re-INVITE and in that to the INVITE."""
	gw = s.gateway()
	s.start()
	for contact in ("nobody", "<sip:127.0.0.1", "<>", "<sip:a@[::1>"):
		a = s.caller.invite("4930")
		b = gw.leg()
		b.reply(200, sdp=True, contact=contact)
		same(b.expect("ACK").uri, b.invited.uri)
		a.expect(200)
		a.ack()
		s.over(a, b)
		a, b = s.talk(gw)
		a.send("INVITE", body=sip.sdp(31000))
		request = b.expect("INVITE")
		b.reply(200, sdp=True, request=request, contact=contact)
		same(b.expect("ACK").uri, request.uri)
		a.expect(200, "INVITE")
		a.ack()
		s.over(a, b)


@scenario
def a_refusal_without_what_it_should_say_is_a_refusal(s):
	"""422 without Min-SE, 503 without Retry-After, 401 without a challenge, 420 without Unsupported."""
	gw, other = s.gateway("gw"), s.gateway("other")
	s.start()
	for status, line in ((422, ("Min-SE", "x")), (503, ("Retry-After", "x")), (401, ("WWW-Authenticate", "@")),
			(407, ("Proxy-Authenticate", "")), (420, ("Unsupported", "@"))):
		a = s.caller.invite("4930")
		gw.leg().refuse(status, [line])
		other.leg().refuse(486)
		a.expect(486)
	same(s.switch.control("gateways.get", name="gw")["state"], "up")


@scenario
def a_reliable_answer_and_its_prack(s):
	gw = s.gateway()
	s.start(**ON)
	a = s.caller.invite("4930")
	b = gw.leg()
	ring(b, 7, more=[("Expires", "x"), ("Event", "")])
	b.expect("PRACK")
	b.reply(200, headers=[("RSeq", "x"), ("Session-Expires", "x")])
	a.expect(180)
	b.refuse(486)
	a.expect(486)


@scenario
def a_registrars_answers_count(s):
	r = registrar(s)
	r.script = [refuse(423, ("Min-Expires", "x")), refuse(503, ("Retry-After", "x")),
		grant(40, headers=[("Expires", "never"), ("Date", "today"), ("Service-Route", "<>"), ("Path", "<>"), ("Event", "")])]
	s.start(clock_speed=SPEED, SS_SIP_USER_AGENT_RETRY_DELAY="30")
	reaches(s, "registered")
	r.script = [grant(40, contact="nobody"), grant(40)]
	s.net.until(lambda: len(r.requests) >= 5, "it registers again")


@scenario
def options_are_served(s):
	gw = s.gateway()
	s.start()
	for lines in each():
		sent = s.caller.request("OPTIONS", "", lines, Max_Forwards=None, User_Agent=None)
		s.caller.expect(200, "OPTIONS", call_id=sent["Call-ID"])
		sent = gw.request("PUBLISH", "", lines)
		gw.expect(403, "PUBLISH", call_id=sent["Call-ID"])


@scenario
def the_first_of_a_peer_is_logged_and_all_are_counted(s):
	gw = s.gateway()
	s.start()
	for _ in range(3):
		a = s.caller.invite("4930", headers=[("Expires", "never"), ("Event", "")])
		gw.leg().refuse(486)
		a.expect(486)
	entry, = [e for e in s.switch.control("strangers.list")["strangers"] if e["reason"] == NOTED]
	same((entry["count"], entry["name"], entry["method"]), (3, "customer", "INVITE"))
	lines = [line for line in s.switch.read_log().splitlines() if NOTED in line]
	same(len(lines), 1)
	assert "fault=Expires" in lines[0] and "source=%s" % s.caller.host_port in lines[0], lines


@scenario
def garbage_is_400_or_silence_and_leaves_a_line(s):
	gw = s.gateway()
	s.start()
	for name, value in GARBAGE:
		s.caller.request("OPTIONS", "", [(name, value)])
	s.caller.request("REGISTER", "", [("Contact", "<sip:")])
	s.caller.expect_count(len(GARBAGE) + 1, 400)
	for start in ("INVITE sip:4930@127.0.0.1", "SIP/2.0 two OK", "INVITE", "hello world", "/ B SIP/2.0"):
		s.caller.sock.sendto(sip.build(start, [("Via", s.caller.via())]), s.caller.proxy)
	s.net.until(lambda: s.switch.control("strangers.list")["counts"]["malformed"] == len(GARBAGE) + 6, "all are counted", step=0.02)
	lines = [line for line in s.switch.read_log().splitlines() if "malformed" in line]
	same(len(lines), 1)
	assert "fault=From" in lines[0], lines
	while s.caller.find(400):
		pass
	a = s.caller.invite("4930")
	b = gw.leg()
	for name, value in GARBAGE:
		b.reply(200, sdp=True, headers=[(name, value)])
	b.refuse(486)
	a.expect(486)


@scenario
def a_request_uri_that_cannot_be_read_is_400(s):
	gw = s.gateway()
	s.start()
	for uri in "sip:49 30@127.0.0.1", "sip:49\t30@127.0.0.1", "<sip:4930@127.0.0.1> ", "sip:", "sip:4930@127.0.0.1; lr", "sip:%zz@b":
		s.caller.invite("4930", uri=uri, To="<sip:4930@127.0.0.1>").expect(400)
	same(gw.inbox, [])
	s.over(*s.talk(gw))


run()
