"""
The race and loss matrix: each procedure is played once as it is, and then once for every message of it and
every harm the network can do to that message. All runs share one switch, and many are under way at a time.
"""

import asyncio
import collections
import contextlib
import json
import os
import socket
import sqlite3
import struct
import sys
import tempfile
import traceback

import sip
from agent import Agent
from lossy import Link
from net import Failed, Net
from peer import SO_TIMESTAMPNS
from switch import Switch
from transactions import Message

HARMS = ("lost", "duplicated", "echoed", "delayed")  # echoed: a copy comes late
AT_A_TIME = 100  # runs: they mostly wait
LIMIT_S = 8  # for one step of a run: everything is given up by then
procedures = []

Fault = collections.namedtuple("Fault", "harm number step")
# How to play it, how many gateways it has and their columns, labels that only a harmed run may show.
Procedure = collections.namedtuple("Procedure", "name play gateways columns tolerated")


def procedure(name, *arguments, gateways=1, tolerated=(), **columns):
	def register(function):
		async def play(run):
			await function(run, *arguments)
		procedures.append(Procedure(name, play, gateways, columns, set(tolerated)))
		return function
	return register


STAGES = ("", "100 INVITE", "183 INVITE", "180 INVITE")
FINAL = ("200 INVITE", "486 INVITE", "487 INVITE", "503 INVITE")


class Anything:
	"""Equal to whatever."""

	def __eq__(self, other):
		return True


ANY = Anything()


def run_name(of, fault):
	return of.name + (": %s #%d %s %s" % (fault.harm, fault.number, fault.step.label, fault.step.way)
		if fault else ": unharmed")


