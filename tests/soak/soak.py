"""Half an hour of what a switch lives through: calls over UDP, TCP and TLS at a steady rate, registrations, reloads, and faults.

    soak.py [--minutes 30] [--rate 200] [--seed N]

Every ten seconds one thing happens: a configuration change, SIGHUP, a vendor that is killed and comes back, a locked cdr.db,
lost connections, clients of the control socket that say nothing. Each minute a line is printed. At the end every call
must have left exactly one record, nothing may be held, and memory and descriptors must be where they were after the
fourth minute. SOFTSWITCH names the binary.
"""

import argparse
import asyncio
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))

import sip  # noqa: E402
from net import Failed, Net  # noqa: E402
from switch import ROOT, Switch  # noqa: E402
from tls import Tls  # noqa: E402

SHARES = {"udp": 80, "tcp": 12, "tls": 8}  # per cent of the calls
PREFIX = {"udp": "1", "tcp": "2", "tls": "3"}
TALK_S = 5
RING_MS = 200
REGISTRATIONS = 50
EVENT_EVERY = 10
SETTLED_AFTER = 4  # minutes
MAY_GROW = 1.05
BYSTANDERS = 20


def free_port(host, kind):
	with socket.socket(socket.AF_INET, kind) as sock:
		sock.bind((host, 0))
		return sock.getsockname()[1]


