"""What a message carries across, and what the other side must never see (docs/behaviour.md, Setting up a call).

At the end of every scene all that the switch sent is searched for tags, Call-IDs, branches, addresses and product names
of other peers; the scenarios here cover only what has to be planted on purpose.
"""

import sip
from net import same
from runner import run, scenario

CONTENT = [("P-Asserted-Identity", '"Alice" <sip:+4930100200@customer.example>'),
	("P-Asserted-Identity", "<tel:+4930100200>"), ("Privacy", "id"),
	("Diversion", "<sip:4930111@customer.example>;reason=unconditional"), ("Diversion", "<sip:4930112@customer.example>"),
	("History-Info", "<sip:4930111@customer.example>;index=1"), ("User-to-User", "56a390f3d2b7;encoding=hex"),
	("Reason", 'Q.850;cause=16;text="over"'), ("Alert-Info", "<urn:alert:service:call-waiting>"),
	("Subject", "caf\u00e9 (\u4f60\u597d), again"), ("P-Early-Media", "supported"), ("Content-Disposition", "session"),
	("Content-Language", "de")]
EQUIPMENT = [("Server", "secret-product"), ("Organization", "secret-company"),
	("Record-Route", "<sip:secret.example;lr>"),
	("Via", "SIP/2.0/UDP secret.example;branch=z9hG4bKsecret"), ("Path", "<sip:secret.example>"),
	("P-Charging-Vector", "icid-value=secret")]

BEHIND = "<sip:behind@127.0.0.77:5099>"  # an address behind a proxy


def passes(sent, message):
	for name in dict(sent):
		values = [value for other, value in sent if other == name]
		# A list means the same in one header field or in several (RFC 3261 section 7.3.1).
		same(", ".join(message.all(name)).replace(" ", ""), ", ".join(values).replace(" ", ""))


def only(sent, *names):
	return [(name, value) for name, value in sent if name in names]


