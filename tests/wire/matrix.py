"""
The race and loss matrix: each procedure is played once undisturbed, and then once for every one of its messages and
everything the network can do to that message. All runs share one switch, and many are in progress at a time.
"""

import asyncio
import collections
import contextlib
import fnmatch
import socket
import sqlite3
import struct
import sys
import tempfile
import traceback

import sip
import spoof
from net import Net, hear_sigterm
from peer import SO_TIMESTAMPNS
from procedures import Fault, Run, procedures, run_name
from switch import Switch
from transactions import Message

HARMS = ("lost", "duplicated", "echoed", "delayed")  # echoed: a copy arrives late
# Of what goes to the switch: a stranger forges it first. Of what comes from it: lost, and ICMP says so.
UP, DOWN = ("forged",), ("refused",)
ENOUGH = 30  # failed runs; the rest are then not played


class Matrix:
	run_class = Run

	def __init__(self, folder, at_a_time):
		self.at_a_time = at_a_time
		self.ended = hear_sigterm()
		self.net = Net()
		self.net.add(self.ended.dup(), lambda: sys.exit(1))
		self.switch = Switch(self.net, folder)
		self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			for _ in range(1 + max(of.gateways for of in procedures))]
		for sock in self.sockets:
			sock.bind(("127.0.0.1", 0))
			sock.setblocking(False)
			sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
			sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
		self.icmp = spoof.raw_socket()
		self.stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		self.stranger.bind((spoof.STRANGER, 0))
		self.legs, self.callees, self.strays, self.runs, self.played = {}, {}, [], [], []
		self.switch_address = None

	def start(self, clock_speed=1, **parameters):
		"""Every procedure has a prefix and gateways of its own, all at the same few addresses."""
		self.switch.insert("mapping_gateway", name="customer", host="127.0.0.1", sip_100rel="Supported")
		for of in procedures:
			for n in range(of.gateways):
				name = "%s/gw%d" % (of.name, n + 1)
				self.switch.insert("gateway", name=name, host="127.0.0.1", port=self.sockets[n + 1].getsockname()[1],
					**of.columns, **({} if n else of.first))
				self.switch.insert("route", prefix=str(100 + procedures.index(of)), gateway=name, priority=n + 1)
		self.switch.environment["SOFTSWITCH_CLOCK_SPEED"] = str(clock_speed)
		self.switch.parameters(**parameters)
		self.switch.start()
		self.switch_address = self.switch.addresses["udp"]

	def add(self, of, fault=None):
		run = self.run_class(self, of, len(self.runs), fault)
		self.runs.append(run)
		self.callees[run.callee] = run
		self.legs[0, run.caller.dialog.call_id] = run.caller
		return run

	def harms(self, of, step):
		"""What is done to this step of a procedure, one after the other."""
		if step.way.endswith("->switch"):
			return HARMS + UP
		return HARMS + DOWN if self.icmp else HARMS

	def read(self, index):
		"""Read what the socket has received, with the kernel's time of arrival, since this process may be late."""
		with contextlib.suppress(BlockingIOError):
			while True:
				data, ancillary, _, _ = self.sockets[index].recvmsg(65536, 64)
				message = Message(data)
				seconds, ns = struct.unpack("qq", ancillary[0][2])
				message.time = seconds + ns / 1e9
				self.find(index, message)

	def find(self, index, message):
		"""Find the run a message belongs to: by Call-ID, or for a new call by the number called."""
		agent = self.legs.get((index, message["Call-ID"]))
		if not agent and not message.is_response:
			run = self.callees.get(sip.user(message.uri))
			agent = run and run.agents[index]
			self.legs[index, message["Call-ID"]] = agent
		if agent:
			agent.run.arrive(agent, message)
		else:
			self.strays.append(message)

	async def play(self, runs):
		gate = asyncio.Semaphore(self.at_a_time)

		async def pass_gate(run):
			async with gate:
				if sum(bool(other.problems) for other in self.played) < ENOUGH and self.switch.process.poll() is None:
					self.played.append(run)
					await run.play()
		await asyncio.gather(*(pass_gate(run) for run in runs))

	async def play_all(self, chosen):
		asyncio.get_running_loop().set_exception_handler(lambda _, context: self.strays.append(
			"".join(traceback.format_exception(context["exception"])) if "exception" in context else context["message"]))
		asyncio.get_running_loop().add_reader(self.ended, asyncio.current_task().cancel)
		for index, sock in enumerate(self.sockets):
			asyncio.get_running_loop().add_reader(sock, self.read, index)
		clean = [self.add(of) for of in procedures if any(of.name == name.partition(":")[0] for name in chosen)
			or not chosen]
		await self.play(clean)
		faults = [(run.of, Fault(harm, n + 1, step)) for run in clean if not run.problems
			for n, step in enumerate(run.steps) for harm in self.harms(run.of, step)]
		if any(":" in name for name in chosen):
			faults = [(of, fault) for of, fault in faults if any(fnmatch.fnmatch(run_name(of, fault), name) for name in chosen)]
		await self.play([self.add(*fault) for fault in faults])
		await self.settle()

	async def settle(self):
		"""Wait until the switch holds nothing."""
		for _ in range(200):
			if self.switch.process.poll() is not None or self.switch.idle():
				return
			await asyncio.sleep(0.05)
		self.strays.append("the switch still holds %s" % self.switch.status()["held"])

	def judge(self):
		rows = collections.defaultdict(list)
		with contextlib.closing(sqlite3.connect(self.switch.path("cdr.db"), timeout=5)) as db:
			db.row_factory = sqlite3.Row
			for row in db.execute("select * from cdr"):
				rows[row["callee_in"]].append(dict(row))
		clean = {run.of.name: run for run in self.played if not run.fault}
		for run in self.played:
			model = clean[run.of.name]
			run.judge_labels(model.labels())
			run.judge_record(rows[run.callee], model.record)

	def finish(self):
		"""Stop the switch, which must not have ended by itself."""
		if self.switch.process.poll() is not None:
			self.strays.append("the switch ended with exit %d:\n%s" % (
				self.switch.process.returncode, self.switch.read_log()[-4000:]))
			return
		self.switch.signal()
		self.switch.ended()

	def close(self):
		for sock in filter(None, (self.icmp, self.stranger, *self.sockets)):
			sock.close()
		if self.switch.process:
			self.switch.process.kill()
			self.switch.process.wait()
		self.net.close()


def main(at_a_time=100, **parameters):
	"""All procedures, or the procedures and runs named on the command line. at_a_time: runs, which mostly wait."""
	with tempfile.TemporaryDirectory(prefix="softswitch-matrix-") as folder:
		play(Matrix(folder, at_a_time), **parameters)


def play(matrix, **parameters):
	try:
		matrix.start(**parameters)
		asyncio.run(matrix.play_all(sys.argv[1:]))
		matrix.finish()
		matrix.judge()
		runs, failed = matrix.played, [run for run in matrix.played if run.problems]
		for run in runs:
			if run.problems or run.name in sys.argv:
				print(run.report())
		for stray in matrix.strays:
			print("FAILED: %s" % stray)
		print("%d procedures, %d runs, %d failed, %d not played" % (len({run.of.name for run in runs}), len(runs),
			len(failed), len(matrix.runs) - len(runs)))
		sys.exit(bool(failed or matrix.strays or not runs))
	finally:
		matrix.close()
