"""Calls of a registered trunk, in by our Contact and out (docs/behaviour.md, Outbound registration)."""

import sip
from dns import Dns
from leg import Leg
from net import same
from registrar import PASSWORD, SPEED, challenge, credentials, enrol, grant, reaches, refuse, registrar
from runner import run, scenario


def vendor(s):
	"""Where incoming calls go."""
	return s.gateway("vendor")


def call_contact(s, peer, uri, callee="4930"):
	"""A call to the Contact that the registrar has stored."""
	peer.proxy = s.switch.addresses["udp"]
	return Leg.invite(peer, callee, uri=uri)


def passes(s, a, gw, ingress):
	"""The call gets through, and the record names this ingress."""
	b = gw.leg()
	s.answer(a, b)
	s.over(a, b)
	same(s.switch.record()["ingress"], ingress)


def listed(s):
	return [(entry["source"], entry["reason"], entry["name"])
		for entry in s.switch.control("strangers.list")["strangers"]]


ANY = {"inbound_from": "any"}


@scenario
def a_call_with_our_line_is_the_trunks_when_the_registrar_sends_it(s):
	r, gw = registrar(s, host="127.0.0.2"), vendor(s)
	s.start()
	reaches(s, "registered")
	passes(s, call_contact(s, r, next(iter(r.bindings))), gw, "carrier")
	same(listed(s), [])


@scenario
def from_elsewhere_it_is_a_strangers_and_listed_with_the_registration(s):
	r, stranger = registrar(s, host="127.0.0.2"), s.peer("stranger", host="127.0.0.3")
	vendor(s)
	s.start()
	reaches(s, "registered")
	call_contact(s, stranger, next(iter(r.bindings))).expect(403)
	same(listed(s), [("127.0.0.3", "not the registrar", "carrier")])
	same(s.switch.records(None), [])


def registrar_and_proxy(name, host, **columns):
	"""Both may send it, though REGISTER goes to the proxy alone."""
	def play(s):
		r, gw = registrar(s, account=False, host="127.0.0.2"), vendor(s)
		other = s.peer("other", host="127.0.0.5")
		dns = Dns(s.net)
		dns.host("registrar.test", "127.0.0.4", "127.0.0.5")
		dns.service("_sip._udp.carrier.test", (1, 5070, "registrar.test"))
		s.switch.environment["SOFTSWITCH_DNS"] = dns.server
		enrol(s, r, "carrier", host=host, proxy=r.host_port, **columns)
		s.start()
		reaches(s, "registered")
		s.net.until(lambda: not host.endswith(".test") or "registrar.test" in dns.asked, "the name was looked up")
		uri = next(iter(r.bindings))
		for number, peer in enumerate((r, other), 1):
			b = call_contact(s, peer, uri)
			c = gw.leg()
			s.answer(b, c)
			s.over(b, c)
			same(s.switch.records(number)[-1]["ingress"], "carrier")
	play.__name__ = "registrar_and_proxy_may_both_send_it_" + name
	scenario(play)


registrar_and_proxy("by_address", "127.0.0.5")
registrar_and_proxy("by_name", "registrar.test")
registrar_and_proxy("by_service", "carrier.test", port=0)


@scenario
def a_call_with_our_line_is_the_trunks_wherever_it_comes_from_if_it_may(s):
	r, gw, stranger = registrar(s, columns=ANY), vendor(s), s.peer("stranger", host="127.0.0.3")
	s.start()
	reaches(s, "registered")
	passes(s, call_contact(s, stranger, next(iter(r.bindings))), gw, "carrier")


@scenario
def a_known_customer_with_our_line_calls_as_the_trunk_if_it_may(s):
	r, gw = registrar(s, host="127.0.0.2", columns=ANY), vendor(s)
	s.start()
	reaches(s, "registered")
	passes(s, call_contact(s, s.caller, next(iter(r.bindings))), gw, "carrier")


