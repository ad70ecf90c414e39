"""A scene: one switch with its tables, its peers, and what must be true at the end of every test."""

import re
import time

from net import Failed, Net, same
from peer import Peer
from switch import Switch
from tls import Tls


class Scene:
	"""`caller` is a UDP peer that the table mapping_gateway knows as `customer`."""

	def __init__(self, folder):
		self.folder = folder
		self.oldest_s = 120  # a record, at the end
		self.net = Net()
		self.tls = None
		self.switch = Switch(self.net, self.folder)
		self.switch.insert("mapping_gateway", name="customer", host="127.0.0.1")
		self.caller = self.peer("caller")
		self.priority = 0

	def peer(self, name, transport="udp", host="127.0.0.1"):
		if transport == "tls" and not self.tls:
			self.tls = Tls(self.folder)
		return Peer(self.net, name, transport, host, self.tls if transport == "tls" else None)

	def vendor(self, name, port, transport="udp", host="127.0.0.1", prefix="", **columns):
		"""Rows for a vendor gateway and its route, tried after the ones before; priority, weight, ... go to the route."""
		self.priority += 1
		route = {"priority": self.priority}
		route.update((column, columns.pop(column)) for column in ("priority", "weight", "carry_through")
			if column in columns)
		self.switch.insert("gateway", name=name, host=host, port=port, transport=transport, **columns)
		if prefix is not None:
			self.switch.insert("route", prefix=prefix, gateway=name, **route)

	def gateway(self, name="gw", transport="udp", host="127.0.0.1", **columns):
		"""A vendor gateway with a peer behind it."""
		peer = self.peer(name, transport, host)
		self.vendor(name, peer.port, transport, host, **columns)
		return peer

	def gateways(self, count, **columns):
		"""gw1, gw2, ... tried in this order."""
		return [self.gateway("gw%d" % number, **columns) for number in range(1, count + 1)]

	def start(self, listen=("udp",), arguments=(), clock_speed=1, **parameters):
		"""
		Start the switch with these tables and parameters and tell all peers its address. clock_speed: how many times as
		fast as real time its clock runs, for what takes minutes.
		"""
		self.switch.parameters(**parameters)
		self.switch.environment["SOFTSWITCH_CLOCK_SPEED"] = str(clock_speed)
		if self.tls:
			arguments = (*arguments, *self.tls.arguments)
		self.switch.start(listen, arguments)
		for peer in self.net.peers:
			peer.proxy = self.switch.addresses.get(peer.transport + ("6" if ":" in peer.host else ""))

	def talk(self, gateway, callee="4930", caller=None, **invite):
		"""A call from the caller that this gateway answers; both legs, the caller's first."""
		a = (caller or self.caller).invite(callee, **invite)
		b = gateway.leg()
		b.reply(180)
		a.expect(180)
		self.answer(a, b)
		return a, b

	def answer(self, a, b):
		b.reply(200, sdp=True)
		a.expect(200, "INVITE")
		a.ack()
		b.expect("ACK")

	def over(self, a, b):
		"""Hang up from a's side."""
		a.send("BYE")
		b.hung_up()
		a.expect(200, "BYE")

	def settle(self):
		"""Wait until the switch holds no call, leg, channel or transaction."""
		self.net.until(self.switch.idle, "nothing held: %s" % self.switch.status(), step=0.02)

	def finish(self):
		"""What must be true at the end of every scene."""
		if self.switch.process:
			self.settle()
			same(self.switch.status()["channel_drift"], 0)
			self.switch.signal()
			self.switch.ended()
		if self.net.unread():
			raise Failed("nobody asked for: %s" % self.net.unread())
		for entry in self.net.trace:
			if not entry.sent and not entry.again:
				self.check_message(entry.peer, entry.message)
		for row in self.switch.records(None):
			self.check_record(row)

	def check_message(self, peer, message):
		"""A message of the switch must be well-formed and reveal nothing about the peers on the other side."""
		for name in ("From", "To", "Call-ID", "CSeq", "Content-Length"):
			if len(message.all(name)) != 1:
				raise Failed("%s: %d times %s" % (message, len(message.all(name)), name))
		if len(message.all("Supported")) > 1:
			raise Failed("%s: more than one line of extensions" % message)
		if int(message["Content-Length"]) != len(message.body):
			raise Failed("%s: Content-Length %s, body %d" % (message, message["Content-Length"], len(message.body)))
		if not message.is_response and (len(message.all("Via")) != 1 or "," in message["Via"]
				or message["Record-Route"] or not message["Max-Forwards"]):
			raise Failed("it has headers of others, or lacks Max-Forwards:\n%s" % message.head)
		if message.method == "INVITE" and message.status in (None, 180, 183, 200) and not message["Contact"]:
			raise Failed("%s: no Contact" % message)
		for other in self.net.peers:
			for secret in other.secrets - peer.secrets:
				if secret in message.head and re.search(re.escape(secret) + r"(?!\d)", message.head):
					raise Failed("%s has %s of %s:\n%s" % (message, secret, other.name, message.head))

	def check_record(self, row):
		times = [row[name] for name in ("begin_ms", "ring_ms", "answer_ms", "end_ms") if row[name] is not None]
		whole = (times == sorted(times) and row["begin_ms"] and row["end_ms"]
			and (row["hold_ms"] is None) == (row["answer_ms"] is None)
			and abs(row["begin_ms"] / 1000 - time.time()) < self.oldest_s
			and row["end_direction"] in (0, 1, 2) and row["end_reason"] and 200 <= row["sip_code"] <= 699)
		for attempt in row["attempts"]:
			whole = whole and {"gateway", "address", "stage", "code", "reason", "begin_ms", "duration_ms"} <= set(attempt)
		if not whole:
			raise Failed("the record is not right: %s" % row)

	def close(self):
		if self.switch.process:
			self.switch.process.kill()
			self.switch.process.wait()
		self.net.close()
