"""TCP and TLS connections: what may come over them, how long they last, and how many there may be (RFC 3261 section 18)."""

import os
import resource
import select
import socket
import ssl
import time

import sip
from net import WAIT, Failed, same
from runner import run, scenario

STRANGER = "127.0.0.66"
FAST = {"clock_speed": 10, "SS_SIP_STREAM_TIMEOUT": "5"}  # closed after half a second
KINDS = ("tcp", "tls")


class Raw:
	"""A connection to the switch, written and read as bytes."""

	def __init__(self, s, kind="tcp", host=STRANGER, handshake=True):
		self.s = s
		self.sock = socket.create_connection(s.switch.addresses[kind], WAIT, (host, 0))
		self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		if kind == "tls" and handshake:
			context = ssl.create_default_context(cafile=os.path.join(s.tls.folder, "cafile.pem"))
			self.sock = context.wrap_socket(self.sock, server_hostname="127.0.0.1")
		self.got = b""

	def send(self, data):
		self.sock.sendall(data)

	def read(self, until=b"\r\n\r\n", count=1):
		while self.got.count(until) < count:
			data = self.sock.recv(65536)
			if not data:
				raise Failed("closed after %r" % self.got)
			self.got += data
		return self.got

	def statuses(self, count):
		"""Those of so many answers."""
		self.read(count=count)
		return [line.split()[1].decode() for line in self.got.split(b"\r\n") if line.startswith(b"SIP/2.0 ")]

	def ended(self, timeout=WAIT):
		"""Wait until the other end has closed. Returns how long that took."""
		begin = time.monotonic()
		self.sock.settimeout(timeout)
		try:
			while True:
				data = self.sock.recv(65536)
				if not data:
					break
				self.got += data
		except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
			pass
		except socket.timeout:
			raise Failed("still open after %g s" % timeout)
		self.sock.close()
		return time.monotonic() - begin

	def is_open(self):
		readable, _, _ = select.select([self.sock], [], [], 0)
		try:
			return not readable or self.sock.recv(1, socket.MSG_PEEK) != b""
		except OSError:
			return False


def hang_up(raw, data, reset):
	"""Send this and close at once, or reset the connection."""
	raw.send(data)
	if reset:
		raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
	raw.sock.close()


def options(kind="tcp", host=STRANGER, length="0", body=b"", number=1):
	return b"".join((b"OPTIONS sip:switch.invalid SIP/2.0\r\n",
		("Via: SIP/2.0/%s %s:9;branch=z9hG4bK%s\r\n" % (kind.upper(), host, os.urandom(8).hex())).encode(),
		b"Max-Forwards: 70\r\nFrom: <sip:a@x.invalid>;tag=1\r\nTo: <sip:b@x.invalid>\r\n",
		("Call-ID: %s\r\nCSeq: %d OPTIONS\r\n" % (os.urandom(8).hex(), number)).encode(),
		("Content-Length: %s\r\n\r\n" % length).encode() if length is not None else b"\r\n", body))


def descriptors(s):
	return len(os.listdir("/proc/%d/fd" % s.switch.process.pid))


def until_descriptors(s, count, timeout=WAIT):
	s.net.until(lambda: descriptors(s) <= count, "at most %d descriptors; there are %d" % (count, descriptors(s)), timeout,
		step=0.02)


def cpu(s):
	"""Seconds of processor time that the switch has used."""
	with open("/proc/%d/stat" % s.switch.process.pid) as file:
		fields = file.read().rpartition(")")[2].split()
	return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(s):
	"""Bytes in use; 0 with a sanitizer, which keeps what was freed."""
	with open("/proc/%d/maps" % s.switch.process.pid) as file:
		if "libasan" in file.read():
			return 0
	with open("/proc/%d/statm" % s.switch.process.pid) as file:
		return int(file.read().split()[1]) * resource.getpagesize()


def does_not_spin(s, seconds=0.5):
	before = cpu(s)
	s.net.quiet(seconds)
	used = cpu(s) - before
	assert used < seconds / 5, "%.2f s of processor time in %.2f s" % (used, seconds)


def begin(s, kind="tcp", **more):
	"""A switch with a listener of this kind besides UDP. Returns how many descriptors it has."""
	if kind == "tls":
		s.peer("certificate", "tls")  # makes the scene's certificate
	s.start(["udp", kind], **more)
	return min(descriptors(s) for _ in range(10) if not s.net.poll(0.01))  # that of a control client goes soon


