"""SIP messages as bytes (RFC 3261 section 7): parsing what arrived, building what is sent; the original bytes are kept."""

import hashlib
import re
import socket

COMPACT = {"i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type",
	"f": "from", "s": "subject", "k": "supported", "t": "to", "v": "via", "o": "event", "r": "refer-to",
	"b": "referred-by", "x": "session-expires", "u": "allow-events"}

REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
	302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
	407: "Proxy Authentication Required", 408: "Request Timeout", 480: "Temporarily Unavailable",
	481: "Call Does Not Exist", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	491: "Request Pending", 500: "Server Internal Error", 503: "Service Unavailable", 600: "Busy Everywhere",
	603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable"}


class Message:
	"""One request or response. Header names are case-insensitive, and compact forms are equal to the long ones."""

	def __init__(self, raw):
		self.raw = raw
		head, _, self.body = raw.partition(b"\r\n\r\n")
		lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
		self.start = lines[0]
		self.headers = []
		for line in lines[1:]:
			name, _, value = line.partition(":")
			self.headers.append((name.strip(), value.strip()))
		words = (self.start + "  ").split(" ")
		self.is_response = words[0] == "SIP/2.0"
		self.status = int(words[1]) if self.is_response else None
		self.reason = self.start.split(" ", 2)[2] if self.is_response else None
		self.method = self["CSeq"].split()[1] if self.is_response else words[0]
		self.uri = None if self.is_response else words[1]

	def all(self, name):
		"""The values of every line of this header, in order."""
		return [value for other, value in self.headers if canonical(other) == canonical(name)]

	def __getitem__(self, name):
		"""The first value of this header, "" if there is none."""
		return (self.all(name) or [""])[0]

	@property
	def head(self):
		"""Everything but the body, as text."""
		return self.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")

	def is_(self, what, of=None):
		"""A method names a request, a number the status of a response (to a request of method `of`)."""
		if isinstance(what, int):
			return self.status == what and (of is None or self.method == of)
		return not self.is_response and self.method == what

	def __str__(self):
		return "%s [CSeq %s, Call-ID %s]" % (self.start, self["CSeq"], self["Call-ID"])


def canonical(name):
	name = name.lower()
	return COMPACT.get(name, name)


def build(start, headers, body=b""):
	"""Bytes of a message; headers are pairs; Content-Length is added."""
	lines = [start] + ["%s: %s" % pair for pair in headers] + ["Content-Length: %d" % len(body), "", ""]
	return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def replaced(headers, fields):
	"""Header lines from a dictionary; fields, whose names have _ for -, replace a value or (None) leave it out."""
	given = {**headers, **{name.replace("_", "-"): value for name, value in fields.items()}}
	return [(name, value) for name, value in given.items() if value is not None]


def take(stream):
	"""Split the first message off a stream (RFC 3261 section 18.3): (bytes or None, rest)."""
	stream = stream.lstrip(b"\r\n")
	end = stream.find(b"\r\n\r\n")
	if end < 0:
		return None, stream
	length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", stream[:end])
	size = end + 4 + (int(length.group(1)) if length else 0)
	return (stream[:size], stream[size:]) if len(stream) >= size else (None, stream)


def param(value, name):
	"""A parameter of a header value: tag of From, branch of Via; "" if it is missing."""
	found = re.search(r";\s*%s\s*=\s*\"?([^;,\s\">]*)" % re.escape(name), re.sub(r"<[^>]*>", "", value), re.I)
	return found.group(1) if found else ""


def cseq(message):
	"""The number in CSeq."""
	return int(message["CSeq"].split()[0])


def uri(value):
	"""The URI of a From, To, Contact or Route value."""
	found = re.search(r"<([^>]*)>", value)
	return found.group(1) if found else value.split(";")[0].strip()


def user(value):
	"""The user part of a URI or of a header value with one."""
	found = re.match(r"sips?:([^@;>]*)@", uri(value))
	return found.group(1) if found else ""


def address(value):
	"""(host, port) of a URI; names are not resolved."""
	found = re.match(r"sips?:(?:[^@]*@)?(\[[0-9a-fA-F:.]+\]|[^:;>?]+)(?::(\d+))?", uri(value))
	return found.group(1).strip("[]"), int(found.group(2) or 5060)


def host_port(host, port):
	return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


def family(host):
	return socket.AF_INET6 if ":" in host else socket.AF_INET


def digest(credentials, method, password):
	"""(given, correct) response of these Digest credentials (RFC 7616, MD5 or SHA-256, with or without qop)."""
	given = dict((name, quoted or plain) for name, quoted, plain in
		re.findall(r"(\w+)=(?:\"([^\"]*)\"|([^\s,]+))", credentials))

	def digested(text):
		return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[given.get("algorithm", "MD5")], text.encode()).hexdigest()

	secret = digested("%s:%s:%s" % (given["username"], given["realm"], password))
	request = digested("%s:%s" % (method, given["uri"]))
	middle = [given["nonce"]]
	if "qop" in given:
		middle += [given["nc"], given["cnonce"], given["qop"]]
	return given["response"], digested(":".join([secret] + middle + [request]))


def sdp(port, owner="-", direction="sendrecv"):
	"""A session description; the port tells one from another."""
	return ("v=0\r\no=%s 3344 3344 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
		"m=audio %d RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n" % (owner, port, direction)).encode()
