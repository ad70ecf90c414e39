"""Where requests inside a dialog go: the URIs of Contact and Record-Route are read whole and go back byte for byte (RFC 3261
sections 12.2 and 19.1.4, RFC 3263)."""

import sip
from dns import A, AAAA, Dns
from net import same
from rel100 import ON, ring
from runner import run, scenario, variants

ESCAPES = "sip:a%3Bb%2bc%40d%23%41;x=%3b?e@{0};p%2F=%26;ob"


def elsewhere(s, of, transport="udp"):
	"""Another place of this peer, which may see what the peer may see."""
	there = s.peer(of.name, transport)
	there.secrets |= of.secrets
	of.secrets = there.secrets
	there.proxy = s.switch.addresses[transport]
	return there


def moved(leg, there):
	"""The leg goes on in this place."""
	leg.peer, leg.route = there, there.proxy
	return leg


def dns(s):
	"""To be asked before the start."""
	server = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = server.server
	server.host("host.test", "127.0.0.1")
	return server


def found(s, server, uri):
	"""Nothing waits for a request to have its name: until it is known the request would go elsewhere."""
	if ".test" in uri.lower():
		s.net.until(lambda: server.asked.get("host.test") == {A, AAAA}, "the address of %s is asked for" % uri)
		s.switch.status()  # what it was sent before has been read
	server.asked.clear()


def uris(server, there):
	"""Every way to say where this place is."""
	where = {"port": there.port, "transport": there.transport}
	for name in "service", "maddr":
		server.service("_sip._%s.%s-%d.test" % (there.transport, name, there.port), (1, there.port, "host.test"))
	return [text % where for text in (
		"sip:127.0.0.1:%(port)d;transport=%(transport)s", "sip:x@host.test:%(port)d;transport=%(transport)s",
		"sip:x@service-%(port)d.test;transport=%(transport)s", "sip:x@192.0.2.1:%(port)d;maddr=127.0.0.1;transport=%(transport)s",
		"sip:x@nobody.test;transport=%(transport)s;maddr=maddr-%(port)d.test",
		"SIP:x@127.0.0.1:%(port)d;Transport=%(transport)s;ob")]


@variants(("udp", "udp"), ("tcp", "tcp"))
def a_gateway_is_found_by_its_contact(s, transport):
	gw = s.gateway()
	server = dns(s)
	s.start(("udp", "tcp"))
	there = elsewhere(s, gw, transport)
	for uri in uris(server, there):
		a = s.caller.invite("4930")
		b = gw.leg()
		b.reply(200, sdp=True, contact="<%s>" % uri)
		ack = moved(b, there).expect("ACK")
		same((ack.uri, ack["Route"], ack["Via"].split()[0]), (uri, "", "SIP/2.0/" + transport.upper()))
		a.expect(200)
		a.ack()
		b.send("INFO")
		a.expect("INFO")
		a.reply(200)
		b.expect(200, "INFO")
		s.over(a, b)


@variants(("udp", "udp"), ("tcp", "tcp"))
def a_gateway_is_found_by_its_record_route(s, transport):
	gw = s.gateway()
	server = dns(s)
	s.start(("udp", "tcp"))
	there = elsewhere(s, gw, transport)
	for uri in uris(server, there):
		a = s.caller.invite("4930")
		b = gw.leg()
		routes = [("Record-Route", "<sip:192.0.2.7;x=%%3b;lr>, <%s;lr=on>;y=z" % uri)]
		b.reply(200, sdp=True, contact="<sip:1%2B1@192.0.2.9>", headers=routes)
		ack = moved(b, there).expect("ACK")
		same((ack.uri, ack.all("Route")), ("sip:1%2B1@192.0.2.9", ["<%s;lr=on>" % uri, "<sip:192.0.2.7;x=%3b;lr>"]))
		a.expect(200)
		a.ack()
		s.over(a, b)


@variants(("udp", "udp"), ("tcp", "tcp"))
def a_caller_is_found_by_contact_and_record_route(s, transport):
	gw = s.gateway()
	server = dns(s)
	s.start(("udp", "tcp"))
	there = elsewhere(s, s.caller, transport)
	for uri in uris(server, there):
		for fields in {"Contact": "<%s>" % uri}, {"Contact": "<sip:192.0.2.9>", "Record_Route": "<%s;lr>" % uri}:
			a = s.caller.invite("4930", **fields)
			b = gw.leg()
			s.answer(a, b)
			if "Record_Route" not in fields:  # it is asked for once
				found(s, server, uri)
			b.send("BYE")
			bye = moved(a, there).hung_up()
			same(bye.uri, sip.uri(fields["Contact"]))
			b.expect(200, "BYE")