def over(kind, play, name):
	def one(s):
		play(s, kind)
	one.__name__ = "%s_over_%s" % (name, kind)
	scenario(one)


def both(play):
	for kind in KINDS:
		over(kind, play, play.__name__)
	return play


# what may come


def length_is_refused(length, status):
	def play(s, kind):
		before = begin(s, kind)
		size = memory(s)
		for lead in (b"", options(kind)):
			raw = Raw(s, kind)
			raw.send(lead + options(kind, length=length) + b"x" * 1000)
			same(raw.statuses(2 if lead else 1)[-1], status)
			raw.ended()
		until_descriptors(s, before)
		assert memory(s) - size < 4 << 20
	for kind in KINDS:
		over(kind, play, "a_length_of_%s_is_%s" % (str(length).replace("-", "minus_"), status))


for length, status in (("65536", "413"), ("2147483648", "413"), ("4294967295", "413"), ("99999999999999999999", "413"),
		("-1", "400"), ("x", "400"), ("0, 5", "400"), (None, "400")):
	length_is_refused(length, status)


@both
def messages_are_read_however_they_are_cut(s, kind):
	begin(s, kind)
	body = b"\r\n\r\nINVITE sip:a SIP/2.0\r\nContent-Length: 7\r\n\r\n"
	sent = b"\r\n" + options(kind) + b"\r\n\r\n" + options(kind, length=str(len(body)), body=body) + b"\r\n" \
		+ options(kind).replace(b"Content-Length: 0", b"l :\r\n 0") + options(kind)
	for piece in (1, 2, 3, 7, 100, len(sent)):
		raw = Raw(s, kind)
		for at in range(0, len(sent), piece):
			raw.send(sent[at:at + piece])
		same(len(raw.statuses(4)), 4)
		raw.sock.close()


@both
def a_ping_gets_a_pong(s, kind):
	begin(s, kind)
	raw = Raw(s, kind)
	raw.send(b"\r\n\r\n")
	same(raw.read(b"\r\n"), b"\r\n")
	raw.send(b"\r\n")
	raw.send(b"\r\n")
	same(raw.read(b"\r\n", 2), b"\r\n" * 2)
	raw.sock.close()


STUN = b"\0\1\0\0\x21\x12\xa4\x42" + b"transaction!"  # a binding request (RFC 5389 section 6)


@both
def a_binding_request_gets_nothing(s, kind):
	before = begin(s, kind)
	raw = Raw(s, kind)
	raw.send(options(kind) + STUN)
	raw.ended()
	same([line for line in raw.got.split(b"\r\n") if line.startswith(b"SIP/2.0 ")], [b"SIP/2.0 403 Forbidden"])
	same(raw.got.count(b"\r\n\r\n"), 1)
	until_descriptors(s, before)


@scenario
def a_binding_request_gets_nothing_over_udp(s):
	s.start()
	for data in (STUN, STUN[:8], b"\1\1" + STUN[2:], b"\0\1" + b"\0\4" + STUN[4:] + b"user"):
		s.caller.sock.sendto(data, s.caller.proxy)
	s.caller.request("OPTIONS")  # answered after what came before
	s.caller.expect(200, "OPTIONS")
	same((s.net.unread(), s.switch.control("strangers.list")["total"]), ([], 0))


@scenario
def line_ends_in_front_of_a_message_do_not_lose_it_over_udp(s):
	s.start()
	head = sip.build("OPTIONS sip:%s SIP/2.0" % s.caller.proxy[0], [("Via", "SIP/2.0/UDP %s;branch=z9hG4bK%%d" % s.caller.host_port),
		("From", "<sip:1@127.0.0.1>;tag=1"), ("To", "<sip:127.0.0.1>"), ("Call-ID", "line-ends"), ("CSeq", "%d OPTIONS")])
	for n, front in enumerate((b"\r\n", b"\r\n\r\n", b"\n", b"\r\n" * 20)):
		s.caller.sock.sendto(front + head.replace(b"%d", b"%d" % (n + 1)), s.caller.proxy)
		same(s.caller.expect(200, "OPTIONS")["CSeq"], "%d OPTIONS" % (n + 1))


