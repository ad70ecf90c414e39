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


@variants(("405", 405, "Allow", "INVITE, ACK, BYE"), ("415", 415, "Accept", "application/sdp"))
def the_header_that_belongs_to_it_passes_with(s, status, name, value):
	final = call(s, status, [(name, value)])
	same((final.status, final[name]), (status, value))


@scenario
def a_code_of_the_callee_passes_as_it_is(s):
	final = call(s, 488, [("Warning", '399 vendor "codec"')])
	same(final.status, 488)


if __name__ == "__main__":
	run()
