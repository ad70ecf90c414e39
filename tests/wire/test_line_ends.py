"""Others end lines as they like; what we send has CR LF behind each header and nothing else below a blank in it, else the next
hop reads two headers where we read one (RFC 3261 sections 7.3.1 and 25.1)."""

import re

import sip
from net import same
from runner import run, scenario, variants

ENDS = {"lf": "\n", "cr": "\r", "fold": "\r\n ", "lf_fold": "\n\t", "cr_fold": "\r ", "folds": "\r\n \r\n ", "control": "\x01",
	"vt": "\x0b", "ff": "\x0c", "del": "\x7f", "esc": "\x1b"}
TWO = "hello%sP-Asserted-Identity: <sip:1@x.test>%sCall-Info: <http://x.test/>;purpose=info"


def clean(message):
	"""Its head consists of lines that end in CR LF, with tabs as its only other control characters."""
	odd = re.findall(rb"[^\r\n]{0,30}(?:(?<!\r)\n|\r(?!\n)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r\n[ \t])[^\r\n]{0,30}",
		message.raw.partition(b"\r\n\r\n")[0])
	same(odd, [])
	return message


def at_all(s, a, b):
	"""All that the switch said was clean."""
	for entry in s.net.trace:
		if not entry.sent:
			clean(entry.message)


@variants(*ENDS.items())
def between_headers_and_inside_them(s, end):
	gw = s.gateway()
	s.start()
	more = [("Subject", TWO % (end, end)), ("Alert-Info", "<urn:a>;x=%s y" % end)]
	a = s.caller.invite("4930", headers=more, From='"A%sB" <sip:4930100200@caller.invalid>;tag=%s' % (
		end if end not in "\r\n" else "", s.caller.token("tag")))
	b = gw.leg()
	b.reply(180, headers=more)
	a.expect(180)
	b.reply(200, sdp=True, headers=more)
	a.expect(200)
	a.ack()
	b.expect("ACK")
	a.send("INFO", more)
	b.expect("INFO")
	b.reply(200, headers=more)
	a.expect(200, "INFO")
	b.send("BYE", more)
	a.hung_up()
	b.expect(200, "BYE")
	at_all(s, a, b)


@variants(("lf", b"\n"), ("cr", b"\r"))
def all_of_a_head(s, end):
	gw = s.gateway()
	s.start()

	def send(peer, raw, to):
		head, _, body = raw.partition(b"\r\n\r\n")
		peer.sock.sendto(head.replace(b"\r\n", end) + 2 * end + body, to)
	for peer in s.caller, gw:
		peer.send_clean, peer.send = peer.send, lambda raw, to, peer=peer: (send(peer, raw, to), sip.Message(raw))[1]
	a, b = s.talk(gw, headers=[("Subject", "hello")])
	same(b.invited["Subject"], "hello")
	s.over(a, b)
	at_all(s, a, b)


@scenario
def what_is_clean_passes_byte_for_byte(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930", headers=[("Subject", "caf\u00e9  (\u4f60),  x   "), ("call-INFO ", "<urn:a>\t;\tx,<urn:b>")])
	b = gw.leg()
	for line in "Subject: caf\u00e9  (\u4f60),  x   \r\n", "call-INFO : <urn:a>\t;\tx,<urn:b>\r\n":
		assert line.encode() in b.invited.raw, b.invited.raw
	b.refuse(486)
	a.expect(486)


run()
