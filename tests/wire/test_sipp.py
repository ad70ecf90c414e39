"""SIPp as caller and gateway: calls at a rate, with a dead gateway first in the plan."""

import os
import random
import shutil
import socket
import subprocess

from net import Failed, same
from scene import Skip, run, scenario
from switch import ROOT

CALLS, RATE, TALK_MS = 200, 50, 100


def free_port(host):
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
		sock.bind((host, 0))
		return sock.getsockname()[1]


def sipp(s, name, host, port, *arguments, calls=CALLS):
	"""Start SIPp with a scenario of tools/sipp; what it says goes to a file of the scene."""
	with open(s.switch.path(name + ".out"), "wb") as out:
		return subprocess.Popen(["sipp", "-sf", os.path.join(ROOT, "tools", "sipp", name + ".xml"),
			"-i", host, "-p", str(port), "-m", str(calls), "-nostdin", "-timeout", "30", "-timeout_error", *arguments],
			stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=s.folder)


def succeeds(s, name, process):
	s.net.until(lambda: process.poll() is not None, "sipp as %s ends" % name, 30, step=0.05)
	if process.returncode:
		with open(s.switch.path(name + ".out"), errors="replace") as out:
			raise Failed("sipp as %s: exit %d\n%s" % (name, process.returncode, out.read()[-3000:]))


def play(s, gateway, caller, calls, rate, ring_ms):
	"""Calls between two scenarios of tools/sipp; the gateway is the last of the plan."""
	if not shutil.which("sipp"):
		raise Skip("no sipp: apt install sip-tester")
	host = "127.%d.%d.1" % (random.randrange(1, 250), random.randrange(1, 250))  # so that ports are ours
	caller_port, gateway_port = free_port(host), free_port(host)
	s.switch.insert("mapping_gateway", name="sipp", host=host)
	s.vendor("living", gateway_port, host=host)
	s.start(SS_SIP_100REL="Supported")
	processes = [sipp(s, gateway, host, gateway_port, "-d", str(ring_ms), calls=calls)]
	try:
		s.net.until(lambda: bound(host, gateway_port), "sipp listens", step=0.02)
		processes.append(sipp(s, caller, host, caller_port, "-r", str(rate), "-d", str(TALK_MS), "-s", "4930", "-key", "caller",
			"4930100200", "%s:%d" % s.switch.addresses["udp"], calls=calls))
		succeeds(s, caller, processes[1])
		succeeds(s, gateway, processes[0])
	finally:
		for process in processes:
			process.kill()
			process.wait()
	return s.switch.records(calls)


@scenario
def two_hundred_calls_at_50_a_second_all_fail_over_from_the_dead_gateway(s):
	s.vendor("dead", s.net.refusing_port())
	for row in play(s, "gateway", "caller", CALLS, RATE, 20):
		same([attempt["gateway"] for attempt in row["attempts"]], ["dead", "living"])
		same((row["gateway"], row["ingress"], row["sip_code"], row["end_direction"]), ("living", "sipp", 200, 0))
		assert row["hold_ms"] >= TALK_MS - 5, row


@scenario
def reliable_provisionals_cross_between_two_that_know_them(s):
	for row in play(s, "gateway_100rel", "caller_100rel", 10, 10, 500):
		same((row["gateway"], row["sip_code"], row["end_direction"]), ("living", 200, 0))


def bound(host, port):
	"""Somebody has this port: it can't be bound any more."""
	try:
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
			sock.bind((host, port))
	except OSError:
		return True


if __name__ == "__main__":
	run()
