"""
The matrix with a crash: the switch dies after a message of a procedure, which may be lost if it is the switch's, and is
started again. Many runs share one crash: in each, the network stands still once the message has passed, and goes on when
the new process is there.
"""

import asyncio
import collections
import fnmatch
import time
import traceback

import sip
from agent import Agent
from lossy import Link
from matrix import Matrix
from net import Failed
from procedures import ANY, Run
from transactions import TIMEOUT
from witness import branch


class Otherwise(collections.namedtuple("Otherwise", "procedures since until outcome why")):
	"""
	A run of these procedures may have this outcome when the crash comes after the message `since` has passed and before
	`until`, both with their way. Patterns, all of them.
	"""

	def allows(self, run):
		passed = ["%s %s" % (step.way, step.label) for step in run.steps[:run.frozen_at]]
		return (run.outcome == self.outcome and fnmatch.fnmatch(run.of.name, self.procedures)
			and bool(fnmatch.filter(passed, self.since)) and not fnmatch.filter(passed, self.until))


class CrashAgent(Agent):
	"""After a crash, a request may stay unanswered: it counts as answered by 408 (section 8.1.3.1)."""

	def crashed(self):
		"""Wait no longer for a final response to a re-INVITE that has got a provisional one."""
		for client in self.clients.values():
			if client.provisional and not client.final and client is not self.first:
				asyncio.get_running_loop().call_later(TIMEOUT, self.on_silence, client)

	def bye(self):
		"""The procedure may not know that the call has ended."""
		return super().bye() if self.state != "down" or not self.run.crashed else None

	def on_prack(self, server):
		"""A PRACK that comes twice acknowledges nothing any more (RFC 3262 section 3)."""
		response = self.reliable.get(int(server.request["RAck"].split()[0]))
		if self.run.crashed and response and response.acknowledged:
			server.reply(481)
		else:
			super().on_prack(server)

	def on_silence(self, transaction):
		if not self.run.crashed:
			super().on_silence(transaction)
		elif transaction in self.clients.values():
			if not transaction.final:
				self.give_up(transaction)
		elif self.state == "up":
			super().on_silence(transaction)
		else:
			transaction.stop()  # timer H (section 17.2.1); a 2xx is of no use to anybody after the end
			self.run.touch()

	def give_up(self, client):
		client.stop()
		client.final = self.response(client.request, 408, b"", [])
		self.run.note(self.name, client.final, "silence")
		if self.state == "up":
			self.bye()  # section 12.2.1.2
		self.run.touch()


class SlowLink(Link):
	"""While its run is frozen it keeps what goes either way; what is sent again meanwhile is lost."""

	def from_agent(self, message):
		self.pass_on(self.up, message)

	def from_switch(self, message):
		self.witness.sent(message)
		self.pass_on(self.down, message)

	def pass_on(self, way, message):
		if not way.run.frozen:
			way.take(message)
		elif message.raw not in way.seen:
			way.run.kept.setdefault((way, message.raw), message)