@scenario
def else_it_calls_as_the_customer(s):
	r, gw = registrar(s, host="127.0.0.2"), vendor(s)
	s.start()
	reaches(s, "registered")
	passes(s, call_contact(s, s.caller, next(iter(r.bindings))), gw, "customer")


@scenario
def a_customer_is_a_customer_whatever_user_it_calls(s):
	registrar(s)
	gw = vendor(s)
	s.start()
	reaches(s, "registered")
	passes(s, s.caller.invite("4930"), gw, "customer")


def stranger_is_refused(name, uri, state="registered", always=grant()):
	def play(s):
		r, stranger = registrar(s, host="127.0.0.2"), s.peer("stranger", host="127.0.0.3")
		r.always = always
		vendor(s)
		s.start()
		reaches(s, state)
		call_contact(s, stranger, uri(r, s)).expect(403)
		same(s.switch.records(None), [])
	play.__name__ = name
	scenario(play)


def contact(r, s):
	return sip.uri(r.requests[0]["Contact"])


stranger_is_refused("a_stranger_with_another_line_is_refused", lambda r, s: contact(r, s)[:-4] + "0000")
stranger_is_refused("a_stranger_with_a_longer_line_is_refused", lambda r, s: contact(r, s) + 16 * "0")
stranger_is_refused("a_stranger_with_an_endless_line_is_refused", lambda r, s: contact(r, s) + 5000 * "0")
stranger_is_refused("a_stranger_with_an_empty_line_is_refused", lambda r, s: contact(r, s).split("=")[0] + "=")
stranger_is_refused("a_stranger_without_the_line_is_refused", lambda r, s: contact(r, s).split(";line")[0])
stranger_is_refused("the_line_counts_only_while_registered", contact, "waiting", refuse(403))


@scenario
def the_line_of_a_disabled_registration_is_a_strangers(s):
	r, stranger = registrar(s), s.peer("stranger", host="127.0.0.3")
	vendor(s)
	s.start()
	reaches(s, "registered")
	uri = next(iter(r.bindings))
	s.switch.sql("update registration set enabled = 0")
	reaches(s, "disabled")
	call_contact(s, stranger, uri).expect(403)


@scenario
def a_registrar_that_drops_the_line_is_known_by_user_and_address(s):
	r, gw = registrar(s, host="127.0.0.2"), vendor(s)
	other = registrar(s, "other", host="127.0.0.4")  # the same user at another carrier
	s.start()
	reaches(s, "registered")
	reaches(s, "registered", "other")
	passes(s, call_contact(s, r, contact(r, s).split(";line")[0]), gw, "carrier")
	same(other.bindings.keys() & r.bindings.keys(), set())


@scenario
def two_registrations_of_a_user_at_one_address_are_not_told_apart(s):
	r = registrar(s, host="127.0.0.2")
	enrol(s, r, "twin")
	vendor(s)
	s.start()
	reaches(s, "registered")
	reaches(s, "registered", "twin")
	call_contact(s, r, contact(r, s).split(";line")[0]).expect(403)


@scenario
def one_that_is_disabled_does_not_count(s):
	r, gw = registrar(s, host="127.0.0.2"), vendor(s)
	enrol(s, r, "twin")
	s.start()
	reaches(s, "registered", "twin")
	s.switch.sql("update registration set enabled = 0 where name = 'twin'")
	reaches(s, "disabled", "twin")
	passes(s, call_contact(s, r, contact(r, s).split(";line")[0]), gw, "carrier")


@scenario
def the_proxy_is_such_an_address_too(s):
	r, gw = registrar(s, account=False, host="127.0.0.2"), vendor(s)
	enrol(s, r, "carrier", host="registrar.invalid", proxy=r.host_port)
	s.start()
	reaches(s, "registered")
	passes(s, call_contact(s, r, contact(r, s).split(";line")[0]), gw, "carrier")


@scenario
def an_options_to_our_contact_is_answered(s):
	r = registrar(s, host="127.0.0.2")
	s.start()
	reaches(s, "registered")
	r.request("OPTIONS", "4930")
	r.expect(200, "OPTIONS")