class Run:
	"""One call of a procedure, with the fault or (None) as it is."""

	def __init__(self, matrix, of, number, fault=None):
		self.matrix, self.of, self.fault = matrix, of, fault
		self.name = run_name(of, fault)
		self.callee = "%03d%05d" % (100 + procedures.index(of), number)
		self.trace, self.steps, self.problems, self.waiting = [], [], [], []
		self.under_test, self.harmed = False, False
		self.caller = self.agent("caller", matrix.sockets[0])
		self.gateways = [self.agent("gw%d" % (n + 1), matrix.sockets[n + 1], (100, 180)) for n in range(of.gateways)]
		self.gateway = self.gateways[-1]  # the one that answers
		self.record = None
		self.expected = {"sip_code": 200, "end_direction": 0}

	def agent(self, name, sock, greeting=()):
		link = Link(self, name, lambda raw: sock.sendto(raw, self.matrix.switch_address))
		return Agent(self, name, link, sip.host_port(*sock.getsockname()), greeting)

	@property
	def agents(self):
		return [self.caller, *self.gateways]

	# what the links tell

	def harm(self, step):
		"""A message of the part under test passes: what is to be done to it, if anything."""
		self.steps.append(step)
		if self.fault and self.fault.step == step and not self.harmed:
			self.harmed = True
			return self.fault.harm
		return None

	def note(self, way, message, remark):
		self.trace.append((asyncio.get_running_loop().time(), way, message, remark))

	def wrong(self, words):
		if words not in self.problems:
			self.problems.append(words)

	def arrive(self, agent, message):
		"""A message of the switch for this agent."""
		for other in self.agents:
			if other is not agent:
				agent.link.witness.secrets |= other.secrets
		agent.link.from_switch(message)

	def touch(self):
		for condition, future in self.waiting:
			if not future.done() and condition():
				future.set_result(None)
		self.waiting = [entry for entry in self.waiting if not entry[1].done()]

	# for the procedures

	def call(self, offer=True):
		self.caller.call(self.callee, sip.host_port(*self.matrix.switch_address), offer)

	def same(self, what, actual, expected):
		if actual != expected:
			self.wrong("%s is %s, expected %s" % (what, actual, expected))

	def begin(self, coroutine):
		return asyncio.get_running_loop().create_task(coroutine)

	def attempts(self, stage, code):
		"""Of a call with one gateway."""
		return [("%s/gw1" % self.of.name, stage, code)]

	def ended_by(self, agent):
		"""The record says that this side hung up first."""
		self.expected = {"sip_code": 200, "end_direction": 0 if agent is self.caller else 1}

	async def until(self, condition, what):
		if condition():
			return
		future = asyncio.get_running_loop().create_future()
		self.waiting.append((condition, future))
		try:
			await asyncio.wait_for(future, LIMIT_S)
		except asyncio.TimeoutError:
			raise Failed("not within %d s: %s; pending: %s" % (LIMIT_S, what, self.pending())) from None

	@contextlib.contextmanager
	def part_under_test(self):
		"""What is sent meanwhile may be harmed."""
		self.under_test = True
		yield
		self.under_test = False

	def pending(self):
		return ["%s: %s" % (agent.name, what) for agent in self.agents for what in agent.link.pending() +
			([] if agent.idle() else ["the agent waits"])]

	async def quiet(self):
		"""Until nothing is under way any more, on either side of either link."""
		await self.until(lambda: not self.pending(), "quiet")

	async def over(self):
		"""Until neither side knows of the call any more."""
		await self.until(lambda: all(agent.state in ("down", "none") for agent in self.agents) and not self.pending(),
			"the end, both sides: %s" % [agent.state for agent in self.agents])

	def at_switch(self):
		"""(agent's name, label) of what the switch got, in order."""
		return [(way.partition("->")[0], message.label) for _, way, message, remark in self.trace
			if way.endswith("->switch") and remark not in ("lost", "delayed")]

	def first_at_switch(self, *whats):
		"""Which of these (agent, label) the switch got first."""
		arrived = self.at_switch()
		return min(whats, key=lambda what: arrived.index((what[0].name, what[1])))

	def stage(self, agent):
		"""How far this gateway came before it said its last or the caller gave up, as the switch knows it."""
		reached = 0
		for who, label in self.at_switch():
			if (who, label) == ("caller", "CANCEL") or (who == agent.name and label in FINAL):
				break
			if who == agent.name and label in STAGES:
				reached = max(reached, STAGES.index(label))
		return ("calling", "trying", "progress_sdp", "ringing")[reached]

	def agree_up(self):
		"""Both sides say that the call is up, and of the same session."""
		a, b = self.caller, self.gateway
		if (a.state, b.state) != ("up", "up"):
			self.wrong("the caller says %s, the gateway %s" % (a.state, b.state))
		elif (a.sdp, a.remote_sdp) != (b.remote_sdp, b.sdp):
			self.wrong("the sides do not agree on the session:\n%s" % "\n".join(
				text.decode() for text in (a.sdp, b.remote_sdp, b.sdp, a.remote_sdp)))

	async def play(self):
		try:
			await self.of.play(self)
			self.under_test = False
			await self.over()
			if self.fault and not self.harmed and self.fault.step.label not in self.of.tolerated:
				self.wrong("the message to be harmed never came")
		except Failed as failure:
			self.wrong(str(failure))
		except Exception:
			self.wrong(traceback.format_exc())

	# judgement

	def judge_labels(self, clean):
		"""`clean`: the labels of the unharmed run."""
		for way, label in sorted(self.labels() - clean):
			if label not in self.of.tolerated:
				self.wrong("%s %s is not part of this procedure" % (way, label))

	def labels(self):
		return {(way, message.label) for _, way, message, _ in self.trace}

	def judge_record(self, rows, clean):
		"""Exactly one row, as expected; `clean` is that of the unharmed run."""
		if len(rows) != 1:
			self.wrong("%d rows in cdr" % len(rows))
			return
		self.record = row = rows[0]
		row["attempts"] = [(a["gateway"], a["stage"], a["code"]) for a in json.loads(row["attempts"])]
		model = clean or row
		expected = {"attempts": [(gateway, "answered" if code == 200 else self.stage(agent), code)
			for (gateway, _, code), agent in zip(model["attempts"], self.gateways)], "end_reason": model["end_reason"]}
		expected.update(self.expected)
		found = {name: row[name] for name in expected}
		if found != expected:
			self.wrong("the record has %s, expected %s" % (found, expected))
		answered = row["sip_code"] == 200
		if answered != (row["answer_ms"] is not None) or answered != (row["hold_ms"] is not None):
			self.wrong("answer_ms %s, hold_ms %s" % (row["answer_ms"], row["hold_ms"]))
		elif answered and abs(row["end_ms"] - row["answer_ms"] - row["hold_ms"]) > 2:
			self.wrong("hold_ms %s is not from answer to end: %s to %s" % (row["hold_ms"], row["answer_ms"], row["end_ms"]))
		if answered and row["b_call_id"] != self.gateway.call_id:
			self.wrong("the record names another leg")

	def report(self):
		"""What went wrong, and everything that passed by."""
		lines = ["%s %s" % ("FAILED" if self.problems else "ok", self.name)] + ["\t" + line for words in self.problems for line in words.split("\n")]
		start = self.trace[0][0] if self.trace else 0
		for when, way, message, remark in self.trace:
			lines.append("\t%7.3f  %-16s %s %s" % (when - start, way, message.label, remark and "(%s)" % remark))
			if os.environ.get("WIRE_TRACE"):
				lines.append("\t\t" + message.raw.decode("utf-8", "replace").replace("\r\n", "\n\t\t"))
		if self.record:
			lines.append("\t%s" % self.record)
		return "\n".join(lines)


