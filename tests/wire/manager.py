"""systemd, as far as the switch sees it: it hears what a service says, stores its sockets and hands them to the next process."""

import array
import contextlib
import fcntl
import os
import socket

BEYOND = 100  # stored descriptors are none of the low ones that a process gets them as


def inode(fd):
	return os.fstat(fd).st_ino


class Manager:
	"""From its creation on it starts the switch of this scene. `said`: every message, as a dictionary."""

	def __init__(self, s):
		self.said, self.stored = [], {}
		self.net, self.switch = s.net, s.switch
		path = s.switch.path("notify")
		self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.sock.bind(path)
		s.net.add(self.sock, self.hear)
		s.switch.environment["NOTIFY_SOCKET"] = path
		s.switch.launch = self.launch

	def hear(self):
		room = socket.CMSG_SPACE(array.array("i").itemsize)
		text, controls, _, _ = self.sock.recvmsg(4096, room)
		message = dict(line.split("=", 1) for line in text.decode().splitlines())
		self.said.append(message)
		for _, _, data in controls:
			fd, = array.array("i", data)
			self.store(message["FDNAME"], fd)
			os.close(fd)
		if "FDSTOREREMOVE" in message and message["FDNAME"] in self.stored:
			os.close(self.stored.pop(message["FDNAME"]))

	def store(self, name, fd):
		if inode(fd) not in map(inode, self.stored.values()):
			self.stored[name] = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, BEYOND)

	def launch(self, command):
		"""The command line that starts it with what is stored, and the descriptors that it needs for that."""
		with contextlib.suppress(BlockingIOError):
			while True:  # what the process before has said at its end
				self.hear()
		moves = " ".join("%d<&%d %d<&-" % (to, fd, fd) for to, fd in enumerate(self.stored.values(), 3))
		script = "exec %s; export SYSTEMD_EXEC_PID=$$" % moves
		if self.stored:
			script += " LISTEN_PID=$$ LISTEN_FDS=%d LISTEN_FDNAMES=%s" % (len(self.stored), ":".join(self.stored))
		return ["bash", "-c", script + '; exec "$@"', "bash", *command], tuple(self.stored.values())

	def heard(self, **wanted):
		"""Wait until it has been told this."""
		return self.net.until(lambda: any(wanted.items() <= message.items() for message in self.said), "it says %s" % wanted)
