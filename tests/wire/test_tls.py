"""Certificates: which gateways and registrars we talk to, and which customers are who they say (docs/tls.md)."""

import os
import socket
import ssl
from types import SimpleNamespace

from dns import Dns
from net import same
from registrar import Registrar, enrol, reaches, status
from runner import run, scenario, variants
from tls import Authority, Tls, self_signed, read, write

HERE = "127.0.0.1"


def setting(s):
	"""An authority that we trust, one that we do not, and a name server that knows gw.test."""
	s.tls = Tls(s.folder)
	s.trusted, s.foreign = Authority(s.folder, "trusted"), Authority(s.folder, "foreign")
	write(s.tls.file("cafile.pem"), read(s.trusted.path))
	s.dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = s.dns.server
	s.dns.host("gw.test", HERE)


def showing(s, certificate, name="gw", host="gw.test", authority=None, **columns):
	"""A gateway over TLS that shows this certificate; `hello` holds the names it was asked for."""
	gw = s.peer(name, "tls")
	context = certificate.server(authority)
	gw.tls, gw.hello = SimpleNamespace(server=context), []
	context.sni_callback = lambda _, asked, __: gw.hello.append(asked)
	s.vendor(name, gw.port, "tls", host=host, **columns)
	return gw


def begin(s, **parameters):
	s.start(("udp", "tls"), **parameters)


def passes(s, gw):
	"""A call to the gateway has its answer and its end."""
	s.over(*s.talk(gw))


def refuses(s, gw, words):
	"""The call goes to the next gateway, and this one does not get to see a byte of it."""
	living = s.gateway("living")
	begin(s)
	s.over(*s.talk(living))
	same(s.switch.record()["attempts"][0]["reason"], words)
	same([entry.message for entry in s.net.trace if entry.peer is gw], [])


# what a certificate must be

@variants(
	("the_name", "DNS:other.test,DNS:gw.test", "gw.test"),
	("the_name_in_capitals", "DNS:GW.Test", "gw.test"),
	("the_domain_as_a_sip_uri", "URI:sip:gw.test", "gw.test"),
	("the_address", "IP:127.0.0.1", HERE))
def a_certificate_is_good_for(s, san, host):
	setting(s)
	gw = showing(s, s.trusted.issue("gw", san), host=host)
	begin(s)
	passes(s, gw)
	same(gw.hello, [host if host != HERE else None])


@variants(
	("expired", "expired", {"days": (-2, -1)}),
	("not_valid_yet", "not yet valid", {"days": (1, 2)}),
	("for_another_name", "name mismatch", {"san": "DNS:other.test"}),
	("for_a_name_below", "name mismatch", {"san": "DNS:sip.gw.test"}),
	("for_a_name_above", "name mismatch", {"san": "DNS:test"}),
	("for_a_name_that_begins_alike", "name mismatch", {"san": "DNS:gw.test.evil.test"}),
	("for_a_wildcard", "name mismatch", {"san": "DNS:*.test"}),
	("for_a_user_of_the_domain", "name mismatch", {"san": "URI:sip:alice@gw.test"}),
	("for_the_domain_by_another_scheme", "name mismatch", {"san": "URI:http:gw.test"}),
	("for_the_address_only", "name mismatch", {"san": "IP:127.0.0.1"}),
	("with_the_name_only_as_common_name", "name mismatch", {"name": "gw.test", "san": ""}),
	("for_clients_only", "not trusted", {"extensions": "extendedKeyUsage=clientAuth\n"}))
def a_certificate_is_refused(s, words, certificate):
	setting(s)
	refuses(s, showing(s, s.trusted.issue(**{"name": "gw", "san": "DNS:gw.test", **certificate})), "certificate: " + words)


@variants(
	("to_the_name", "DNS:localhost,DNS:127.0.0.1"),
	("to_another_address", "IP:127.0.0.2"))
def an_address_needs_a_certificate_for_it_not(s, san):
	setting(s)
	refuses(s, showing(s, s.trusted.issue("gw", san), host=HERE), "certificate: name mismatch")


@scenario
def a_certificate_of_an_authority_we_do_not_trust_is_refused(s):
	setting(s)
	refuses(s, showing(s, s.foreign.issue("gw", "DNS:gw.test")), "certificate: not trusted")


@scenario
def a_certificate_signed_by_itself_is_refused(s):
	setting(s)
	own = self_signed(os.path.join(s.folder, "own.pem"), "DNS:gw.test")
	refuses(s, showing(s, own), "certificate: not trusted")