class Sipp:
	"""One SIPp with a scenario of tools/sipp."""

	def __init__(self, folder, scenario, host, *arguments, tcp=False):
		self.out = open(os.path.join(folder, "%s-%s.out" % (scenario, host)), "ab")
		self.host = host
		self.port = free_port(host, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
		self.command = ["sipp", "-sf", os.path.join(ROOT, "tools", "sipp", scenario + ".xml"), "-i", host, "-p",
			str(self.port), "-nostdin", "-t", "t1" if tcp else "u1", *arguments]
		self.start()

	def start(self):
		self.process = subprocess.Popen(self.command, stdout=self.out, stderr=self.out, stdin=subprocess.DEVNULL,
			cwd=os.path.dirname(self.out.name))

	def kill(self):
		self.process.kill()
		self.process.wait()


class Registrar(asyncio.DatagramProtocol):
	"""It grants a minute to everybody, and has a bad day once in a while."""

	def __init__(self, rng):
		self.rng, self.granted = rng, 0

	def connection_made(self, transport):
		self.transport = transport

	def datagram_received(self, data, source):
		request = sip.Message(data)
		if self.rng.random() < 0.02:
			return
		fine = self.rng.random() > 0.02
		self.granted += fine
		headers = [(name, value) for name, value in request.headers if sip.canonical(name) in ("via", "from", "to", "call-id", "cseq")]
		headers += [("Contact", request["Contact"] + ";expires=60")] if fine and request["Expires"] != "0" else []
		self.transport.sendto(sip.build("SIP/2.0 200 OK" if fine else "SIP/2.0 500 Server Internal Error", headers), source)


def answer(request, status, more=(), body=b""):
	headers = [(name, value) for name, value in request.headers
		if sip.canonical(name) in ("via", "from", "call-id", "cseq", "record-route")]
	headers.append(("To", request["To"] + ("" if "tag=" in request["To"] else ";tag=soak")))
	return sip.build("SIP/2.0 %d %s" % (status, sip.REASONS[status]), [*headers, *more], body)


async def messages(reader):
	rest = b""
	while True:
		message, rest = sip.take(rest)
		if message:
			yield sip.Message(message)
			continue
		more = await reader.read(65536)
		if not more:
			return
		rest += more


class TlsPeers:
	"""Vendor and customer over TLS, in a thread with a loop of its own; the customer's calls all use one connection."""

	def __init__(self, tls, rng, caller_host):
		self.tls, self.rng, self.caller_host = tls, rng, caller_host
		self.calls, self.waiting, self.writer, self.granted = 0, {}, None, 0
		self.connections = set()
		self.ready, self.loop = threading.Event(), asyncio.new_event_loop()
		self.thread = threading.Thread(target=self.main, daemon=True)
		self.thread.start()
		self.ready.wait()

	def main(self):
		asyncio.set_event_loop(self.loop)
		self.loop.run_until_complete(self.listen())
		self.ready.set()
		self.loop.run_forever()

	async def listen(self):
		self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.tls.server)
		self.port = self.server.sockets[0].getsockname()[1]
		transport, self.registrar = await self.loop.create_datagram_endpoint(lambda: Registrar(self.rng), ("127.0.0.1", 0))
		self.registrar_port = transport.get_extra_info("sockname")[1]

	async def serve(self, reader, writer):
		self.connections.add(writer)
		contact = [("Contact", "<sip:soak@127.0.0.1:%d;transport=tls>" % self.port)]
		try:
			async for request in messages(reader):
				if request.is_response or request.method == "ACK":
					continue
				if request.method == "INVITE":
					writer.write(answer(request, 180, contact))
					self.loop.call_later(RING_MS / 1000, self.send, writer,
						answer(request, 200, [*contact, ("Content-Type", "application/sdp")], sip.sdp(4000)))
				else:
					writer.write(answer(request, 200))
		except (ConnectionError, OSError):
			pass
		self.connections.discard(writer)
		writer.close()

	@staticmethod
	def send(writer, data):
		if not writer.is_closing():
			writer.write(data)

	def lose_connections(self):
		self.loop.call_soon_threadsafe(lambda: [writer.close() for writer in list(self.connections)])

	# the customer

	def start_calls(self, address, rate, seconds):
		return asyncio.run_coroutine_threadsafe(self.place_calls(address, rate, seconds), self.loop)

	async def connect(self, address):
		reader, self.writer = await asyncio.open_connection(*address, ssl=self.tls.client, server_hostname="127.0.0.1",
			local_addr=(self.caller_host, 0))
		self.loop.create_task(self.read(reader))

	async def read(self, reader):
		async for message in messages(reader):
			if message.is_response:
				waiting = self.waiting.get(message["Call-ID"])
				if waiting:
					waiting.put_nowait(message)
			elif message.method != "ACK":
				self.writer.write(answer(message, 200))

	async def place_calls(self, address, rate, seconds):
		await self.connect(address)
		end, due = time.monotonic() + seconds, time.monotonic()
		while due < end:
			await asyncio.sleep(max(0, due - time.monotonic()))
			self.loop.create_task(self.call(address))
			due += 1 / rate
		await asyncio.sleep(TALK_S + 40)

	def request(self, address, method, call_id, cseq, to, target, body=b""):
		return sip.build("%s %s SIP/2.0" % (method, target), [
			("Via", "SIP/2.0/TLS %s:5061;branch=z9hG4bK%s%s;rport" % (self.caller_host, call_id, method)),
			("From", "<sip:4930@%s>;tag=%s" % (self.caller_host, call_id)), ("To", to), ("Call-ID", call_id),
			("CSeq", "%d %s" % (cseq, method)), ("Max-Forwards", "70"),
			("Contact", "<sip:4930@%s:5061;transport=tls>" % self.caller_host),
			*([("Content-Type", "application/sdp")] if body else [])], body)

	async def call(self, address):
		self.calls += 1
		call_id = "soak%d" % self.calls
		queue = self.waiting[call_id] = asyncio.Queue()
		target = "sip:%s4930@%s:%d" % (PREFIX["tls"], *address)
		to = "<%s>" % target
		self.writer.write(self.request(address, "INVITE", call_id, 1, to, target, sip.sdp(5000)))
		try:
			while True:
				response = await asyncio.wait_for(queue.get(), 40)
				if response.status >= 200:
					break
			if response.status >= 300:
				self.writer.write(self.request(address, "ACK", call_id, 1, response["To"], target))
				return
			target = sip.uri(response["Contact"])
			self.writer.write(self.request(address, "ACK", call_id, 1, response["To"], target))
			await asyncio.sleep(TALK_S)
			self.writer.write(self.request(address, "BYE", call_id, 2, response["To"], target))
			await asyncio.wait_for(queue.get(), 40)
		except asyncio.TimeoutError:
			print("a call over TLS got no answer", flush=True)
		finally:
			del self.waiting[call_id]


