"""The network between one agent and the switch: it passes messages on and interferes with one of them, once."""

import asyncio
import collections

from transactions import T1
from witness import Witness

HOLD = 1.5 * T1  # for a delayed message that nothing overtakes: long enough to be retransmitted meanwhile

# A message of a procedure: its direction, its label, and its number among those of that label.
Step = collections.namedtuple("Step", "way label nth")


class Way:
	"""One direction of a link. `held` is the message waiting to be overtaken; `harms` are those of its transport."""

	def __init__(self, run, name, deliver, harms):
		self.run, self.name, self.deliver, self.harms = run, name, deliver, harms
		self.seen, self.count, self.held = set(), collections.Counter(), None

	def step(self, message):
		"""The step this message is; None for a retransmission and outside the part under test."""
		again = message.raw in self.seen
		self.seen.add(message.raw)
		if again or not self.run.under_test:
			return None
		self.count[message.label] += 1
		return Step(self.name, message.label, self.count[message.label])

	def take(self, message):
		again = message.raw in self.seen
		step = self.step(message)
		harm = self.run.harm(step) if step else None
		self.run.note(self.name, message, harm or ("again" if again else ""))
		if harm in self.harms:
			self.harms[harm](self, message)
		elif harm not in ("lost", "delayed"):
			self.deliver(message)
		if harm == "duplicated":
			self.deliver(message)
		if self.held and self.held.raw != message.raw:
			self.release()
		if harm in ("delayed", "echoed"):
			self.held = message
			asyncio.get_running_loop().call_later(HOLD, self.release)

	def release(self):
		message, self.held = self.held, None
		if message:
			self.run.note(self.name, message, "now")
			self.deliver(message)
			self.run.touch()


class Link:
	"""`name` is the agent's; `send` writes bytes to the switch."""

	def __init__(self, run, name, send, harms=None):
		self.send = send
		self.agent = None
		self.witness = Witness(run.wrong)
		self.up = Way(run, name + "->switch", self.to_switch, harms or {})
		self.down = Way(run, "switch->" + name, lambda message: self.agent.receive(message),
			harms or {})

	def from_agent(self, message):
		self.up.take(message)

	def from_switch(self, message):
		self.witness.sent(message)
		self.down.take(message)

	def to_switch(self, message):
		self.witness.got(message)
		self.send(message.raw)

	def pending(self):
		if self.agent.mute:
			return []
		return self.witness.pending() + ["%s is held" % way.held.label for way in (self.up, self.down) if way.held]
