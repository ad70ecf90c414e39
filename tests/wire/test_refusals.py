"""What the caller gets when a gateway refuses (docs/behaviour.md, Setting up a call)."""

from net import same
from runner import run, scenario, variants


def final_of(a):
	"""The final failure of the caller's INVITE, acknowledged."""
	def find():
		return next((message for message in a.peer.inbox if message.is_response and message.status >= 300
			and message["Call-ID"] == a.call_id), None)
	return a.expect(a.peer.net.until(find, "a final failure").status, "INVITE")


def call(s, status, headers=(), **invite):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", **invite)
	b = gw.leg()
	b.reply(status, headers=headers)
	b.expect("ACK")
	final, row = final_of(a), s.switch.record()
	same((row["sip_code"], row["attempts"][-1]["code"]), (final.status, status))
	assert "cause=" in final["Reason"], final.head
	return final


CHALLENGE = ("WWW-Authenticate", 'Digest realm="vendor", nonce="1", algorithm=MD5')


@variants(("401", 401, [CHALLENGE]), ("407", 407, [("Proxy-Authenticate", CHALLENGE[1])]), ("416", 416, []),
	("421", 421, [("Require", "100rel")]), ("422", 422, []))
def what_concerns_our_leg_alone_is_503_to_the_caller_after(s, status, headers):
	final = call(s, status, headers)
	same(final.status, 503)
	for name in ("WWW-Authenticate", "Proxy-Authenticate", "Min-SE"):
		same(final[name], "")


@variants(("300", 300), ("302", 302), ("380", 380))
def a_redirection_is_480_to_the_caller_after(s, status):
	final = call(s, status, [("Contact", "<sip:elsewhere@192.0.2.1>")])
	same((final.status, final["Contact"]), (480, ""))


@scenario
def an_extension_that_the_caller_does_not_require_is_not_its_business(s):
	final = call(s, 420, [("Unsupported", "timer")])
	same((final.status, final["Unsupported"]), (503, ""))


NEEDS = {405: ("Allow", "INVITE, ACK, BYE"), 415: ("Accept", "application/sdp, text/plain"),
	417: ("Accept-Resource-Priority", "q735.0"), 423: ("Min-Expires", "60"),
	424: ("Geolocation-Error", '100 ;code="cannot determine location"'), 469: ("Recv-Info", "dtmf"),
	470: ("Permission-Missing", "<sip:x@192.0.2.1>"), 489: ("Allow-Events", "refer"),
	494: ("Security-Server", "tls ;q=0.2"), 500: ("Retry-After", "7")}
EACH_CODE = [(str(status), status) for status in NEEDS]
LANGUAGE = ("Accept-Language", "de")


@variants(*EACH_CODE)
def the_header_that_belongs_to_it_passes_with(s, status):
	final = call(s, status, [NEEDS[status]])
	same((final.status, [final[NEEDS[status][0]]]), (status, [NEEDS[status][1]]))


@variants(*EACH_CODE)
def no_code_passes_without_the_header_that_it_must_have(s, status):
	final = call(s, status)
	name = NEEDS[status][0]
	instead = {405: [final["Allow"]], 415: ["application/sdp"], 469: [""]}.get(status, [])
	same((final.status, final.all(name)), (status if instead or status in (417, 500) else 503, instead))
	assert status != 405 or "INVITE, ACK" in final["Allow"], final.head


@scenario
def one_of_the_headers_that_a_code_may_have_suffices(s):
	final = call(s, 415, [LANGUAGE])
	same((final.status, final[LANGUAGE[0]], final["Accept"]), (415, LANGUAGE[1], ""))


@scenario
def a_refusal_passes_whole_if_all_other_gateways_are_passed_over(s):
	gw = s.gateway()
	s.vendor("draining", gw.port, draining=1)
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(415, headers=[NEEDS[415], ("Reason", "Q.850;cause=79")])
	b.expect("ACK")
	final = final_of(a)
	same((final.status, final["Accept"], final["Reason"]), (415, NEEDS[415][1], "Q.850;cause=79"))
	same([attempt["gateway"] for attempt in s.switch.record()["attempts"]], ["gw", "draining"])


@variants(("caller", True), ("gateway", False))
def inside_a_call_it_is_the_same(s, by_caller):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	x, y = (a, b) if by_caller else (b, a)

	def info(status, *headers):
		x.send("INFO")
		y.expect("INFO")
		y.reply(status, headers=headers)
		return x.peer.expect(x.peer.net.until(lambda: next((message for message in x.peer.inbox if message.is_response
			and message.method == "INFO"), None), "an answer").status, "INFO")

	for status, passed in {302: 480, 401: 503, 407: 503, 416: 503, 420: 503, 421: 503, 422: 503, 489: 503, 405: 405}.items():
		headers = [CHALLENGE] if status == 401 else [("Contact", "<sip:x@192.0.2.1>")] if status == 302 else []
		final = info(status, *headers)
		same((final.status, final["WWW-Authenticate"], final["Contact"]), (passed, "", ""))
	assert info(405)["Allow"]
	for status, header in NEEDS.items():
		final = info(status, header)
		same((final.status, final[header[0]]), (status, header[1]))
	s.over(a, b)


@scenario
def a_code_of_the_callee_passes_as_it_is(s):
	final = call(s, 488, [("Warning", '399 vendor "codec"')])
	same(final.status, 488)


if __name__ == "__main__":
	run()
