"""The real binary with files of its own: start and stop it, fill its tables, query it, read its records and its log."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess

import sip
from net import WAIT, Failed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("SOFTSWITCH", os.path.join(ROOT, "build", "softswitch", "softswitch"))
SWCTL = os.environ.get("SWCTL", os.path.join(os.path.dirname(os.path.dirname(BINARY)), "tools", "swctl"))
SANITIZER = re.compile(r"Sanitizer|runtime error:")


def quoted(value):
	return "NULL" if value is None else "'%s'" % str(value).replace("'", "''")


class Switch:
	def __init__(self, net, folder):
		self.net, self.folder, self.process = net, folder, None
		self.addresses = {}
		self.pending = []
		self.environment = dict(os.environ)
		self.environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
		self.run("--init")

	def path(self, name):
		return os.path.join(self.folder, name)

	def command(self, *arguments):
		return [BINARY, "--db", self.path("softswitch.db"), "--cdr", self.path("cdr.db"),
			"--journal", self.path("journal"),
			"--control", self.path("c.sock"), *arguments]

	def run(self, *arguments, expected=0):
		"""Run the binary to its end with these arguments; what it wrote to stdout and stderr."""
		done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=20,
			env=self.environment)
		if done.returncode != expected or SANITIZER.search(done.stderr):
			raise Failed("exit %d: %s" % (done.returncode, done.stderr))
		return done.stdout + done.stderr

	# tables

	def sql(self, *statements):
		"""Through the sqlite3 shell, as an operator would; raises its error message."""
		done = subprocess.run(["sqlite3", "-bail", "-cmd", ".timeout 3000", self.path("softswitch.db")],
			input=";\n".join(statements) + ";", capture_output=True, text=True, timeout=20)
		if done.returncode:
			raise Failed(done.stderr)
		return done.stdout.strip()

	def insert(self, table, **row):
		"""Collected until start() writes all rows in one go; written at once if the switch is running."""
		statement = "insert into %s (%s) values (%s)" % (table, ", ".join(row), ", ".join(map(quoted, row.values())))
		if self.process:
			self.sql(statement)
		else:
			self.pending.append(statement)

	def parameters(self, **values):
		self.pending += ["update parameter set value = %s where name = '%s'" % (quoted(value), name)
			for name, value in values.items()]

	def swctl(self, *arguments, expected=0):
		"""Run swctl to its end, on this switch if it is running; what it wrote to stdout and stderr."""
		done = subprocess.run([SWCTL, "--control", self.path("c.sock"), *arguments], capture_output=True, text=True, timeout=20)
		if done.returncode != expected or SANITIZER.search(done.stderr):
			raise Failed("exit %d: %s%s" % (done.returncode, done.stdout, done.stderr))
		return done.stdout + done.stderr

	# the process

	def launch(self, command):
		"""The command line that starts it, and the descriptors handed to it. See manager.py."""
		return command, ()

	def start(self, listen=("udp",), arguments=(), meanwhile=None):
		"""
		Write what is pending, start the switch, call meanwhile(), and wait until the switch answers; its ports come from the
		kernel.
		"""
		if self.pending:
			self.sql("begin", *self.pending, "commit")
			self.pending = []
		self.stderr = open(self.path("log"), "ab")
		for transport in listen:
			host = "::1" if transport.endswith("6") else "127.0.0.1"
			arguments = ("--listen", "sip:%s;transport=%s" % (sip.host_port(host, 0), transport.strip("6")), *arguments)
		self.given = arguments
		command, descriptors = self.launch(self.command(*arguments))
		self.process = subprocess.Popen(command, stderr=self.stderr, stdin=subprocess.DEVNULL, env=self.environment,
			pass_fds=descriptors)
		if meanwhile:
			meanwhile()
		self.net.until(self.answers, "the control socket answers", 10, step=0.01)
		self.addresses = {}
		for listener in self.status()["listeners"]:
			host, port = sip.address(listener)
			self.addresses[sip.param(listener, "transport") + ("6" if ":" in host else "")] = host, port

	def start_again(self, meanwhile=None):
		"""After its end: with the arguments, and at the addresses, of before."""
		at = {"sip:%s;transport=%s" % (sip.host_port(host, 0), transport.strip("6")):
			"sip:%s;transport=%s" % (sip.host_port(host, port), transport.strip("6"))
			for transport, (host, port) in self.addresses.items()}
		self.start((), [at.get(argument, argument) for argument in self.given], meanwhile)

	def answers(self):
		if self.process.poll() is not None:
			raise Failed("it ended at once: exit %d" % self.process.returncode)
		try:
			return self.control("system.status")
		except (FileNotFoundError, ConnectionRefusedError):
			return None

	def signal(self, number=signal.SIGTERM):
		self.process.send_signal(number)

	def stopping(self):
		"""Send SIGTERM and wait until the switch has noticed it."""
		self.signal()
		self.net.until(lambda: "stopping" in self.read_log(), "the switch stops", step=0.01)

	def read_log(self):
		with open(self.path("log"), errors="replace") as log:
			return log.read()

	def ended(self, expected=0, timeout=10):
		"""Wait for the end of the process, which must have this exit status."""
		self.net.until(lambda: self.process.poll() is not None, "the switch ends", timeout, step=0.01)
		code, self.process = self.process.returncode, None
		self.stderr.close()
		if code != expected or SANITIZER.search(self.read_log()):
			raise Failed("the switch ended with exit %d, expected %d" % (code, expected))

	@contextlib.contextmanager
	def asleep(self):
		"""The switch reads everything that is sent meanwhile in one go."""
		self.signal(signal.SIGSTOP)
		yield
		self.signal(signal.SIGCONT)

	def kill(self):
		"""Kill it with SIGKILL, as in a crash."""
		self.signal(signal.SIGKILL)
		self.ended(-signal.SIGKILL)

	# queries

	def ask(self, line):
		"""Send one line to the control socket; the answer, parsed."""
		with socket.socket(socket.AF_UNIX) as sock:
			sock.settimeout(WAIT)
			sock.connect(self.path("c.sock"))
			sock.sendall(line.encode() + b"\n")
			return json.loads(sock.makefile().readline())

	def control(self, method, **params):
		answer = self.ask(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
		if "error" in answer:
			raise Failed("%s: %s" % (method, answer["error"]))
		return answer["result"]

	def status(self):
		return self.control("system.status")

	def idle(self):
		"""Whether no call, leg, channel or transaction is held."""
		status = self.status()
		return status["calls"]["active"] == 0 and not any(status["held"].values())

	def records(self, count=1):
		"""The rows of cdr by begin, as dictionaries. Waits until there are `count` of them (None: does not wait)."""
		def read():
			with sqlite3.connect("file:%s?mode=ro" % self.path("cdr.db"), uri=True, timeout=3) as db:
				db.row_factory = sqlite3.Row
				rows = [dict(row) for row in db.execute("select * from cdr order by begin_ms, id")]
			db.close()
			return rows if len(rows) >= (count or 0) else None
		rows = self.net.until(read, "%d rows in cdr" % count, step=0.02) if count else read()
		if count is not None and len(rows) != count:
			raise Failed("%d rows in cdr, expected %d: %s" % (len(rows), count, rows))
		for row in rows:
			row["attempts"] = json.loads(row["attempts"])
		return rows

	def record(self):
		"""The only row of cdr."""
		return self.records(1)[0]
