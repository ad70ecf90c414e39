"""OPTIONS to the switch: what a load balancer or a peer learns about it (RFC 3261 section 11)."""

import re

import sip
from kamailio import Kamailio, running
from net import same
from peer import Peer
from runner import run, scenario

ACCEPT, OUTSIDE = "application/sdp", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK"
INSIDE = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, MESSAGE, NOTIFY, REFER"


def ask(peer, status, callee="", headers=(), **fields):
	"""Send OPTIONS; the answer, which has this status."""
	sent = peer.request("OPTIONS", callee, headers, **fields)
	return peer.expect(status, "OPTIONS", call_id=sent["Call-ID"])


def tells(response, allow=OUTSIDE, supported="timer"):
	same((response["Accept"], response["Allow"], response["Supported"]), (ACCEPT, allow, supported))


def drained(s):
	"""A switch that drains: it has a call and got SIGTERM; the legs of the call."""
	gw = s.gateway()
	s.start(arguments=("--drain", "30"))
	a, b = s.talk(gw)
	s.switch.stopping()
	return a, b


def over(s, a, b):
	s.over(a, b)
	s.switch.ended()


@scenario
def without_a_number_it_asks_whether_the_switch_takes_calls(s):
	s.start()
	tells(ask(s.caller, 200))
	tells(ask(s.caller, 200, Max_Forwards="0"))
	tells(ask(s.caller, 200, headers=[("Require", "timer")]))
	refused = ask(s.caller, 420, headers=[("Require", "timer, nonsense")])
	same(refused["Unsupported"], "nonsense")
	tells(refused)


@scenario
def a_switch_that_drains_answers_with_503(s):
	a, b = drained(s)
	for callee in ("", "4930"):
		answer = ask(s.caller, 503, callee)
		same(answer["Retry-After"], "10")
		tells(answer)
	same(s.caller.invite("4930").expect(503)["Retry-After"], "10")
	a.send("OPTIONS")
	a.expect(200, "OPTIONS")
	over(s, a, b)


@scenario
def with_a_number_it_gets_what_a_call_would_before_routing(s):
	s.switch.pending.append("update mapping_gateway set session_timer = 'Off', capacity = 1")
	gw = s.gateway(prefix="49")
	s.start()
	tells(ask(s.caller, 200, "4930"), supported="")
	tells(ask(s.caller, 200, "0", Max_Forwards="0"), supported="")  # that no route leads there is not asked
	refused = ask(s.caller, 420, "4930", [("Require", "timer")])
	same(refused["Unsupported"], "timer")
	a, b = s.talk(gw)
	ask(s.caller, 503, "4930")
	ask(s.caller, 200)
	s.over(a, b)
	s.settle()
	ask(s.caller, 200, "4930")


@scenario
def a_caller_that_must_support_100rel_learns_it(s):
	s.start(SS_SIP_100REL="Required")
	refused = ask(s.caller, 421, "4930")
	same(refused["Require"], "100rel")
	tells(refused, supported="timer, 100rel")
	ask(s.caller, 200, "4930", [("Supported", "100rel")])
	ask(s.caller, 200)


@scenario
def a_gateway_that_is_no_customer_may_ask_whether_we_are_there(s):
	gw = s.gateway(host="127.0.0.9")
	s.start()
	gw.proxy = s.switch.addresses["udp"]
	tells(ask(gw, 200))
	tells(ask(gw, 403, "4930"))
	same(gw.invite("4930").expect(403).status, 403)


@scenario
def allow_lists_exactly_what_is_taken_outside_dialogs(s):
	publisher = s.gateway(host="127.0.0.9", publish=1)
	s.start()
	publisher.proxy = s.switch.addresses["udp"]
	for peer in (s.caller, publisher):
		listed = ask(peer, 200)["Allow"].split(", ")
		same("PUBLISH" in listed, peer is publisher)
		for method in ("BYE", "OPTIONS", "PRACK", "PUBLISH", "INFO", "UPDATE", "MESSAGE", "NOTIFY", "REFER", "SUBSCRIBE", "REGISTER",
				"NONSENSE"):
			sent = peer.request(method)
			answer = s.net.until(lambda: next((m for m in peer.inbox if m["Call-ID"] == sent["Call-ID"]), None), "an answer to " + method)
			peer.inbox.remove(answer)
			refused = answer.status == (501 if method == "NONSENSE" else 405)
			same((method, refused), (method, method not in listed))
			if refused:
				same(answer["Allow"].split(", "), listed)


@scenario
def inside_a_dialog_each_leg_is_told_what_holds_for_it(s):
	gw = s.gateway(session_timer="Off", sip_100rel="Supported")
	s.start()
	a, b = s.talk(gw)
	# The gateway has not said that it takes UPDATE, the caller has.
	for leg, allow, supported in ((a, INSIDE.replace("UPDATE, ", ""), "timer"), (b, INSIDE, "100rel")):
		leg.send("OPTIONS")
		tells(leg.expect(200, "OPTIONS"), allow, supported)
	s.over(a, b)


class Fallback(Peer):
	"""Another destination of the dispatcher, not of the switch: it is there, and busy."""

	def take(self, raw, source, when):
		message = sip.Message(raw)
		if message.is_("ACK"):
			return
		lines = [(name, message[name]) for name in ("From", "To", "Call-ID", "CSeq")]
		self.sock.sendto(sip.build("SIP/2.0 200 OK" if message.is_("OPTIONS") else "SIP/2.0 486 Busy Here",
			[("Via", via) for via in message.all("Via")] + lines), source)


class Dispatcher(Kamailio):
	"""Sends calls to the switch, and to the other one while that does not answer with 200."""

	def __init__(self, s, other):
		super().__init__(s, "kamailio_dispatcher.cfg", {"list": "".join("1 sip:%s 0 %d\n" % (sip.host_port(*address), priority)
			for priority, address in ((2, s.switch.addresses["udp"]), (1, (other.host, other.port))))})

	def states(self):
		"""Address -> "AP" active or "IP" inactive, both being probed."""
		return dict(re.findall(r"URI: sip:(\S+)\s+FLAGS: (\w+)", self.ask("dispatcher.list")))


@scenario
def a_dispatcher_turns_away_from_a_switch_that_drains(s):
	gw, other = s.gateway(), Fallback(s.net, "other")
	s.start(arguments=("--drain", "30"))
	with running(Dispatcher, s, other=other) as k:
		s.caller.proxy = "127.0.0.1", k.port
		a, b = s.talk(gw)
		s.switch.stopping()
		s.net.until(lambda: k.states()[sip.host_port(*s.switch.addresses["udp"])] == "IP", "the dispatcher has noticed", step=0.05)
		s.caller.invite("4931").expect(486)
		over(s, a, b)


run()