@scenario
def call_content_passes_with_the_invite(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", headers=CONTENT)
	b = gw.leg()
	passes(CONTENT, b.invited)
	b.refuse(486)
	a.expect(486)


@scenario
def call_content_passes_with_every_response(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	for status, names in ((183, ("P-Early-Media", "P-Asserted-Identity", "Alert-Info")),
			(180, ("Alert-Info", "History-Info")), (200, ("P-Asserted-Identity", "User-to-User", "Privacy"))):
		b.reply(status, sdp=True, headers=only(CONTENT, *names))
		passes(only(CONTENT, *names), a.expect(status, "INVITE"))
	a.ack()
	b.expect("ACK")
	s.over(a, b)


ACCOUNT, TENANT, UNLISTED = ("X-Account", "17"), ("X-Tenant", "north, east"), ("X-Other", "secret")


@scenario
def headers_that_either_row_lists_pass_both_ways_and_no_others(s):
	gw = s.gateway(pass_headers="x-account")
	s.switch.insert("mapping_gateway", name="second", host="127.0.0.9", pass_headers="X-Nothing, X-Tenant")
	caller = s.peer("second", host="127.0.0.9")
	s.start()
	sent = [ACCOUNT, TENANT]
	a = caller.invite("4930", headers=[*sent, UNLISTED])
	b = gw.leg()
	passes(sent, b.invited)
	same(b.invited["X-Other"], "")
	b.reply(180, headers=[*sent, UNLISTED])
	passes(sent, a.expect(180))
	b.reply(200, sdp=True, headers=sent)
	passes(sent, a.expect(200, "INVITE"))
	a.ack()
	b.expect("ACK")
	b.send("INFO", [TENANT, UNLISTED])
	info = a.expect("INFO")
	passes([TENANT], info)
	same(info["X-Other"], "")
	a.reply(200, headers=[ACCOUNT], request=info)
	passes([ACCOUNT], b.expect(200, "INFO"))
	a.send("BYE", sent)
	passes(sent, b.hung_up())
	a.expect(200, "BYE")


@scenario
def a_refusal_passes_with_what_either_row_lists(s):
	gw = s.gateway(pass_headers="X-Account")
	s.start()
	a = s.caller.invite("4930", headers=[TENANT])
	b = gw.leg()
	same(b.invited["X-Tenant"], "")
	b.refuse(486, [ACCOUNT, TENANT])
	refusal = a.expect(486)
	passes([ACCOUNT], refusal)
	same(refusal["X-Tenant"], "")


@scenario
def the_reason_of_a_refusal_passes(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	gw.leg().refuse(486, [("Reason", "Q.850;cause=17")])
	assert "Q.850;cause=17" in ", ".join(a.expect(486).all("Reason")).replace(" ", "")


@scenario
def call_content_passes_with_the_bye(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	sent = only(CONTENT, "Reason", "User-to-User")
	a.send("BYE", sent)
	passes(sent, b.hung_up())
	a.expect(200, "BYE")


@scenario
def the_displayed_name_of_the_caller_passes(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930",
		From='"J\u00fcrgen \\"X\\"" <sip:4930100200@caller.invalid>;tag=%s' % s.caller.token("tag"))
	b = gw.leg()
	assert b.invited["From"].startswith('"J\u00fcrgen \\"X\\"" <sip:4930100200@'), b.invited["From"]
	b.refuse(486)
	a.expect(486)


@scenario
def a_displayed_name_that_is_too_long_is_left_out(s):
	gw = s.gateway()
	s.start()
	for length, passes in (700, True), (1100, False), (5000, False):
		name = '"%s"' % ("x" * length)
		a = s.caller.invite("4930", From="%s <sip:4930100200@caller.invalid>;tag=%s" % (name, s.caller.token("tag")))
		b = gw.leg()
		same((name in b.invited["From"], sip.user(b.invited["From"])), (passes, "4930100200"))
		s.answer(a, b)
		b.send("BYE")
		assert name in a.hung_up()["To"]
		b.expect(200, "BYE")


@scenario
def the_callers_equipment_is_not_seen_by_the_gateway(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", headers=EQUIPMENT)
	b = gw.leg()
	assert "secret" not in b.invited.head, b.invited.head
	b.refuse(486)
	final = a.expect(486)
	same(len(", ".join(final.all("Via")).split(",")), 2)


@scenario
def the_gateways_equipment_is_not_seen_by_the_caller(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	seen = [header for header in EQUIPMENT if header[0] not in ("Via", "Record-Route")]
	seen.append(("Warning", '399 secret.example "x"'))
	b.reply(183, sdp=True, headers=seen)
	assert "secret" not in a.expect(183).head
	b.refuse(486, seen)
	assert "secret" not in a.expect(486).head


@scenario
def max_forwards_is_decremented(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", Max_Forwards="17")
	b = gw.leg()
	same(b.invited["Max-Forwards"], "16")
	b.refuse(486)
	a.expect(486)


@scenario
def max_forwards_0_is_483(s):
	s.gateway()
	s.start()
	s.caller.invite("4930", Max_Forwards="0").expect(483)


@scenario
def a_loop_ends(s):
	s.gateway("other", prefix="33")
	s.start()
	s.vendor("ourselves", s.caller.proxy[1])
	s.net.until(lambda: s.switch.control("routes.lookup", callee="4930", caller="1", ingress="customer")["matched"],
		"the route is in force", 1, step=0.02)
	a = s.caller.invite("4930", Max_Forwards="5")
	final = s.net.until(lambda: s.caller.find(483, "INVITE") or s.caller.find(482, "INVITE"), "482 or 483")
	a.ack_failure(final)


@scenario
def the_callers_record_route_is_followed(s):
	gw = s.gateway()
	s.start()
	hop = "<sip:%s;lr>" % s.caller.host_port
	a = s.caller.invite("4930", headers=[("Record-Route", hop)], Contact=BEHIND)
	b = gw.leg()
	b.reply(200, sdp=True)
	same(a.expect(200)["Record-Route"], hop)
	a.ack()
	b.expect("ACK")
	b.send("BYE")
	bye = a.hung_up()
	same((bye["Route"], bye.uri), (hop, sip.uri(BEHIND)))
	b.expect(200, "BYE")


@scenario
def the_gateways_record_route_is_followed(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	hops = ["<sip:%s;lr;hop=2>" % gw.host_port, "<sip:%s;lr;hop=1>" % gw.host_port]
	b.reply(200, sdp=True, headers=[("Record-Route", hop) for hop in hops], contact=BEHIND)
	same(a.expect(200)["Record-Route"], "")
	a.ack()
	ack = b.expect("ACK")
	same((", ".join(ack.all("Route")).replace(" ", ""), ack.uri), (",".join(reversed(hops)), sip.uri(BEHIND)))
	s.over(a, b)


if __name__ == "__main__":
	run()
