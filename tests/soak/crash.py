"""Many crashes in the middle of traffic. Run by hand:

	SOFTSWITCH=build-release/softswitch/softswitch python3 tests/soak/crash.py --calls 5000 --rate 50 --kills 100

So many calls stand, a tenth of them rings, and more are placed at this rate. The switch is killed at random instants and
started again at once. Of the calls some are busy, some are cancelled while they ring, and some are refused by the first
gateway and answered by the second. At the end all are hung up, and both sides of each call, its record and the counters of
the switch are compared: no call may be lost, no record missing, double, or wrong by more than a second and a half. The last
line says how slow these peers were themselves: where they lose datagrams, or leave them for seconds, a fault is not proved.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import random
import re
import signal
import socket
import sqlite3
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))

from net import Net  # noqa: E402
from peer import SO_TIMESTAMPNS  # noqa: E402
from switch import Switch  # noqa: E402

BODY = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\n"
KEPT = re.compile(rb"(?:Via|From|Call-ID|CSeq|Record-Route):[^\r]*\r\n")
BUFFER, SO_RCVBUFFORCE = 64 << 20, 33  # for what a start sends to 5,000 calls while the other peers are served
RING_S, RESEND_S, GIVE_UP_S, EXACT_S, AT_A_TIME = 10, 0.5, 32, 1.5, 200
KINDS = ["answered"] * 84 + ["busy"] * 5 + ["cancelled"] * 6 + ["failover"] * 5


def header(raw, name):
	"""As the switch writes it."""
	_, found, rest = raw.partition(b"\r\n%s: " % name)
	return rest[:rest.index(b"\r")] if found else b""


def receive_buffer(sock):
	"""As large as we may make it; as root also beyond net.core.rmem_max."""
	try:
		sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
	except PermissionError:
		sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)


def overflows(ports):
	"""How many datagrams the kernel had no room for in the sockets of these ports (proc(5))."""
	with open("/proc/net/udp") as table:
		rows = [line.split() for line in table.readlines()[1:]]
	return sum(int(row[-1]) for row in rows if int(row[1].split(":")[1], 16) in ports)


class Call:
	"""What both sides know of one call, which `number`, the one called, tells."""

	def __init__(self, number, rng):
		self.number, self.kind = number, rng.choice(KINDS)
		self.ring = rng.uniform(0.2, 1.8) * RING_S
		self.hold = None  # seconds, once it is answered
		self.caller_hangs_up = rng.random() < 0.5
		self.heard = None  # the final status that the caller got
		self.answered = self.ended = None  # as the caller sees it
		self.over = {"caller": None, "vendor": None}  # how each side's leg ended
		self.faults = []


class Side:
	"""A user agent on one socket: resends what nobody answers, as RFC 3261 section 17 has it."""

	def __init__(self, soak, name):
		self.soak, self.name = soak, name
		self.waiting = {}  # what is resent: key -> its timer
		self.late_s = 0  # the longest time that a datagram has waited for us
		self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		self.sock.bind(("127.0.0.1", 0))
		self.sock.setblocking(False)
		self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
		receive_buffer(self.sock)
		self.port = self.sock.getsockname()[1]
		soak.loop.add_reader(self.sock, self.read)

	def read(self):
		"""All that is there, but so much at a time that timers have their turn."""
		with contextlib.suppress(BlockingIOError):
			for _ in range(AT_A_TIME):
				raw, control, _, source = self.sock.recvmsg(65536, 64)
				seconds, nanoseconds = struct.unpack("qq", control[0][2])
				self.late_s = max(self.late_s, time.time() - seconds - nanoseconds / 1e9)
				self.datagram_received(raw, source)

	def send(self, raw, to=None):
		with contextlib.suppress(BlockingIOError):  # it is resent
			self.sock.sendto(raw, to or self.soak.address)

	def until(self, key, raw, on_silence, wait=RESEND_S, left=GIVE_UP_S):
		"""Send it again and again, until done(key)."""
		if left < 0:
			self.waiting.pop(key, None)
			on_silence()
			return
		self.send(raw)
		self.waiting[key] = self.soak.loop.call_later(wait, self.until, key, raw, on_silence, min(2 * wait, 4), left - wait)

	def done(self, key):
		timer = self.waiting.pop(key, None)
		if timer:
			timer.cancel()
		return timer

	def answer(self, raw, status, tag=b"", body=b""):
		to = b"To: " + header(raw, b"To")
		to += b";tag=" + tag if tag and b"tag=" not in to else b""
		return b"".join((b"SIP/2.0 ", status, b"\r\n", *KEPT.findall(raw), to, b"\r\nContact: <sip:x@127.0.0.1:%d>\r\n" % self.port,
			b"Content-Type: application/sdp\r\n" if body else b"", b"Content-Length: %d\r\n\r\n" % len(body), body))

	def request(self, method, leg, cseq, uri=None, to=None, branch=None, body=b""):
		return ("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"
			"Call-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:x@127.0.0.1:%d>\r\n%sContent-Length: %d\r\n\r\n" % (
			method, uri or leg["uri"], self.port, branch or "%s%d%s" % (leg["id"], cseq, method), leg["from"], to or leg["to"],
			leg["id"], cseq, method, self.port, "Content-Type: application/sdp\r\n" if body else "", len(body))).encode() + body

	def hang_up(self, leg):
		call = leg["call"]
		if call.over[self.name] or leg.get("bye"):
			return
		leg["bye"] = True
		self.until("bye" + leg["id"], self.request("BYE", leg, 2000), lambda: call.faults.append(self.name + ": BYE not answered"))

	def over(self, call, how):
		if not call.over[self.name]:
			call.over[self.name] = how
		if self.name == "caller" and not call.ended:
			call.ended = time.time()

	def on_bye(self, leg, raw, source):
		self.send(self.answer(raw, b"200 OK"), source)
		reason = header(raw, b"Reason")
		if b"switch" in reason:
			leg["call"].faults.append("%s: BYE %s" % (self.name, reason.decode()))
		self.done("bye" + leg["id"])
		self.over(leg["call"], "hung up")


class Caller(Side):
	def __init__(self, soak):
		super().__init__(soak, "caller")
		self.legs = {}

	def place(self, call):
		number = "49%d" % call.number
		leg = {"call": call, "id": "call%d" % call.number, "from": "<sip:1@127.0.0.1>;tag=c%d" % call.number,
			"uri": "sip:%s@127.0.0.1:%d" % (number, self.soak.address[1]), "to": "<sip:%s@x>" % number}
		leg["target"], self.legs[leg["id"]] = leg["uri"], leg
		self.until(leg["id"], self.request("INVITE", leg, 1, body=BODY), lambda: call.faults.append("INVITE not answered"))
		if call.kind == "cancelled":
			self.soak.loop.call_later(call.ring, self.cancel, leg)

	def cancel(self, leg):
		if not leg["call"].heard:
			branch = "%s1INVITE" % leg["id"]
			self.until("cancel" + leg["id"], self.request("CANCEL", leg, 1, leg["target"], "<sip:49%d@x>" % leg["call"].number, branch),
				lambda: leg["call"].faults.append("CANCEL not answered"))

	def datagram_received(self, raw, source):
		leg = self.legs.get(header(raw, b"Call-ID").decode())
		if not leg:
			return
		if not raw.startswith(b"SIP/2.0"):
			if raw.startswith(b"BYE"):
				self.on_bye(leg, raw, source)
			elif not raw.startswith(b"ACK"):
				self.send(self.answer(raw, b"200 OK", body=BODY if raw.startswith(b"INVITE") else b""), source)
			return
		status, method = int(raw[8:11]), header(raw, b"CSeq").split()[1]
		if method == b"INVITE":
			self.on_response(leg, raw, status)
		elif method == b"CANCEL":
			self.done("cancel" + leg["id"])
		elif method == b"BYE" and status >= 200:
			self.done("bye" + leg["id"])
			self.over(leg["call"], "hung up" if status == 200 else "BYE %d" % status)

	def on_response(self, leg, raw, status):
		call = leg["call"]
		self.done(leg["id"])
		if status < 200:
			return
		leg["to"] = header(raw, b"To").decode()
		if status >= 300:
			self.send(self.request("ACK", leg, 1, leg["target"], branch="%s1INVITE" % leg["id"]))
		else:
			leg["uri"] = re.search(rb"<([^>]*)>", header(raw, b"Contact"))[1].decode()
			self.send(self.request("ACK", leg, 1))
		if call.heard:
			return
		call.heard = status
		self.done("cancel" + leg["id"])
		if status >= 300:
			self.over(call, "refused")
			return
		call.answered = time.time()
		call.hold = self.soak.hold()
		if call.caller_hangs_up or call.kind == "cancelled":
			self.soak.loop.call_later(call.hold, self.hang_up, leg)


class Vendor(Side):
	def __init__(self, soak, first):
		super().__init__(soak, "vendor")
		self.first, self.legs = first, {}

	def datagram_received(self, raw, source):
		call_id = header(raw, b"Call-ID").decode()
		leg = self.legs.get(call_id)
		if raw.startswith(b"INVITE") and not leg:
			self.on_invite(call_id, raw, source)
		elif not leg:
			return
		elif raw.startswith(b"SIP/2.0"):
			if b" BYE" in header(raw, b"CSeq") and int(raw[8:11]) >= 200:
				self.done("bye" + call_id)
				self.over(leg["call"], "hung up" if raw[8:11] == b"200" else "BYE %s" % raw[8:11].decode())
		elif raw.startswith(b"INVITE"):
			self.send(leg["said"], source)
		elif raw.startswith(b"ACK"):
			self.on_ack(leg)
		elif raw.startswith(b"CANCEL"):
			self.send(self.answer(raw, b"200 OK"), source)
			self.final(leg, b"487 Request Terminated")
		elif raw.startswith(b"BYE"):
			self.on_bye(leg, raw, source)
		else:
			self.send(self.answer(raw, b"200 OK"), source)

	def on_invite(self, call_id, raw, source):
		call = self.soak.calls.get(int(re.match(rb"INVITE sip:49(\d+)@", raw)[1]))
		to = header(raw, b"To") + b";tag=" + call_id.encode()
		leg = self.legs[call_id] = {"call": call, "id": call_id, "invite": raw, "source": source, "final": None,
			"from": to.decode(), "to": header(raw, b"From").decode(), "tag": call_id.encode(),
			"uri": re.search(rb"<([^>]*)>", header(raw, b"Contact"))[1].decode()}
		leg["said"] = self.answer(raw, b"180 Ringing", leg["tag"])
		if call.kind == "failover" and self.first:
			self.final(leg, b"500 Server Internal Error")
			return
		self.send(leg["said"], source)
		if call.kind != "cancelled":
			self.soak.loop.call_later(call.ring, self.final, leg, b"486 Busy Here" if call.kind == "busy" else b"200 OK")

	def final(self, leg, status):
		if leg["final"]:
			return
		leg["final"] = status
		leg["said"] = self.answer(leg["invite"], status, leg["tag"], BODY if status[:1] == b"2" else b"")
		self.until(leg["id"], leg["said"], lambda: leg["call"].faults.append("vendor: no ACK"))

	def on_ack(self, leg):
		call = leg["call"]
		if not self.done(leg["id"]) or call.over["vendor"]:
			return
		if leg["final"][:1] != b"2":
			if not (call.kind == "failover" and self.first):
				self.over(call, "refused")
		elif not call.caller_hangs_up:
			self.soak.loop.call_later(self.soak.hold(), self.hang_up, leg)


class Soak:
	def __init__(self, options, switch):
		self.options, self.switch = options, switch
		self.rng = random.Random(options.seed)
		self.calls, self.ending = {}, False

	def hold(self):
		"""So that as many calls stand as end."""
		return self.rng.uniform(0, 1 if self.ending else 2 * self.options.calls / self.options.rate)

	async def open(self):
		self.loop = asyncio.get_running_loop()
		self.caller, *self.vendors = self.sides = [Caller(self), Vendor(self, True), Vendor(self, False)]

	async def start(self):
		self.switch.insert("mapping_gateway", name="customer", host="127.0.0.1", port=self.caller.port)
		for priority, vendor in enumerate(self.vendors, 1):
			self.switch.insert("gateway", name="gw%d" % priority, host="127.0.0.1", port=vendor.port)
			self.switch.insert("route", prefix="", gateway="gw%d" % priority, priority=priority)
		await self.loop.run_in_executor(None, self.switch.start)
		self.address = self.switch.addresses["udp"]

	def place(self):
		call = self.calls[len(self.calls)] = Call(len(self.calls), self.rng)
		self.caller.place(call)

	async def traffic(self):
		begin, placed = time.monotonic(), 0
		full = self.options.calls / self.options.ramp
		while not self.ending:
			passed = time.monotonic() - begin
			due = min(passed, full) * self.options.ramp + max(0, passed - full) * self.options.rate
			while placed < due:
				placed += 1
				self.place()
			await asyncio.sleep(0.01)

	def standing(self):
		up = sum(1 for call in self.calls.values() if call.answered and not call.ended)
		return up, sum(1 for call in self.calls.values() if not call.heard)

	async def crash(self):
		self.switch.process.send_signal(signal.SIGKILL)
		await self.loop.run_in_executor(None, self.again)

	def again(self):
		self.switch.process.wait()
		self.switch.process = None
		self.switch.start_again()

	async def run(self):
		await self.open()
		await self.start()
		traffic = asyncio.create_task(self.traffic())
		await asyncio.sleep(self.options.calls / self.options.ramp + RING_S)
		for kill in range(1, self.options.kills + 1):
			await asyncio.sleep(self.rng.uniform(0.2, 2 * self.options.every))
			await self.crash()
			if kill % 10 == 0 or kill == self.options.kills:
				print("kill %3d  placed %d  up %d  ringing %d  faults %d" % (kill, len(self.calls), *self.standing(),
					sum(bool(call.faults) for call in self.calls.values())), flush=True)
		self.ending = True
		await traffic
		await self.end()

	async def end(self):
		deadline = time.monotonic() + 90
		while time.monotonic() < deadline and not all(all(call.over.values()) for call in self.calls.values()):
			for side in self.sides:
				for leg in side.legs.values():
					call = leg["call"]
					if side.name == "caller" and call.answered and not call.ended and self.rng.random() < 0.1:
						side.hang_up(leg)
			await asyncio.sleep(0.5)
		await asyncio.sleep(2)

	# what must be true

	def faults(self):
		status = self.switch.status()
		if status["calls"]["active"] or status["channel_drift"]:
			yield "the switch holds %s, drift %d" % (status["calls"], status["channel_drift"])
		with sqlite3.connect(self.switch.path("cdr.db")) as db:
			rows = {}
			for call_id, *row in db.execute("select a_call_id, answer_ms, hold_ms, sip_code, end_reason, gateway from cdr"):
				rows.setdefault(call_id, []).append(row)
		for call in self.calls.values():
			for fault in self.call_faults(call, rows.get("call%d" % call.number, [])):
				yield "call %d (%s): %s" % (call.number, call.kind, fault)

	def call_faults(self, call, rows):
		yield from call.faults
		expected = {"answered": 200, "failover": 200, "busy": 486, "cancelled": 487}[call.kind]
		if call.heard != expected:
			yield "the caller got %s" % call.heard
		how = "hung up" if expected == 200 else "refused"
		if set(call.over.values()) != {how}:
			yield "its legs ended so: %s" % call.over
		if len(rows) != 1:
			yield "%d records" % len(rows)
			return
		answer_ms, hold_ms, code, reason, gateway = rows[0]
		if code != call.heard or bool(answer_ms) != bool(call.answered):
			yield "the record says %s, %s" % (code, reason)
		elif call.answered and abs(hold_ms / 1000 - (call.ended - call.answered)) > EXACT_S:
			yield "the record says %.1f s, the caller %.1f s" % (hold_ms / 1000, call.ended - call.answered)
		elif call.answered and gateway != ("gw2" if call.kind == "failover" else "gw1"):
			yield "the record says %s" % gateway


def main():
	parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
	parser.add_argument("--calls", type=int, default=5000)
	parser.add_argument("--rate", type=float, default=50)
	parser.add_argument("--ramp", type=float, default=200, help="calls a second until so many stand")
	parser.add_argument("--kills", type=int, default=100)
	parser.add_argument("--every", type=float, default=2, help="mean seconds from start to kill")
	parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
	options = parser.parse_args()
	gc.disable()  # calls are kept to the end, and looking through all of them takes long
	print("seed", options.seed)
	with tempfile.TemporaryDirectory(prefix="softswitch-crash-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
		switch = Switch(Net(), folder)
		soak = Soak(options, switch)
		try:
			asyncio.run(soak.run())
			faults = list(soak.faults())
		finally:
			if switch.process:
				switch.process.kill()
				switch.process.wait()
	print("calls %d  faults %d" % (len(soak.calls), len(faults)))
	print("the peers: %d datagrams lost for want of room, read at last after %.2f s" % (
		overflows({side.port for side in soak.sides}), max(side.late_s for side in soak.sides)))
	for fault in faults[:40]:
		print(fault)
	sys.exit(bool(faults))


if __name__ == "__main__":
	main()