@both
def what_is_not_sip_is_closed_at_once(s, kind):
	before = begin(s, kind)
	for garbage in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01", b"\0" * 8, b"INVITE sip:a SIP/2.0\r\nVia: \0"):
		raw = Raw(s, kind)
		raw.send(garbage)
		assert raw.ended() < 2
	until_descriptors(s, before)
	does_not_spin(s)


@scenario
def what_is_not_tls_is_closed_at_once(s):
	before = begin(s, "tls")
	for garbage in (b"OPTIONS sip:a SIP/2.0\r\n\r\n", os.urandom(5000), b"\x16\x03\x01\x01\x00" + b"\1" * 3000):
		raw = Raw(s, "tls", handshake=False)
		raw.send(garbage)
		raw.ended()
	until_descriptors(s, before)
	does_not_spin(s)


@both
def a_connection_that_is_reset_leaves_nothing(s, kind):
	before = begin(s, kind)
	for data in (b"", options(kind)[:50], options(kind)):
		hang_up(Raw(s, kind), data, True)
	until_descriptors(s, before)
	does_not_spin(s)


@scenario
def garbage_and_a_hang_up_leave_nothing(s):
	before = begin(s, "tls")
	size = memory(s)
	for data in (os.urandom(3000) + b"\r\n\r\n", b"\0" * 50, b"GET / HTTP/1.1\r\n\r\n", options("tls", length="x"), options("tls")[:80]):
		for reset in (False, True):
			for _ in range(5):
				hang_up(Raw(s, "tls"), data, reset)
	until_descriptors(s, before, 1)
	does_not_spin(s)
	assert memory(s) - size < 2 << 20, memory(s) - size


@scenario
def half_a_handshake_and_a_hang_up_leave_nothing(s):
	before = begin(s, "tls")
	hello = ssl.MemoryBIO()
	try:
		ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1").do_handshake()
	except ssl.SSLWantReadError:
		hello = hello.read()
	for data in (b"", hello[:100], hello, hello + b"x" * 100):
		for reset in (False, True):
			hang_up(Raw(s, "tls", handshake=False), data, reset)
	until_descriptors(s, before, 1)
	does_not_spin(s)


# how long it lasts


@both
def who_says_nothing_is_closed(s, kind):
	before = begin(s, kind, **FAST)
	raw = Raw(s, kind)
	raw.send(b"\r\n\r\n")  # no message
	assert 0.3 < raw.ended() < 2
	until_descriptors(s, before)


@scenario
def half_a_handshake_is_closed(s):
	begin(s, "tls", **FAST)
	raw = Raw(s, "tls", handshake=False)
	raw.send(b"\x16\x03\x01\x02\x00\x01")
	assert 0.3 < raw.ended() < 2


@both
def a_message_that_comes_too_slowly_is_closed(s, kind):
	begin(s, kind, **FAST)
	raw = Raw(s, kind)
	raw.send(options(kind))
	raw.statuses(1)
	raw.send(b"OPTIONS sip:a SIP/2.0\r\n")
	started = time.monotonic()
	try:
		while time.monotonic() - started < 3:
			raw.send(b"X: y\r\n")
			s.net.quiet(0.05)
		raise Failed("still open")
	except OSError:
		pass
	assert time.monotonic() - started > 0.4


@both
def who_has_sent_a_message_may_be_idle_for_ten_minutes(s, kind):
	begin(s, kind, clock_speed=300, SS_SIP_STREAM_TIMEOUT="100")
	raw = Raw(s, kind)
	raw.send(options(kind))
	raw.statuses(1)
	took = raw.ended()
	assert 1.9 < took < 3, took


# how many there may be


def opened(s, count, host=STRANGER):
	connections = []
	for _ in range(count):
		try:
			connections.append(Raw(s, host=host))
		except ConnectionResetError:
			pass
	return connections


def alive(connections):
	return sum(raw.is_open() for raw in connections)


@scenario
def an_unknown_address_opens_no_more_than_its_share(s):
	begin(s, SS_SIP_STREAM_LIMIT_SOURCE="3")
	strangers = opened(s, 5)
	s.net.until(lambda: alive(strangers) == 3, "two are refused", step=0.02)
	other, known = opened(s, 3, "127.0.0.67"), opened(s, 6, "127.0.0.1")
	strangers[0].sock.close()
	s.net.until(lambda: alive(opened(s, 1)) == 1, "there is room again", step=0.02)
	same((alive(other), alive(known)), (3, 6))
	same(s.switch.read_log().count("connections refused"), 1)