@scenario
def a_mapping_gateway_of_the_same_name_sets_the_limits(s):
	r, gw = registrar(s, host="127.0.0.2"), vendor(s)
	s.switch.insert("mapping_gateway", name="carrier", host="192.0.2.1", capacity=1)
	s.start()
	reaches(s, "registered")
	a = call_contact(s, r, contact(r, s))
	b = gw.leg()
	s.answer(a, b)
	call_contact(s, r, contact(r, s)).expect(503)
	s.over(a, b)
	same([row["ingress"] for row in s.switch.records(2)], ["carrier", "carrier"])


@scenario
def a_disabled_mapping_gateway_of_the_same_name_keeps_calls_out(s):
	r = registrar(s, host="127.0.0.2")
	vendor(s)
	s.switch.insert("mapping_gateway", name="carrier", host="192.0.2.1", enabled=0)
	s.start()
	reaches(s, "registered")
	call_contact(s, r, contact(r, s)).expect(403)


@scenario
def its_calls_can_be_looked_up(s):
	registrar(s)
	vendor(s)
	s.start()
	reaches(s, "registered")
	same(s.switch.control("routes.lookup", callee="4930", ingress="carrier")["matched"], True)


# out


def trunk(s, **columns):
	"""A registrar that also takes the calls of the gateway `trunk`."""
	r = registrar(s, **columns.pop("peer", {}))
	s.vendor("trunk", r.port, host=r.host, registration="carrier", **columns)
	return r


@scenario
def its_gateway_is_unusable_until_registered(s):
	r = trunk(s)
	r.script = [refuse(403)]
	s.start(clock_speed=SPEED, SS_SIP_USER_AGENT_RETRY_DELAY=30)
	reaches(s, "waiting")
	s.caller.invite("4940").expect(503)
	found = s.switch.control("gateways.list")["gateways"][0]
	same((found["state"], "403 Whatever" in found["reason"]), ("down", True))
	same("403 Whatever" in s.switch.control("routes.lookup", callee="4940")["candidates"][0]["reason"], True)
	reaches(s, "registered")
	s.over(*s.talk(r, "4940"))
	same(s.switch.records(2)[1]["gateway"], "trunk")


@scenario
def its_gateway_is_usable_until_the_binding_expires(s):
	r = trunk(s)
	r.script = [grant(40), refuse(503), refuse(503)]
	s.start(clock_speed=SPEED, SS_SIP_USER_AGENT_RETRY_DELAY=60)
	r.expect_requests(2)
	s.over(*s.talk(r, "4940"))
	reaches(s, "waiting")
	s.caller.invite("4940").expect(503)


@scenario
def its_gateway_is_unusable_when_disabled(s):
	trunk(s)
	s.start()
	reaches(s, "registered")
	s.switch.sql("update registration set enabled = 0")
	reaches(s, "disabled")
	s.caller.invite("4940").expect(503)


@scenario
def a_gateway_that_begins_to_name_it_is_usable_at_once(s):
	r = registrar(s)
	s.vendor("trunk", r.port)
	s.start()
	reaches(s, "registered")
	s.switch.sql("update gateway set registration = 'carrier', capacity = 7")
	s.net.until(lambda: s.switch.control("gateways.list")["gateways"][0]["capacity"] == 7, "in force", step=0.01)
	s.over(*s.talk(r, "4940"))


def answers_with(name, user, password, **columns):
	"""A challenge of the gateway is answered with these credentials."""
	def play(s):
		r = trunk(s, peer={"columns": {"auth_user": "login"}}, **columns)
		s.start()
		reaches(s, "registered")
		a = s.caller.invite("4940")
		b = r.leg()
		b.reply(407, headers=challenge(407)(r, b.last)[1])
		b.expect("ACK")
		b = Leg.invited(r, b.expect("INVITE"))
		given, right = sip.digest(b.invited["Proxy-Authorization"], "INVITE", password)
		same((credentials(b.invited)["username"], given), (user, right))
		s.answer(a, b)
		s.over(a, b)
	play.__name__ = name
	scenario(play)