@scenario
def without_cafile_the_authorities_of_the_system_count(s):
	setting(s)
	os.remove(s.tls.file("cafile.pem"))
	s.switch.environment["SSL_CERT_FILE"] = s.trusted.path
	gw = showing(s, s.trusted.issue("gw", "DNS:gw.test"))
	begin(s)
	passes(s, gw)


@scenario
def with_cafile_the_authorities_of_the_system_do_not_count(s):
	setting(s)
	s.switch.environment["SSL_CERT_FILE"] = s.foreign.path
	refuses(s, showing(s, s.foreign.issue("gw", "DNS:gw.test")), "certificate: not trusted")


@scenario
def the_name_of_the_row_counts_not_that_of_its_server(s):
	setting(s)
	gw = s.peer("gw", "tls")
	gw.tls = SimpleNamespace(server=s.trusted.issue("gw", "DNS:server.test").server())
	s.dns.host("server.test", HERE)
	s.dns.service("_sips._tcp.domain.test", (1, gw.port, "server.test"))
	s.vendor("gw", 0, "tls", host="domain.test")
	refuses(s, gw, "certificate: name mismatch")


@scenario
def with_tls_verify_off_any_certificate_will_do(s):
	setting(s)
	gw = showing(s, s.foreign.issue("gw", "DNS:other.test", days=(-2, -1)), tls_verify="Off")
	begin(s)
	passes(s, gw)
	same(gw.hello, ["gw.test"])


# a certificate that is pinned

@variants(("verify_on", "On"), ("verify_off", "Off"))
def the_certificate_of_the_fingerprint_is_good_whoever_signed_it_with(s, verify):
	setting(s)
	certificate = s.foreign.issue("gw", "DNS:other.test", days=(-2, -1))
	gw = showing(s, certificate, tls_fingerprint=certificate.fingerprint, tls_verify=verify)
	begin(s)
	passes(s, gw)


@scenario
def the_fingerprint_may_have_colons_and_capitals(s):
	setting(s)
	certificate = s.foreign.issue("gw")
	pairs = [certificate.fingerprint[i:i + 2].upper() for i in range(0, 64, 2)]
	gw = showing(s, certificate, tls_fingerprint=":".join(pairs))
	begin(s)
	passes(s, gw)


@variants(("verify_on", "On"), ("verify_off", "Off"))
def a_certificate_without_the_fingerprint_is_refused_with(s, verify):
	setting(s)
	other = s.trusted.issue("other", "DNS:gw.test")
	refuses(s, showing(s, s.trusted.issue("gw", "DNS:gw.test"), tls_fingerprint=other.fingerprint, tls_verify=verify),
		"certificate: fingerprint mismatch")


# what we show

@scenario
def a_gateway_that_wants_a_certificate_gets_that_of_the_row(s):
	setting(s)
	write(s.tls.file("client.pem"), read(s.trusted.issue("client", "DNS:switch.test").path))
	gw = showing(s, s.trusted.issue("gw", "DNS:gw.test"), authority=s.trusted, tls_certificate="client.pem")
	begin(s)
	passes(s, gw)
	shown = next(iter(gw.connections.values())).sock.getpeercert()
	same(shown["subjectAltName"], (("DNS", "switch.test"),))


@scenario
def a_gateway_that_does_not_like_our_certificate_is_left(s):
	setting(s)
	gw = showing(s, s.trusted.issue("gw", "DNS:gw.test"), authority=s.foreign)
	gw.tls.server.maximum_version = ssl.TLSVersion.TLSv1_2  # with 1.3 we may hear of it by a mere reset
	refuses(s, gw, "certificate: ours was refused")


@scenario
def a_certificate_of_ours_that_is_missing_fails_the_attempt(s):
	setting(s)
	refuses(s, showing(s, s.trusted.issue("gw", "DNS:gw.test"), tls_certificate="none.pem"),
		"certificate: ours cannot be read")
	assert "none.pem: No such file" in s.switch.read_log()


# connections

@variants(
	("name", {"host": "second.test"}, "certificate: name mismatch"),
	("fingerprint", {"tls_fingerprint": "00" * 32}, "certificate: fingerprint mismatch"))
def a_connection_for_one_row_is_not_used_for_a_row_with_another(s, columns, words):
	setting(s)
	s.dns.host("second.test", HERE)
	gw = showing(s, s.trusted.issue("gw", "DNS:gw.test"))
	s.vendor("second", gw.port, "tls", prefix="4940", **{"host": "gw.test", **columns})
	begin(s)
	passes(s, gw)
	a = s.caller.invite("4940")
	a.expect(503)
	a.ack()
	same(s.switch.records(2)[-1]["attempts"][0]["reason"], words)
	same(len(gw.connections), 2)


