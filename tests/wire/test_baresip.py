"""baresip on both sides of the switch: a user agent written by others."""

import sip
from baresip import Baresip
from crash import crash
from endpoint import endpoint
from net import same
from phone import cross, direction
from runner import run, scenario

NUMBER = "4930"


def dial(s, alice):
	"""Through the switch, whose customer alice's address is."""
	alice.do("dial", "sip:%s@%s:%d" % (NUMBER, *s.switch.addresses["udp"]))


def pair(s):
	"""A caller and a gateway, and the switch between them."""
	alice, bob = Baresip(s, "alice"), Baresip(s, NUMBER)
	s.vendor("bob", bob.port)
	s.start()
	return alice, bob


def talk_to(s, alice, bob):
	alice.do("dial", "sip:%s@%s:%d" % (bob.user, *s.switch.addresses["udp"]))
	bob.expect("CALL_INCOMING")
	bob.do("accept")
	alice.expect("CALL_ESTABLISHED")
	bob.expect("CALL_ESTABLISHED")


def talk(s, alice, bob):
	dial(s, alice)
	bob.expect("CALL_INCOMING")
	alice.expect("CALL_RINGING")
	bob.do("accept")
	alice.expect("CALL_ESTABLISHED")
	bob.expect("CALL_ESTABLISHED")


def changed(x, y, command, offered, answered):
	"""x holds or resumes the call; the directions of the offer y received and of the answer x received."""
	offer, answer = cross(x, y, "INVITE", lambda: x.ask(command))  # 1.1 says "Invalid argument" to a resume, and resumes
	same((direction(offer), direction(answer)), ([offered], [answered]))


@scenario
def baresip_calls_holds_resumes_sends_digits_and_hangs_up(s):
	alice, bob = pair(s)
	with alice, bob:
		talk(s, alice, bob)
		for x, y in ((alice, bob), (bob, alice)):
			changed(x, y, "hold", "sendonly", "recvonly")
			changed(x, y, "resume", "sendrecv", "sendrecv")
		for x, y in ((alice, bob), (bob, alice)):
			for digit in "7*":
				x.do("sndcode", digit)  # telephone-event, from one to the other
				same(y.expect("CALL_DTMF_START"), digit)
		alice.do("hangup")
		bob.expect("CALL_CLOSED")
		row = s.switch.record()
		same((row["sip_code"], row["end_direction"], row["gateway"], row["caller_in"]), (200, 0, "bob", "alice"))
		assert row["hold_ms"] > 0, row
		s.settle()


def media_ports(x):
	"""Where it says that it wants its media, and where it is told to send them: each a set over the whole call."""
	return [{line.split()[1] for ours, message in x.traced() for line in message.body.decode().splitlines()
		if ours == sent and message.method == "INVITE" and line.startswith("m=audio")} for sent in (True, False)]


@scenario
def baresip_talks_through_three_crashes_and_hangs_up(s):
	alice, bob = pair(s)
	with alice, bob:
		dial(s, alice)
		bob.expect("CALL_INCOMING")
		alice.expect("CALL_RINGING")
		crash(s)
		bob.do("accept")
		alice.expect("CALL_ESTABLISHED")
		bob.expect("CALL_ESTABLISHED")
		crash(s)
		for x, y in ((alice, bob), (bob, alice)):
			changed(x, y, "hold", "sendonly", "recvonly")
			changed(x, y, "resume", "sendrecv", "sendrecv")
		crash(s)
		for x, y in ((alice, bob), (bob, alice)):
			x.do("sndcode", "7")
			same(y.expect("CALL_DTMF_START"), "7")
		s.net.until(lambda: all(x.messages("OPTIONS") for x in (alice, bob)), "both were asked", step=0.05)
		alice.do("hangup")
		bob.expect("CALL_CLOSED")
		row = s.switch.record()
		same((row["sip_code"], row["end_direction"], row["end_reason"], row["gateway"]), (200, 0, "normal clearing", "bob"))
		same((row["hold_ms"], row["a_call_id"]), (row["end_ms"] - row["answer_ms"], alice.messages("BYE", sent=True)[0]["Call-ID"]))
		(mine, its), (other, others) = media_ports(alice), media_ports(bob)
		same((len(mine), len(its), mine, its), (1, 1, others, other))
		s.settle()


