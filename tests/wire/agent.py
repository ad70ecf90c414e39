"""
A SIP user agent over UDP that does what RFC 3261 asks of one by itself: it sends again, answers repetitions,
acknowledges, waits before it tries again after 491. What it shall do besides, its procedure says.
"""

import asyncio
import os
import random

import sip

T1 = 0.1  # for 0.5 s of RFC 3261 table 4; everything derived from it shrinks alike
T2 = 8 * T1
TIMEOUT = 64 * T1
ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE")


class Message(sip.Message):
	"""`label` is what it is, in short: INVITE, 200 INVITE."""

	def __init__(self, raw):
		super().__init__(raw)
		self.label = "%d %s" % (self.status, self.method) if self.is_response else self.method


class Transaction:
	"""Sends something again and again, at T1 and twice as long each time but at most `cap`, until stop()."""

	def __init__(self, agent, request):
		self.agent, self.request = agent, request
		self.timer = None
		self.offers = request.method in ("INVITE", "UPDATE")

	def begin(self, message, cap):
		self.sent, self.wait, self.cap = message, T1, cap
		self.deadline = self.agent.now() + TIMEOUT
		self.fire()

	def fire(self):
		if self.agent.now() > self.deadline:
			self.agent.run.wrong("%s: nobody heeds %s" % (self.agent.name, self.sent.label))
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

	def receive(self, message):
		if message.status >= 200:
			first, self.final = not self.final, self.final or message
			self.stop()
			self.agent.on_final(self, message, first)
		elif not self.final:
			self.provisional = message
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


