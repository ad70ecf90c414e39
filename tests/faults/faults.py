"""System calls of the switch that fail or take long, once each in turn: what faults.c is told, and the matrix of them."""

import asyncio
import collections
import contextlib
import errno
import mmap
import os
import sqlite3
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))

from matrix import Matrix  # noqa: E402
from procedures import Run, procedures  # noqa: E402
from stream_matrix import StreamMatrix, StreamRun  # noqa: E402
from switch import ROOT  # noqa: E402

PRELOADED = os.environ.get("FAULTS_SO", os.path.join(ROOT, "build", "tests", "faults", "faults.so"))

# In the order of enum kind in faults.c.
KINDS = ("write", "writev", "pwrite", "pwritev2", "fdatasync", "ftruncate", "fallocate", "rename", "open", "mmap", "accept", "send",
	"sendto", "sendmsg", "sendmmsg", "recvmmsg")
HEAD = 6  # words in front of the counters
NETWORK = {"writev", "accept", "send", "sendto", "sendmsg", "sendmmsg", "recvmmsg"}
# How a call of this kind may fail, besides taking long.
ERRORS = {"write": ("EAGAIN",), "writev": ("EAGAIN",), "pwrite": ("EIO", "ENOSPC"),
	"pwritev2": ("EIO", "ENOSPC", "EINVAL"), "fdatasync": ("EIO",), "ftruncate": ("EIO",),
	"fallocate": ("ENOSPC",), "rename": ("EIO",), "open": ("EMFILE", "EACCES"), "mmap": ("ENOMEM",), "accept": ("EMFILE", "ECONNABORTED"),
	"send": ("EAGAIN",), "sendto": ("ENOBUFS",), "sendmsg": ("ENOBUFS", "EAGAIN"), "sendmmsg": ("ENOBUFS", "EAGAIN"),
	"recvmmsg": ("EAGAIN", "ENOMEM")}
PATIENCE_S = 10
DELAY_MS = {True: 100, False: 1500}  # is it a call of the network?

Fault = collections.namedtuple("Fault", "kind number error")  # error "": it is delayed


class Control:
	"""The file that faults.c maps."""

	def __init__(self, folder):
		self.path = os.path.join(folder, "faults")
		with open(self.path, "w+b") as file:
			file.truncate(mmap.PAGESIZE)
			self.words = mmap.mmap(file.fileno(), mmap.PAGESIZE)

	def get(self, index):
		return struct.unpack_from("I", self.words, index * 4)[0]

	def set(self, index, value):
		struct.pack_into("I", self.words, index * 4, value)

	def arm(self, fault):
		self.disarm()
		if fault:
			for index, value in ((1, fault.number), (2, getattr(errno, fault.error) if fault.error else 0),
					(3, 0 if fault.error else DELAY_MS[fault.kind in NETWORK]), (0, KINDS.index(fault.kind) + 1)):
				self.set(index, value)

	def set_back(self, seconds):
		"""The wall clock."""
		self.set(5, seconds)

	def disarm(self):
		"""Begin to count anew, too. Returns whether the last fault has struck."""
		struck = self.get(4)
		for index in range(HEAD + len(KINDS)):
			self.set(index, 0)
		return bool(struck)

	def seen(self):
		return {kind: self.get(HEAD + index) for index, kind in enumerate(KINDS) if self.get(HEAD + index)}

	def environment(self):
		return {"FAULTS": self.path, "LD_PRELOAD": PRELOADED}


def faults(seen):
	"""Each call that was seen, with everything that may happen to it."""
	return [Fault(kind, number + 1, error) for kind, count in seen.items() for number in range(count)
		for error in ("", *ERRORS[kind])]


def words(fault):
	return "%s #%d %s" % (fault.kind, fault.number, fault.error or "delayed")


class FaultRun(Run):
	"""The messages come through; what is harmed is a system call."""

	def harm(self, step):
		self.harmed = True

	def undertake(self, fault):
		self.call_fault, self.under_fault = fault, words(fault) if fault else "unharmed"
		self.name = "%s: %s" % (self.of.name, self.under_fault)


class StreamFaultRun(FaultRun, StreamRun):
	pass


class Faulty:
	"""A matrix of system calls: one run at a time, as they are counted for the whole process."""

	def __init__(self, folder, choose):
		"""choose(name of the procedure, faults): those that are to be played."""
		super().__init__(folder, 1)
		self.control, self.choose, self.rotated = Control(folder), choose, 0
		self.switch.environment.update(self.control.environment())

	def rotate(self):
		self.rotated += 1
		os.rename(self.switch.path("cdr.db"), self.switch.path("cdr-%d.db" % self.rotated))

	def rows(self, callee):
		"""In every file of records."""
		rows = []
		for name in ("cdr.db", *("cdr-%d.db" % (n + 1) for n in range(self.rotated))):
			with contextlib.suppress(sqlite3.OperationalError):  # it is just being made
				with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % self.switch.path(name), uri=True, timeout=5)) as db:
					db.row_factory = sqlite3.Row
					rows += map(dict, db.execute("select * from cdr where callee_in = ?", (callee,)))
		return rows

	def reset(self):
		"""Between two runs."""

	def has_ended(self):
		return self.switch.process.poll() is not None

	async def play_one(self, of, fault=None):
		run = self.add(of)
		run.undertake(fault)
		self.played.append(run)
		self.reset()
		self.control.arm(fault)
		begin = time.monotonic()
		await run.play()
		took = time.monotonic() - begin
		for _ in range(PATIENCE_S * 50):
			if self.has_ended() or (self.rows(run.callee) and self.switch.idle()):
				break
			await asyncio.sleep(0.02)
		else:
			run.wrong("no record, or something is still held: %s" % self.switch.status())
		run.seen = self.control.seen()
		run.struck = self.control.disarm()
		if fault and fault.kind not in NETWORK and took * 1000 > DELAY_MS[False]:
			run.wrong("the disk held up the call, it took %.2f s" % took)
		if not self.has_ended() and self.switch.status()["channel_drift"]:
			run.wrong("channels are lost or taken twice")
		return run

	async def play_all(self, chosen):
		for index, sock in enumerate(self.sockets):
			asyncio.get_running_loop().add_reader(sock, self.read, index)
		for of in procedures:
			await self.play_one(of)  # what happens only once
			clean = await self.play_one(of)
			for fault in self.choose(of.name, faults(clean.seen)):
				if not self.has_ended():
					await self.play_one(of, fault)
		if not any(run.struck for run in self.played):
			self.strays.append("no fault has struck")
		await self.settle()

	def judge(self):
		models = {}
		for run in self.played:
			run.judge_record(self.rows(run.callee), models.get(run.of.name))
			models.setdefault(run.of.name, run.record)


class FaultMatrix(Faulty, Matrix):
	run_class = FaultRun


class StreamFaultMatrix(Faulty, StreamMatrix):
	run_class = StreamFaultRun

	def reset(self):
		"""Connections are opened anew."""
		for wire in self.slots[0].wires if self.slots else ():
			wire.end(False)

	async def play_all(self, chosen):
		for wire in self.slots[0].wires:
			wire.begin()
		await Faulty.play_all(self, chosen)