@scenario
def a_connection_made_without_verifying_is_not_used_for_a_row_that_verifies(s):
	setting(s)
	gw = showing(s, s.foreign.issue("gw", "DNS:gw.test"), tls_verify="Off")
	s.vendor("second", gw.port, "tls", host="gw.test", prefix="4940")
	begin(s)
	passes(s, gw)
	a = s.caller.invite("4940")
	a.expect(503)
	a.ack()
	same(s.switch.records(2)[-1]["attempts"][0]["reason"], "certificate: not trusted")


@scenario
def rows_with_the_same_demand_share_a_connection(s):
	setting(s)
	gw = showing(s, s.trusted.issue("gw", "DNS:gw.test"))
	s.vendor("second", gw.port, "tls", host="gw.test", prefix="4940")
	begin(s)
	passes(s, gw)
	s.over(*s.talk(gw, "4940"))
	same(len(gw.connections), 1)


@scenario
def a_request_inside_a_call_is_sent_to_nobody_but_the_gateway(s):
	setting(s)
	good, bad = s.trusted.issue("gw", "DNS:gw.test"), s.trusted.issue("bad", "DNS:other.test")
	gw = showing(s, good)
	begin(s, clock_speed=20)  # the BYE stays on its schedule
	a, b = s.talk(gw)
	gw.tls = SimpleNamespace(server=bad.server())
	for connection in list(gw.connections.values()):
		connection.close()
	before = len(gw.connections)
	a.send("BYE")
	a.expect(200, "BYE")
	s.net.until(lambda: len(gw.connections) > before, "it is connected to anew")
	s.settle()
	same(gw.find("BYE"), None)


@scenario
def the_next_address_is_tried_when_one_has_the_wrong_certificate(s):
	setting(s)
	good, bad = s.peer("good", "tls"), s.peer("bad", "tls")
	good.tls = SimpleNamespace(server=s.trusted.issue("good", "DNS:gw.test").server())
	bad.tls = SimpleNamespace(server=s.trusted.issue("bad", "DNS:other.test").server())
	s.dns.service("_sips._tcp.gw.test", (1, bad.port, "gw.test"), (2, good.port, "gw.test"))
	s.vendor("good", 0, "tls", host="gw.test")
	begin(s)
	passes(s, good)


# probes and registrations

@scenario
def a_probe_says_what_is_wrong_with_the_certificate(s):
	setting(s)
	showing(s, s.trusted.issue("gw", "DNS:gw.test", days=(-2, -1)), options_check=1)
	begin(s, SS_SIP_OPTIONS_CHECK_PERIOD=5)
	s.net.until(lambda: "certificate: expired" in (s.switch.control("gateways.get", name="gw").get("options") or ""),
		"the probe has failed", 10, step=0.02)
	s.net.until(lambda: "certificate: expired" in s.switch.read_log(), "it is logged", 10, step=0.02)


def registrar(s, san, **columns):
	r = Registrar(s.net, "carrier", transport="tls", tls=SimpleNamespace(server=s.trusted.issue("carrier", san).server()))
	enrol(s, r, "carrier", **{"port": r.port, **columns})
	return r


@scenario
def a_registrar_with_a_good_certificate_is_registered_at(s):
	setting(s)
	registrar(s, "DNS:gw.test", host="gw.test")
	begin(s)
	reaches(s, "registered")


@scenario
def a_registrar_with_another_name_gets_no_register(s):
	setting(s)
	r = registrar(s, "DNS:other.test", host="gw.test")
	begin(s)
	s.net.until(lambda: "certificate: name mismatch" in str(status(s)), "it failed", 10, step=0.02)
	same(len(r.requests), 0)


@scenario
def the_name_of_the_proxy_counts_not_that_of_the_registrar(s):
	setting(s)
	s.dns.host("proxy.test", HERE)
	r = Registrar(s.net, "carrier", transport="tls",
		tls=SimpleNamespace(server=s.trusted.issue("carrier", "DNS:proxy.test").server()))
	enrol(s, r, "carrier", host="registrar.invalid", proxy="proxy.test:%d" % r.port)
	begin(s)
	reaches(s, "registered")


# customers

def customer(s, certificate=None, **columns):
	"""A phone over TLS with this certificate, and a customer with this row, elsewhere unless it says so."""
	phone = s.peer("phone", "tls")
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
	context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
	if certificate:
		context.load_cert_chain(certificate.path)
	phone.tls = SimpleNamespace(client=context)
	s.switch.pending.append("delete from mapping_gateway where name = 'customer'")
	s.switch.insert("mapping_gateway", **{"name": "tls", "host": "192.0.2.1", "tls_name": "customer.test", **columns})
	return phone


