"""
The matrix over TCP: each message is lost with its connection, or the last that its connection brings, or comes behind a
ping. A slot is a pair of listening sockets and a gateway of its own, so that a broken connection harms one run only.
"""

import asyncio
import contextlib
import re
import socket
import ssl
import struct

import sip
from agent import Agent
from lossy import Link
from matrix import Matrix
from procedures import Run
from transactions import Message

FRONT = {"pinged": b"\r\n\r\n", "ponged": b"\r\n"}  # RFC 5626 section 4.4.1


class Wire:
	"""
	The connections of one side; what it sends takes the one that was opened last, or a new one. `tls`: see tls.py; None = in
	clear.
	"""

	def __init__(self, matrix, index, tls=None):
		self.matrix, self.index, self.connections, self.tls = matrix, index, {}, tls
		self.unsent = {}  # until the TLS handshake is over
		self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
		self.listener.setblocking(False)

	@property
	def host_port(self):
		return sip.host_port(*self.listener.getsockname())

	def begin(self):
		asyncio.get_running_loop().add_reader(self.listener, self.accept)

	def accept(self):
		with contextlib.suppress(BlockingIOError):
			self.add(self.listener.accept()[0], server=True)

	def add(self, sock, server=False):
		sock.setblocking(False)
		if self.tls:
			context = self.tls.server if server else self.tls.client
			sock = context.wrap_socket(sock, server, do_handshake_on_connect=False,
				server_hostname=None if server else "127.0.0.1")
		sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		self.connections[sock] = b""
		asyncio.get_running_loop().add_reader(sock, self.read, sock)

	def read(self, sock):
		try:
			data = sock.recv(65536)
			while self.tls and sock.pending():
				data += sock.recv(65536)
		except (BlockingIOError, ssl.SSLWantReadError):
			if sock in self.unsent:
				self.write(sock, b"")
			return
		except OSError:
			data = b""
		if not data:
			self.drop(sock)
			return
		self.connections[sock] += data
		while sock in self.connections:
			raw, self.connections[sock] = sip.take(self.connections[sock])
			if not raw:
				return
			message = Message(raw)
			message.time = asyncio.get_running_loop().time()
			self.matrix.find(self.index, message)

	def send(self, raw, front=b""):
		if not self.connections:
			try:
				self.add(socket.create_connection(self.matrix.switch_address, 5, ("127.0.0.1", 0)))
			except ConnectionRefusedError:  # nobody is there: lost
				return
		self.write(next(reversed(self.connections)), front + raw)

	def write(self, sock, data):
		data = self.unsent.pop(sock, b"") + data
		try:
			sock.sendall(data)
		except ssl.SSLWantReadError:
			self.unsent[sock] = data
		except OSError:  # reset meanwhile: lost with the connection
			self.drop(sock)

	def drop(self, sock, reset=False):
		self.unsent.pop(sock, None)
		if self.connections.pop(sock, None) is not None:
			asyncio.get_running_loop().remove_reader(sock)
			if reset:
				sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
			sock.close()

	def end(self, reset):
		for sock in list(self.connections):
			self.drop(sock, reset)


class StreamRun(Run):
	"""Its slot is known when it begins."""

	def agent(self, name, _, greeting=()):
		def behind(harm):
			def send(way, message):
				agent.link.witness.got(message)
				agent.wire.send(message.raw, FRONT[harm])
			return send
		link = Link(self, name, lambda raw: agent.wire.send(raw), {
			"broken": lambda way, message: agent.wire.end(True),
			"closed": lambda way, message: (way.deliver(message), agent.wire.end(False)),
			"pinged": behind("pinged"), "ponged": behind("ponged")})
		agent = Agent(self, name, link, "", greeting)
		agent.transport = "tcp"
		return agent

	def attempts(self, stage, code):
		return [("slot", stage, code)]

	async def play(self):
		slot = self.matrix.slots.pop()
		for agent, wire in zip(self.agents, slot.wires):
			agent.wire, agent.host_port = wire, wire.host_port
		self.callee = "%03d%05d" % (slot.number, self.number)
		self.matrix.callees[self.callee] = self
		await super().play()
		self.matrix.slots.append(slot)

	def judge_record(self, rows, clean):
		for row in rows:
			row["attempts"] = re.sub(r'"slot\d+"', '"slot"', row["attempts"])
		super().judge_record(rows, clean)


class Slot:
	def __init__(self, matrix, number):
		self.number, self.wires = number, [Wire(matrix, index) for index in range(2)]


class StreamMatrix(Matrix):
	run_class = StreamRun

	def start(self, clock_speed=1, **parameters):
		self.slots = [Slot(self, 100 + number) for number in range(self.at_a_time)]
		self.switch.insert("mapping_gateway", name="customer", host="127.0.0.1", sip_100rel="Supported")
		for slot in self.slots:
			name = "slot%d" % slot.number
			self.switch.insert("gateway", name=name, host="127.0.0.1", transport="tcp", sip_100rel="Supported",
				port=slot.wires[1].listener.getsockname()[1])
			self.switch.insert("route", prefix=str(slot.number), gateway=name)
		self.switch.environment["SOFTSWITCH_CLOCK_SPEED"] = str(clock_speed)
		self.switch.parameters(**parameters)
		self.switch.start(["udp", "tcp"])
		self.switch_address = self.switch.addresses["tcp"]

	def harms(self, of, step):
		if of.name.startswith(("set-up", "prack")) and "gw" in step.way:
			return ()  # before the gateway rings, the error ends the attempt
		return ("broken", "closed", "pinged", "ponged") if step.way.endswith("->switch") else ("broken", "closed")

	async def play_all(self, chosen):
		for slot in self.slots:
			for wire in slot.wires:
				wire.begin()
		await super().play_all(chosen)
