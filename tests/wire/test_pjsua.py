"""
pjsua on both sides of the switch: a user agent written by others, with another SIP stack than baresip's.

Debian has no package of it. To build it from https://github.com/pjsip/pjproject (as of 2026-08-20):
	./configure --disable-video --disable-sound --disable-ffmpeg --disable-v4l2 --disable-openh264 --disable-libwebrtc \
		--disable-opencore-amr --disable-silk --disable-opus --disable-bcg729 --disable-libyuv --disable-sdl --disable-upnp
	make dep && make
	export PJSUA=$PWD/pjsip-apps/bin/pjsua-x86_64-pc-linux-gnu
"""

import contextlib
import os
import signal

from net import same
from phone import cross, direction
from pjsua import Pjsua
from runner import Skip, run, scenario, variants

NUMBER = "4930"


def address(s, number=NUMBER):
	"""Of this number at the switch."""
	(transport, (host, port)), = s.switch.addresses.items()
	return "sip:%s@%s:%d;transport=%s" % (number, host, port, transport)


@contextlib.contextmanager
def pair(s, *arguments, gateway=(), transport="udp", **start):
	"""A caller and a gateway with these arguments, and the switch between them."""
	with Pjsua(s, "alice", *arguments, transport=transport) as alice, \
			Pjsua(s, NUMBER, *arguments, *gateway, transport=transport) as bob:
		s.vendor("bob", bob.port, transport, prefix=NUMBER)
		s.start((transport,), **start)
		yield alice, bob


def ring(s, alice, bob, status=180):
	alice.do("m", address(s))
	bob.expect("Incoming call")
	bob.do("a", str(status))
	alice.expect("state changed to EARLY")


def pick_up(alice, bob):
	bob.do("a", "200")
	for x in (alice, bob):
		x.expect("state changed to CONFIRMED")


def talk(s, alice, bob):
	ring(s, alice, bob)
	pick_up(alice, bob)


def recorded(s, **columns):
	"""The only record, which has these columns."""
	row = s.switch.record()
	same({name: row[name] for name in columns}, columns)
	return row


def over(s, x, y, **columns):
	"""x hangs up."""
	x.do("h")
	for z in (x, y):
		z.expect("is DISCONNECTED")
	return recorded(s, **columns)


def change(x, y, method, act, offered, answered):
	"""These are the directions of the offer y receives and of the answer x receives."""
	offer, answer = cross(x, y, method, act)
	same((direction(offer), direction(answer)), ([offered], [answered]))


@variants(("over_udp", "udp"), ("over_tcp", "tcp"))
def pjsua_calls_holds_resumes_and_hangs_up(s, transport):
	with pair(s, transport=transport) as (alice, bob):
		talk(s, alice, bob)
		for x, y in ((alice, bob), (bob, alice)):
			change(x, y, "INVITE", lambda x=x: x.do("H"), "sendonly", "recvonly")
			change(x, y, "INVITE", lambda x=x: x.do("v"), "sendrecv", "sendrecv")
		row = over(s, alice, bob, sip_code=200, end_direction=0, gateway="bob", caller_in="alice")
		assert row["hold_ms"] > 0, row


@scenario
def pjsua_as_the_gateway_hangs_up(s):
	with pair(s) as (alice, bob):
		talk(s, alice, bob)
		over(s, bob, alice, sip_code=200, end_direction=1)


@scenario
def pjsua_gives_up_while_it_rings(s):
	with pair(s) as (alice, bob):
		ring(s, alice, bob)
		over(s, alice, bob, sip_code=487, end_direction=0, answer_ms=None)


@scenario
def pjsua_refuses_a_call(s):
	with pair(s) as (alice, bob):
		ring(s, alice, bob)
		bob.do("a", "486")
		alice.expect(r"is DISCONNECTED \[reason=486")
		recorded(s, sip_code=486, end_direction=1)


@scenario
def pjsua_calls_without_an_offer(s):
	with pair(s) as (alice, bob):
		alice.do("o")
		talk(s, alice, bob)
		offer, answer = alice.messages("INVITE", 200)[0], bob.messages("ACK")[0]
		same(bob.messages("INVITE")[0].body, b"")
		same(offer.body, bob.messages("INVITE", 200, sent=True)[0].body)
		same(answer.body, alice.messages("ACK", sent=True)[0].body)
		assert offer.body and answer.body, (offer.head, answer.head)
		over(s, alice, bob, sip_code=200)


@scenario
def pjsua_sends_updates(s):
	"""One with another codec crosses; one that changes nothing is answered by the switch."""
	with pair(s) as (alice, bob):
		talk(s, alice, bob)
		for x, y, codec in ((alice, bob, "GSM"), (bob, alice, "iLBC")):
			x.do("Cp", codec + "/8000/1 0")
			change(x, y, "UPDATE", lambda x=x: x.do("U"), "sendrecv", "sendrecv")
			agreed, crossed = x.messages("UPDATE", 200)[-1], len(y.messages("UPDATE"))
			x.do("U")
			s.net.until(lambda x=x: len(x.messages("UPDATE", 200)) == 2, "the second UPDATE is answered", step=0.02)
			same((x.messages("UPDATE", 200)[-1].body, len(y.messages("UPDATE"))), (agreed.body, crossed))
		over(s, alice, bob, sip_code=200)


