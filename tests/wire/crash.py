"""The switch dies and is started again: what tests of that have in common."""

import os
import struct

import sip
from peer import Peer


def crash(s, **parameters):
	"""The switch dies, once it has done what it was sent, and is started again at its addresses."""
	s.switch.status()
	s.switch.kill()
	s.switch.parameters(**parameters)
	s.switch.start_again()


def kill(s):
	"""The switch dies, once it has read every ACK."""
	s.net.until(lambda: all(call["state"] == "up" for call in s.switch.control("calls.list")["calls"]), "all calls are up", step=0.01)
	s.switch.kill()


def checked(*legs):
	"""The switch asks each peer once whether it is there; callers acknowledge their 200 again, should it come again."""
	for leg in legs:
		if leg.local == leg.invited["From"]:
			leg.ack()
		leg.expect("OPTIONS")
		leg.reply(200)


def live(s):
	return [call["recovered"] for call in s.switch.control("calls.list")["calls"]]


def holds(path, *legs, answered=False):
	"""Whether a journal, in memory or on disk, has been told of these calls, or even of their answers."""
	if not os.path.exists(path):
		return False
	with open(path, "rb") as file:
		data = file.read()
	texts = [leg.call_id for leg in legs] + [leg.local.split(";tag=")[1] for leg in legs if answered]
	return all(text.encode() in data for text in texts)


def long_ago(s, seconds=61):
	"""While the switch is dead: it died so long ago."""
	with open(s.switch.path("journal"), "r+b") as file:
		data = bytearray(file.read(56))
		steady, epoch = struct.unpack_from("<QQ", data, 16)
		struct.pack_into("<QQ", data, 16, steady - 1000 * seconds, epoch - 1000 * seconds)
		struct.pack_into("<Q", data, 48, 0)  # no checksum
		file.seek(0)
		file.write(data)


class Phone(Peer):
	"""
	Answers OPTIONS and BYE by itself, which are many, and an INVITE that comes again by its last response. `said`: those
	responses, by Call-ID; `repeated`: how many were sent again.
	"""

	def __init__(self, *arguments):
		super().__init__(*arguments)
		self.answered, self.said, self.repeated = {"OPTIONS": set(), "BYE": set()}, {}, 0

	def take(self, raw, source, when):
		request = sip.Message(raw)
		if request.method == "INVITE" and request["Call-ID"] in self.said and not request.is_response:
			self.repeated += 1
			self.sock.sendto(self.said[request["Call-ID"]], source)
			return
		if request.is_response or request.method not in self.answered:
			super().take(raw, source, when)
			return
		self.answered[request.method].add((request["Call-ID"], request["CSeq"]))
		self.sock.sendto(sip.build("SIP/2.0 200 OK", [(name, request[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")]),
			source)
