"""What the switch has received and sent on one link, checked against the rules of RFC 3261."""

import time

import sip

CROSS = 1  # retransmissions that may cross the message that ends them
AGAIN = 3  # the same after a crash, when the switch cannot know that this message has come
JUMP = 1000  # of CSeq after a crash; the process before may have sent one that the peer never got


class Exchange:
	"""
	A request with its answers. For an INVITE `acknowledged` is its ACK, and `reliable` holds by RSeq its reliable
	provisional responses, each with its PRACK or None.
	"""

	def __init__(self, request):
		self.request, self.times = request, 0
		self.provisional = self.final = self.acknowledged = None
		self.answers = self.late = 0
		self.reliable = {}
		self.old = self.forgotten = False  # it was there before a crash, and was not answered then

	def open(self, refusal_too):
		"""`refusal_too`: the refusal of an INVITE counts as open until its ACK."""
		if self.forgotten or not self.final:
			return not self.forgotten
		return self.request.method == "INVITE" and not self.acknowledged and (refusal_too or self.final.status < 300)


def branch(message):
	return sip.param(message["Via"], "branch")


class Witness:
	"""
	`asked` are the requests of the switch, `heard` those of the agent that reached it: sent() is
	called before the network interferes with a message of the switch, got() after it has let one of the agent pass.
	`secrets` is what only the other sides may know. `ordered`: messages are read in the order in which they were sent;
	`prompt`: they reach the switch at once.
	"""

	ordered = prompt = True

	def __init__(self, wrong):
		self.wrong = wrong
		self.asked, self.heard = {}, {}
		self.secrets = set()
		self.restarted, self.jumps = 0, 0

	def crashed(self, when):
		"""The switch died then and was started again: what was under way inside a dialog is no affair of the new process."""
		self.restarted, self.jumps = when, self.jumps + 1
		for exchange in (*self.asked.values(), *self.heard.values()):
			exchange.late, exchange.old = 0, True
			exchange.forgotten = not exchange.final and (bool(sip.param(exchange.request["To"], "tag"))
				or exchange.request.method == "CANCEL")

	def sent(self, message):
		for secret in self.secrets:
			if secret in message.raw:
				self.wrong("%s reveals %s of another leg" % (message.label, secret))
		if message.is_response:
			self.answered(message)
		elif message.method == "ACK":
			self.acknowledged(message)
		else:
			self.requested(message)

	def requested(self, message):
		key = branch(message), message.method
		exchange = self.asked.get(key)
		if exchange:
			self.repeated(exchange, message)
			return
		if message.method == "CANCEL":
			invite = self.asked.get((key[0], "INVITE"))
			if not invite or not (invite.provisional or invite.final):
				self.wrong("CANCEL before any provisional answer (RFC 3261 section 9.1)")
		else:
			self.new_request(message)
		self.asked[key] = Exchange(message)

	def new_request(self, message):
		of_dialog = [e for e in self.asked.values() if e.request["Call-ID"] == message["Call-ID"]
			and e.request.method != "CANCEL"]
		if message.method == "BYE" and self.restarted and any(e.request.method == "BYE" and e.final for e in of_dialog):
			return  # for a 200 to an INVITE that came again to a process that knows nothing of it
		last = max((sip.cseq(e.request) for e in of_dialog), default=0)
		if of_dialog and self.ordered and not 1 <= sip.cseq(message) - last <= 1 + (1 + JUMP) * self.jumps:
			self.wrong("%s: CSeq %d is not the next one after %d (section 12.2.1.1)" % (message.label, sip.cseq(message), last))
		if message.time >= self.restarted:
			self.jumps = 0
		if message.method == "INVITE" and any(e.request.method == "INVITE" and not e.final and not e.forgotten
				for e in of_dialog):
			self.wrong("INVITE while another INVITE is in progress (section 14.1)")
		if message.method == "INVITE" and any(e.request.method == "INVITE" and e.provisional and not e.final and not e.forgotten
				for e in self.heard.values() if e.request["Call-ID"] == message["Call-ID"]):
			self.wrong("INVITE while one of the other direction is in progress (section 14.1)")
		if message.method == "BYE" and any(e.request.method == "BYE" and e.forgotten for e in of_dialog):
			return  # nobody knew after the crash whether the first one had been answered
		if not self.ordered:
			return
		if any(e.request.method == "BYE" and not (e.final and e.final.status in (401, 407)) for e in of_dialog) or any(
				e.request.method == "BYE" and e.final and e.request["Call-ID"] == message["Call-ID"]
				for e in self.heard.values()):
			self.wrong("%s after BYE (section 15)" % message.label)

	def repeated(self, exchange, message):
		if message.raw != exchange.request.raw and not (exchange.old and message.method == "CANCEL"):  # its Reason is lost
			self.wrong("%s is sent again with other bytes" % message.label)
		ended = exchange.final or (message.method == "INVITE" and exchange.provisional)
		if ended and self.late(exchange, message, ended):
			self.wrong("%s is sent again after its answer (section 17.1)" % message.label)

	def late(self, exchange, message, ended):
		"""Whether this is still being resent although the switch has received what ends it."""
		exchange.late += self.prompt and message.time > ended.passed
		return exchange.late > (CROSS if ended.passed > self.restarted else AGAIN)

	def acknowledged(self, message):
		invite = self.asked.get((branch(message), "INVITE"))
		if invite and not (invite.final and invite.final.status >= 300):
			self.wrong("ACK with the branch of an INVITE that was not refused (section 17.1.1.3)")
		invite = invite or self.invite_of(self.asked, message)
		if not invite or not invite.final:
			self.wrong("ACK to no INVITE")
		elif invite.acknowledged and not invite.old and invite.acknowledged.raw != message.raw:
			self.wrong("ACK is sent again with other bytes")
		else:
			invite.acknowledged = message

	def answered(self, message):
		exchange = self.heard.get((branch(message), message.method))
		if not exchange:
			self.wrong("%s answers nothing" % message.label)
			return
		if exchange.final and exchange.final.time < self.restarted < message.time:
			exchange.final = None  # the request has come again, and is a new one to the new process
		if exchange.final and exchange.final.raw != message.raw:
			self.wrong("%s after the final answer %s" % (message.label, exchange.final.label))
		if message["RSeq"]:
			self.reliable(exchange, message)
		if message.status < 200:
			exchange.provisional = message
			return
		if 200 <= message.status < 300 and any(response.body and not prack for response, prack in exchange.reliable.values()):
			self.wrong("%s before the PRACK of a description (RFC 3262 section 3)" % message.label)
		exchange.final = message
		exchange.answers += 1
		if message.method != "INVITE" and exchange.answers > exchange.times:
			self.wrong("%s more often than it was asked for (section 17.2.2)" % message.label)
		if exchange.acknowledged and self.late(exchange, message, exchange.acknowledged):
			self.wrong("%s is sent again after its ACK" % message.label)

	def reliable(self, exchange, message):
		"""A provisional response that awaits a PRACK: RFC 3262 section 3."""
		rseq = int(message["RSeq"])
		response, prack = exchange.reliable.get(rseq, (None, None))
		if not response:
			if exchange.reliable and rseq != max(exchange.reliable) + 1:
				self.wrong("RSeq %d is not the next one" % rseq)
			if not all(prack for _, prack in exchange.reliable.values()):
				self.wrong("%s before the PRACK of the one before it" % message.label)
			exchange.reliable[rseq] = message, None
		elif response.raw != message.raw:
			self.wrong("%s is sent again with other bytes" % message.label)
		elif prack and self.late(exchange, message, prack):
			self.wrong("%s is sent again after its PRACK" % message.label)

	def acknowledge_reliable(self, prack):
		rseq, _, invite = prack["RAck"].partition(" ")
		for exchange in self.heard.values():
			if exchange.request["CSeq"] == invite and int(rseq) in exchange.reliable:
				response, before = exchange.reliable[int(rseq)]
				exchange.reliable[int(rseq)] = response, before or prack

	def got(self, message):
		message.passed = time.time()
		key = branch(message), message.method
		if message.is_response:
			exchange = self.asked.get(key)
			if exchange and message.status >= 200:
				exchange.final = exchange.final or message
			elif exchange:
				exchange.provisional = message
		elif message.method == "ACK":
			invite = self.heard.get((key[0], "INVITE")) or self.invite_of(self.heard, message)
			if invite and invite.final:
				invite.acknowledged = invite.acknowledged or message
		else:
			self.heard.setdefault(key, Exchange(message)).times += 1
			if message.method == "PRACK":
				self.acknowledge_reliable(message)

	@staticmethod
	def invite_of(exchanges, ack):
		"""The INVITE whose 2xx this acknowledges: the ACK has a branch of its own (section 13.2.2.4)."""
		for exchange in exchanges.values():
			if (exchange.request.method == "INVITE" and exchange.request["Call-ID"] == ack["Call-ID"]
					and sip.cseq(exchange.request) == sip.cseq(ack)):
				return exchange
		return None

	def pending(self):
		"""What is unfinished on this link, in words."""
		return ["%s of the switch" % e.request.label for e in self.asked.values() if e.open(True)] + [
			"%s of the agent" % e.request.label for e in self.heard.values() if e.open(False)]