@scenario
def a_strict_router_is_found_and_the_target_is_the_last_route(s):
	gw = s.gateway()
	dns(s)
	s.start(("udp", "tcp"))
	there = elsewhere(s, gw, "tcp")
	a = s.caller.invite("4930")
	b = gw.leg()
	strict = "sip:p%%2b@host.test:%d;transport=tcp" % there.port
	b.reply(200, sdp=True, contact="<sip:1%3B@192.0.2.9>", headers=[("Record-Route", "<sip:192.0.2.7;lr>,<%s?x=y>" % strict)])
	ack = moved(b, there).expect("ACK")
	same((ack.uri, ack.all("Route")), (strict, ["<sip:192.0.2.7;lr>", "<sip:1%3B@192.0.2.9>"]))
	a.expect(200)
	a.ack()
	s.over(a, b)


@scenario
def a_new_target_is_found(s):
	"""In a re-INVITE, in its answer, and in an UPDATE; the names are new each time."""
	gw = s.gateway()
	server = dns(s)
	s.start(("udp", "tcp"))
	a, b = s.talk(gw)
	there = elsewhere(s, gw, "tcp")
	b.send("INVITE", body=sip.sdp(31000), Contact="<sip:%%2B@host.test:%d;transport=tcp>" % there.port)
	a.expect("INVITE")
	a.reply(200, sdp=True)
	b.expect(200, "INVITE")
	b.ack()
	a.expect("ACK")
	found(s, server, "host.test")
	a.send("INFO")
	same(moved(b, there).expect("INFO").uri, "sip:%%2B@host.test:%d;transport=tcp" % there.port)
	b.reply(200)
	a.expect(200, "INFO")
	back = elsewhere(s, gw)
	a.send("INVITE", body=sip.sdp(31002))
	b.expect("INVITE")
	b.reply(200, sdp=True, contact="<sip:host.test:%d;transport=udp>" % back.port)
	same(moved(b, back).expect("ACK").uri, "sip:host.test:%d;transport=udp" % back.port)
	server.asked.clear()
	a.expect(200, "INVITE")
	a.ack()
	there = elsewhere(s, gw)
	b.send("UPDATE", Contact="<sip:u@host.test:%d>" % there.port)
	b.expect(200, "UPDATE")
	found(s, server, "host.test")
	a.send("INFO")
	moved(b, there).expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


@scenario
def a_refused_reinvite_moves_nobody(s):
	"""RFC 3261 section 12.2.2: of a request that is rejected, nothing counts."""
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for asks, other in (a, b), (b, a):
		there = elsewhere(s, asks.peer)
		asks.send("INVITE", body=sip.sdp(31000), Contact="<sip:there@%s>" % there.host_port)
		other.expect("INVITE")
		other.reply(488)
		other.expect("ACK")
		asks.expect(488, "INVITE")
		other.send("INFO")
		same(asks.expect("INFO").uri, sip.uri(asks.peer.contact))
		asks.reply(200)
		other.expect(200, "INFO")
	s.over(a, b)


@scenario
def a_prack_goes_where_the_provisional_answer_says(s):
	gw = s.gateway()
	dns(s)
	s.start(("udp", "tcp"), **ON)
	there = elsewhere(s, gw, "tcp")
	a = s.caller.invite("4930")
	b = gw.leg()
	ring(b, 1, contact="<sip:1%%3b@host.test:%d;transport=tcp>" % there.port)
	a.expect(180)
	same(moved(b, there).expect("PRACK").uri, "sip:1%%3b@host.test:%d;transport=tcp" % there.port)
	b.reply(200)
	b.peer = gw
	b.refuse(486)
	a.expect(486)


@scenario
def escapes_go_back_as_they_came(s):
	gw = s.gateway()
	s.start()
	for of, first in (gw, "a"), (s.caller, "b"):
		uri = ESCAPES.format(of.host_port)
		fields = {"Contact": "<%s>" % uri} if of is s.caller else {}
		a = s.caller.invite("4930", **fields)
		b = gw.leg()
		b.reply(200, sdp=True, contact="<%s>" % uri if of is gw else None)
		ack = b.expect("ACK")
		a.expect(200)
		a.ack()
		if of is gw:
			same(ack.uri, uri)
			s.over(a, b)
		else:
			b.send("BYE")
			same(a.hung_up().uri, uri)
			b.expect(200, "BYE")


