"""More new calls than the switch can take: what belongs to a call goes first, calls too many are refused without state."""

from net import same
from runner import run, scenario

BURST = 150  # found at one look; at this clock speed the last ones have waited too long before their turn comes
SLOW = {"SS_SIP_TIMEOUT_INVITE": "120", "SS_SIP_TIMEOUT_TRYING": "300", "SS_SIP_TIMEOUT_RINGING": "600",
	"SS_SIP_RESEND_INTERVAL": "300"}


def burst(s, **fields):
	"""INVITEs that nothing routes, all sent while the switch does not look; the peer that sent them."""
	many = s.peer("many")
	many.proxy = s.caller.proxy
	for _ in range(BURST):
		many.invite("999", **fields)
	return many


def answers(peer, *statuses):
	"""The first answer of these to each INVITE."""
	return list({entry.message["Call-ID"]: entry for status in statuses
		for entry in reversed(peer.arrivals(status, "INVITE"))}.values())


@scenario
def of_a_burst_of_calls_the_last_ones_are_refused_and_a_bye_goes_first(s):
	gw = s.gateway(prefix="4930")
	s.start(clock_speed=500, **SLOW)
	a, b = s.talk(gw)
	before = s.switch.status()["calls"]["total"]
	with s.switch.asleep():
		many = burst(s)
		a.send("BYE")
	a.expect(200, "BYE")
	b.hung_up()
	s.net.until(lambda: len(answers(many, 404, 503)) >= BURST, "all are answered")
	refused, served = answers(many, 503), answers(many, 404)
	assert refused and len(served) >= 16, (len(refused), len(served))
	for entry in refused:
		message = entry.message
		assert int(message["Retry-After"]) > 0 and "received=127.0.0.1" in message["Via"], message.head
		assert ";tag=" in message["To"] and message["Content-Length"] == "0", message.head
	last = max(entry.message.time for entry in refused + served)
	assert a.peer.arrivals(200, "BYE")[0].message.time < last, "the BYE waited for calls"
	# Nothing is kept of what was refused: no call, and no record.
	status = s.switch.status()["calls"]
	same((status["total"] - before, status["refused"]), (len(served), len(refused)))
	s.settle()
	same(len(s.switch.records(1 + len(served))), 1 + len(served))
	many.inbox.clear()


@scenario
def the_ack_of_such_a_refusal_draws_nothing_and_a_repeated_invite_no_second_call(s):
	gw = s.gateway(prefix="4930")
	s.start(clock_speed=500, **SLOW)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	with s.switch.asleep():
		many = burst(s)
		a.again(a.invited)  # it is no new call: its transaction is known
	s.net.until(lambda: len(answers(many, 404, 503)) >= BURST, "all are answered")
	refused = answers(many, 503)[0].message
	total = s.switch.status()["calls"]["total"]
	many.send(b"\r\n".join([b"ACK sip:999@127.0.0.1 SIP/2.0", *[("%s: %s" % (name, refused[name])).encode()
		for name in ("Via", "From", "To", "Call-ID")], b"CSeq: 1 ACK", b"Content-Length: 0", b"", b""]), many.proxy)
	s.caller.expect_count(2, 180)  # the answer so far, again
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)
	same(answers(s.caller, 503), [])
	same(s.switch.status()["calls"]["total"], total)
	many.inbox.clear()


@scenario
def strangers_get_silence_in_overload_when_that_is_what_they_get(s):
	s.switch.sql("delete from mapping_gateway")
	s.switch.pending.clear()
	s.start(clock_speed=1000, SS_REPLY_UNAUTHORIZED="Off")
	with s.switch.asleep():
		many = burst(s)
	s.net.until(lambda: s.switch.status()["calls"]["refused"] > 0, "some came too much")
	s.net.quiet(0.1)
	same([str(message) for message in many.inbox], [])


if __name__ == "__main__":
	run()
