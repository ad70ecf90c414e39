"""A registrar as a peer: it answers each REGISTER with the next step of its script, then grants whatever is asked."""

import re

import sip
from net import Failed
from peer import Peer

PASSWORD = "trunk:secret"
SPEED = 20


def challenge(status=401, realm="carrier", nonce="n1", more='qop="auth"'):
	"""A step: ask for credentials. `more`: further parameters of the challenge; several make as many challenges."""
	name = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[status]
	offers = [more] if isinstance(more, str) else more
	return lambda registrar, request: (status, [
		(name, 'Digest realm="%s", nonce="%s"%s' % (realm, nonce, offer and ", " + offer)) for offer in offers])


def refuse(status, *headers):
	"""A step."""
	return lambda registrar, request: (status, list(headers))


def silence(registrar, request):
	"""A step: no answer."""


def grant(seconds=None, contact=True, expires=None, headers=()):
	"""
	A step: 200. seconds: in the Contact, as asked unless given, False for none; contact: False leaves it out, a text
	takes its place; expires: an Expires header.
	"""
	def step(registrar, request):
		asked = request["Expires"]
		registrar.bind(request)
		lines = list(headers)
		if contact and asked != "0":
			value = contact if isinstance(contact, str) else request["Contact"]
			lines.append(("Contact", value + (";expires=%s" % (seconds or asked) if seconds is not False else "")))
		if expires is not None:
			lines.append(("Expires", str(expires)))
		return 200, lines
	return step


class Registrar(Peer):
	"""
	`script`: what is to be answered next; a step is a function of registrar and request that gives status and header lines, or
	None for no answer. `requests`: every REGISTER that arrived, without retransmissions. `bindings`: Contact URI -> seconds.
	"""

	def __init__(self, net, name, **more):
		super().__init__(net, name, **more)
		self.script, self.requests, self.bindings = [], [], {}
		self.always = grant()
		self.password = PASSWORD

	def take(self, raw, source, when):
		message = sip.Message(raw)
		if not message.is_("REGISTER"):
			super().take(raw, source, when)
			return
		message.source, message.time = source, when
		if self.net.record(self, False, message, when):
			return
		self.requests.append(message)
		step = self.script.pop(0) if self.script else self.always
		answer = step(self, message)
		if answer:
			self.answer(message, *answer)

	def answer(self, request, status, headers):
		lines = [("Via", request["Via"]), ("From", request["From"]), ("To", request["To"] + ";tag=" + self.token("tag")),
			("Call-ID", request["Call-ID"]), ("CSeq", request["CSeq"])]
		self.send(sip.build("SIP/2.0 %d %s" % (status, sip.REASONS.get(status, "Whatever")), lines + headers), request.source)

	def bind(self, request):
		uri = sip.uri(request["Contact"])
		if request["Expires"] == "0":
			self.bindings.pop(uri, None)
		else:
			self.bindings[uri] = int(request["Expires"])

	def authenticate(self, status=401, more='qop="auth"', password=None):
		"""From now on every REGISTER needs the right credentials (403 for wrong ones)."""
		def always(registrar, request):
			header = request["Authorization" if status == 401 else "Proxy-Authorization"]
			if not header:
				return challenge(status, more=more, nonce=self.token("n"))(registrar, request)
			given, right = sip.digest(header, "REGISTER", password or self.password)
			return grant()(registrar, request) if given == right else (403, [])
		self.always = always

	def expect_requests(self, count, timeout=8):
		"""Wait until this many REGISTERs have arrived, not counting retransmissions; return the last one."""
		self.net.until(lambda: len(self.requests) >= count, "%s gets %d REGISTERs, it has %s" % (
			self.name, count, [str(request) for request in self.requests]), timeout)
		return self.requests[count - 1]

	def gaps(self):
		"""Seconds of real time between the REGISTERs."""
		times = [request.time for request in self.requests]
		return [later - before for before, later in zip(times, times[1:])]


def credentials(request):
	"""The parameters of the credentials in a request."""
	header = request["Authorization"] or request["Proxy-Authorization"]
	if not header:
		raise Failed("no credentials: %s" % request.head)
	return dict((name, quoted or plain) for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header))


# the scene

def registrar(s, name="carrier", account=True, columns=None, **peer):
	"""A registrar, with a registration of this name there unless told otherwise."""
	if peer.get("transport") == "tls":
		s.peer("tls", "tls")  # makes the certificate
		peer["tls"] = s.tls
	r = Registrar(s.net, name, **peer)
	if account:
		enrol(s, r, name, **(columns or {}))
	return r


def enrol(s, r, name, **columns):
	row = {"name": name, "host": r.host, "port": r.port, "transport": r.transport, "user": "4930", "password": PASSWORD}
	s.switch.insert("registration", **{**row, **columns})


def status(s, name="carrier"):
	"""What the switch says about it; {} if it does not know it yet."""
	entries = s.switch.control("registrations.list")["registrations"]
	return next((entry for entry in entries if entry["name"] == name), {})


def reaches(s, state, name="carrier", timeout=8):
	"""Wait for the state and return what the switch says then."""
	def look():
		found = status(s, name)
		return found if found.get("state") == state else None
	return s.net.until(look, "%s is %s" % (name, state), timeout, step=0.01)


def about(seconds, wanted, speed=SPEED, late=0.5, early=0.01):
	"""Real seconds that had to be so many of the switch's: at most so many real seconds too early or too late."""
	if not wanted / speed - early <= seconds <= wanted / speed + late:
		raise Failed("expected %g s, was %g s" % (wanted, seconds * speed))
