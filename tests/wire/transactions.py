"""Transactions of a user agent over UDP, with T1 in place of 0.5 s (RFC 3261 section 17, RFC 3262 section 3, RFC 6026)."""

import asyncio

import sip

T1 = 0.1  # everything derived from it shrinks in proportion
T2 = 8 * T1
TIMEOUT = 64 * T1


class Message(sip.Message):
	"""`label` is a short name: INVITE, 200 INVITE."""

	def __init__(self, raw):
		super().__init__(raw)
		self.label = "%d %s" % (self.status, self.method) if self.is_response else self.method


class Transaction:
	"""Resends a message until stop(): after T1, then after twice as long each time, up to `cap`."""

	def __init__(self, agent, request):
		self.agent, self.request = agent, request
		self.timer = None
		self.offers = request.method == "INVITE" or (request.method == "UPDATE" and request.body != b"")

	def begin(self, message, cap):
		self.sent, self.wait, self.cap = message, T1, cap
		self.deadline = self.agent.now() + TIMEOUT
		self.fire()

	def fire(self):
		if self.agent.now() > self.deadline:
			self.agent.on_silence(self)
			return
		self.agent.link.from_agent(self.sent)
		self.timer = asyncio.get_running_loop().call_later(self.wait, self.fire)
		self.wait = min(2 * self.wait, self.cap)

	def stop(self):
		if self.timer:
			self.timer.cancel()
		self.timer = None


class Client(Transaction):
	"""A request of ours (RFC 3261 section 17.1, RFC 6026). `ack`: what acknowledges its final answer."""

	def __init__(self, agent, request):
		super().__init__(agent, request)
		self.final = self.provisional = self.ack = None
		self.begin(request, TIMEOUT if request.method == "INVITE" else T2)

	@property
	def accepted(self):
		return self.final is not None and self.final.status < 300

	def receive(self, message):
		if message.status >= 200:
			first, self.final = not self.final, self.final or message
			self.stop()
			self.agent.on_final(self, message, first)
		elif not self.final:
			self.provisional = message
			self.agent.on_provisional(self, message)
			if message.method == "INVITE":
				self.stop()
			else:
				self.wait = T2


class Server(Transaction):
	"""A request of the switch (sections 17.2, 13.3.1.4); `response` is the last one."""

	def __init__(self, agent, request):
		super().__init__(agent, request)
		self.response, self.acknowledged = None, False

	@property
	def answered(self):
		return self.response is not None and self.response.status >= 200

	@property
	def accepted(self):
		return self.answered and self.response.status < 300

	def reply(self, status, body=b"", headers=()):
		self.response = self.agent.response(self.request, status, body, headers)
		if status >= 200 and self.request.method == "INVITE":
			self.begin(self.response, T2)
		else:
			self.agent.link.from_agent(self.response)

	def again(self):
		if self.response:
			self.agent.link.from_agent(self.response)

	def on_ack(self):
		self.acknowledged = True
		self.stop()


class Reliable(Transaction):
	"""A provisional response that is resent until its PRACK arrives."""

	def __init__(self, agent, request, response):
		super().__init__(agent, request)
		self.response, self.acknowledged = response, False
		self.begin(response, TIMEOUT)
