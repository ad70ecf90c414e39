"""Debian's Kamailio on a free port, in the scenario's folder, with one of the configurations beside this file."""

import contextlib
import os
import socket
import subprocess

from runner import Skip

KAMAILIO, KAMCMD = "/usr/sbin/kamailio", "/usr/sbin/kamcmd"
HERE = os.path.dirname(os.path.abspath(__file__))


class Kamailio:
	"""`words`: what takes the place of the words in capitals; FOLDER and PORT are known here. `files`: others in FOLDER."""

	def __init__(self, s, config, files=(), **words):
		self.net = s.net
		self.folder = os.path.join(s.folder, "kamailio")
		os.mkdir(self.folder)
		self.port = s.net.refusing_port()  # reserved while it is stopped
		with open(os.path.join(HERE, config)) as template:
			text = template.read()
		for word, value in {"FOLDER": self.folder, **words, "PORT": self.port}.items():
			text = text.replace(word, str(value))
		for name, content in {**dict(files), "cfg": text}.items():
			with open(os.path.join(self.folder, name), "w") as file:
				file.write(content)
		self.process = None
		self.start()

	def start(self):
		self.net.refusing.pop().close()
		with open(os.path.join(self.folder, "log"), "ab") as log:
			self.process = subprocess.Popen([KAMAILIO, "-DD", "-E", "-m", "32", "-M", "4", "-Y", self.folder, "-P",
				os.path.join(self.folder, "pid"), "-f", os.path.join(self.folder, "cfg")], stdout=log, stderr=log)
		self.net.until(lambda: self.ask("core.version") is not None, "Kamailio answers", 10, step=0.05)

	def stop(self):
		"""Until start() the port refuses what is sent to it."""
		self.process.terminate()
		self.process.wait(10)
		held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		held.bind(("127.0.0.1", self.port))
		held.connect(("127.0.0.1", 9))
		self.net.refusing.append(held)

	def ask(self, command):
		"""What its control command prints; None when it does not answer."""
		done = subprocess.run([KAMCMD, "-s", "unix:%s/ctl" % self.folder, command], capture_output=True, text=True,
			timeout=20)
		return None if done.returncode else done.stdout

	def log(self):
		with open(os.path.join(self.folder, "log"), errors="replace") as log:
			return log.read()


@contextlib.contextmanager
def running(kind, s, **settings):
	"""One of these while the block lasts; the scenario is skipped where Kamailio is not installed."""
	if not os.path.exists(KAMAILIO):
		raise Skip("kamailio is not installed")
	k = kind(s, **settings)
	try:
		yield k
	except BaseException:
		print(k.log())
		raise
	finally:
		if k.process.poll() is None:
			k.process.terminate()
			k.process.wait(10)
