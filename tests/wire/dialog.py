"""The state of one side of a dialog (RFC 3261 section 12), and what every message takes from it."""

import sip


class Dialog:
	"""
	`local` and `remote` are the From and To values of what this side sends, each with its tag once it is known; `target`
	is the URI it sends to; `cseq` is the number of its last request and `remote_cseq` that of the other side's last.
	"""

	def __init__(self, call_id, local, remote, target, cseq=0, remote_cseq=0):
		self.call_id, self.local, self.remote, self.target = call_id, local, remote, target
		self.cseq, self.remote_cseq = cseq, remote_cseq

	def accept(self, invite, tag, cseq):
		"""Become the callee's side of this INVITE; our requests count from cseq."""
		Dialog.__init__(self, invite["Call-ID"], "%s;tag=%s" % (invite["To"], tag), invite["From"],
			sip.uri(invite["Contact"]), cseq, sip.cseq(invite))

	@property
	def tag(self):
		return sip.param(self.local, "tag")

	def learn(self, message):
		"""A response to an INVITE has the other side's tag, and every Contact its latest address."""
		if message.is_response:
			self.remote = message["To"] or self.remote
		self.target = sip.uri(message["Contact"]) or self.target

	def number(self):
		"""The CSeq of our next request."""
		self.cseq += 1
		return self.cseq

	def request_headers(self, method, cseq):
		return {"From": self.local, "To": self.remote, "Call-ID": self.call_id, "CSeq": "%d %s" % (cseq, method)}

	def response_headers(self, request, status, tag=None):
		"""As a callee (section 8.2.6.2). tag: another one than this side's."""
		to = request["To"]
		if status > 100 and not sip.param(to, "tag"):
			to += ";tag=" + (tag or self.tag)
		return [("Via", via) for via in request.all("Via")] + [("From", request["From"]), ("To", to),
			("Call-ID", request["Call-ID"]), ("CSeq", request["CSeq"])]


def same_transaction(invite, method, to):
	"""The bytes of a CANCEL or of the ACK for a failure, with the branch of the INVITE (sections 9.1, 17.1.1.3)."""
	headers = [("Via", invite["Via"]), ("Max-Forwards", "70"), ("From", invite["From"]), ("To", to),
		("Call-ID", invite["Call-ID"]), ("CSeq", "%d %s" % (sip.cseq(invite), method))]
	return sip.build("%s %s SIP/2.0" % (method, invite.uri), headers)
