"""Peers behind NAT (column nat): the addresses in their Contact, Record-Route and Via lead nowhere, and everything goes to
where they send from. What nat = Auto makes of an address is in test_nat.c: here every source is on loopback."""

import itertools

import sip
from net import same
from peer import Peer
from rel100 import ON, ring
from runner import run, scenario, variants

INSIDE = "127.0.0.9:9"  # nobody is there
ON_FOR_CUSTOMERS = "update mapping_gateway set nat = 'On'"
ports = itertools.count(34000, 2)  # new media each time, so that the re-INVITE crosses


class Hidden(Peer):
	"""It does not know that it is behind NAT."""

	@property
	def contact(self):
		return "<sip:%s@%s>" % (self.name, INSIDE)

	def via(self, branch=None):
		return "SIP/2.0/%s %s;branch=%s" % (self.transport.upper(), INSIDE, branch or self.token("z9hG4bK"))


def hidden_caller(s, transport="udp"):
	s.switch.pending.append(ON_FOR_CUSTOMERS)
	return Hidden(s.net, "hidden", transport)


def hidden_gateway(s, **columns):
	gw = Hidden(s.net, "hidden")
	s.vendor("hidden", gw.port, nat="On", **columns)
	return gw


def elsewhere(s, leg):
	"""The peer of this leg sends by another port of its NAT from now on."""
	there = Hidden(s.net, leg.peer.name, leg.peer.transport)
	there.secrets |= leg.peer.secrets
	leg.peer.secrets = there.secrets
	leg.route = there.proxy = leg.peer.proxy
	leg.peer = there


def asks(of, to, method):
	"""A request crosses, and its answer comes back."""
	of.send(method)
	to.expect(method)
	to.reply(200)
	of.expect(200, method)


def reinvites(of, to):
	of.send("INVITE", body=sip.sdp(next(ports)))
	to.expect("INVITE")
	to.reply(200, sdp=True)
	of.expect(200, "INVITE")
	of.ack()
	to.expect("ACK")


@scenario
def a_caller_gets_everything_where_it_sends_from(s):
	caller = hidden_caller(s)
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw, caller=caller)
	asks(b, a, "INFO")
	reinvites(b, a)
	reinvites(a, b)
	b.send("BYE")
	same(a.hung_up().uri, "sip:hidden@" + INSIDE)  # which is the name by which it knows itself
	b.expect(200, "BYE")


@scenario
def a_caller_that_is_refused_hears_of_it(s):
	caller = hidden_caller(s)
	gw = s.gateway()
	s.start()
	a = caller.invite("4930")
	gw.leg().refuse(486)
	a.expect(486)
	a = caller.invite("4930", Max_Forwards="0")
	a.expect(483)
	a = caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	b.cancelled()
	a.expect(487)
	caller.request("OPTIONS")
	caller.expect(200, "OPTIONS")


@scenario
def a_gateway_gets_answers_to_requests_outside_calls(s):
	s.switch.pending.append("delete from mapping_gateway")
	gw = hidden_gateway(s, publish=1)
	s.start()
	gw.request("OPTIONS")
	gw.expect(200, "OPTIONS")
	gw.request("PUBLISH", headers=[("Event", "nothing"), ("Expires", "60")])
	gw.expect(489, "PUBLISH")


@scenario
def a_gateway_gets_everything_where_it_sends_from(s):
	gw = hidden_gateway(s)
	s.start(**ON)
	a = s.caller.invite("4930")
	b = gw.leg()
	ring(b, 1)
	b.expect("PRACK")
	b.reply(200)
	a.expect(180)
	b.reply(200, sdp=True, request=b.invited)
	a.expect(200)
	a.ack()
	b.expect("ACK")
	asks(a, b, "INFO")
	reinvites(a, b)
	reinvites(b, a)
	s.over(a, b)


@scenario
def a_late_answer_is_hung_up_where_it_came_from(s):
	gw = hidden_gateway(s)
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	b.expect("CANCEL")
	b.reply(200)
	a.expect(487)
	b.reply(200, sdp=True, request=b.invited)
	b.expect("ACK")
	b.hung_up()


@variants(("udp", "udp"), ("tcp", "tcp"))
def a_caller_may_send_by_another_port(s, transport):
	caller = hidden_caller(s, transport)
	gw = s.gateway()
	s.start(("udp", "tcp"))
	a, b = s.talk(gw, caller=caller)
	caller.away()
	elsewhere(s, a)
	reinvites(a, b)
	asks(b, a, "INFO")
	b.send("BYE")
	a.hung_up()
	b.expect(200, "BYE")


@scenario
def a_gateway_may_send_by_another_port(s):
	gw = hidden_gateway(s)
	s.start()
	a, b = s.talk(gw)
	elsewhere(s, b)
	reinvites(b, a)
	s.over(a, b)


@scenario
def a_proxy_behind_nat_stays_on_the_way(s):
	caller = hidden_caller(s)
	gw = hidden_gateway(s)
	s.start()
	proxy = "<sip:%s;lr>" % INSIDE
	target = "sip:phone@192.0.2.9"
	a = caller.invite("4930", Contact="<%s>" % target, Record_Route=proxy)
	b = gw.leg()
	b.reply(200, sdp=True, contact="<%s>" % target, headers=[("Record-Route", "<sip:192.0.2.8;lr>, " + proxy)])
	ack = b.expect("ACK")
	same((ack.uri, ack.all("Route")), (target, [proxy, "<sip:192.0.2.8;lr>"]))
	a.expect(200)
	a.ack()
	elsewhere(s, a)
	a.send("INVITE", body=a.peer.sdp, Contact="<%s>" % target)
	b.expect("INVITE")
	b.reply(200, sdp=True, contact="<%s>" % target)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	b.send("BYE")
	bye = a.hung_up()
	same((bye.uri, bye.all("Route")), (target, [proxy]))
	b.expect(200, "BYE")


@variants(("off", "Off"), ("auto", "Auto"))
def otherwise_what_a_peer_names_counts(s, nat):
	gw = s.gateway(nat=nat)
	s.switch.pending.append("update mapping_gateway set nat = '%s'" % nat)
	s.start()
	there = s.peer("caller")
	there.secrets |= s.caller.secrets
	s.caller.secrets = there.secrets
	a = s.caller.invite("4930", Contact=there.contact,
		Via="SIP/2.0/UDP %s;branch=%s" % (there.host_port, s.caller.token("z9hG4bK")))
	b = gw.leg()
	a.peer = there
	s.answer(a, b)
	b.send("BYE")
	a.hung_up()
	b.expect(200, "BYE")


if __name__ == "__main__":
	run()
