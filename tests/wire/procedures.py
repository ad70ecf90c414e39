"""One run of the race and loss matrix: a procedure, one fault in one of its messages, and what must be true afterwards."""

import asyncio
import collections
import contextlib
import json
import os
import traceback

import sip
import spoof
from agent import Agent
from lossy import Link
from net import Failed

LIMIT_S = 8  # for one step of a run; every timeout has expired by then
procedures = []

Fault = collections.namedtuple("Fault", "harm number step")
# How to play it, the number of gateways, their columns, those of the first alone, labels that only a faulty run may show.
Procedure = collections.namedtuple("Procedure", "name play gateways columns first tolerated")


def procedure(name, *arguments, gateways=1, first=None, tolerated=(), **columns):
	def register(function):
		async def play(run):
			await function(run, *arguments)
		procedures.append(Procedure(name, play, gateways, columns, first or {}, set(tolerated)))
		return function
	return register


STAGES = ("", "100 INVITE", "183 INVITE", "180 INVITE")
FINAL = ("200 INVITE", "486 INVITE", "487 INVITE", "503 INVITE")


class Anything:
	"""Equal to anything."""

	def __eq__(self, other):
		return True


ANY = Anything()


def run_name(of, fault):
	return of.name + (": %s #%d %s %s" % (fault.harm, fault.number, fault.step.label, fault.step.way)
		if fault else ": unharmed")


class Run:
	"""One call of a procedure, with the fault or (None) undisturbed."""

	limit_s = LIMIT_S

	def __init__(self, matrix, of, number, fault=None):
		self.matrix, self.of, self.fault, self.number = matrix, of, fault, number
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
		def come_back(_, message):
			"""An INVITE outside a dialog would fail at once: it is merely lost."""
			if message.is_response or sip.param(message["To"], "tag") or message.method != "INVITE":
				self.matrix.icmp.sendto(spoof.unreachable(self.matrix.switch_address, sock.getsockname(), message.raw),
					(self.matrix.switch_address[0], 0))

		def forge(way, message):
			self.matrix.stranger.sendto(spoof.forged(message.raw), self.matrix.switch_address)
			way.deliver(message)
		link = Link(self, name, lambda raw: sock.sendto(raw, self.matrix.switch_address),
			{"refused": come_back, "forged": forge})
		return Agent(self, name, link, sip.host_port(*sock.getsockname()), greeting)

	@property
	def agents(self):
		return [self.caller, *self.gateways]

	# called by the links

	def harm(self, step):
		"""A message of the part under test passes; returns what to do to it, if anything."""
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
		"""The attempts of a call with one gateway."""
		return [("%s/gw1" % self.of.name, stage, code)]

	def ended_by(self, agent):
		"""The record must say that this side hung up first."""
		self.expected = {"sip_code": 200, "end_direction": 0 if agent is self.caller else 1}

	async def until(self, condition, what):
		if condition():
			return
		future = asyncio.get_running_loop().create_future()
		self.waiting.append((condition, future))
		try:
			await asyncio.wait_for(future, self.limit_s)
		except asyncio.TimeoutError:
			raise Failed("not within %d s: %s; the sides say %s, pending: %s" % (
				self.limit_s, what, [agent.state for agent in self.agents], self.pending())) from None

	@contextlib.contextmanager
	def part_under_test(self):
		"""Only what is sent inside this block may be interfered with."""
		self.under_test = True
		yield
		self.under_test = False

	def pending(self):
		return ["%s: %s" % (agent.name, what) for agent in self.agents for what in agent.link.pending() +
			([] if agent.idle() else ["the agent waits"])]

	async def quiet(self):
		"""Wait until nothing is pending on either side of either link."""
		await self.until(lambda: not self.pending(), "quiet")

	async def over(self):
		"""Wait until neither side knows of the call any more."""
		await self.until(lambda: all(agent.state in ("down", "none") for agent in self.agents) and not self.pending(),
			"the end, on both sides")

	def at_switch(self):
		"""(agent's name, label) of what the switch received, in order."""
		return [(way.partition("->")[0], message.label) for _, way, message, remark in self.trace
			if way.endswith("->switch") and remark not in ("lost", "delayed", "broken", "refused")]

	def first_at_switch(self, *whats):
		"""Which of these (agent, label) the switch received first."""
		arrived = self.at_switch()
		return min(whats, key=lambda what: arrived.index((what[0].name, what[1])))

	def stage(self, agent):
		"""The stage this gateway had reached when it failed or the caller gave up, as the switch saw it."""
		reached = 0
		for who, label in self.at_switch():
			if (who, label) == ("caller", "CANCEL") or (who == agent.name and label in FINAL):
				break
			if who == agent.name and label in STAGES:
				reached = max(reached, STAGES.index(label))
		return ("calling", "trying", "progress_sdp", "ringing")[reached]

	def agree_up(self):
		"""Both sides must say that the call is up, and agree on the session."""
		a, b = self.caller, self.gateway
		if (a.state, b.state) != ("up", "up"):
			self.wrong("the caller says %s, the gateway %s" % (a.state, b.state))
		elif (a.sdp, a.remote_sdp) != (b.remote_sdp, b.sdp):
			self.wrong("the sides do not agree on the session:\n%s" % "\n".join(
				text.decode() for text in (a.sdp, b.remote_sdp, b.sdp, a.remote_sdp)))

	async def perform(self):
		await self.of.play(self)

	async def play(self):
		try:
			await self.perform()
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
		"""`clean`: the labels of the undisturbed run."""
		for way, label in sorted(self.labels() - clean):
			if label not in self.of.tolerated:
				self.wrong("%s %s is not part of this procedure" % (way, label))

	def labels(self):
		return {(way, message.label) for _, way, message, _ in self.trace}

	def judge_record(self, rows, clean):
		"""Exactly one row, as expected; `clean` is that of the undisturbed run."""
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
		if (row["ring_ms"] is not None) != any(self.stage(agent) == "ringing" for agent in self.gateways):
			self.wrong("ring_ms is %s" % row["ring_ms"])
		if answered and row["b_call_id"] != self.gateway.dialog.call_id:
			self.wrong("the record names another leg")

	def report(self):
		"""What went wrong, and every message that passed."""
		lines = ["%s %s" % ("FAILED" if self.problems else "ok", self.name)]
		lines += ["\t" + line for words in self.problems for line in words.split("\n")]
		start = self.trace[0][0] if self.trace else 0
		for when, way, message, remark in self.trace:
			lines.append("\t%7.3f  %-16s %s %s" % (when - start, way, message.label, remark and "(%s)" % remark))
			if os.environ.get("WIRE_TRACE"):
				lines.append("\t\t" + message.raw.decode("utf-8", "replace").replace("\r\n", "\n\t\t"))
		if self.record:
			lines.append("\t%s" % self.record)
		return "\n".join(lines)
