"""Challenges by a gateway after the first INVITE got through, or in other dialogs (RFC 3261 section 22)."""

import sip
from net import same
from runner import run, scenario

USER, PASSWORD = "us", "se:cret"


def gateway(s):
	gw = s.gateway(auth_user=USER, auth_password=PASSWORD)
	s.start()
	return gw


def challenge(leg, status, nonce="n1", more="algorithm=MD5"):
	"""Refuse leg.last with 401 or 407; the request that follows with credentials."""
	first = leg.last
	asks, brings = {401: ("WWW-Authenticate", "Authorization"),
		407: ("Proxy-Authenticate", "Proxy-Authorization")}[status]
	leg.reply(status, headers=[(asks, 'Digest realm="vendor", nonce="%s", %s' % (nonce, more))])
	if first.method == "INVITE":
		leg.expect("ACK")
	second = leg.expect(first.method)
	given, right = sip.digest(second[brings], first.method, PASSWORD)
	same(given, right)
	assert int(second["CSeq"].split()[0]) > int(first["CSeq"].split()[0]), second.head
	same((second.uri, second["From"], second["To"], second.body), (first.uri, first["From"], first["To"], first.body))
	return second


def hang_up(status):
	def play(s):
		gw = gateway(s)
		a, b = s.talk(gw)
		a.send("BYE")
		a.expect(200, "BYE")
		b.expect("BYE")
		challenge(b, status)
		b.reply(200)
		s.settle()
		same(len(gw.arrivals("BYE")), 2)
	play.__name__ = "a_bye_challenged_with_%d_brings_credentials" % status
	scenario(play)


hang_up(401)
hang_up(407)


@scenario
def a_challenged_reinvite_brings_credentials(s):
	gw = gateway(s)
	a, b = s.talk(gw)
	a.send("INVITE", body=sip.sdp(31000))
	b.expect("INVITE")
	challenge(b, 407)
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


@scenario
def a_challenged_info_brings_credentials(s):
	gw = gateway(s)
	a, b = s.talk(gw)
	a.send("INFO", body=b"Signal=5", Content_Type="application/dtmf-relay")
	b.expect("INFO")
	same(challenge(b, 401)["Content-Type"], "application/dtmf-relay")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


@scenario
def a_stale_nonce_inside_a_call_is_no_refusal(s):
	gw = gateway(s)
	a, b = s.talk(gw)
	a.send("INFO", body=b"Signal=5", Content_Type="application/dtmf-relay")
	b.expect("INFO")
	challenge(b, 401, more="algorithm=SHA-256")
	challenge(b, 401, "n2", "algorithm=SHA-256, stale=true")
	b.reply(200)
	a.expect(200, "INFO")
	a.send("BYE")
	a.expect(200, "BYE")
	b.expect("BYE")
	challenge(b, 407)
	challenge(b, 407, "n2", "stale=true")
	b.reply(200)


@scenario
def a_proxy_and_the_gateway_behind_it_both_get_credentials(s):
	gw = gateway(s)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.last = b.invited
	challenge(b, 407)
	c = type(b).invited(gw, challenge(b, 401, "n2"))
	given, right = sip.digest(c.invited["Proxy-Authorization"], "INVITE", PASSWORD)
	same(given, right)
	assert 'nonce="n1"' in c.invited["Proxy-Authorization"], c.invited.head
	s.answer(a, c)
	assert "Proxy-Authorization" in c.last.head and "\r\nAuthorization" in c.last.head, c.last.head
	s.over(a, c)


@scenario
def credentials_refused_inside_a_call_reach_the_caller_as_a_refusal(s):
	gw = gateway(s)
	a, b = s.talk(gw)
	a.send("INFO")
	b.expect("INFO")
	challenge(b, 401)
	b.reply(401, headers=[("WWW-Authenticate", 'Digest realm="vendor", nonce="n2"')])
	same(a.expect(503, "INFO")["WWW-Authenticate"], "")
	s.over(a, b)


@scenario
def a_challenge_after_early_media_repeats_the_invite_as_it_was(s):
	gw = gateway(s)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(183, sdp=True, contact="<sip:elsewhere@%s>" % gw.host_port)
	a.expect(183)
	b.last = b.invited
	c = type(b).invited(gw, challenge(b, 407))
	same(sip.param(c.invited["To"], "tag"), "")
	s.answer(a, c)
	s.over(a, c)


