"""An INVITE of ours that comes back is recognised by a mark in its Via, however long its way was (RFC 3261 section 16.3)."""

import sip
from net import same
from runner import run, scenario, variants


def forward(proxy, invite, callee=None, hops=1):
	"""What a proxy makes of our INVITE: `hops` Vias more, sent back to us, to another number if there is one."""
	target = "sip:%s@%s" % (callee or sip.user(invite.uri), sip.host_port(*proxy.proxy))
	lines = [("Via", proxy.via()) for _ in range(hops)]
	lines += [("Max-Forwards", str(int(value) - hops)) if name == "Max-Forwards" else (name, value)
		for name, value in invite.headers if name != "Content-Length"]
	return proxy.send(sip.build("INVITE %s SIP/2.0" % target, lines, invite.body), proxy.proxy)


@variants(("one_proxy", 1), ("five_proxies", 5))
def an_invite_that_comes_back_is_482_by_way_of(s, hops):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	forward(gw, b.invited, hops=hops)
	same(gw.expect(482, "INVITE").reason, "Loop Detected")
	b.refuse(482)
	a.expect(482, "INVITE")
	same(len(gw.arrivals("INVITE")), 1)
	same([(entry["reason"], entry["name"], entry["user"])
		for entry in s.switch.control("strangers.list")["strangers"]], [("loop", "customer", "4930")])
	same(s.switch.record()["sip_code"], 482)


@scenario
def an_invite_that_comes_back_for_another_number_goes_on(s):
	first, second = s.gateway("first", prefix="4930"), s.gateway("second", prefix="4940")
	s.start()
	a = s.caller.invite("4930")
	b = first.leg()
	forward(first, b.invited, callee="4940")
	c = second.leg()
	c.reply(180)
	first.expect(180)
	forward(second, c.invited)
	second.expect(482, "INVITE")
	c.refuse(486)
	final = first.expect(486)
	first.send(sip.build("ACK %s SIP/2.0" % b.invited.uri, [("Via", final.all("Via")[0]), ("From", final["From"]),
		("To", final["To"]), ("Call-ID", final["Call-ID"]), ("CSeq", "1 ACK")]), first.proxy)
	b.refuse(486)
	a.expect(486, "INVITE")
	same(len(s.switch.records(2)), 2)


@scenario
def a_restart_recognises_its_own_and_another_instance_does_not(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	s.switch.kill()
	s.start()
	a.expect(503)
	gw.proxy = s.switch.addresses["udp"]
	forward(gw, b.invited)
	gw.expect(482, "INVITE")
	s.switch.kill()
	s.net.until(lambda: not gw.inbox, "nothing else came")
	with open(s.switch.path("cdr.db-key"), "wb") as key:
		key.write(b"the key of others")
	s.start()
	gw.proxy = s.switch.addresses["udp"]
	forward(gw, b.invited)
	c = gw.leg()
	c.refuse(486)
	gw.expect(486)
	same(a.peer.inbox and [str(m) for m in a.peer.inbox if m.status != 100], [])
	gw.send(sip.build("ACK %s SIP/2.0" % b.invited.uri, [("Via", gw.net.trace[-1].message.all("Via")[0]),
		("From", b.invited["From"]), ("To", b.invited["To"]), ("Call-ID", b.invited["Call-ID"]), ("CSeq", "1 ACK")]), gw.proxy)


@variants(("none_is_70", None, "70"), ("more_than_70_is_69", "255", "69"), ("70_is_69", "70", "69"), ("5_is_4", "5", "4"),
	("1_is_0", "1", "0"))
def max_forwards(s, received, sent):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", Max_Forwards=received)
	b = gw.leg()
	same(b.invited["Max-Forwards"], sent)
	s.answer(a, b)
	a.send("INFO", Max_Forwards=received)
	same(b.expect("INFO")["Max-Forwards"], sent)
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


if __name__ == "__main__":
	run()
