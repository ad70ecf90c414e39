"""A SIP peer on a loopback socket: UDP, TCP or TLS. It does what its script says and nothing of its own accord."""

import contextlib
import itertools
import os
import socket
import ssl
import struct
import time

import sip
from leg import Leg
from net import WAIT

SO_TIMESTAMPNS = 35  # Linux; Python has no name for it
numbers = itertools.count(1)


class Connection:
	"""
	One TCP or TLS connection; messages are cut by Content-Length. `piece` bytes are written at a time. `said_so`: the other
	end has closed it as TLS wants it.
	"""

	def __init__(self, peer, sock):
		self.peer, self.sock, self.stream, self.open, self.piece = peer, sock, b"", True, 65536
		self.said_so = False
		sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		peer.net.add(sock, self.read)

	def read(self):
		try:
			data = self.sock.recv(65536)
			while data:
				self.stream += data
				data = self.sock.recv(65536)
			self.said_so = True
			self.close()
		except (BlockingIOError, ssl.SSLWantReadError):
			pass
		except ssl.SSLError:
			with contextlib.suppress(OSError):
				socket.socket.recv(self.sock, 65536)  # left unread, it would make a reset of what we close
			self.close()
		except OSError:
			self.close()
		if self.stream == b"\r\n\r\n":
			self.peer.on_ping(self)
		raw, self.stream = sip.take(self.stream)
		while raw:
			self.peer.take(raw, self, time.monotonic())
			raw, self.stream = sip.take(self.stream)

	def send(self, raw):
		while raw:
			try:
				raw = raw[self.sock.send(raw[:self.piece]):]
			except (BlockingIOError, ssl.SSLWantReadError):
				self.peer.net.poll(0.01)

	def reset(self):
		"""Close with RST instead of FIN."""
		self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		self.close()

	def finish(self):
		"""Close our direction and wait until the other end has closed, too."""
		self.sock.shutdown(socket.SHUT_WR)
		self.peer.net.until(lambda: not self.open, "the connection is closed at the other end")

	def close(self):
		if self.open:
			self.open = False
			self.peer.net.drop(self.sock)


