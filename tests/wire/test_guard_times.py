"""
Sessions of 90, 120 and 600 s with peers that keep to RFC 4028 section 10, as pjsua and Asterisk do: the refresher sends
its one refresh after half of the interval; the other side hangs up shortly before its end, at the guard time
(docs/behaviour.md, Session timers).
"""

import itertools
import time

from net import Failed, same
from runner import run, variants
from timers import KNOWS_UPDATE, LATE, NO_UPDATE, TIMER, expires, granted, start, talk

ROLES = {"a": {"switch": "uas", "peer": "uac"}, "b": {"switch": "uac", "peer": "uas"}}  # in the first INVITE and its 200
NO_REFRESH = ("Reason", 'SIP;cause=408;text="No session refresh received"')
SPEEDS = {90: 15, 120: 15, 600: 60}
REAL_S = 20  # at most, until all sessions have outlived their interval


def guard_time(interval):
	return interval - min(32, interval / 3)


class Party:
	"""One side of a call, its session refreshed by the `refresher`, switch or peer, with this method."""

	def __init__(self, leg, refresher, method, interval, speed):
		self.leg, self.refresher, self.method, self.interval, self.speed = leg, refresher, method, interval, speed
		self.began, self.refreshed, self.open = leg.since, 0, False

	def passed(self, now):
		"""Seconds of the switch since the last refresh."""
		return (now - self.leg.since.time) * self.speed

	def find(self, what):
		return self.leg.peer.find(what, self.method, self.leg.call_id)

	def step(self):
		"""Do what is due; whether the session has outlived its interval and nothing is under way."""
		if self.refresher == "peer":
			self.refresh()
		else:
			self.guard()
		now = time.monotonic()
		return self.refreshed and not self.open and (now - self.began.time) * self.speed > 1.05 * self.interval

	def refresh(self):
		x = self.leg
		if self.open:
			answer = self.find(200)
			if answer:
				same(granted(answer), (self.interval, "uac"))
				x.since, self.open, self.refreshed = answer, False, self.refreshed + 1
				if self.method == "INVITE":
					x.ack()
		elif self.passed(time.monotonic()) >= self.interval / 2:
			self.open = True
			x.send(self.method, [TIMER, expires(self.interval, "uac")], x.peer.sdp if self.method == "INVITE" else b"")

	def guard(self):
		x = self.leg
		if self.open:
			self.open = not x.peer.find("ACK", call_id=x.call_id)
			return
		request = self.find(self.method)
		if self.passed(request.time if request else time.monotonic() - LATE) > guard_time(self.interval):
			x.send("BYE", [NO_REFRESH])
			raise Failed("%s hangs up: %s %s s by %s" % (x.peer.name, NO_REFRESH[1], self.interval, self.method))
		if request:
			same(granted(request), (self.interval, "uac"))
			x.since = x.reply(200, self.method == "INVITE", [("Require", "timer"), expires(self.interval, "uac")], request)
			self.refreshed, self.open = self.refreshed + 1, self.method == "INVITE"


def call(s, gw, interval, method, roles):
	allow = KNOWS_UPDATE[1] if method == "UPDATE" else NO_UPDATE
	grants = [expires(interval, ROLES["b"][roles[1]]), ("Allow", allow)]
	legs = talk(s, gw, [TIMER, expires(interval, ROLES["a"][roles[0]])], grants, Allow=allow)
	return [Party(leg, role, method, interval, SPEEDS[interval]) for leg, role in zip(legs, roles)]


@variants(*[("%d_s_in_segment_%d" % (interval, segment), interval, segment)
	for interval in SPEEDS for segment in (2, 4, 6, 10)])
def peers_that_hang_up_at_the_guard_time_keep_a_session_of(s, interval, segment):
	"""Both roles on each leg, with UPDATE and with re-INVITE."""
	gw = s.gateway()
	start(s, SPEEDS[interval], SS_SIP_SESSION_UPDATE_SEGMENT=segment, SS_SIP_SESSION_TTL=interval)
	calls = [call(s, gw, interval, method, roles) for method in ("UPDATE", "INVITE")
		for roles in itertools.product(("switch", "peer"), repeat=2)]
	s.net.until(lambda: all([party.step() for parties in calls for party in parties]), "all sessions are refreshed", REAL_S, 0.01)
	for a, b in calls:
		s.over(a.leg, b.leg)
	same({(row["sip_code"], row["end_direction"]) for row in s.switch.records(len(calls))}, {(200, 0)})


if __name__ == "__main__":
	run(at_a_time=24)