@scenario
def pjsua_sends_digits(s):
	with pair(s) as (alice, bob):
		talk(s, alice, bob)
		for x, y in ((alice, bob), (bob, alice)):
			cross(x, y, "INFO", lambda x=x: x.do("*", "7"))
			y.expect("Incoming DTMF on call 0: 7.*, using SIP INFO method")
			x.do("#", "5")  # telephone-event, from one to the other
			y.expect("Incoming DTMF on call 0: 5.*, using RFC2833 method")
		over(s, alice, bob, sip_code=200)


@scenario
def pjsua_requires_reliable_responses(s):
	with pair(s, "--use-100rel", SS_SIP_100REL="Required") as (alice, bob):
		ring(s, alice, bob, 183)
		for x, asks in ((alice, True), (bob, False)):
			same(x.messages("INVITE", sent=asks)[0]["Require"], "100rel")
			reliable = x.messages("INVITE", 183, sent=not asks)[0]
			s.net.until(lambda x=x, asks=asks: x.messages("PRACK", 200, sent=not asks), "PRACK is answered", step=0.02)
			same(x.messages("PRACK", sent=asks)[0]["RAck"], "%s %s" % (reliable["RSeq"], reliable["CSeq"]))
		change(alice, bob, "UPDATE", lambda: alice.do("U"), "sendrecv", "sendrecv")
		pick_up(alice, bob)
		over(s, alice, bob, sip_code=200)


@scenario
def pjsua_refuses_a_short_session(s):
	longer = "--timer-se=300", "--timer-min-se=300"
	with pair(s, "--use-timer=3", gateway=longer, SS_SIP_SESSION_TTL="120") as (alice, bob):
		talk(s, alice, bob)
		same([(m["Session-Expires"], m["Min-SE"]) for m in bob.messages("INVITE")], [("120", ""), ("300", "300")])
		same(bob.messages("INVITE", 422, sent=True)[0]["Min-SE"], "300")
		same(bob.messages("INVITE", 200, sent=True)[0]["Session-Expires"], "300;refresher=uac")
		same(alice.messages("INVITE", 200)[0]["Session-Expires"], "120;refresher=uas")
		over(s, alice, bob, sip_code=200)


@scenario
def pjsua_takes_refreshes(s):
	with pair(s, "--use-timer=3", "--timer-se=90", SS_SIP_SESSION_TTL="90", clock_speed=12) as (alice, bob):
		talk(s, alice, bob)
		same(alice.messages("INVITE", 200)[0]["Session-Expires"], "90;refresher=uas")
		same(bob.messages("INVITE", 200, sent=True)[0]["Session-Expires"], "90;refresher=uac")
		for x in (alice, bob):
			s.net.until(lambda x=x: x.messages("UPDATE", 200, sent=True), x.user + " takes a refresh", step=0.02)
			for message in (x.messages("UPDATE")[0], x.messages("UPDATE", 200, sent=True)[0]):
				same((message["Session-Expires"], message.body), ("90;refresher=uac", b""))
		over(s, alice, bob, sip_code=200)


@scenario
def pjsua_is_refreshed_before_its_guard_time(s):
	"""It hangs up 60 s after the last refresh, by a clock that cannot run faster."""
	if "PJSUA_MINUTES" not in os.environ:
		raise Skip("takes two minutes, with PJSUA_MINUTES=1 in the environment")
	signal.alarm(160)
	with pair(s, "--use-timer=2", "--timer-se=90", "--timer-min-se=90", SS_SIP_SESSION_TTL="90") as (alice, bob):
		talk(s, alice, bob)
		for x in (alice, bob):
			s.net.until(lambda x=x: len(x.messages("UPDATE", 200, sent=True)) == 2, x.user + " takes two refreshes", 120, 0.1)
		over(s, alice, bob, sip_code=200, end_direction=0)


@variants(("and_hears_of_it",), ("and_hears_nothing_of_it", "--norefersub"))
def pjsua_transfers_a_call(s, *arguments):
	"""bob transfers alice, who calls carol through the switch and tells bob unless asked not to (RFC 4488)."""
	with contextlib.ExitStack() as phones:
		carol = phones.enter_context(Pjsua(s, "4931", "--auto-answer=200"))
		s.vendor("carol", carol.port, prefix="4931")
		alice, bob = phones.enter_context(pair(s, *arguments))
		talk(s, alice, bob)
		refer, accepted = cross(bob, alice, "REFER", lambda: bob.do("x", address(s, "4931")), 202)
		same((refer["Refer-To"], refer["Refer-Sub"]), (address(s, "4931"), "false" if arguments else ""))
		same(accepted["Contact"], "<sip:%s:%d>" % s.switch.addresses["udp"])  # RFC 3515 section 2.2
		carol.expect("state changed to CONFIRMED")
		if arguments:
			bob.do("h")
		else:
			bob.expect(r"transfer status=200 \(OK\) \[final\]")  # and hangs up by itself
		bob.expect("is DISCONNECTED")
		same([m.body for m in bob.messages("NOTIFY")], [m.body for m in alice.messages("NOTIFY", sent=True)])
		same(len(bob.messages("NOTIFY")), 0 if arguments else 2)
		carol.do("h")
		same([(row["gateway"], row["sip_code"], row["end_direction"]) for row in s.switch.records(2)],
			[("bob", 200, 1), ("carol", 200, 1)])


if __name__ == "__main__":
	run()
