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


def sipp(s, name, host, port, *arguments):
	"""Start SIPp with a scenario of tools/sipp; what it says goes to a file of the scene."""
	with open(s.switch.path(name + ".out"), "wb") as out:
		return subprocess.Popen(["sipp", "-sf", os.path.join(ROOT, "tools", "sipp", name + ".xml"),
			"-i", host, "-p", str(port), "-m", str(CALLS), "-nostdin", "-timeout", "30", "-timeout_error", *arguments],
			stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=s.folder)


def succeeds(s, name, process):
	s.net.until(lambda: process.poll() is not None, "sipp as %s ends" % name, 30, step=0.05)
	if process.returncode:
		with open(s.switch.path(name + ".out"), errors="replace") as out:
			raise Failed("sipp as %s: exit %d\n%s" % (name, process.returncode, out.read()[-3000:]))


@scenario
def two_hundred_calls_at_50_a_second_all_fail_over_from_the_dead_gateway(s):
	if not shutil.which("sipp"):
		raise Skip("no sipp: apt install sip-tester")
	host = "127.%d.%d.1" % (random.randrange(1, 250), random.randrange(1, 250))  # so that ports are ours
	caller_port, gateway_port = free_port(host), free_port(host)
	s.switch.insert("mapping_gateway", name="sipp", host=host)
	s.vendor("dead", s.net.refusing_port())
	s.vendor("living", gateway_port, host=host)
	s.start()
	gateway = sipp(s, "gateway", host, gateway_port, "-d", "20")
	caller = None
	try:
		s.net.until(lambda: bound(host, gateway_port), "sipp listens", step=0.02)
		caller = sipp(s, "caller", host, caller_port, "-r", str(RATE), "-d", str(TALK_MS), "-s", "4930", "-key", "caller",
			"4930100200", "%s:%d" % s.switch.addresses["udp"])
		succeeds(s, "caller", caller)
		succeeds(s, "gateway", gateway)
	finally:
		for process in filter(None, (caller, gateway)):
			process.kill()
			process.wait()
	for row in s.switch.records(CALLS):
		same([attempt["gateway"] for attempt in row["attempts"]], ["dead", "living"])
		same((row["gateway"], row["ingress"], row["sip_code"], row["end_direction"]), ("living", "sipp", 200, 0))
		assert row["hold_ms"] >= TALK_MS - 5, row


def bound(host, port):
	"""Somebody has this port: it can't be bound any more."""
	try:
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
			sock.bind((host, port))
	except OSError:
		return True


if __name__ == "__main__":
	run()