class Agent:
	"""
	One side of one call. `state` is the dialog's: none, early, up, down; `sdp` and `remote_sdp` are the session agreed
	upon. `greeting`: the statuses with which the first INVITE is answered at once; `reinvite_status`: what a
	re-INVITE is answered with; `mute`: nobody is there.
	"""

	def __init__(self, run, name, link, host_port, greeting=()):
		self.run, self.name, self.link, self.host_port = run, name, link, host_port
		link.agent = self
		self.state, self.given_up, self.mute = "none", False, False
		self.clients, self.servers = {}, {}
		self.first = None  # the transaction of the INVITE that began the call
		self.call_id, self.target, self.local, self.remote = self.token("call-"), None, None, None
		self.tag, self.secret = self.token("tag"), self.token(name)
		self.cseq, self.remote_cseq = random.randrange(1, 1000), 0
		self.sdp = self.remote_sdp = b""
		self.session, self.version = self.token(""), 0
		self.greeting, self.reinvite_status = greeting, 200

	@staticmethod
	def token(prefix):
		return prefix + os.urandom(8).hex()

	@staticmethod
	def now():
		return asyncio.get_running_loop().time()

	@property
	def secrets(self):
		"""What nobody but the switch may see."""
		return {text.encode() for text in (self.tag, self.secret, self.call_id)}

	def offer(self):
		"""The next session description."""
		self.version += 1
		return sip.sdp(20000, self.session).replace(b" 3344 3344 ", b" 3344 %d " % self.version)

	def idle(self):
		"""Whether nothing that was sent awaits anything."""
		return not any(transaction.timer for transaction in (*self.clients.values(), *self.servers.values())) and all(
			client.final for client in self.clients.values())

	# requests

	def via(self):
		return "SIP/2.0/UDP %s;branch=%s;rport" % (self.host_port, self.token("z9hG4bK"))

	def build(self, method, cseq, body=b"", headers=(), via=None):
		lines = [("Via", via or self.via()), ("Max-Forwards", "70"), ("From", self.local), ("To", self.remote),
			("Call-ID", self.call_id), ("CSeq", "%d %s" % (cseq, method)),
			("Contact", "<sip:%s@%s>" % (self.secret, self.host_port)), ALLOW, *headers]
		if body:
			lines.append(("Content-Type", "application/sdp" if body.startswith(b"v=0") else "application/dtmf-relay"))
		return Message(sip.build("%s %s SIP/2.0" % (method, self.target), lines, body))

	def start(self, message):
		"""Begin a client transaction."""
		client = Client(self, message)
		self.clients[sip.param(message["Via"], "branch"), message.method] = client
		return client

	def request(self, method, body=b"", headers=()):
		self.cseq += 1
		return self.start(self.build(method, self.cseq, body, headers))

	def call(self, callee, proxy, offer=True):
		"""Begin a call."""
		self.target = "sip:%s@%s" % (callee, proxy)
		self.local, self.remote = "<sip:4930100200@%s.invalid>;tag=%s" % (self.name, self.tag), "<%s>" % self.target
		self.state = "early"
		self.first = self.request("INVITE", self.offer() if offer else b"")

	def cancel(self):
		"""Only while there is a provisional answer and no final one (section 9.1)."""
		if self.first.final or not self.first.provisional:
			return
		invite = self.first.request
		lines = [(name, invite[name]) for name in ("Via", "Max-Forwards", "From", "To", "Call-ID")]
		lines.append(("CSeq", invite["CSeq"].replace("INVITE", "CANCEL")))
		self.given_up = True
		self.start(Message(sip.build(invite.start.replace("INVITE", "CANCEL", 1), lines)))

	def bye(self):
		"""The session is over at once (section 15.1.1)."""
		self.state = "down"
		return self.request("BYE")

	def acknowledge(self, client, response):
		if not client.ack and response.status >= 300:
			invite = client.request
			lines = [(name, invite[name]) for name in ("Via", "Max-Forwards", "From", "Call-ID")]
			lines += [("To", response["To"]), ("CSeq", invite["CSeq"].replace("INVITE", "ACK"))]
			client.ack = Message(sip.build(invite.start.replace("INVITE", "ACK", 1), lines))
		elif not client.ack:
			client.ack = self.build("ACK", int(client.request["CSeq"].split()[0]), self.agree(client, response))
		self.link.from_agent(client.ack)

	def agree(self, client, response):
		"""Offer and answer (RFC 3264) are complete with this 2xx; what goes into the ACK."""
		if not client.request.body:
			self.sdp, self.remote_sdp = self.offer(), response.body
			return self.sdp
		self.sdp, self.remote_sdp = client.request.body, response.body
		return b""

	def on_final(self, client, response, first):
		"""`first`: no repetition."""
		method, accepted = client.request.method, response.status < 300
		if first and accepted and method in ("INVITE", "UPDATE"):
			self.remote, self.target = response["To"], sip.uri(response["Contact"]) or self.target
		if method == "INVITE":
			self.acknowledge(client, response)
		elif method == "UPDATE" and first and accepted:
			self.agree(client, response)
		if first and client is self.first:
			self.state = "up" if accepted else "down"
			if accepted and self.given_up:
				self.bye()
		if first and response.status in (408, 481) and self.state == "up" and client is not self.first:
			self.bye()  # section 12.2.1.2

	# procedures that take more than one request

	def may_offer(self):
		"""No INVITE or UPDATE is on its way, in either direction (section 14.1, RFC 3311 section 5.1)."""
		return all(client.final or not client.offers for client in self.clients.values()
			) and all(server.acknowledged if server.request.method == "INVITE" and server.accepted else server.answered
				for server in self.servers.values())

	async def negotiate(self, method, offer=True):
		"""A re-INVITE or UPDATE, tried again after 491 (section 14.1); the last Client, None when the call ended."""
		while True:
			await self.run.until(self.may_offer, "%s may send %s" % (self.name, method))
			if self.state != "up":
				return None
			client = self.request(method, self.offer() if offer else b"")
			await self.run.until(lambda c=client: c.final, "an answer to %s" % method)
			if client.final.status != 491:
				return client
			mine = random.randrange(210, 401) if self.first in self.clients.values() else random.randrange(0, 201)
			await asyncio.sleep(mine / 100 * T1 / 0.5)

	# what comes

	def receive(self, message):
		if self.mute:
			return
		if message.is_response:
			client = self.clients.get((sip.param(message["Via"], "branch"), message.method))
			if client:
				client.receive(message)
			else:
				self.run.wrong("%s gets an answer to nothing: %s" % (self.name, message))
		elif message.method == "ACK":
			self.on_ack(message)
		else:
			key = sip.param(message["Via"], "branch"), message.method
			if key in self.servers:
				self.servers[key].again()
			else:
				self.servers[key] = Server(self, message)
				self.on_request(self.servers[key])
		self.run.touch()

	def on_ack(self, ack):
		for server in self.servers.values():
			if server.request.method == "INVITE" and server.answered and not server.acknowledged and (
					server.request["CSeq"].split()[0] == ack["CSeq"].split()[0]):
				server.on_ack()
				if server.accepted and not server.request.body:
					self.sdp, self.remote_sdp = server.response.body, ack.body

	def on_request(self, server):
		request = server.request
		if request.method == "CANCEL":
			self.on_cancel(server)
		elif not sip.param(request["To"], "tag"):
			self.on_first_invite(server)
		elif sip.param(request["To"], "tag") != self.tag or request["Call-ID"] != self.call_id:
			self.run.wrong("%s: %s of no dialog" % (self.name, request))
			server.reply(481)
		elif request.method == "BYE":
			self.on_bye(server)
		elif self.state == "down":
			server.reply(481)
		elif int(request["CSeq"].split()[0]) <= self.remote_cseq:
			server.reply(500)  # section 12.2.2
		else:
			self.remote_cseq = int(request["CSeq"].split()[0])
			self.on_inside(server)

	def on_first_invite(self, server):
		if server.request.method != "INVITE" or self.state != "none":
			self.run.wrong("%s: %s begins nothing" % (self.name, server.request))
			server.reply(481)
			return
		request = server.request
		self.first, self.state, self.call_id = server, "early", request["Call-ID"]
		self.local, self.remote = "%s;tag=%s" % (request["To"], self.tag), request["From"]
		self.target, self.remote_cseq = sip.uri(request["Contact"]), int(request["CSeq"].split()[0])
		for status in self.greeting:
			self.answer(status)

	def answer(self, status):
		"""The INVITE that began the call: 183 and 2xx with SDP, whose session holds from the 2xx on."""
		if self.first.answered or self.state == "down":
			return
		body = (self.sdp or self.offer()) if status in (183, 200) else b""
		if body and self.first.request.body:
			self.sdp, self.remote_sdp = body, self.first.request.body
		if status >= 200:
			self.state = "up" if status < 300 else "down"
		self.first.reply(status, body)

	def on_cancel(self, server):
		invite = self.servers.get((sip.param(server.request["Via"], "branch"), "INVITE"))
		server.reply(200 if invite else 481)
		if invite and not invite.answered:
			invite.reply(487)
			if invite is self.first:
				self.state = "down"

	def on_bye(self, server):
		self.state = "down"
		server.reply(200)
		for other in self.servers.values():
			if other.request.method == "INVITE" and not other.answered:
				other.reply(487)  # section 15.1.2

	def on_inside(self, server):
		request = server.request
		if request.method not in ("INVITE", "UPDATE"):
			server.reply(200)
			return
		self.target = sip.uri(request["Contact"]) or self.target
		if any(not client.final and client.offers for client in self.clients.values()):
			server.reply(491)  # section 14.2, RFC 3311 section 5.2
		elif any(other.offers and not other.answered for other in self.servers.values() if other is not server):
			server.reply(500, headers=[("Retry-After", "1")])
		elif not self.sdp:
			server.reply(491)  # the answer to our offer is in an ACK that has not come
		elif self.reinvite_status >= 300:
			server.reply(self.reinvite_status)
		else:
			answer = self.offer()
			if request.body:
				self.sdp, self.remote_sdp = answer, request.body
			server.reply(200, answer)

	def response(self, request, status, body, headers):
		to = request["To"]
		if status > 100 and not sip.param(to, "tag"):
			to += ";tag=" + self.tag
		lines = [("Via", request["Via"]), ("From", request["From"]), ("To", to), ("Call-ID", request["Call-ID"]),
			("CSeq", request["CSeq"]), *headers]
		if request.method in ("INVITE", "UPDATE") and 100 < status < 300:
			lines += [("Contact", "<sip:%s@%s>" % (self.secret, self.host_port)), ALLOW]
		if body:
			lines.append(("Content-Type", "application/sdp"))
		return Message(sip.build("SIP/2.0 %d %s" % (status, sip.REASONS.get(status, "Whatever")), lines, body))
