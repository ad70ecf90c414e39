"""baresip on both sides of the switch: a user agent written by others."""

from baresip import Baresip
from net import same
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


def direction(message):
	return [line.removeprefix("a=") for line in message.body.decode().splitlines()
		if line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")]


def changed(s, x, y, command, offered, answered):
	"""x holds or resumes the call; the offer y received and the answer x received, both relayed byte for byte."""
	before = len(y.messages("INVITE")), len(x.messages("INVITE", 200))
	x.ask(command)  # 1.1 says "Invalid argument" to a resume, and resumes
	s.net.until(lambda: len(x.messages("INVITE", 200)) > before[1], "%s is answered" % command, step=0.02)
	same(len(y.messages("INVITE")), before[0] + 1)
	offer, answer = y.messages("INVITE")[-1], x.messages("INVITE", 200)[-1]
	same((direction(offer), direction(answer)), ([offered], [answered]))
	same(offer.body, x.messages("INVITE", sent=True)[-1].body)
	same(answer.body, y.messages("INVITE", 200, sent=True)[-1].body)


@scenario
def baresip_calls_holds_resumes_sends_digits_and_hangs_up(s):
	alice, bob = pair(s)
	with alice, bob:
		talk(s, alice, bob)
		for x, y in ((alice, bob), (bob, alice)):
			changed(s, x, y, "hold", "sendonly", "recvonly")
			changed(s, x, y, "resume", "sendrecv", "sendrecv")
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