def start_for_endpoints(s, *users):
	"""
	A switch where no other row has the phones' address. Debian 12's baresip gives up when a challenge offers SHA-256, too, and
	tries again half a minute later; that it does so is made known here, so that no test has to wait.
	"""
	s.switch.pending.clear()
	for user in users:
		s.switch.insert("endpoint", name=user, password="secret")
	s.start(SS_SIP_AUTHENTICATION_TIMEOUT=1)
	for user in users:
		old = endpoint(s, user, row=False, host="127.0.0.1")
		s.net.until(lambda: len(old.challenged().all("WWW-Authenticate")) == 1, "MD5 alone", step=0.1)


def endpoints(s, *users):
	start_for_endpoints(s, *users)
	return [Baresip(s, user, sip.host_port(*s.switch.addresses["udp"])) for user in users]


def registered(s, count):
	"""Each registers as soon as it has started."""
	s.net.until(lambda: s.switch.control("endpoints.list")["bindings"] == count, "%d are bound" % count)


@scenario
def baresip_registers_is_challenged_and_called(s):
	alice, bob = endpoints(s, "1001", "1002")
	with alice, bob:
		registered(s, 2)
		for x, y in ((alice, bob), (bob, alice)):
			talk_to(s, x, y)
			changed(x, y, "hold", "sendonly", "recvonly")
			changed(x, y, "resume", "sendrecv", "sendrecv")
			y.do("hangup")
			x.expect("CALL_CLOSED")
		same([(row["ingress"], row["gateway"], row["sip_code"], row["end_direction"]) for row in s.switch.records(2)],
			[("1001", "1002", 200, 1), ("1002", "1001", 200, 1)])
		s.settle()


@scenario
def a_crash_leaves_baresip_registered(s):
	alice, bob = endpoints(s, "1001", "1002")
	with alice, bob:
		registered(s, 2)
		s.net.quiet(1)  # what is in state.db is at most a second old
		crash(s)
		same(s.switch.control("endpoints.list")["bindings"], 2)
		talk_to(s, alice, bob)
		crash(s)
		alice.do("hangup")
		bob.expect("CALL_CLOSED")
		same([(row["ingress"], row["gateway"]) for row in s.switch.records(1)], [("1001", "1002")])
		s.settle()


@scenario
def baresip_with_a_wrong_password_does_not_register(s):
	start_for_endpoints(s, "1001")
	with Baresip(s, "1001", sip.host_port(*s.switch.addresses["udp"]), password="wrong"):
		s.net.until(lambda: [one["reason"] for one in s.switch.control("strangers.list")["strangers"]] == ["wrong password"],
			"it is refused")
		registered(s, 0)


@scenario
def baresip_as_the_gateway_hangs_up(s):
	alice, bob = pair(s)
	with alice, bob:
		talk(s, alice, bob)
		bob.do("hangup")
		alice.expect("CALL_CLOSED")
		row = s.switch.record()
		same((row["sip_code"], row["end_direction"]), (200, 1))
		s.settle()


@scenario
def baresip_gives_up_while_it_rings(s):
	alice, bob = pair(s)
	with alice, bob:
		dial(s, alice)
		bob.expect("CALL_INCOMING")
		alice.expect("CALL_RINGING")
		alice.do("hangup")
		bob.expect("CALL_CLOSED")
		row = s.switch.record()
		same((row["sip_code"], row["end_direction"], row["answer_ms"]), (487, 0, None))
		s.settle()


@scenario
def baresip_refuses_a_call(s):
	alice, bob = pair(s)
	with alice, bob:
		dial(s, alice)
		bob.expect("CALL_INCOMING")
		bob.do("hangup")
		alice.expect("CALL_CLOSED")
		row = s.switch.record()
		same((row["sip_code"], row["end_direction"]), (486, 1))
		s.settle()


if __name__ == "__main__":
	run()