answers_with("a_gateway_without_credentials_has_those_of_its_registration", "login", PASSWORD)
answers_with("a_gateways_own_credentials_come_first", "own", "ownsecret", auth_user="own", auth_password="ownsecret")


@scenario
def a_stale_nonce_in_a_call_is_no_refusal(s):
	r = trunk(s)
	s.start()
	reaches(s, "registered")
	a = s.caller.invite("4940")
	b = r.leg()
	for nonce, more in (("n1", "algorithm=SHA-256"), ("n2", "algorithm=SHA-256, stale=true")):
		b.reply(401, headers=challenge(nonce=nonce, more=more)(r, b.last)[1])
		b.expect("ACK")
		b = Leg.invited(r, b.expect("INVITE"))
		same((credentials(b.invited)["nonce"], credentials(b.invited)["algorithm"]), (nonce, "SHA-256"))
	s.answer(a, b)
	s.over(a, b)


@scenario
def calls_take_the_service_route(s):
	r, edge, last = registrar(s), s.peer("edge"), "sip:core.example;lr"
	s.vendor("trunk", 5060, host="192.0.2.9", registration="carrier")
	first = "sip:%s;lr" % edge.host_port
	r.always = grant(headers=[("Service-Route", "<%s>" % first), ("Service-Route", "<%s>" % last)])
	edge.secrets = r.secrets = r.secrets | edge.secrets  # the same carrier
	s.start()
	reaches(s, "registered")
	a = s.caller.invite("4940")
	b = edge.leg()
	same(b.invited.uri, "sip:4940@192.0.2.9:5060")
	same(b.invited.all("Route"), ["<%s>" % first, "<%s>" % last])
	b.reply(486)
	same(b.expect("ACK").all("Route"), ["<%s>" % first, "<%s>" % last])
	a.expect(486)


@scenario
def a_service_route_is_gone_when_the_registrar_sends_none(s):
	r, edge = trunk(s), s.peer("edge")
	edge.secrets = r.secrets = r.secrets | edge.secrets
	r.script = [grant(40, headers=[("Service-Route", "<sip:%s;lr>" % edge.host_port)]), grant(40)]
	s.start(clock_speed=SPEED)
	r.expect_requests(2)
	a, b = s.talk(r, "4940")
	same(b.invited.all("Route"), [])
	s.over(a, b)


@scenario
def calls_leave_from_the_listener_that_is_registered(s):
	s.start(listen=("udp", "udp"))
	port = sip.address(s.switch.status()["listeners"][1])[1]
	r = registrar(s, account=False)
	enrol(s, r, "carrier", local_port=port)
	s.vendor("trunk", r.port, registration="carrier")
	reaches(s, "registered")
	s.net.until(lambda: s.switch.control("routes.lookup", callee="4940")["matched"], "the route is in force", step=0.01)
	s.caller.proxy = s.switch.addresses["udp"]
	a, b = s.talk(r, "4940")
	same((b.invited.source[1], sip.address(b.invited["Contact"])[1]), (port, port))
	s.over(a, b)


@scenario
def with_another_transport_than_the_registration_any_listener_serves(s):
	s.start(listen=("udp", "tcp"))
	r, gw = registrar(s, account=False, transport="tcp"), s.peer("gw")
	enrol(s, r, "carrier", local_port=s.switch.addresses["tcp"][1])
	s.vendor("trunk", gw.port, registration="carrier")
	reaches(s, "registered")
	s.net.until(lambda: s.switch.control("routes.lookup", callee="4940")["matched"], "the route is in force", step=0.01)
	s.caller.proxy = s.switch.addresses["udp"]
	s.over(*s.talk(gw, "4940"))


if __name__ == "__main__":
	run()