def asks(leg, realm, nonce="n1", more='qop="auth"'):
	leg.reply(401, headers=[("WWW-Authenticate", 'Digest realm="%s", nonce="%s", %s' % (realm, nonce, more))])
	leg.expect("ACK")


def again(gw):
	"""The INVITE that answers a challenge, and its credentials."""
	leg = gw.leg()
	return leg, leg.invited["Authorization"]


@scenario
def the_first_realm_that_accepted_the_credentials_binds(s):
	gw = gateway(s)
	a = s.caller.invite("4930")
	asks(gw.leg(), "vendor")
	b, given = again(gw)
	assert 'realm="vendor"' in given, given
	s.answer(a, b)
	s.over(a, b)
	a = s.caller.invite("4930")
	asks(gw.leg(), "elsewhere")
	a.expect(503)
	a = s.caller.invite("4930")
	asks(gw.leg(), "vendor", "n2")
	b, given = again(gw)
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_nonce_used_again_is_counted_on(s):
	gw = gateway(s)
	for count in range(1, 4):
		a = s.caller.invite("4930")
		asks(gw.leg(), "vendor", "always")
		b, given = again(gw)
		assert "nc=%08x" % count in given, given
		s.answer(a, b)
		s.over(a, b)


def next_nonce(nonce):
	return [("Authentication-Info", 'qop=auth, nextnonce="%s"' % nonce)]


def brings(request, nonce, count=1):
	"""It has the right credentials with this nonce, without having been asked."""
	given, right = sip.digest(request["Authorization"], request.method, PASSWORD)
	same(given, right)
	assert 'nonce="%s"' % nonce in request["Authorization"] and "nc=%08x" % count in request["Authorization"], request.head


@scenario
def the_next_nonce_of_a_gateway_is_used_in_the_next_requests(s):
	gw = gateway(s)
	a = s.caller.invite("4930")
	asks(gw.leg(), "vendor")
	b, _ = again(gw)
	b.reply(200, sdp=True, headers=next_nonce("n2"))
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	a.send("INFO")
	brings(b.expect("INFO"), "n2")
	b.reply(200)
	a.expect(200, "INFO")
	a.send("BYE")
	a.expect(200, "BYE")
	brings(b.expect("BYE"), "n2", 2)
	b.reply(200, headers=next_nonce("n3"))
	a = s.caller.invite("4930")
	b = gw.leg()
	brings(b.invited, "n3")
	asks(b, "vendor", "n4", 'stale=true, qop="auth"')
	b, _ = again(gw)
	brings(b.invited, "n4")
	s.answer(a, b)
	s.over(a, b)


@scenario
def the_next_nonce_of_a_gateway_that_moved_is_forgotten(s):
	gw, other = gateway(s), s.peer("other")
	a = s.caller.invite("4930")
	asks(gw.leg(), "vendor")
	b, _ = again(gw)
	b.reply(486, headers=next_nonce("n2"))
	b.expect("ACK")
	a.expect(486)
	s.over(*s.talk(gw))
	a = s.caller.invite("4930")
	asks(gw.leg(), "vendor")
	b, _ = again(gw)
	b.reply(200, sdp=True, headers=next_nonce("n2"))
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)
	s.switch.sql("update gateway set port = %d" % other.port)
	s.net.until(lambda: s.switch.control("gateways.get", name="gw")["port"] == other.port, "it has moved", step=0.02)
	a = s.caller.invite("4930")
	b = other.leg()
	same(b.invited["Authorization"], "")
	s.answer(a, b)
	s.over(a, b)


@scenario
def nonce_and_opaque_may_have_any_length(s):
	gw = gateway(s)
	a = s.caller.invite("4930")
	nonce, opaque = "n" * 9000, "o" * 9000
	asks(gw.leg(), "vendor", nonce, 'qop="auth", opaque="%s"' % opaque)
	b, given = again(gw)
	assert nonce in given and opaque in given
	s.answer(a, b)
	s.over(a, b)



if __name__ == "__main__":
	run()