@scenario
def a_customer_takes_the_place_of_a_stranger(s):
	begin(s, SS_SIP_STREAM_LIMIT="16")
	strangers, known = opened(s, 16), opened(s, 4, "127.0.0.1")
	for raw in known:
		raw.send(options(host="127.0.0.1"))
		raw.statuses(1)
	s.net.until(lambda: alive(strangers) == 12, "four strangers are closed", step=0.02)
	same([raw.is_open() for raw in strangers[:5]], [False] * 4 + [True])  # those that came first
	late = opened(s, 1)
	s.net.until(lambda: alive(late) == 0, "no stranger comes in", step=0.02)
	same(alive(known), 4)


@scenario
def without_descriptors_nothing_spins(s):
	before = begin(s)
	resource.prlimit(s.switch.process.pid, resource.RLIMIT_NOFILE, (before + 5, before + 5))
	strangers = opened(s, 12)  # the kernel takes them
	does_not_spin(s, 1)
	for raw in strangers:
		raw.sock.close()
	until_descriptors(s, before)
	raw = Raw(s)
	raw.send(options())
	raw.statuses(1)


@scenario
def few_descriptors_leave_a_reserve(s):
	begin(s, SS_SIP_STREAM_LIMIT_SOURCE="1000")
	resource.prlimit(s.switch.process.pid, resource.RLIMIT_NOFILE, (200, 200))
	strangers = opened(s, 150)
	s.net.until(lambda: alive(strangers) == 100, "half of the descriptors are kept; %d" % alive(strangers), step=0.05)
	s.switch.status()
	for raw in strangers:
		raw.sock.close()


# what is not read


@both
def answers_that_nobody_reads_end_the_connection(s, kind):
	before = begin(s, kind)
	size = memory(s)
	raw = Raw(s, kind, "127.0.0.1")
	raw.sock.settimeout(0.5)
	message = options(kind, "127.0.0.1").replace(b"Max-Forwards", b"X: " + b"y" * 100 + b"\r\nMax-Forwards") * 50
	try:
		for _ in range(3000):
			raw.send(message)
		raise Failed("all was taken")
	except OSError:
		pass
	until_descriptors(s, before)
	assert memory(s) - size < 12 << 20, memory(s) - size


def call_the_deaf(s, count, size, timeout):
	"""So many calls of this size to a gateway that reads nothing; its socket, and descriptors and memory before."""
	deaf = socket.create_server(("127.0.0.1", 0))
	deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
	s.vendor("deaf", deaf.getsockname()[1], "tcp")
	before = begin(s, clock_speed=20, SS_SIP_TIMEOUT_INVITE="20", SS_GATEWAY_BREAKER_FAILURES="None",
		SS_GATEWAY_BREAKER_RATE="None", SS_SIP_STREAM_TIMEOUT=timeout)
	taken = memory(s)
	for number in range(count):
		s.caller.invite("49%04d" % number, body=s.caller.sdp + b"a=x:" + b"y" * size + b"\r\n")
		s.caller.expect(100, "INVITE")
		s.caller.inbox.clear()
	s.net.until(lambda: s.switch.status()["calls"]["failed"] == count, "all fail", step=0.1)
	return deaf, before, taken


@scenario
def a_gateway_that_never_reads_costs_one_connection(s):
	deaf, before, _ = call_the_deaf(s, 1100, 3000, "300")
	accepted = [deaf.accept()[0]]
	deaf.settimeout(0.2)
	try:
		accepted.append(deaf.accept()[0])
	except socket.timeout:
		pass
	same((len(accepted), descriptors(s) - before), (1, 1))
	s.settle()
	s.caller.inbox.clear()


@scenario
def unread_calls_are_refused_before_they_fill_the_memory(s):
	_, _, taken = call_the_deaf(s, 240, 40000, "300")
	assert memory(s) - taken < 12 << 20, memory(s) - taken
	s.settle()
	s.caller.inbox.clear()


@scenario
def a_gateway_that_reads_nothing_for_too_long_is_hung_up_on(s):
	_, before, _ = call_the_deaf(s, 20, 40000, "30")
	until_descriptors(s, before)
	s.settle()
	s.caller.inbox.clear()


if __name__ == "__main__":
	run()
