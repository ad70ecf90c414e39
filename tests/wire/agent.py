"""
A SIP user agent that does by itself what RFC 3261 and its extensions require: it retransmits, answers retransmissions,
acknowledges, and waits before it retries after a 491. A procedure decides everything else.
"""

import asyncio
import os
import random

import sip
from dialog import Dialog, same_transaction
from transactions import T1, Client, Message, Reliable, Server

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE"


class Agent:
	"""
	One side of one call. `state` is that of the dialog: none, early, up or down. `sdp` and `remote_sdp` are the session
	agreed upon; `settled` means that it was agreed before the call was answered. Behaviour is set by
		greeting         the statuses with which the first INVITE is answered at once
		reinvite_status  what a re-INVITE is answered with; 100 = never finally
		rel100           RFC 3262 is supported
		refresher        of the session (RFC 4028): us, switch; None = no session timer
		mute             ignores everything it receives
		transport        in Via and Contact
	"""

	transport = "udp"

	def __init__(self, run, name, link, host_port, greeting=()):
		self.run, self.name, self.link, self.host_port = run, name, link, host_port
		link.agent = self
		self.state, self.given_up, self.mute = "none", False, False
		self.clients, self.servers = {}, {}
		self.first = None  # the transaction of the INVITE that began the call
		self.dialog = Dialog(self.token("call-"), "<sip:4930100200@%s.invalid>;tag=%s" % (name, self.token("tag")), "", "",
			random.randrange(1, 1000))
		self.secret = self.token(name)
		self.sdp = self.remote_sdp = b""
		self.session, self.version = self.token(""), 0
		self.greeting, self.reinvite_status = greeting, 200
		self.rel100, self.settled = False, False
		self.allow, self.refresher, self.interval, self.refreshed = ALLOW, None, 90, 0
		self.rseq, self.reliable, self.waiting = 0, {}, []  # as a callee: awaiting PRACK, queued behind it

	@staticmethod
	def token(prefix):
		return prefix + os.urandom(8).hex()

	@staticmethod
	def now():
		return asyncio.get_running_loop().time()

	@property
	def secrets(self):
		"""What only the switch may see."""
		return {text.encode() for text in (self.dialog.tag, self.secret, self.dialog.call_id)}

	def offer(self):
		"""The next session description."""
		self.version += 1
		return sip.sdp(20000, self.session).replace(b" 3344 3344 ", b" 3344 %d " % self.version)

	def idle(self):
		"""Whether nothing that was sent is still waiting for a reply."""
		return all(client.final for client in self.clients.values()) and not any(transaction.timer
			for transaction in (*self.clients.values(), *self.servers.values(), *self.reliable.values()))

	def idle_but_first(self):
		"""The same, not counting the INVITE that began the call."""
		return all(client.final for client in self.clients.values() if client is not self.first) and not any(
			response.timer for response in self.reliable.values())

	def invited(self):
		"""Whether an INVITE is waiting for its final response."""
		return any(server.request.method == "INVITE" and not server.answered for server in self.servers.values())

	# requests

	def own_headers(self):
		transport = "" if self.transport == "udp" else ";transport=" + self.transport
		return [("Contact", "<sip:%s@%s%s>" % (self.secret, self.host_port, transport)), ("Allow", self.allow)]

	def session_expires(self, our_role, their_role):
		return "Session-Expires", "%d;refresher=%s" % (self.interval, our_role if self.refresher == "us" else their_role)

	def build(self, method, cseq, body=b"", headers=()):
		via = "SIP/2.0/%s %s;branch=%s" % (self.transport.upper(), self.host_port, self.token("z9hG4bK"))
		via += ";rport" if self.transport == "udp" else ""  # of the next connection it would be another one
		lines = [("Via", via), ("Max-Forwards", "70"), *self.dialog.request_headers(method, cseq).items(), *self.own_headers(),
			*headers]
		if self.rel100 and method == "INVITE":
			lines.append(("Supported", "100rel"))
		if self.refresher and method in ("INVITE", "UPDATE"):
			lines += [("Supported", "timer"), self.session_expires("uac", "uas")]
		if body:
			lines.append(("Content-Type", "application/sdp" if body.startswith(b"v=0") else "application/dtmf-relay"))
		return Message(sip.build("%s %s SIP/2.0" % (method, self.dialog.target), lines, body))

	def start(self, message):
		"""Begin a client transaction."""
		client = Client(self, message)
		self.clients[sip.param(message["Via"], "branch"), message.method] = client
		return client

	def request(self, method, body=b"", headers=()):
		return self.start(self.build(method, self.dialog.number(), body, headers))

	def call(self, callee, proxy, offer=True):
		"""Begin a call."""
		self.dialog.target = "sip:%s@%s" % (callee, proxy)
		self.dialog.remote = "<%s>" % self.dialog.target
		self.state = "early"
		self.first = self.request("INVITE", self.offer() if offer else b"")

	def cancel(self, client=None):
		"""Only between a provisional and the final response (section 9.1). client: an INVITE other than the first."""
		client = client or self.first
		if client.final or not client.provisional:
			return
		self.given_up |= client is self.first
		self.start(Message(same_transaction(client.request, "CANCEL", client.request["To"])))

	def bye(self):
		"""The session ends as soon as the BYE is sent (section 15.1.1)."""
		self.state = "down"
		return self.request("BYE")

	def acknowledge(self, client, response):
		if not client.ack and response.status >= 300:
			client.ack = Message(same_transaction(client.request, "ACK", response["To"]))
		elif not client.ack:
			client.ack = self.build("ACK", sip.cseq(client.request), self.agree(client, response))
		self.link.from_agent(client.ack)

	def agree(self, client, response):
		"""This 2xx completes offer and answer (RFC 3264). Returns the body of the ACK."""
		if client is self.first and self.settled:
			return b""
		self.remote_sdp = response.body
		self.sdp = client.request.body or self.offer()
		return b"" if client.request.body else self.sdp

	def on_provisional(self, client, response):
		"""It may create an early dialog; if reliable and next in sequence, it gets a PRACK (RFC 3262 section 4)."""
		rseq = int(response["RSeq"] or 0)
		if client is not self.first or response.status == 100:
			return
		self.dialog.learn(response)
		if not rseq or (self.rseq and rseq != self.rseq + 1):
			return
		self.rseq, body = rseq, b""
		if response.body and not self.settled:
			body = self.agree(client, response)
			self.settled = True
		self.request("PRACK", body, [("RAck", "%d %s" % (rseq, client.request["CSeq"]))])

	def on_final(self, client, response, first):
		"""`first`: not a retransmission."""
		method, accepted = client.request.method, response.status < 300
		if first and accepted and method in ("INVITE", "UPDATE"):
			self.dialog.learn(response)
		if method == "INVITE":
			self.acknowledge(client, response)
		elif client.offers and first and accepted:
			self.agree(client, response)
		if first and client is self.first:
			self.state = "up" if accepted else "down"
			if accepted and self.given_up:
				self.bye()
		if first and response.status in (408, 481) and self.state == "up" and client is not self.first:
			self.bye()  # section 12.2.1.2

	def on_silence(self, transaction):
		"""It was resent for 64 T1."""
		self.run.wrong("%s: no reaction to %s" % (self.name, transaction.sent.label))

	# procedures of more than one request

	def offering(self):
		"""Whether an offer of ours is still unanswered."""
		return any(client.offers and not client.final for client in self.clients.values()
			if not (client is self.first and self.settled))

	def offered(self, but=None):
		"""Whether an offer of the switch is still unanswered; an INVITE stays open until its ACK."""
		return any(not (server.acknowledged if server.request.method == "INVITE" and server.accepted else server.answered)
			for server in self.servers.values() if server is not but and not (server is self.first and self.settled))

	def may_offer(self):
		"""No INVITE or UPDATE is pending in either direction (section 14.1, RFC 3311 section 5.1)."""
		return not self.offering() and not self.offered()

	async def negotiate(self, method, offer=True):
		"""Send a re-INVITE or UPDATE, again after each 491 (section 14.1). The last Client; None if the call has ended."""
		while True:
			await self.run.until(self.may_offer, "%s may send %s" % (self.name, method))
			if self.state == "down":
				return None
			client = self.request(method, self.offer() if offer else b"")
			await self.run.until(lambda c=client: c.final, "an answer to %s" % method)
			if client.final.status != 491:
				return client
			mine = random.randrange(210, 401) if self.first in self.clients.values() else random.randrange(0, 201)
			await asyncio.sleep(mine / 100 * T1 / 0.5)

	async def refresh(self, method):
		"""Refresh the session (RFC 4028) with the description unchanged."""
		client = self.request(method, self.sdp if method == "INVITE" else b"")
		await self.run.until(lambda: client.final, "an answer to the refresh")
		if client.final.status != 200 or not client.final["Session-Expires"]:
			self.run.wrong("%s: the refresh got %s" % (self.name, client.final.head))

	# what arrives

	def receive(self, message):
		if self.mute:
			return
		if message.is_response:
			client = self.clients.get((sip.param(message["Via"], "branch"), message.method))
			if client:
				client.receive(message)
			else:
				self.run.wrong("%s receives a response to no request: %s" % (self.name, message))
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
					sip.cseq(server.request) == sip.cseq(ack)):
				server.on_ack()
				if server.accepted and not server.request.body and not (server is self.first and self.settled):
					self.sdp, self.remote_sdp = server.response.body, ack.body

	def on_request(self, server):
		request = server.request
		if request.method == "CANCEL":
			self.on_cancel(server)
		elif not sip.param(request["To"], "tag"):
			self.on_first_invite(server)
		elif sip.param(request["To"], "tag") != self.dialog.tag or request["Call-ID"] != self.dialog.call_id:
			self.run.wrong("%s: %s outside its dialog" % (self.name, request))
			server.reply(481)
		elif request.method == "BYE":
			self.on_bye(server)
		elif self.state == "down":
			server.reply(481)
		elif sip.cseq(request) <= self.dialog.remote_cseq:
			server.reply(500)  # section 12.2.2
		else:
			self.dialog.remote_cseq = sip.cseq(request)
			self.on_inside(server)

	def on_first_invite(self, server):
		if server.request.method != "INVITE" or self.state != "none":
			self.run.wrong("%s: %s begins nothing" % (self.name, server.request))
			server.reply(481)
			return
		request = server.request
		self.first, self.state = server, "early"
		self.dialog.accept(request, self.dialog.tag, self.dialog.cseq)
		self.rel100 = self.rel100 and "100rel" in ",".join(request.all("Supported"))
		for status in self.greeting:
			self.answer(status)

	def answer(self, status):
		"""
		Answer the INVITE that began the call. 183 and 2xx carry SDP; the session is in force from the 2xx on. While one
		response awaits its PRACK, the next one is held back (RFC 3262 section 3).
		"""
		if self.first.answered or self.state == "down":
			return
		if any(response.timer for response in self.reliable.values()) and status < 300:
			self.waiting.append(status)
			return
		body, headers = b"", []
		if status in (183, 200) and not self.settled:
			body = self.sdp or self.offer()
			self.sdp, self.remote_sdp = body, self.first.request.body
		if status >= 300:
			self.end_early(self.first, status)
			return
		if status >= 200:
			self.state = "up"
		if self.rel100 and 100 < status < 200:
			self.rseq += 1
			headers = [("Require", "100rel"), ("RSeq", "%d" % self.rseq)]
			self.reliable[self.rseq] = Reliable(self, self.first.request,
				self.response(self.first.request, status, body, headers))
			self.first.response = self.reliable[self.rseq].response
		else:
			self.first.reply(status, body)

	def on_prack(self, server):
		words = server.request["RAck"].split()
		response = self.reliable.get(int(words[0])) if words else None
		if not response or " ".join(words[1:]) != self.first.request["CSeq"]:
			self.run.wrong("%s: %s acknowledges nothing: %s" % (self.name, server.request, " ".join(words)))
			server.reply(481)
			return
		if response.acknowledged:
			self.run.wrong("%s: RSeq %s is acknowledged twice (RFC 3262 section 4)" % (self.name, words[0]))
		response.acknowledged = True
		response.stop()
		server.reply(200)
		if response.response.body:
			self.remote_sdp, self.settled = self.first.request.body or server.request.body, True
		waiting, self.waiting = self.waiting, []
		for status in waiting:
			self.answer(status)

	def on_cancel(self, server):
		invite = self.servers.get((sip.param(server.request["Via"], "branch"), "INVITE"))
		server.reply(200 if invite else 481)
		if invite and not invite.answered:
			self.end_early(invite)

	def on_bye(self, server):
		self.state = "down"
		server.reply(200)
		for other in self.servers.values():
			if other.request.method == "INVITE" and not other.answered:
				self.end_early(other)  # section 15.1.2

	def end_early(self, invite, status=487):
		invite.reply(status)
		for response in self.reliable.values():
			response.stop()
		if invite is self.first:
			self.state = "down"

	def on_inside(self, server):
		request = server.request
		if request.method == "PRACK":
			self.on_prack(server)
			return
		self.refreshed += bool(request["Session-Expires"])
		if not server.offers:
			server.reply(200)
			return
		self.dialog.learn(request)
		if self.offering() or (self.first.accepted and not self.remote_sdp):
			server.reply(491)  # section 14.2, RFC 3311 section 5.2; or an ACK with the answer is still outstanding
		elif any(other.offers and not other.answered for other in self.servers.values()
				if other is not server and not (other is self.first and self.settled)):
			server.reply(500, headers=[("Retry-After", "1")])
		elif self.reinvite_status != 200:
			server.reply(self.reinvite_status)
		else:
			answer = self.sdp if request.body == self.remote_sdp else self.offer()
			if request.body:
				self.sdp, self.remote_sdp = answer, request.body
			server.reply(200, answer)

	def response(self, request, status, body, headers):
		lines = [*self.dialog.response_headers(request, status), *headers]
		if request.method in ("INVITE", "UPDATE") and 100 < status < 300:
			lines += self.own_headers()
			if self.refresher and status >= 200 and request["Session-Expires"]:
				lines += [("Require", "timer"), self.session_expires("uas", "uac")]
		if body:
			lines.append(("Content-Type", "application/sdp"))
		return Message(sip.build("SIP/2.0 %d %s" % (status, sip.REASONS.get(status, "Whatever")), lines, body))
