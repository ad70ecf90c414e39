"""A user agent that others wrote, in a process and a folder of its own."""

import os
import signal
import subprocess
import sys

from net import WAIT, Failed, same


class Phone:
	def __init__(self, scene, user, stdin=subprocess.DEVNULL):
		self.net, self.user, self.process, self.stdin = scene.net, user, None, stdin
		self.folder = os.path.join(scene.folder, "phone-" + user)
		os.mkdir(self.folder)

	def __enter__(self):
		with open(self.path("out"), "wb") as out:
			self.process = subprocess.Popen(self.command(), stdin=self.stdin, stdout=out, stderr=out)
		try:
			self.ready()
		except BaseException:
			self.__exit__(*sys.exc_info())
			raise
		return self

	def __exit__(self, kind=None, *_):
		if kind:
			print("%s:\n%s" % (self.user, self.read("out")))
		self.process.send_signal(signal.SIGTERM)
		try:
			self.process.wait(WAIT)
		except subprocess.TimeoutExpired:
			self.process.kill()
			self.process.wait()

	# what differs from one to the other

	def command(self):
		"""The command line that starts it."""
		raise NotImplementedError

	def ready(self):
		"""Wait until it can be told what to do."""
		raise NotImplementedError

	def traced(self):
		"""Every message in its trace: (whether it sent it, the message)."""
		raise NotImplementedError

	# what is the same for all

	def alive(self):
		if self.process.poll() is not None:
			raise Failed("%s: %s ended: %s" % (self.user, self.process.args[0], self.read("out")))

	def path(self, name):
		return os.path.join(self.folder, name)

	def write(self, name, text):
		with open(self.path(name), "w") as file:
			file.write(text)

	def read(self, name):
		"""Its file of this name, "" if there is none yet."""
		try:
			with open(self.path(name), errors="replace", newline="") as file:
				return file.read()
		except FileNotFoundError:
			return ""

	def messages(self, method, status=None, sent=False):
		"""The messages in its trace: requests of this method, or the responses to them."""
		return [message for ours, message in self.traced() if ours == sent and message.method == method
			and message.status == status]


def cross(x, y, method, act, status=200):
	"""
	act() has x send a request, which y answers with this status. Returns what y received and what x received; both bodies
	were relayed byte for byte.
	"""
	before = len(x.messages(method, status)), len(y.messages(method))
	act()
	x.net.until(lambda: len(x.messages(method, status)) > before[0], "%s: %d to its %s" % (x.user, status, method),
		step=0.02)
	same(len(y.messages(method)), before[1] + 1)
	request, response = y.messages(method)[-1], x.messages(method, status)[-1]
	same(request.body, x.messages(method, sent=True)[-1].body)
	same(response.body, y.messages(method, status, sent=True)[-1].body)
	return request, response


def direction(message):
	"""Of the stream in its description (RFC 4566 section 6)."""
	return [line.removeprefix("a=") for line in message.body.decode().splitlines()
		if line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")]
