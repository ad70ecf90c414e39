"""An endpoint: it registers with the switch, answers its challenges, calls and is called."""

import sqlite3
from contextlib import closing

import sip
from peer import Peer
from tls import Tls


def answer(response, method, uri, user, password, algorithm="SHA-256", count=1):
	"""The header that answers a 401 or 407: (name, value)."""
	name = "Authorization" if response.status == 401 else "Proxy-Authorization"
	asked = response.all("WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate")
	challenge = next(line for line in asked if "algorithm=%s," % algorithm in line)
	value = 'Digest username="%s", realm="%s", nonce="%s", uri="%s", response="", algorithm=%s, qop=auth, nc=%08x, cnonce="c"' % (
		user, parameter(challenge, "realm"), parameter(challenge, "nonce"), uri, algorithm, count)
	return name, value.replace('response=""', 'response="%s"' % sip.digest(value, method, password)[1])


def parameter(challenge, name):
	return challenge.split(name + '="')[1].split('"')[0]


class Endpoint(Peer):
	"""`name` is its user; `pings` holds datagrams that are no messages."""

	def __init__(self, net, name, password="secret", **more):
		self.pings = []
		super().__init__(net, name, **more)
		self.password, self.cseq, self.call_id = password, 0, self.token("register-")

	def take(self, raw, source, when):
		if b"SIP/2.0" in raw:
			super().take(raw, source, when)
		else:
			self.pings.append(raw)

	def register(self, *headers, contacts=None, expires=None, call_id=None, **fields):
		"""Send one; it awaits its answer."""
		self.cseq += 1
		contacts = [self.contact] if contacts is None else contacts
		given = {"Contact": None, "Call_ID": call_id or self.call_id, "CSeq": "%d REGISTER" % self.cseq, **fields}
		lines = [("Contact", contact) for contact in contacts] + list(headers)
		if expires is not None:
			lines.append(("Expires", str(expires)))
		given.setdefault("To", "<sip:%s@%s>" % (self.name, sip.host_port(*self.proxy)))
		return self.request("REGISTER", headers=lines, **given)

	def challenged(self, **more):
		"""Register without credentials; the challenge."""
		self.register(**more)
		return self.expect(401, "REGISTER")

	def credentials(self, response, method="REGISTER", uri=None, password=None, user=None, **more):
		return answer(response, method, uri or "sip:" + sip.host_port(*self.proxy), user or self.name,
			self.password if password is None else password, **more)

	def bind(self, algorithm="SHA-256", status=200, **more):
		"""Register with a challenge; the answer."""
		challenge = self.challenged(**more)
		self.register(self.credentials(challenge, algorithm=algorithm), **more)
		return self.expect(status, "REGISTER")

	def call(self, callee, caller=None, headers=(), **more):
		"""Call with a challenge; the leg."""
		leg = self.invite(callee, caller or self.name, **more)
		challenge = self.expect_challenge(leg)
		given = answer(challenge, "INVITE", leg.invited.uri, self.name, self.password)
		return self.invite(callee, caller or self.name, headers=[given, *headers],
			Call_ID=leg.call_id, From=leg.invited["From"], CSeq="2 INVITE", **more)

	def expect_challenge(self, leg):
		return leg.expect(401, "INVITE")


def endpoint(s, name, password="secret", host="127.0.0.2", row=True, transport="udp", **columns):
	"""An endpoint and its row. No row of another table has its host."""
	if row:
		s.switch.insert("endpoint", name=name, password=password, **columns)
	if transport == "tls" and not s.tls:
		s.tls = Tls(s.folder)
	peer = Endpoint(s.net, name, password, transport=transport, host=host, tls=s.tls if transport == "tls" else None)
	peer.proxy = s.switch.addresses.get(transport)  # None before the start
	return peer


def stored(s, query="SELECT endpoint, contact FROM binding ORDER BY id"):
	"""Rows of state.db."""
	with closing(sqlite3.connect("file:%s?mode=ro" % s.switch.path("state.db"), uri=True, timeout=3)) as db:
		return db.execute(query).fetchall()


def stores(s, rows, query="SELECT endpoint, contact FROM binding ORDER BY id"):
	"""Wait until state.db has these rows."""
	s.net.until(lambda: stored(s, query) == rows, "rows of state.db", step=0.02)
