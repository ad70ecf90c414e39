"""The public torture messages (RFC 4475, RFC 5118) are sent to the running switch, each followed by a good call.

They are read in place from the folder named by SIP_MESSAGES (meson option sip_messages): FOLDER/*/*.dat
with a manifest.tsv beside them, whose column accept_set says what a switch may answer.
"""

import csv
import os
import pathlib
import re
import socket

import sip
from leg import Leg
from net import Failed
from runner import Skip, run, scenario

GOOD = "4930777"
# Nobody acknowledges the answers to these messages: over TCP that is waited for 32 s.
SCENE = {"SS_SIP_RESEND_INTERVAL": "0.5", "SS_SIP_TIMEOUT_INVITE": 120, "clock_speed": 10}


def messages():
	"""(name, bytes, accept set or "") of every message of the folder."""
	folder = os.environ.get("SIP_MESSAGES", "")
	if not folder:
		raise Skip("no folder of SIP messages: meson setup -Dsip_messages=FOLDER, or SIP_MESSAGES=FOLDER")
	accepted = {}
	for manifest in pathlib.Path(folder).glob("*/manifest.tsv"):
		with open(manifest, newline="") as rows:
			for row in csv.DictReader(rows, delimiter="\t"):
				accepted[manifest.parent / row["file"]] = row.get("accept_set") or ""
	found = sorted(pathlib.Path(folder).glob("*/*.dat"))
	if len(found) < 61:
		raise Failed("only %d messages in %s" % (len(found), folder))
	return [(path.stem, path.read_bytes(), accepted.get(path, "")) for path in found]


def readdressed(raw, transport, host_port):
	"""The first Via must name our transport and address, or answers go astray."""
	return re.sub(rb"(?im)^((?:via|v)\s*:\s*SIP\s*/\s*[0-9.]+\s*/\s*)[^\s;]+(\s+)[^\s;,]+((?:[ \t]*:[ \t]*\d+)?)",
		lambda via: via.group(1) + transport.upper().encode() + via.group(2) + host_port.encode(), raw, count=1)


class Sender:
	"""A socket that sends what no library would, and notes the status of each answer."""

	def __init__(self, s, transport):
		self.s, self.statuses, self.stream, self.closed = s, [], b"", False
		kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
		self.sock = socket.socket(socket.AF_INET, kind)
		self.sock.bind(("127.0.0.1", 0))
		self.sock.connect(s.switch.addresses[transport])
		self.host_port = sip.host_port(*self.sock.getsockname())
		s.net.add(self.sock, self.read)

	def read(self):
		try:
			data = self.sock.recv(65536)
		except OSError:
			data = b""
		self.stream += data
		self.statuses = [int(code) for code in re.findall(rb"(?m)^SIP/2\.0 (\d{3}) ", self.stream)]
		if not data:
			self.close()

	def finals(self):
		return [status for status in self.statuses if status >= 200]

	def close(self):
		if not self.closed:
			self.closed = True
			self.s.net.drop(self.sock)


class Bystander:
	"""A gateway that refuses the calls these messages cause, and answers the good ones."""

	def __init__(self, s, gw):
		self.s, self.gw, self.forwarded = s, gw, []

	def serve(self):
		for message in list(self.gw.inbox):
			if message.method == "INVITE" and sip.user(message.uri) != GOOD:
				self.gw.inbox.remove(message)
				self.forwarded.append(message)
				Leg.invited(self.gw, message).reply(486)
			elif message.method == "ACK" and any(message["Call-ID"] == other["Call-ID"] for other in self.forwarded):
				self.gw.inbox.remove(message)

	def call(self):
		"""A good call, with whatever else reaches the gateway meanwhile."""
		a = self.s.caller.invite(GOOD)

		def rings():
			self.serve()
			return self.gw.find("INVITE", call_id=None)
		b = Leg.invited(self.gw, self.s.net.until(rings, "the good call rings"))
		self.s.answer(a, b)
		self.s.over(a, b)


def is_accepted(accept, raw, transport, sender, forwarded):
	"""Whether what came back, or was forwarded, is in the accept set of the manifest."""
	finals, words = sender.finals(), re.sub(r"\(.*\)", "", accept).split("|")
	clean = all(re.fullmatch(r"[A-Z]+ \S+ SIP/2\.0", message.start) and "?" not in message.uri for message in forwarded)
	unfinished = transport == "tcp" and not sip.take(raw)[0]  # it may wait for more
	if not accept or not clean or unfinished:
		return clean
	if transport == "udp" and "400tcp" in words and finals == [400]:
		return False
	known = {"any": True, "any-clean": True, "any-final": bool(finals), "drop": not finals, "strip": bool(finals),
		"process": finals in ([200], [486], [481]),  # 481: its To tag belongs to no dialog
		"pass": bool(forwarded), "4xx": len(finals) == 1 and finals[0] // 100 == 4,
		"4xx-one": len(finals) == 1 and finals[0] // 100 == 4, "400tcp": finals == [400]}
	return any(known[word] if word in known else finals == [int(word)] for word in words)


def survives(s, transport):
	gw = s.gateway()
	all_messages = messages()
	s.start(["udp", "tcp"], **SCENE)
	wrong, others, senders = [], Bystander(s, gw), []  # all stay open: a late answer to one must not reach the port's next owner
	for name, raw, accept in all_messages:
		sender, before = Sender(s, transport), len(others.forwarded)
		senders.append(sender)
		sender.sock.sendall(readdressed(raw, transport, sender.host_port))
		if accept and "drop" not in accept and accept not in ("any", "any-clean"):
			try:
				s.net.until(lambda: others.serve() or sender.finals() or sender.closed, "", 1)
			except Failed:
				pass  # reported below
		others.call()
		forwarded = others.forwarded[before:]
		if not is_accepted(accept, raw, transport, sender, forwarded):
			wrong.append("%s over %s: accepted %s, got %s, forwarded %s" % (name, transport, accept, sender.statuses,
				[message.start for message in forwarded]))
	for sender in senders:
		sender.close()
	s.settle()
	others.serve()
	if wrong:
		raise Failed("\n".join(wrong))


@scenario
def every_message_over_udp_is_answered_right_and_a_call_succeeds_after_it(s):
	survives(s, "udp")


@scenario
def every_message_over_tcp_is_answered_right_and_a_call_succeeds_after_it(s):
	survives(s, "tcp")


if __name__ == "__main__":
	run()
