"""baresip on both sides of the switch: a user agent written by others."""

from baresip import Baresip
from crash import crash
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
