"""One side of one call of a scripted peer."""

import sip
from dialog import Dialog, same_transaction
from net import WAIT


class Leg(Dialog):
	"""
	`route` is the address or the connection that requests are sent to. `invited` is the INVITE that began the call,
	`last` the request to be replied to next.
	"""

	def __init__(self, peer, invited, route):
		super().__init__(invited["Call-ID"], invited["From"], invited["To"], invited.uri, sip.cseq(invited))
		self.peer, self.invited, self.last, self.route = peer, invited, invited, route
		self.invite_sent = invited  # the INVITE of ours that ack() acknowledges

	@classmethod
	def invite(cls, peer, callee, caller="4930100200", headers=(), sdp=True, body=None, uri=None, **fields):
		"""Send an INVITE to the proxy. sdp: True for the peer's own, or None; uri: the target; fields replace headers."""
		body = body if body is not None else peer.sdp if sdp is True else sdp or b""
		transport = "" if peer.transport == "udp" else ";transport=" + peer.transport
		target = uri or "sip:%s@%s%s" % (callee, sip.host_port(*peer.proxy), transport)
		given = {"Via": peer.via(), "Max-Forwards": "70",
			"From": "<sip:%s@%s>;tag=%s" % (caller, peer.secret(peer.name + ".invalid"), peer.token("tag")),
			"To": "<%s>" % target, "Call-ID": peer.token("call-"), "CSeq": "1 INVITE", "Contact": peer.contact,
			"Allow": "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, MESSAGE, REFER, NOTIFY", "User-Agent": peer.agent}
		lines = sip.replaced(given, fields)
		if body and "Content_Type" not in fields:
			lines.append(("Content-Type", "application/sdp"))
		return cls(peer, peer.send(sip.build("INVITE %s SIP/2.0" % target, lines + list(headers), body), peer.proxy),
			peer.proxy)

	@classmethod
	def invited(cls, peer, invite):
		"""The callee's side of an INVITE that arrived."""
		leg = cls(peer, invite, sip.address(invite["Contact"]) if invite["Contact"] and peer.transport == "udp"
			else invite.source)
		leg.accept(invite, peer.token("tag"), 100)
		return leg

	def expect(self, what, of=None, timeout=WAIT, ack=True):
		"""Like Peer.expect(), within this call; updates the dialog, and ACKs the final failure of an INVITE."""
		message = self.peer.expect(what, of, timeout, self.call_id)
		if not message.is_response:
			self.last = message
		elif message.method == "INVITE":
			self.learn(message)
			if message["Contact"] and self.peer.transport == "udp":
				self.route = sip.address(message["Contact"])
			if message.status >= 300 and ack:
				self.ack_failure(message)
		return message

	def reply(self, status, sdp=None, headers=(), request=None, tag=None, contact=None):
		"""Answer the last request. sdp: True for the peer's own; tag, contact: in place of this callee's."""
		request = request or self.last
		body = self.peer.sdp if sdp is True else sdp or b""
		lines = self.response_headers(request, status, tag) + [("Server", self.peer.agent)]
		lines += [("Record-Route", value) for value in request.all("Record-Route")]
		if request.method in ("INVITE", "UPDATE") and 100 < status < 300:
			lines.append(("Contact", contact or self.peer.contact))
		if body:
			lines.append(("Content-Type", "application/sdp"))
		start = "SIP/2.0 %d %s" % (status, sip.REASONS.get(status, "Whatever"))
		return self.peer.send(sip.build(start, lines + list(headers), body), request.source)

	def send(self, method, headers=(), body=b"", cseq=None, **fields):
		"""Send a request within the dialog and return it."""
		given = {"Via": self.peer.via(), "Max-Forwards": "70", **self.request_headers(method, cseq or self.number()),
			"Contact": self.peer.contact, "User-Agent": self.peer.agent}
		lines = sip.replaced(given, fields)
		if body and "Content_Type" not in fields:
			lines.append(("Content-Type", "application/sdp"))
		sent = self.peer.send(sip.build("%s %s SIP/2.0" % (method, self.target), lines + list(headers), body),
			self.route)
		if method == "INVITE":
			self.invite_sent = sent
		return sent

	def again(self, message):
		"""Send the same bytes once more."""
		return self.peer.send(message.raw, self.route)

	def ack(self, sdp=None):
		"""ACK the 2xx to our last INVITE."""
		return self.send("ACK", cseq=sip.cseq(self.invite_sent),
			body=self.peer.sdp if sdp is True else sdp or b"")

	def ack_failure(self, response):
		self.hop_by_hop("ACK", response["To"])

	def cancel(self):
		return self.hop_by_hop("CANCEL", self.invite_sent["To"])

	def hop_by_hop(self, method, to):
		invite = self.invite_sent
		return self.peer.send(same_transaction(invite, method, to), self.peer.proxy if invite is self.invited else self.route)

	# common sequences

	def cancelled(self):
		"""The callee's side of a CANCEL."""
		self.expect("CANCEL")
		self.reply(200)
		self.reply(487, request=self.invited)
		self.expect("ACK")

	def refuse(self, status, headers=()):
		"""The callee fails the call."""
		self.reply(status, headers=headers, request=self.invited)
		self.expect("ACK")

	def bye(self):
		"""Hang up and wait for the answer."""
		self.send("BYE")
		return self.expect(200, "BYE")

	def hung_up(self):
		"""The other side hangs up."""
		bye = self.expect("BYE")
		self.reply(200)
		return bye
