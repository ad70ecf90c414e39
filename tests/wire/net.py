"""The sockets of one scene, read in one loop, and the trace of everything sent and received."""

import collections
import os
import selectors
import signal
import socket
import time

import sip

WAIT = 10.0  # for what must arrive: enough for sanitizers on a busy machine

Entry = collections.namedtuple("Entry", "time peer sent message again")


class Failed(AssertionError):
	"""Something that had to arrive did not, or something arrived that must not."""


def same(actual, expected):
	if actual != expected:
		raise Failed("expected %r, got %r" % (expected, actual))


def instants(entries, due, late=0.15):
	"""These arrived at the due times in seconds after the first: never early (2 ms for rounding), at most `late` too late."""
	times = [entry.time - entries[0].time for entry in entries]
	if len(times) != len(due) or not all(-0.002 <= time - wanted <= late for time, wanted in zip(times, due)):
		raise Failed("expected at %s, came at %s" % (due, ["%.3f" % time for time in times]))


def hear_sigterm():
	"""
	A socket that becomes readable on SIGTERM. A test then notices the signal only where it waits: an exception raised by
	the signal handler could strike between starting a process, or making a folder, and taking note of it.
	"""
	heard, tell = socket.socketpair()
	signal.signal(signal.SIGTERM, lambda *_: tell.send(b"."))
	signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
	return heard


class Net:
	def __init__(self):
		self.selector = selectors.DefaultSelector()
		self.trace, self.seen = [], set()
		self.peers = []
		self.refusing = []
		self.started = time.monotonic()

	def add(self, sock, reader):
		sock.setblocking(False)
		self.selector.register(sock, selectors.EVENT_READ, reader)

	def drop(self, sock):
		self.selector.unregister(sock)
		sock.close()

	def poll(self, timeout):
		for key, _ in self.selector.select(max(0, timeout)):
			key.data()

	def until(self, condition, what, timeout=WAIT, step=None):
		"""Read until condition() is true and return its value; `step`: check at this interval even without traffic."""
		deadline = time.monotonic() + timeout
		while True:
			found = condition()
			if found:
				return found
			left = deadline - time.monotonic()
			if left <= 0:
				raise Failed("not within %g s: %s" % (timeout, what))
			self.poll(min(left, step or left))

	def quiet(self, seconds):
		"""Nothing new may arrive for so long. Use it only for what must never arrive."""
		before = len(self.unread())
		deadline = time.monotonic() + seconds
		while time.monotonic() < deadline:
			self.poll(deadline - time.monotonic())
		if len(self.unread()) > before:
			raise Failed("unexpected: %s" % self.unread()[before:])

	def unread(self):
		"""What arrived without any script expecting it, apart from 100."""
		return ["%s got %s" % (peer.name, message) for peer in self.peers for message in peer.inbox
			if message.status != 100]

	def record(self, peer, sent, message, when):
		"""Add to the trace. Returns whether the same bytes came this way before: a retransmission."""
		again = (peer, sent, message.raw) in self.seen
		self.seen.add((peer, sent, message.raw))
		self.trace.append(Entry(when, peer, sent, message, again))
		return again

	def print_trace(self):
		for entry in self.trace:
			print("%8.3f %-9s %s %s%s" % (entry.time - self.started, entry.peer.name,
				"->" if entry.sent else "<-", entry.message, " (again)" if entry.again else ""))
			if os.environ.get("WIRE_TRACE"):
				print("\t" + entry.message.raw.decode("utf-8", "replace").replace("\r\n", "\n\t"))

	def refusing_port(self, host="127.0.0.1", transport="udp"):
		"""A port that refuses what is sent to it, and that we hold so that nobody else can open it."""
		sock = socket.socket(sip.family(host), socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
		sock.bind((host, 0))
		if transport == "udp":
			sock.connect((host, 9))  # accepts datagrams from there only
		self.refusing.append(sock)
		return sock.getsockname()[1]

	def close(self):
		for key in list(self.selector.get_map().values()):
			key.fileobj.close()
		for sock in self.refusing:
			sock.close()
		self.selector.close()
