"""More new calls than the switch can take: what belongs to a call goes first, calls too many are refused without state."""

from endpoint import endpoint
from net import same
from runner import run, scenario

BURST = 150  # found at one look
GATEWAYS = 5000  # all of them out of service: each call to 999 is refused after it has looked at every one


BRIEF = {"SS_SIP_RESEND_INTERVAL": "0.2", "SS_SIP_SEND_RETRY": "1"}  # refusals are not acknowledged here


def slow_to_refuse(s, gateways=GATEWAYS):
	"""Calls to 999 take the switch so long that a burst of them is more than it can take."""
	numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < %d)" % gateways
	s.switch.pending += [
		numbers + " insert into gateway (name, host, port, enabled) select 'g' || i, '127.0.0.1', 9, 0 from n",
		numbers + " insert into route (prefix, gateway, priority) select '999', 'g' || i, i from n"]


def burst(s, between=lambda: None):
	"""INVITEs that will be refused, all sent while the switch does not look; the peer that sent them."""
	many = s.peer("many")
	many.proxy = s.caller.proxy
	for number in range(BURST):
		many.invite("999")
		if number % 3 == 0:
			between()
	return many


def answers(peer):
	"""The first final answer to each INVITE: those for want of a gateway, and those in overload."""
	first = {entry.message["Call-ID"]: entry for entry in reversed(peer.arrivals(503, "INVITE"))}.values()
	return [entry for entry in first if entry.message["Reason"]], [entry for entry in first if not entry.message["Reason"]]


@scenario
def of_a_burst_of_calls_the_last_ones_are_refused_and_a_bye_goes_first(s):
	gw = s.gateway(prefix="4930")
	slow_to_refuse(s)
	s.start(**BRIEF)
	a, b = s.talk(gw)
	before = s.switch.status()["calls"]["total"]
	with s.switch.asleep():
		many = burst(s)
		a.send("BYE")
	a.expect(200, "BYE")
	b.hung_up()
	s.net.until(lambda: sum(map(len, answers(many))) >= BURST, "all are answered")
	served, refused = answers(many)
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
def an_emergency_call_and_what_is_inside_a_call_do_not_wait(s):
	gw = s.gateway(prefix="4930")
	slow_to_refuse(s)
	s.start(**BRIEF)
	a, b = s.talk(gw)
	urgent = s.peer("urgent")
	urgent.proxy = s.caller.proxy
	with s.switch.asleep():
		many = burst(s)
		urgent.invite("112", uri="urn:service:sos")
		a.send("INFO")
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	urgent.expect(416, "INVITE")  # the plan knows numbers only, but it was asked
	s.net.until(lambda: sum(map(len, answers(many))) >= BURST, "all are answered")
	last = max(urgent.arrivals(416)[0].message.time, gw.arrivals("INFO")[0].message.time)
	before = [entry for kind in answers(many) for entry in kind if entry.message.time < last]
	assert len(before) < BURST / 2, "%d calls went first" % len(before)
	s.over(a, b)
	many.inbox.clear()


@scenario
def the_ack_of_such_a_refusal_draws_nothing_and_a_repeated_invite_no_second_call(s):
	gw = s.gateway(prefix="4930")
	slow_to_refuse(s)
	s.start(**BRIEF)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	with s.switch.asleep():
		many = burst(s)
		a.again(a.invited)  # it is no new call: its transaction is known
	s.net.until(lambda: sum(map(len, answers(many))) >= BURST, "all are answered")
	refused = answers(many)[1][0].message
	total = s.switch.status()["calls"]["total"]
	many.send(b"\r\n".join([b"ACK sip:999@127.0.0.1 SIP/2.0", *[("%s: %s" % (name, refused[name])).encode()
		for name in ("Via", "From", "To", "Call-ID")], b"CSeq: 1 ACK", b"Content-Length: 0", b"", b""]), many.proxy)
	s.caller.expect_count(2, 180)  # the answer so far, again
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)
	same(answers(s.caller), ([], []))
	same(s.switch.status()["calls"]["total"], total)
	many.inbox.clear()


@scenario
def strangers_get_silence_in_overload_when_that_is_what_they_get(s):
	slow_to_refuse(s)
	s.start(SS_REPLY_UNAUTHORIZED="Off", **BRIEF)
	stranger = s.peer("stranger", host="127.0.0.2")
	stranger.proxy = s.caller.proxy
	with s.switch.asleep():
		many = burst(s, lambda: stranger.invite("999"))
	s.net.until(lambda: s.switch.status()["calls"]["refused"] > len(answers(many)[1]) > 0, "strangers come too much, too")
	s.settle()
	same(stranger.inbox, [])
	many.inbox.clear()



@scenario
def registrations_come_after_calls_and_are_refused_when_they_would_wait_too_long(s):
	phone = endpoint(s, "1001")
	slow_to_refuse(s, 3 * GATEWAYS)  # so slow that registrations wait for longer than they may
	s.start(**BRIEF)
	with s.switch.asleep():
		for _ in range(BURST):
			phone.register()
		many = burst(s)
	s.net.until(lambda: sum(map(len, answers(many))) >= BURST, "all calls are answered")
	s.net.until(lambda: len(phone.inbox) == BURST, "all registrations are answered")
	refused = [message for message in phone.inbox if message.status == 503]
	assert refused and all(int(message["Retry-After"]) > 0 for message in refused), len(refused)
	same({message.status for message in phone.inbox} - {401, 503}, set())
	s.net.until(lambda: "registrations were refused with 503 n=%d" % len(refused) in s.switch.read_log(), "a line in the log", step=0.05)
	same(s.switch.status()["calls"]["refused"], len(answers(many)[1]))
	phone.inbox.clear()
	many.inbox.clear()
	phone.bind()


if __name__ == "__main__":
	run()
