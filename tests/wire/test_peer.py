"""The test peers themselves, talking to each other: what the wire tests rely on."""

import tempfile
import unittest

import sip
from net import Failed, Net
from peer import Peer
from tls import Tls

SPLIT = (b"INVITE sip:1@h SIP/2.0\r\nv: SIP/2.0/UDP a\r\nFrom: <sip:2@h>;tag=x\r\nTo: <sip:1@h>\r\n"
	b"i: c\r\nCSeq: 1 INVITE\r\nSubject: one\r\n two\r\nl: 3\r\n\r\nabc")


class Instrument(unittest.TestCase):
	def pair(self, transport, host="127.0.0.1", tls=None):
		net = Net()
		self.addCleanup(net.close)
		caller, callee = Peer(net, "caller", transport, host, tls), Peer(net, "callee", transport, host, tls)
		caller.proxy = (host, callee.port)
		return net, caller, callee

	def call(self, net, caller, callee):
		a = caller.invite("4930")
		b = callee.leg()
		self.assertEqual(b.invited.body, caller.sdp)
		b.reply(100)
		b.reply(180)
		a.expect(180)
		b.reply(200, sdp=True)
		self.assertEqual(a.expect(200, "INVITE").body, callee.sdp)
		a.ack()
		b.expect("ACK")
		b.send("BYE")
		a.hung_up()
		b.expect(200, "BYE")
		self.assertEqual(net.unread(), [])

	def test_a_call_over_each_transport(self):
		with tempfile.TemporaryDirectory() as folder:
			for transport, host, tls in (("udp", "127.0.0.1", None), ("udp", "::1", None), ("tcp", "127.0.0.1", None),
					("tls", "127.0.0.1", Tls(folder))):
				with self.subTest(transport=transport, host=host):
					self.call(*self.pair(transport, host, tls))

	def test_a_repeat_is_in_the_trace_but_not_in_the_inbox(self):
		net, caller, callee = self.pair("udp")
		a = caller.invite("4930")
		a.again(a.invited)
		entries = callee.expect_count(2, "INVITE")
		self.assertEqual([entry.again for entry in entries], [False, True])
		self.assertEqual(len(callee.inbox), 1)
		self.assertLessEqual(entries[0].time, entries[1].time)
		self.assertGreaterEqual(entries[0].time, a.invited.time - 0.002)

	def test_what_does_not_come_fails_and_what_nobody_asked_for_is_told(self):
		net, caller, callee = self.pair("udp")
		caller.invite("4930")
		with self.assertRaises(Failed):
			callee.expect("BYE", timeout=0.05)
		self.assertEqual(len(net.unread()), 1)
		caller.invite("4931")
		with self.assertRaises(Failed):
			net.quiet(0.05)

	def test_a_failure_is_acked_and_a_cancel_is_the_same_transaction(self):
		_, caller, callee = self.pair("udp")
		a = caller.invite("4930")
		b = callee.leg()
		b.reply(180)
		a.expect(180)
		cancel = a.cancel()
		self.assertEqual(cancel["Via"], a.invited["Via"])
		b.expect("CANCEL")
		b.reply(200)
		b.reply(487, request=b.invited)
		a.expect(200, "CANCEL")
		a.expect(487, "INVITE")
		self.assertEqual(b.expect("ACK")["CSeq"], "1 ACK")

	def test_a_refusing_port_refuses(self):
		net, caller, _ = self.pair("udp")
		caller.sock.connect(("127.0.0.1", net.refusing_port()))
		caller.sock.send(b"x")
		with self.assertRaises(ConnectionRefusedError):
			caller.sock.setblocking(True)
			caller.sock.settimeout(2)
			caller.sock.recv(10)

	def test_messages_are_read_as_written(self):
		message = sip.Message(SPLIT)
		self.assertEqual((message.method, message["Via"], message["Call-ID"]), ("INVITE", "SIP/2.0/UDP a", "c"))
		self.assertEqual((message["Subject"], message.body), ("one two", b"abc"))
		self.assertEqual(sip.take(SPLIT[:-1]), (None, SPLIT[:-1]))
		self.assertEqual(sip.take(SPLIT + SPLIT), (SPLIT, SPLIT))
		self.assertEqual(sip.address("<sip:u@[::1]:5070;transport=udp>;tag=1"), ("::1", 5070))
		self.assertEqual(sip.param('"x" <sip:a@b;tag=no>;tag=yes', "tag"), "yes")

	def test_the_digest_of_rfc_2617(self):
		given, right = sip.digest('Digest username="Mufasa", realm="testrealm@host.com", '
			'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, '
			'cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1"', "GET", "Circle Of Life")
		self.assertEqual(given, right)


if __name__ == "__main__":
	unittest.main()
