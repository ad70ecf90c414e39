"""Abuse, forgery and sheer size must not stop the switch, end a call or misdirect a message (RFC 3261 section 26)."""

import sip
from net import same
from runner import run, scenario

SHORT = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2,0.4"}
PAD = ";pad=" + "z" * 9000  # in a Via, which every answer repeats
LARGE = b"v=0\r\n" + b"x" * 58000  # together with PAD more than a datagram can hold


@scenario
def a_via_as_large_as_a_datagram_ends_nothing(s):
	gw = s.gateway(prefix="49")
	flood = s.peer("flood")
	s.start(**SHORT)
	for size in range(64700, 65500, 20):  # too large for the first answer, then even for the shortest one
		via = flood.via() + ";x="
		lines = [("Via", via), ("Max-Forwards", "70"), ("From", "<sip:a@flood.invalid>;tag=%d" % size),
			("To", "<sip:1@flood.invalid>"), ("Call-ID", "c%d" % size), ("CSeq", "1 INVITE"), ("Contact", flood.contact)]
		start = "INVITE sip:1@%s SIP/2.0" % sip.host_port(*flood.proxy)
		lines[0] = "Via", via + "y" * (size - len(sip.build(start, lines)))
		flood.send(sip.build(start, lines), flood.proxy)
		s.net.poll(0)
	s.over(*s.talk(gw))
	s.settle()
	flood.inbox.clear()


@scenario
def an_answer_too_large_for_the_caller_is_513_and_ends_the_gateways_leg(s):
	gw = s.gateway()
	s.start(**SHORT)
	a = s.caller.invite("4930", Via=s.caller.via() + PAD)
	b = gw.leg()
	b.reply(200, sdp=LARGE)
	a.expect(513, "INVITE")
	b.expect("ACK")
	b.hung_up()
	same(s.switch.record()["sip_code"], 513)


@scenario
def an_answer_to_a_reinvite_too_large_for_the_caller_is_513_and_the_call_goes_on(s):
	gw = s.gateway()
	s.start(**SHORT)
	a, b = s.talk(gw)
	a.send("INVITE", body=sip.sdp(31000), Via=s.caller.via() + PAD)
	b.expect("INVITE")
	b.reply(200, sdp=LARGE)
	a.expect(513, "INVITE", ack=False)
	b.expect("ACK")
	s.caller.expect_count(4, 513, "INVITE")
	s.net.quiet(0.2)  # the transaction is gone before anything else happens to the call
	s.over(b, a)
	same(s.switch.record()["sip_code"], 200)


@scenario
def an_invite_too_large_for_the_gateway_is_513_and_no_other_is_tried(s):
	gw, other = s.gateway(), s.gateway("other", transport="tcp")
	s.start(("udp", "tcp"))
	a = s.caller.invite("4930", body=b"v=0\r\n" + b"x" * 65000, Allow=None, User_Agent=None)
	a.expect(513, "INVITE")
	same((gw.inbox, other.inbox), ([], []))
	same(s.switch.record()["sip_code"], 513)


@scenario
def a_strangers_answer_to_nothing_sends_nothing_to_anybody(s):
	gw = s.gateway()
	victim, stranger = s.peer("victim", host="127.0.0.77"), s.peer("stranger", host="127.0.0.66")
	s.start(**SHORT)
	for branch in ("z9hG4bK0123456789abcdef", "z9hG4bK" + "0" * 32, "z9hG4bK"):
		stranger.send(sip.build("SIP/2.0 200 OK", [("Via", "SIP/2.0/UDP %s;branch=%s" % (stranger.host_port, branch)),
			("From", "<sip:a@x.invalid>;tag=1"), ("To", "<sip:b@y.invalid>;tag=2"), ("Call-ID", "nobodys"),
			("CSeq", "1 INVITE"), ("Contact", victim.contact)]), stranger.proxy)
	s.over(*s.talk(gw))
	same((victim.inbox, stranger.inbox), ([], []))


def forged(what, **wrong):
	def play(s):
		gw = s.gateway()
		s.start()
		a = s.caller.invite("4930")
		b = gw.leg()
		given = {name: b.invited[name] for name in ("Via", "From", "Call-ID", "CSeq")}
		gw.send(sip.build("SIP/2.0 200 OK", sip.replaced({**given, "To": b.invited["To"] + ";tag=forged",
			"Contact": gw.contact, "Content-Type": "application/sdp"}, wrong), sip.sdp(9)), b.invited.source)
		b.reply(200, sdp=True)
		same(a.expect(200, "INVITE").body, gw.sdp)
		a.ack()
		b.expect("ACK")
		s.over(a, b)
		same(len(gw.arrivals("ACK")), 1)
	play.__name__ = "an_answer_with_the_right_branch_and_another_%s_is_not_taken" % what
	scenario(play)


forged("call_id", Call_ID="nobodys")
forged("from_tag", From="<sip:nobody@x.invalid>;tag=1")
forged("cseq", CSeq="77 INVITE")


@scenario
def a_branch_does_not_tell_the_next(s):
	gw = s.gateway()
	s.start()
	branches = []
	for _ in range(3):
		a = s.caller.invite("4930")
		b = gw.leg()
		branches.append(int(sip.param(b.invited["Via"], "branch")[len("z9hG4bK"):], 16))
		b.refuse(486)
		a.expect(486)
	first, second, third = branches
	assert (third - second) % 2 ** 64 != (second - first) % 2 ** 64, branches


@scenario
def a_number_is_whole_or_refused_however_long_it_is(s):
	gw = s.gateway()
	s.start()
	for length in (254, 255):
		number = "4" * length
		a = s.caller.invite(number)
		b = gw.leg()
		same((sip.user(b.invited.uri), sip.user(b.invited["To"])), (number, number))
		b.refuse(486)
		a.expect(486, "INVITE")
	for length in (256, *range(980, 1030)):  # a To of 1024 bytes is among them
		s.caller.invite("4" * length).expect(400, "INVITE")
	same(gw.inbox, [])


@scenario
def a_long_way_to_the_gateway_is_gone_in_full(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	hops = ["<sip:%s;lr;n=%d>" % (gw.host_port, i) for i in range(70)]
	b.reply(200, sdp=True, headers=[("Record-Route", hop) for hop in hops])
	a.expect(200, "INVITE")
	a.ack()
	same(", ".join(b.expect("ACK").all("Route")).replace(" ", "").split(","), hops[::-1])
	s.over(a, b)


@scenario
def a_number_that_would_break_a_header_is_400(s):
	gw = s.gateway()
	s.start()
	for number in ("49>;tag=x;y=<1", "49<30", "49>30", '49"30'):
		s.caller.invite(number, To="<sip:4930@callee.invalid>").expect(400, "INVITE")
	same(gw.inbox, [])


@scenario
def a_status_that_does_not_exist_is_no_answer(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(799)
	b.reply(700)
	b.refuse(486)
	a.expect(486, "INVITE")
	same(s.switch.record()["sip_code"], 486)


if __name__ == "__main__":
	run()