class Matrix:
	def __init__(self):
		self.folder = tempfile.TemporaryDirectory(prefix="softswitch-matrix-")
		self.net = Net()
		self.switch = Switch(self.net, self.folder.name)
		self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			for _ in range(1 + max(of.gateways for of in procedures))]
		for sock in self.sockets:
			sock.bind(("127.0.0.1", 0))
			sock.setblocking(False)
			sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
			sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
		self.legs, self.callees, self.strays, self.runs = {}, {}, [], []
		self.switch_address = None

	def start(self, clock_speed=1, **parameters):
		"""Every procedure has its prefix and its gateways: all at the same few addresses."""
		self.switch.insert("mapping_gateway", name="customer", host="127.0.0.1", sip_100rel="Supported")
		for of in procedures:
			for n in range(of.gateways):
				name = "%s/gw%d" % (of.name, n + 1)
				self.switch.insert("gateway", name=name, host="127.0.0.1", port=self.sockets[n + 1].getsockname()[1],
					**of.columns)
				self.switch.insert("route", prefix=str(100 + procedures.index(of)), gateway=name, priority=n + 1)
		self.switch.environment["SOFTSWITCH_CLOCK_SPEED"] = str(clock_speed)
		self.switch.parameters(**parameters)
		self.switch.start()
		self.switch_address = self.switch.addresses["udp"]

	def add(self, of, fault=None):
		run = Run(self, of, len(self.runs), fault)
		self.runs.append(run)
		self.callees[run.callee] = run
		self.legs[0, run.caller.call_id] = run.caller
		return run

	def read(self, index):
		"""What the socket has got, with the time when it came: this process may look late."""
		with contextlib.suppress(BlockingIOError):
			while True:
				data, ancillary, _, _ = self.sockets[index].recvmsg(65536, 64)
				message = Message(data)
				seconds, ns = struct.unpack("qq", ancillary[0][2])
				message.time = seconds + ns / 1e9
				self.find(index, message)

	def find(self, index, message):
		"""The run a message belongs to: by its Call-ID, a new one by the number called."""
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
		gate = asyncio.Semaphore(AT_A_TIME)

		async def pass_gate(run):
			async with gate:
				await run.play()
		await asyncio.gather(*(pass_gate(run) for run in runs))

	async def play_all(self, chosen):
		asyncio.get_running_loop().set_exception_handler(lambda _, context: self.strays.append(
			"".join(traceback.format_exception(context["exception"])) if "exception" in context else context["message"]))
		for index, sock in enumerate(self.sockets):
			asyncio.get_running_loop().add_reader(sock, self.read, index)
		clean = [self.add(of) for of in procedures if any(of.name == name.partition(":")[0] for name in chosen)
			or not chosen]
		await self.play(clean)
		faults = [(run.of, Fault(harm, n + 1, step)) for run in clean if not run.problems
			for n, step in enumerate(run.steps) for harm in HARMS]
		if any(":" in name for name in chosen):
			faults = [(of, fault) for of, fault in faults if run_name(of, fault) in chosen]
		await self.play([self.add(*fault) for fault in faults])
		await self.settle()

	async def settle(self):
		"""Nothing may linger."""
		for _ in range(200):
			if self.switch.idle():
				return
			await asyncio.sleep(0.05)
		self.strays.append("the switch still holds %s" % self.switch.status()["held"])

	def judge(self):
		rows = collections.defaultdict(list)
		with contextlib.closing(sqlite3.connect(self.switch.path("cdr.db"), timeout=5)) as db:
			db.row_factory = sqlite3.Row
			for row in db.execute("select * from cdr"):
				rows[row["callee_in"]].append(dict(row))
		clean = {run.of.name: run for run in self.runs if not run.fault}
		for run in self.runs:
			model = clean[run.of.name]
			run.judge_labels(model.labels())
			run.judge_record(rows[run.callee], model.record)

	def finish(self):
		self.switch.signal()
		self.switch.ended()

	def close(self):
		if self.switch.process:
			self.switch.process.kill()
			self.switch.process.wait()
		self.net.close()
		self.folder.cleanup()


def main(**parameters):
	"""All procedures, or those or the runs named on the command line."""
	matrix = Matrix()
	try:
		matrix.start(**parameters)
		asyncio.run(matrix.play_all(sys.argv[1:]))
		matrix.finish()
		matrix.judge()
		runs, failed = matrix.runs, [run for run in matrix.runs if run.problems]
		for run in runs:
			if run.problems or run.name in sys.argv:
				print(run.report())
		for stray in matrix.strays:
			print("FAILED: %s" % stray)
		print("%d procedures, %d runs, %d failed" % (len({run.of.name for run in runs}), len(runs), len(failed)))
		sys.exit(bool(failed or matrix.strays or not runs))
	finally:
		matrix.close()