class Soak:
	def __init__(self, folder, options):
		self.options, self.folder, self.rng = options, folder, random.Random(options.seed)
		self.net = Net()
		self.switch = Switch(self.net, folder)
		tls = Tls(folder)
		block = "127.%d.%d." % (self.rng.randrange(1, 250), self.rng.randrange(1, 250))
		self.hosts = {"udp": block + "1", "tcp": block + "2", "tls": block + "3"}
		self.peers = TlsPeers(tls, self.rng, self.hosts["tls"])
		self.vendors = {
			"first": Sipp(folder, "gateway", block + "11", "-d", str(RING_MS)),
			"second": Sipp(folder, "gateway", block + "12", "-d", str(RING_MS)),
			"stream": Sipp(folder, "gateway", block + "13", "-d", str(RING_MS), tcp=True)}
		self.callers = []
		self.dead = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		self.dead.bind((block + "14", 0))
		self.configure(block + "14")
		self.switch.start(("udp", "tcp", "tls"), tls.arguments)

	def gateway(self, name, host, port, transport, prefix, priority):
		self.switch.insert("gateway", name=name, host=host, port=port, transport=transport, timeout_invite=2)
		self.switch.insert("route", prefix=prefix, gateway=name, priority=priority)

	def configure(self, silent_host):
		for transport, host in self.hosts.items():
			self.switch.insert("mapping_gateway", name="customer-" + transport, host=host)
		self.gateway("silent", silent_host, self.dead.getsockname()[1], "udp", PREFIX["udp"], 1)
		first, second, stream = (self.vendors[name] for name in ("first", "second", "stream"))
		self.gateway("first", first.host, first.port, "udp", PREFIX["udp"], 2)
		self.gateway("second", second.host, second.port, "udp", PREFIX["udp"], 3)
		self.gateway("stream", stream.host, stream.port, "tcp", PREFIX["tcp"], 1)
		self.gateway("encrypted", "127.0.0.1", self.peers.port, "tls", PREFIX["tls"], 1)
		for number in range(REGISTRATIONS):
			self.switch.insert("registration", name="r%d" % number, host="127.0.0.1", port=self.peers.registrar_port,
				user="u%d" % number, password="secret")

	def call(self):
		seconds = self.options.minutes * 60
		self.sent = 0
		for transport in ("udp", "tcp"):
			rate = self.options.rate * SHARES[transport] // 100
			self.sent += rate * seconds
			self.callers.append(Sipp(self.folder, "caller", self.hosts[transport], "-r", str(rate), "-m", str(rate * seconds),
				"-d", str(TALK_S * 1000), "-s", PREFIX[transport] + "4930", "-key", "caller", "4930", "-l", "100000",
				"%s:%d" % self.switch.addresses[transport], tcp=transport == "tcp"))
		self.encrypted = self.peers.start_calls(self.switch.addresses["tls"], self.options.rate * SHARES["tls"] / 100, seconds)

	# faults

	def happen(self):
		events = [self.change_rows, self.reload, self.restart_vendor, self.lock_records, self.peers.lose_connections, self.bystanders]
		event = self.rng.choice(events)
		event()
		return event.__name__

	def change_rows(self):
		number = self.rng.randrange(REGISTRATIONS)
		self.switch.sql("begin", "update route set priority = %d where gateway = 'second'" % self.rng.randrange(3, 9),
			"update registration set enabled = 1 - enabled where name = 'r%d'" % number,
			"update gateway set capacity = %d where name = 'first'" % self.rng.randrange(500, 5000), "commit")

	def reload(self):
		self.switch.signal(1)

	def restart_vendor(self):
		vendor = self.vendors["first"]
		vendor.kill()
		threading.Timer(3, vendor.start).start()

	def lock_records(self):
		with sqlite3.connect(self.switch.path("cdr.db"), timeout=5, isolation_level=None) as db:
			db.execute("begin exclusive")
			time.sleep(2)
			db.execute("rollback")
		db.close()

	def bystanders(self):
		clients = [socket.socket(socket.AF_UNIX) for _ in range(BYSTANDERS)]
		for client in clients:
			client.connect(self.switch.path("c.sock"))
		for client in clients:
			client.close()

	# what it holds

	def measure(self):
		pid = self.switch.process.pid
		with open("/proc/%d/status" % pid) as status:
			rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
		return {"rss": rss, "descriptors": len(os.listdir("/proc/%d/fd" % pid))}

	def say(self, minute, event):
		now, status = self.measure(), self.switch.status()
		print("minute %2d  rss %d KiB  descriptors %d  active %d  total %d  answered %d  refused %d  records %d written, %d pending  "
			"drift %d  last event %s" % (minute, now["rss"], now["descriptors"], status["calls"]["active"], status["calls"]["total"],
				status["calls"]["answered"], status["calls"]["refused"], status["records"]["written"],
				status["records"]["pending"], status["channel_drift"], event), flush=True)
		return now

	def run(self):
		self.call()
		begin, settled, last = time.monotonic(), None, None
		for step in range(1, self.options.minutes * 60 // EVENT_EVERY + 1):
			event = self.happen()
			time.sleep(max(0, begin + step * EVENT_EVERY - time.monotonic()))
			if step * EVENT_EVERY % 60 == 0:
				last = self.say(step * EVENT_EVERY // 60, event)
				if step * EVENT_EVERY == SETTLED_AFTER * 60:
					settled = last
		self.end(settled, last)

	def end(self, settled, last):
		for caller in self.callers:
			caller.process.wait(timeout=120)
		self.encrypted.result(timeout=120)
		self.net.until(self.switch.idle, "nothing is held any more", 60, step=0.2)
		status = self.switch.status()
		calls = self.sent + self.peers.calls
		self.net.until(lambda: self.switch.status()["records"]["pending"] == 0, "all records are written", 30, step=0.2)
		self.switch.signal()
		self.switch.ended(timeout=60)
		with sqlite3.connect(self.switch.path("cdr.db")) as db:
			rows, distinct, answered = db.execute("select count(*), count(distinct a_call_id), count(answer_ms) from cdr").fetchone()
		print("calls %d  shed %d  records %d (%d answered)  registered %d times" % (calls, status["calls"]["refused"], rows, answered,
			self.peers.registrar.granted))
		if not rows == distinct == status["calls"]["total"]:
			raise Failed("%d calls reached the switch, %d rows, %d different" % (status["calls"]["total"], rows, distinct))
		if not calls - status["calls"]["refused"] <= rows <= calls:
			raise Failed("%d calls were placed" % calls)
		if status["channel_drift"]:
			raise Failed("channels do not add up: %d" % status["channel_drift"])
		for what in settled or ():
			if last[what] > settled[what] * MAY_GROW + 16:
				raise Failed("%s grew from %d to %d" % (what, settled[what], last[what]))

	def clear(self):
		for peer in (*self.callers, *self.vendors.values()):
			peer.kill()
		if self.switch.process:
			self.switch.process.kill()
			self.switch.process.wait()


def main():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("--minutes", type=int, default=30)
	parser.add_argument("--rate", type=int, default=200, help="calls per second")
	parser.add_argument("--seed", type=int, default=1)
	options = parser.parse_args()
	with tempfile.TemporaryDirectory() as folder:
		soak = Soak(folder, options)
		try:
			soak.run()
		except Failed as failure:
			print("failed: %s" % failure)
			print("".join(soak.switch.read_log()[-2000:]))
			return 1
		finally:
			soak.clear()
	print("passed")
	return 0


if __name__ == "__main__":
	sys.exit(main())
