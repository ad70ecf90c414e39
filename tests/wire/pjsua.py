"""pjsua without sound hardware, told what to do through its console."""

import os
import re
import shutil
import subprocess

import sip
from phone import Phone
from runner import Skip

# In its output: a message, and the port on which it listens.
LOGGED = re.compile(r"([TR]X) \d+ bytes [^\n]* (?:UDP|TCP) [^\n]*:\n(.*?)\n--end msg--", re.S)
LISTENS = r"(?:UDP transport started, published address is|TCP listener ready .* at) 127\.0\.0\.1:(\d+)"


def binary():
	found = shutil.which(os.environ.get("PJSUA", "pjsua"))
	if not found:
		raise Skip("pjsua is not installed: neither PJSUA nor PATH names it")
	return found


class Pjsua(Phone):
	"""One user, with further arguments of the command line. Its output is a log of all messages and events."""

	def __init__(self, scene, user, *arguments, transport="udp"):
		super().__init__(scene, user, subprocess.PIPE)
		self.binary, self.arguments, self.port, self.seen = binary(), arguments, None, 0
		self.transport = transport

	def command(self):
		return ["stdbuf", "-oL", self.binary, "--id=sip:%s@127.0.0.1" % self.user, "--bound-addr=127.0.0.1", "--local-port=0",
			"--no-udp" if self.transport == "tcp" else "--no-tcp", "--null-audio", "--rtp-port=0", "--no-color",
			"--log-level=4", "--app-log-level=4", *self.arguments]

	def ready(self):
		self.port = int(self.expect(LISTENS).group(1))

	def do(self, *lines):
		"""Type these lines: a command and what it asks for."""
		self.process.stdin.write("".join(line + "\n" for line in lines).encode())
		self.process.stdin.flush()

	def expect(self, pattern):
		"""Wait until this regular expression is in its output behind what was found last; the match."""
		def found():
			self.alive()
			return re.compile(pattern).search(self.read("out"), self.seen)
		match = self.net.until(found, "%s: %s" % (self.user, pattern), step=0.02)
		self.seen = match.end()
		return match

	def traced(self):
		return [(way == "TX", sip.Message(text.encode())) for way, text in LOGGED.findall(self.read("out"))]