class CrashRun(Run):
	"""
	`kept`: what is on its way while the network stands still, in order. `unlike`: how the procedure did not go as it
	does undisturbed; `outcome` is what came of that.
	"""

	limit_s = 15
	outcome = "goes on"

	def __init__(self, *arguments):
		self.frozen, self.frozen_at, self.kept, self.crashed, self.unlike = False, 0, {}, False, []
		super().__init__(*arguments)

	def agent(self, name, sock, greeting=()):
		link = SlowLink(self, name, lambda raw: sock.sendto(raw, self.matrix.switch_address),
			{"crash": self.freeze, "crash-and-loss": self.lose})
		return CrashAgent(self, name, link, sip.host_port(*sock.getsockname()), greeting)

	def freeze(self, way, message):
		self.lose(way, message)
		way.deliver(message)

	def lose(self, way, message):
		self.frozen, self.frozen_at = True, len(self.steps)
		self.matrix.awake.set()

	def go_on(self):
		"""After the crash."""
		self.crashed, self.frozen = True, False
		for agent in self.agents:
			agent.link.witness.crashed(self.matrix.died)
		kept, self.kept = self.kept, {}
		for (way, _), message in kept.items():
			way.take(message)
		for agent in self.agents:
			agent.crashed()
		self.touch()

	# the procedure may not go as it does undisturbed

	def same(self, what, actual, expected):
		if actual != expected:
			self.unlike.append("%s is %s, expected %s" % (what, actual, expected))

	def agree_up(self):
		a, b = self.caller, self.gateway
		if not self.is_up():
			self.outcome = "ends"
		elif (a.sdp, a.remote_sdp) != (b.remote_sdp, b.sdp):
			self.outcome = "goes on without agreement"
		else:
			return
		self.unlike.append("the call " + self.outcome)

	def is_up(self):
		return (self.caller.state, self.gateway.state) == ("up", "up")

	async def perform(self):
		try:
			await asyncio.wait_for(super().perform(), 2 * self.limit_s)  # it may try again for ever
		except Exception as failure:
			self.unlike.append(str(failure) if isinstance(failure, Failed) else traceback.format_exc())
			self.agree_up()
			if self.is_up():
				self.caller.bye()
		if self.unlike:
			self.under_test = False
			self.expected = {"sip_code": self.caller.first.final and self.caller.first.final.status,
				"attempts": ANY, "end_reason": ANY, "end_direction": ANY}

	def judge_labels(self, clean):
		"""The switch asks each peer of an answered call whether it is there, and has a re-INVITE sent again by 491."""
		if self.unlike:
			if not any(one.allows(self) for one in self.matrix.otherwise):
				self.wrong("it %s, unlike the undisturbed one: %s" % (self.outcome, "; ".join(self.unlike)))
			return
		for agent in self.agents:
			clean = clean | {("switch->" + agent.name, label) for label in ("OPTIONS", "491 INVITE")} | {
				(agent.name + "->switch", label) for label in ("200 OPTIONS", "481 OPTIONS", *["481 PRACK"] * agent.rel100)}
		super().judge_labels(clean)

	def labels(self):
		"""Without the answers to requests that had been answered before the crash: they are others, to new requests."""
		answers = {}
		for _, way, message, _ in self.trace:
			if message.is_response and message.status >= 200:
				answers.setdefault((way, branch(message), message.method), message.raw)
		return {(way, message.label) for _, way, message, _ in self.trace
			if answers.get((way, branch(message), message.method), message.raw) == message.raw
			or not message.is_response}


class CrashMatrix(Matrix):
	"""`otherwise`: the runs that may have another outcome than the undisturbed one."""

	run_class = CrashRun

	def __init__(self, folder, at_a_time, otherwise):
		super().__init__(folder, at_a_time)
		self.otherwise = otherwise

	def harms(self, of, step):
		return ("crash",) if step.way.endswith("->switch") else ("crash", "crash-and-loss")

	async def play(self, runs):
		"""`at_a_time` of them share a crash."""
		for first in range(0, len(runs), self.at_a_time):
			if self.switch.process and self.switch.process.poll() is None:
				await self.play_together(runs[first:first + self.at_a_time])

	async def play_together(self, runs):
		self.awake = asyncio.Event()
		self.played += runs
		tasks = [asyncio.get_running_loop().create_task(run.play()) for run in runs]
		for task in tasks:
			task.add_done_callback(lambda _: self.awake.set())
		if any(run.fault for run in runs):
			while not all(run.frozen or task.done() for run, task in zip(runs, tasks)):
				await self.awake.wait()
				self.awake.clear()
			self.crash()
			for run in runs:
				run.go_on()
		await asyncio.gather(*tasks)

	def crash(self):
		for _ in range(2):  # the first may be answered before what came with it
			self.switch.status()
		self.switch.kill()
		self.died = time.time()
		self.switch.start_again()
