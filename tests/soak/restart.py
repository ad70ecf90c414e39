"""How long is the switch deaf while it is restarted? Run by hand:

	SOFTSWITCH=build-release/softswitch/softswitch python3 tests/soak/restart.py --calls 5000 --rate 50

So many calls stand, more are placed, and a peer asks by OPTIONS every millisecond. Then the switch is restarted in place
a few times. It prints for each time how long an answer took at most, which is how long nothing was read, and at the end
what was lost: questions without an answer, and calls. The switch itself asks 500 peers a second after each restart.
"""

import argparse
import os
import re
import select
import signal
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))

from net import Net
from switch import Switch

BODY = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\n"
KEPT = re.compile(rb"(?:Via|From|Call-ID|CSeq|Record-Route):[^\r]*\r\n")


class Peer:
	"""Answers every request with 200, from a thread of its own; callers acknowledge the 200 to their INVITEs."""

	def __init__(self, to=None):
		self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
		self.sock.bind(("127.0.0.1", 0))
		self.port, self.to = self.sock.getsockname()[1], to
		self.answered, self.failed, self.byes, self.asked = set(), 0, 0, {}
		self.latency = []
		threading.Thread(target=self.serve, daemon=True).start()

	def serve(self):
		while True:
			raw, source = self.sock.recvfrom(65536)
			if raw.startswith(b"SIP/2.0"):
				self.on_response(raw)
			elif not raw.startswith(b"ACK"):
				self.byes += raw.startswith(b"BYE")
				self.sock.sendto(self.ok(raw), source)

	def ok(self, raw):
		to = re.search(rb"To:[^\r]*", raw)[0]
		to += b"" if b";tag=" in to else b";tag=g%d" % hash(raw)
		body = BODY if raw.startswith(b"INVITE") else b""
		return b"".join((b"SIP/2.0 200 OK\r\n", *KEPT.findall(raw), to, b"\r\nContact: <sip:x@127.0.0.1:%d>\r\n" % self.port,
			b"Content-Type: application/sdp\r\n" if body else b"", b"Content-Length: %d\r\n\r\n" % len(body), body))

	def on_response(self, raw):
		call_id = re.search(rb"Call-ID: *([^\r]*)", raw)[1]
		if b" OPTIONS\r\n" in raw:
			self.latency.append((time.monotonic() - self.asked.pop(call_id, time.monotonic())))
		elif raw.startswith(b"SIP/2.0 2"):
			self.answered.add(call_id)
			to, uri = re.search(rb"To: *([^\r]*)", raw)[1], re.search(rb"Contact: *<([^>]*)>", raw)[1]
			self.send("ACK", call_id.decode(), to.decode(), uri=uri.decode())
		elif not raw.startswith(b"SIP/2.0 1"):
			self.failed += 1

	def send(self, method, call_id, to="<sip:4930@x>", body=b"", uri=None):
		uri = uri or ("sip:4930@127.0.0.1:%d" if method == "INVITE" else "sip:127.0.0.1:%d") % self.to[1]
		self.sock.sendto(("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s%s;rport\r\nMax-Forwards: 70\r\n"
			"From: <sip:1@x>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContact: <sip:1@127.0.0.1:%d>\r\n"
			"%sContent-Length: %d\r\n\r\n"
			% (method, uri, self.port, method, call_id, call_id, to, call_id, method, self.port,
			"Content-Type: application/sdp\r\n" if body else "", len(body))).encode() + body, self.to)

	def invite(self, number):
		self.send("INVITE", "c%d-%d" % (self.port, number), body=BODY)

	def ask(self, number):
		call_id = "o%d" % number
		self.asked[call_id.encode()] = time.monotonic()
		self.send("OPTIONS", call_id)


def pace(rate, seconds, act):
	"""act(i) so many times a second."""
	begin = time.monotonic()
	for i in range(int(rate * seconds)):
		left = begin + i / rate - time.monotonic()
		if left > 0:
			time.sleep(left)
		act(i)


def main():
	parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
	parser.add_argument("--calls", type=int, default=5000)
	parser.add_argument("--rate", type=float, default=50, help="calls a second meanwhile")
	parser.add_argument("--times", type=int, default=3)
	arguments = parser.parse_args()
	with tempfile.TemporaryDirectory(prefix="softswitch-restart-") as folder:
		net = Net()
		switch = Switch(net, folder)
		gateway = Peer()
		switch.insert("mapping_gateway", name="customer", host="127.0.0.1")
		switch.insert("gateway", name="gw", host="127.0.0.1", port=gateway.port)
		switch.insert("route", prefix="", gateway="gw")
		switch.start()
		try:
			play(arguments, switch, gateway)
		finally:
			switch.process.kill()
			switch.process.wait()


def play(arguments, switch, gateway):
	caller, asker = (Peer(switch.addresses["udp"]) for _ in range(2))
	pace(400, arguments.calls / 400, caller.invite)
	deadline = time.monotonic() + 30
	while switch.status()["calls"]["active"] < arguments.calls and time.monotonic() < deadline:
		time.sleep(0.1)
	print("calls", switch.status()["calls"])
	offset, asked = arguments.calls, 0
	for turn in range(arguments.times):
		more = threading.Thread(target=pace, args=(arguments.rate, 8, lambda i, at=offset: caller.invite(at + i)))
		more.start()
		offset += int(arguments.rate * 8)
		asker.latency.clear()
		restart = threading.Timer(2, lambda: switch.signal(signal.SIGUSR2))
		restart.start()
		pace(1000, 8, lambda i, at=asked: asker.ask(at + i))
		asked += 8000
		more.join()
		time.sleep(1)
		print("restart %d: longest answer %.0f ms, median %.2f ms, unanswered %d; calls answered %d, failed %d, lost %d; BYEs %d, %s"
			% (turn + 1, 1000 * max(asker.latency), 1000 * sorted(asker.latency)[len(asker.latency) // 2], len(asker.asked),
			len(caller.answered), caller.failed, offset - len(caller.answered) - caller.failed, gateway.byes + caller.byes,
			switch.status()["calls"]))


if __name__ == "__main__":
	main()
