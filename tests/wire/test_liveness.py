"""Gateways are probed with OPTIONS; one that is dead leaves the plan until it answers again (behaviour.md section 6)."""

import time

import sip
from dns import Dns
from net import Failed, same
from scene import run, scenario

PERIOD = 30  # s, of the switch's time
SPEED = 30   # so one period is about 1 s of ours


class Probed:
	"""Answers the OPTIONS that come to a peer, each with the next status of its list, the last one for ever; None: silence."""

	def __init__(self, peer, *statuses):
		self.peer, self.statuses, self.probes = peer, list(statuses), []

	def look(self):
		probe = self.peer.find("OPTIONS")
		if probe:
			self.probes.append(probe)
			status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
			if status:
				reply(self.peer, probe, status)
		return probe


def reply(peer, request, status, headers=()):
	lines = [("Via", via) for via in request.all("Via")] + [("From", request["From"]), ("To", request["To"] + ";tag=" + peer.token("t")),
		("Call-ID", request["Call-ID"]), ("CSeq", request["CSeq"])]
	return peer.send(sip.build("SIP/2.0 %d %s" % (status, sip.REASONS.get(status, "Whatever")), lines + list(headers)), request.source)


def watch(s, *probed):
	"""Answer whatever probes are there while something else is waited for."""
	def until(condition, what, timeout=10):
		def look():
			for each in probed:
				while each.look():
					pass
			return condition()
		return s.net.until(look, what, timeout, step=0.02)
	return until


def state(s, name):
	return next(gw["state"] for gw in s.switch.control("gateways.list")["gateways"] if gw["name"] == name)


@scenario
def a_probe_is_a_sound_options_request(s):
	gw = s.gateway(options_check=1)
	s.start(clock_speed=SPEED)
	probe = gw.expect("OPTIONS")
	same(probe.uri, "sip:" + gw.host_port)
	same(sip.uri(probe["To"]), "sip:" + gw.host_port)
	same(probe["CSeq"], "1 OPTIONS")
	same(probe["Max-Forwards"], "70")
	same(probe["Accept"], "application/sdp")
	same(sip.address(probe["Contact"]), s.switch.addresses["udp"])
	assert sip.param(probe["From"], "tag") and not sip.param(probe["To"], "tag")
	reply(gw, probe, 200)


if __name__ == "__main__":
	run()
