"""baresip without sound hardware, told what to do through its control port (ctrl_tcp: netstrings of JSON)."""

import json
import os
import random
import re
import shutil
import socket
import wave

import sip
from net import WAIT, Failed
from phone import Phone
from runner import Skip

CONFIG = """\
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
audio_player aubridge,line
audio_source aufile,{folder}/tone.wav
audio_alert aubridge,bell
ctrl_tcp_listen 127.0.0.1:{control}
module g711.so
module aubridge.so
module aufile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""
# A message as the trace (-s) shows it.
TRACED = re.compile(r"UDP \S+:(\d+) -> \S+:(\d+)\n(.*?)\x1b\[;m", re.S)


def free_ports():
	"""
	Two that are free at the moment: one for SIP, whose successor is used for TLS, and one for control. baresip cannot take
	what the kernel gives, so they lie below the range from which the kernel gives ports to others meanwhile.
	"""
	while True:
		port = random.randrange(10000, 32000, 4)
		with socket.socket() as control, socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp, \
				socket.socket() as tls:
			try:
				for sock, number in ((udp, port), (tcp, port), (tls, port + 1), (control, port + 2)):
					sock.bind(("127.0.0.1", number))
				return port, port + 2
			except OSError:
				continue


def modules():
	"""The folder of its modules, as the default configuration names it."""
	if not shutil.which("baresip"):
		raise Skip("baresip is not installed")
	for folder in ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"):
		if os.path.exists(os.path.join(folder, "ctrl_tcp.so")):
			return folder
	raise Skip("baresip has no module ctrl_tcp")


class Baresip(Phone):
	"""One user; `events` holds those that no test has waited for yet."""

	def __init__(self, scene, user, registrar=None, password="secret"):
		"""registrar: the address, host:port, that it registers at."""
		super().__init__(scene, user)
		self.sock = None
		self.port, self.control = free_ports()
		self.events, self.answers, self.stream = [], [], b""
		self.write("config", CONFIG.format(port=self.port, control=self.control, folder=self.folder) + "module_path %s\n" % modules())
		with wave.open(self.path("tone.wav"), "wb") as tone:
			tone.setparams((1, 2, 8000, 0, "NONE", ""))
			tone.writeframes(bytes(2 * 8000 * 60))
		account = "<sip:%s@%s>;regint=60;auth_pass=%s" % (user, registrar, password) if registrar else \
			"<sip:%s@127.0.0.1>;regint=0" % user
		self.write("accounts", account + ";audio_codecs=PCMA;answermode=manual\n")

	def command(self):
		return ["baresip", "-f", self.folder, "-s"]

	def ready(self):
		self.sock = self.net.until(self.connected, "baresip answers", step=0.05)
		self.net.add(self.sock, self.receive)

	def __exit__(self, *exception):
		if self.sock:
			self.net.drop(self.sock)
		super().__exit__(*exception)

	def connected(self):
		self.alive()
		try:
			return socket.create_connection(("127.0.0.1", self.control), WAIT)
		except ConnectionRefusedError:
			return None

	def receive(self):
		self.stream += self.sock.recv(65536)
		while True:
			size, colon, rest = self.stream.partition(b":")
			if not colon or len(rest) <= int(size):
				return
			message = json.loads(rest[:int(size)])
			self.stream = rest[int(size) + 1:]
			(self.events if message.get("event") else self.answers).append(message)

	# commands and events

	def ask(self, command, params=""):
		"""Give a command and return what baresip says to it."""
		text = json.dumps({"command": command, "params": params}).encode()
		self.sock.sendall(b"%d:%s," % (len(text), text))
		self.net.until(lambda: self.answers, "%s: an answer to %s" % (self.user, command))
		return self.answers.pop()

	def do(self, command, params=""):
		answer = self.ask(command, params)
		if not answer["ok"]:
			raise Failed("%s: %s: %s" % (self.user, command, answer.get("data")))

	def find(self, kind):
		for event in self.events:
			if event["type"] == kind:
				self.events.remove(event)
				return event
		return None

	def expect(self, kind):
		"""Wait for an event and return its parameters."""
		return self.net.until(lambda: self.find(kind), "%s: %s; it has %s" % (
			self.user, kind, [event["type"] for event in self.events])).get("param")

	def traced(self):
		return [(int(source) == self.port, sip.Message(text.replace("\n", "\r\n").replace("\r\r", "\r").encode()))
			for source, _, text in TRACED.findall(self.read("out"))]