class Peer:
	"""
	`proxy` is the address to which requests outside a dialog are sent. `inbox` holds what arrived and was not
	asked for yet; retransmissions are only in the trace. `secrets` holds everything that only the
	switch may see.
	"""

	def __init__(self, net, name, transport="udp", host="127.0.0.1", tls=None):
		self.net, self.name, self.transport, self.host, self.tls = net, name, transport, host, tls
		self.inbox, self.connections, self.secrets = [], {}, set()
		self.proxy, self.port = None, 0
		self.listen()
		net.peers.append(self)
		self.secret(self.host_port)
		self.agent = self.secret("agent-of-%s/%s" % (name, os.urandom(4).hex()))
		self.sdp = sip.sdp(20000 + 2 * next(numbers))

	@property
	def host_port(self):
		return sip.host_port(self.host, self.port)

	@property
	def contact(self):
		suffix = "" if self.transport == "udp" else ";transport=" + self.transport
		return "<sip:%s@%s%s>" % (self.name, self.host_port, suffix)

	def secret(self, text):
		self.secrets.add(text)
		return text

	def token(self, prefix):
		return self.secret("%s%s" % (prefix, os.urandom(8).hex()))

	def via(self, branch=None):
		return "SIP/2.0/%s %s;branch=%s;rport" % (self.transport.upper(), self.host_port,
			branch or self.token("z9hG4bK"))

	# sockets

	def listen(self):
		"""Open the socket, at the same port as before if it was away()."""
		self.sock = socket.socket(sip.family(self.host),
			socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM)
		self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, self.transport != "udp")
		self.sock.bind((self.host, self.port))
		self.port = self.sock.getsockname()[1]
		if self.transport == "udp":
			self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
			self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
		else:
			self.sock.listen()
		self.net.add(self.sock, self.read_datagrams if self.transport == "udp" else self.accept)

	def away(self):
		"""Nobody is at its port any more: datagrams come back by ICMP, connections are refused."""
		for connection in list(self.connections.values()):
			connection.close()
		self.net.drop(self.sock)

	def read_datagrams(self):
		while True:
			try:
				raw, control, _, source = self.sock.recvmsg(65536, 256)
			except BlockingIOError:
				return
			except OSError:  # an ICMP error about something sent earlier
				continue
			seconds, nanoseconds = struct.unpack("qq", control[0][2])
			age = time.time() - (seconds + nanoseconds / 1e9)
			if raw.strip(b"\r\n\0"):
				self.take(raw, source[:2], time.monotonic() - max(0, age))
			elif raw == b"\r\n\r\n":
				self.on_ping(source[:2])

	def on_ping(self, source):
		"""A keep-alive came."""

	def accept(self):
		sock, source = self.sock.accept()
		if self.tls:
			sock.setblocking(False)
			sock = self.tls.server.wrap_socket(sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
		self.connections[source[:2]] = Connection(self, sock)

	def connect(self, address):
		"""The connection to this address, opened if there is none."""
		connection = self.connections.get(address)
		if connection and connection.open:
			return connection
		sock = socket.create_connection(address, WAIT, (self.host, 0))
		if self.tls:
			sock.setblocking(False)
			sock = self.tls.client.wrap_socket(sock, do_handshake_on_connect=False, suppress_ragged_eofs=False,
				server_hostname=address[0])
		self.connections[address] = Connection(self, sock)
		return self.connections[address]

	def take(self, raw, source, when):
		message = sip.Message(raw)
		message.source, message.time = source, when
		if not self.net.record(self, False, message, when):
			self.inbox.append(message)

	def send(self, raw, to):
		"""Send bytes to an address, or over the connection (or to the source) of a message received."""
		message = sip.Message(raw)
		message.time = time.monotonic()
		self.net.record(self, True, message, message.time)
		if self.transport == "udp":
			self.sock.sendto(raw, to)
		else:
			(to if isinstance(to, Connection) else self.connect(to)).send(raw)
		return message

	# the script

	def find(self, what, of=None, call_id=None):
		"""Take the first message of this kind out of the inbox, or None."""
		for message in self.inbox:
			if message.is_(what, of) and call_id in (None, message["Call-ID"]):
				self.inbox.remove(message)
				return message

	def expect(self, what, of=None, timeout=WAIT, call_id=None):
		"""Wait for a request by its method, or a response by its status and the method it answers."""
		return self.net.until(lambda: self.find(what, of, call_id), "%s gets %s%s; it has %s" % (
			self.name, what, " of " + of if of else "", [str(message) for message in self.inbox]), timeout)

	def arrivals(self, what, of=None):
		"""Trace entries of everything of this kind that arrived here, retransmissions included."""
		return [entry for entry in self.net.trace if entry.peer is self and not entry.sent
			and entry.message.is_(what, of)]

	def expect_count(self, count, what, of=None, timeout=WAIT):
		"""Wait until this many of a kind have arrived, retransmissions included; return their trace entries."""
		self.net.until(lambda: len(self.arrivals(what, of)) >= count,
			"%s gets %d times %s" % (self.name, count, what), timeout)
		return self.arrivals(what, of)

	def request(self, method, callee="", headers=(), body=b"", **fields):
		"""Send a request outside any dialog to the proxy; `fields` replace or (None) leave out a header."""
		target = "sip:%s@%s" % (callee, sip.host_port(*self.proxy)) if callee else \
			"sip:" + sip.host_port(*self.proxy)
		given = {"Via": self.via(), "Max-Forwards": "70",
			"From": "<sip:%s@%s>;tag=%s" % (self.name, self.host_port, self.token("tag")),
			"To": "<%s>" % target, "Call-ID": self.token("call-"), "CSeq": "1 " + method, "Contact": self.contact,
			"User-Agent": self.agent}
		lines = sip.replaced(given, fields) + list(headers)
		return self.send(sip.build("%s %s SIP/2.0" % (method, target), lines, body), self.proxy)

	def invite(self, callee, caller="4930100200", **more):
		"""Begin a call and return the caller's Leg. See Leg.invite()."""
		return Leg.invite(self, callee, caller, **more)

	def leg(self, timeout=WAIT):
		"""Take the next INVITE that arrived here and return the callee's Leg."""
		return Leg.invited(self, self.expect("INVITE", timeout=timeout))
