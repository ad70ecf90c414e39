"""SIPp as caller and gateway: calls at a steady rate; dead, probed and publishing gateways."""

import contextlib
import os
import random
import shutil
import socket
import subprocess

from net import Failed, same
from runner import Skip, run, scenario
from switch import ROOT

CALLS, RATE, TALK_MS = 200, 50, 100


def free_port(host):
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
		sock.bind((host, 0))
		return sock.getsockname()[1]


def own_host():
	"""A loopback address where free ports stay ours."""
	return "127.%d.%d.1" % (random.randrange(1, 250), random.randrange(1, 250))


def sipp(s, name, host, port, *arguments, calls=CALLS):
	"""Start SIPp with a scenario of tools/sipp; its output goes to a file in the scene's folder."""
	if not shutil.which("sipp"):
		raise Skip("no sipp: apt install sip-tester")
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
	"""Calls between two scenarios of tools/sipp; the gateway is the last in order."""
	host = own_host()
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


@contextlib.contextmanager
def one(s, name, host, port, *arguments):
	"""One SIPp, which is ended in any case."""
	process = sipp(s, name, host, port, *arguments, calls=1000)
	try:
		yield process
	finally:
		process.kill()
		process.wait()


def becomes(s, state):
	s.net.until(lambda: s.switch.control("gateways.get", name="sipp")["state"] == state, "it is " + state, 10, step=0.02)


@scenario
def a_sipp_that_ends_is_down_until_it_is_back(s):
	host = own_host()
	port = free_port(host)
	s.vendor("sipp", port, host=host, options_check=1)
	s.start(clock_speed=20, SS_SIP_OPTIONS_CHECK_PERIOD=5, SS_SIP_OPTIONS_TIMEOUT=5)
	for _ in range(2):
		becomes(s, "down")
		with one(s, "gateway_options", host, port):
			becomes(s, "up")


@scenario
def a_sipp_publishes_that_it_is_closed_and_open_again(s):
	host = own_host()
	port = free_port(host)
	s.vendor("sipp", port, host=host, publish=1)
	s.start()
	with one(s, "gateway_publish", host, port, "-m", "1", "-d", "700", "-s", "sipp", "%s:%d" % s.switch.addresses["udp"]) as process:
		becomes(s, "down")
		same(s.switch.control("gateways.get", name="sipp")["publication"], "closed")
		succeeds(s, "gateway_publish", process)
	becomes(s, "up")


def bound(host, port):
	"""Whether somebody has bound this port."""
	try:
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
			sock.bind((host, port))
	except OSError:
		return True


if __name__ == "__main__":
	run()
