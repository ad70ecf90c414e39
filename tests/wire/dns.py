"""A DNS server on loopback that knows what a scene tells it (RFC 1035, RFC 2782)."""

import socket
import struct

A, AAAA, SRV = 1, 28, 33
SERVER_FAILURE, NAME_ERROR, REFUSED = 2, 3, 5


def encoded(name):
	return b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".")) + b"\0"


class Dns:
	"""
	`records`: {(name, type): [data in wire format]}; no other name exists. `held`: a list that takes queries, with their
	sources, instead of answering them; None = none are held. `asked`: {name: types asked for}. `failure`: the code that
	every query gets instead of an answer.
	"""

	def __init__(self, net):
		self.records, self.held, self.asked, self.failure = {}, None, {}, 0
		self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		self.sock.bind(("127.0.0.1", 0))
		self.server = "127.0.0.1:%d" % self.sock.getsockname()[1]
		net.add(self.sock, self.answer)

	def host(self, name, *addresses):
		self.records[name, A] = [socket.inet_aton(address) for address in addresses]

	def service(self, name, *targets):
		"""targets: (priority, port, host name)."""
		self.records[name, SRV] = [struct.pack("!HHH", priority, 0, port) + encoded(host)
			for priority, port, host in targets]

	def answer(self):
		query, source = self.sock.recvfrom(4096)
		if self.held is None:
			self.reply(query, source)
		else:
			self.held.append((query, source))

	def reply(self, query, source):
		end, labels = 12, []
		while query[end]:
			labels.append(query[end + 1:end + 1 + query[end]].decode().lower())
			end += 1 + query[end]
		question, name = query[12:end + 5], ".".join(labels)
		kind, = struct.unpack("!H", query[end + 1:end + 3])
		self.asked.setdefault(name, set()).add(kind)
		found = self.records.get((name, kind), [])
		code = self.failure or (0 if any(known == name for known, _ in self.records) else NAME_ERROR)
		found = [] if code else found
		header = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(found), 0, 0)
		records = b"".join(b"\xc0\x0c" + question[-4:] + struct.pack("!IH", 60, len(data)) + data for data in found)
		self.sock.sendto(header + question + records, source)