def is_nobody(phone):
	a = phone.invite("4930")
	a.expect(403)
	a.ack()


@variants(
	("a_name", {"san": "DNS:customer.test"}),
	("one_of_its_names", {"san": "DNS:first.test,DNS:Customer.Test"}),
	("a_sip_uri", {"san": "URI:sip:customer.test"}),
	("a_name_of_a_server", {"san": "DNS:customer.test", "extensions": "extendedKeyUsage=serverAuth\n"}))
def a_customer_is_known_wherever_it_is_by(s, certificate):
	setting(s)
	phone = customer(s, s.trusted.issue("customer", **certificate))
	gw = s.gateway()
	begin(s)
	s.over(*s.talk(gw, caller=phone))
	same(s.switch.record()["ingress"], "tls")


@variants(
	("without_a_certificate", None, {}),
	("with_another_name", "trusted", {"san": "DNS:other.test"}),
	("with_a_wildcard", "trusted", {"san": "DNS:*.test"}),
	("with_the_name_only_as_common_name", "trusted", {"name": "customer.test", "san": ""}),
	("with_a_certificate_of_a_foreign_authority", "foreign", {}),
	("with_an_expired_certificate", "trusted", {"days": (-2, -1)}))
def a_customer_known_by_name_is_a_stranger(s, authority, certificate):
	setting(s)
	phone = customer(s, authority and getattr(s, authority).issue(
		**{"name": "customer", "san": "DNS:customer.test", **certificate}))
	begin(s)
	is_nobody(phone)


@variants(("over_tls", "tls"), ("over_udp", "udp"))
def the_address_does_not_stand_for_the_certificate(s, transport):
	setting(s)
	phone = customer(s, host=HERE)
	begin(s)
	is_nobody(phone if transport == "tls" else s.caller)


@scenario
def a_certificate_of_a_stranger_does_not_hide_a_customer_known_by_address(s):
	setting(s)
	phone = customer(s, s.foreign.issue("phone", "DNS:other.test"), host=HERE, tls_name=None)
	gw = s.gateway()
	begin(s)
	s.over(*s.talk(gw, caller=phone))


@variants(
	("that_is_its", "DNS:customer.test", True),
	("of_another", "DNS:other.test", False))
def a_customer_whose_connection_is_gone_is_called_back_with_a_certificate(s, san, reached):
	setting(s)
	phone = customer(s, s.trusted.issue("customer", "DNS:customer.test"))
	phone.tls.server = s.trusted.issue("server", san).server()
	gw = s.gateway()
	begin(s, clock_speed=20)  # the BYE stays on its schedule
	a, b = s.talk(gw, caller=phone)
	for connection in list(phone.connections.values()):
		connection.finish()
	b.send("BYE")
	b.expect(200, "BYE")
	if reached:
		a.hung_up()
	s.settle()
	same(phone.find("BYE"), None)


# files that change

@scenario
def a_renewed_certificate_is_shown_from_the_next_connection_on(s):
	setting(s)
	gw = showing(s, s.trusted.issue("gw", "DNS:gw.test"))
	begin(s)
	a, b = s.talk(gw)
	first = shown(s)
	renewed = s.trusted.issue("switch", "DNS:switch.test")
	write(s.tls.file("agent.pem"), read(renewed.path))
	same(shown(s) == first, False)
	same(shown(s), ssl.PEM_cert_to_DER_cert(read(renewed.path).split("-----BEGIN PRIVATE")[0]))
	s.over(a, b)
	same(len(gw.connections), 1)


@scenario
def a_file_that_cannot_be_read_leaves_what_was_read_before(s):
	setting(s)
	begin(s)
	first = shown(s)
	write(s.tls.file("agent.pem"), "half a certificate")
	same(shown(s), first)
	assert 'in_use="the one before"' in s.switch.read_log()


@scenario
def an_authority_added_is_trusted_by_the_next_attempt(s):
	setting(s)
	gw = showing(s, s.foreign.issue("gw", "DNS:gw.test"))
	begin(s)
	a = s.caller.invite("4930")
	a.expect(503)
	a.ack()
	write(s.tls.file("cafile.pem"), read(s.trusted.path), read(s.foreign.path))
	passes(s, gw)


def shown(s):
	"""The certificate that the switch shows to a connection."""
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
	context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
	with context.wrap_socket(socket.create_connection(s.switch.addresses["tls"], 5)) as sock:
		return sock.getpeercert(True)


run()