@scenario
def of_several_contacts_the_first_that_can_be_called_counts(s):
	gw = s.gateway()
	s.start()
	for form in "<tel:+4930>, <%s>", "<http://127.0.0.1/>;q=1, \"x, y\" <%s>;q=0.1, <sip:127.0.0.1:9>", "<%s>, <mailto:a@b>":
		uri = "sip:this%%2b@%s" % gw.host_port
		a = s.caller.invite("4930")
		b = gw.leg()
		b.reply(200, sdp=True, contact=form % uri)
		same(b.expect("ACK").uri, uri)
		a.expect(200)
		a.ack()
		s.over(a, b)


@scenario
def what_cannot_be_called_never_becomes_a_request_uri(s):
	gw = s.gateway()
	s.start()
	for contact in "<tel:+4930>", "<http://127.0.0.1/>", "<mailto:a@b>", "*", "<urn:service:sos>", "nobody", \
			"<sip:x@127.0.0.1:0>", "<sip:x@127.0.0.1:99999>":
		a = s.caller.invite("4930", Contact=contact)
		b = gw.leg()
		b.reply(200, sdp=True, contact=contact)
		same(b.expect("ACK").uri, b.invited.uri)
		a.expect(200)
		a.ack()
		a.send("INVITE", body=sip.sdp(31000), Contact=contact)
		same(b.expect("INVITE").uri, b.invited.uri)
		b.reply(200, sdp=True, contact=contact)
		same(b.expect("ACK").uri, b.invited.uri)
		a.expect(200, "INVITE")
		a.ack()
		b.send("BYE")
		same(a.hung_up().uri, sip.uri(a.local))
		b.expect(200, "BYE")


@scenario
def a_caller_without_any_sip_uri_is_called_by_its_address(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", Contact="<tel:+4930>", From="<tel:+4930100200>;tag=%s" % s.caller.token("tag"))
	b = gw.leg()
	s.answer(a, b)
	b.send("BYE")
	same(a.hung_up().uri, "sip:" + s.caller.host_port)
	b.expect(200, "BYE")


@scenario
def a_name_that_dns_does_not_know_leaves_the_way(s):
	gw = s.gateway()
	dns(s)
	s.start()
	for contact in "<sip:a%3b@nowhere.test>", "<sip:a%3b@192.0.2.1;transport=sctp>":
		a = s.caller.invite("4930", Contact=contact)
		b = gw.leg()
		b.reply(200, sdp=True, contact=contact)
		same(b.expect("ACK").uri, sip.uri(contact))
		a.expect(200)
		a.ack()
		a.send("INFO")
		b.expect("INFO")
		b.reply(200)
		a.expect(200, "INFO")
		b.send("BYE")
		same(a.hung_up().uri, sip.uri(contact))
		b.expect(200, "BYE")


@scenario
def dns_that_does_not_answer_holds_up_an_ack_for_a_moment_only(s):
	gw = s.gateway()
	server = dns(s)
	server.held = []
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	answer = b.reply(200, sdp=True, contact="<sip:a@host.test:%d>" % gw.port)
	ack = b.expect("ACK")
	assert 1 < ack.time - answer.time < 4, ack.time - answer.time
	a.expect(200)
	a.ack()
	s.over(a, b)


@scenario
def an_answer_that_waits_for_dns_crosses_a_cancel(s):
	"""It counts as late: ACK and BYE, where it says."""
	gw = s.gateway()
	server = dns(s)
	queries = []
	s.start()
	there = elsewhere(s, gw)
	server.held = queries
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	b.reply(200, sdp=True, contact="<sip:host.test:%d>" % there.port)
	s.net.until(lambda: queries, "it asks")
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.expect("CANCEL")
	b.reply(200)
	server.held = None
	for query in queries:
		server.reply(*query)
	moved(b, there).expect("ACK")
	b.hung_up()


@scenario
def a_leg_over_tls_stays_there(s):
	gw = s.gateway("gw", "tls")
	s.start(("udp", "tls"))
	for contact in "<sip:a%%2b@%s;transport=udp>", "<sips:a%%2b@%s>", "<sip:a%%2b@%s>":
		a = s.caller.invite("4930")
		b = gw.leg()
		b.reply(200, sdp=True, contact=contact % gw.host_port)
		ack = b.expect("ACK")
		same((ack.uri, ack["Via"].split()[0]), (sip.uri(contact % gw.host_port), "SIP/2.0/TLS"))
		a.expect(200)
		a.ack()
		s.over(a, b)


run()
