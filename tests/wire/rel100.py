"""Reliable provisional responses, for the scenarios (RFC 3262)."""

import sip
from net import same

ON = {"SS_SIP_100REL": "Supported"}
SHORT = {"SS_SIP_RESEND_INTERVAL": "0.1,0.2,0.4"}
SUPPORTED, REQUIRED = [("Supported", "100rel")], [("Require", "100rel")]
ALLOW = [("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")]
OFFER, ANSWER, OTHER = sip.sdp(32000), sip.sdp(32002), sip.sdp(32004)


def begin(s, gw, headers=SUPPORTED, **more):
	"""Begin a call of a caller with 100rel; both legs, as far as the gateway's INVITE."""
	return s.caller.invite("4930", headers=headers, **more), gw.leg()


def ring(b, rseq, status=180, sdp=None, tag=None, contact=None, more=()):
	"""A reliable provisional answer."""
	return b.reply(status, sdp, REQUIRED + [("RSeq", str(rseq))] + ALLOW + list(more), b.invited, tag, contact)


def prack(a, response, body=b"", headers=(), **fields):
	given = {"RAck": "%s %s" % (response["RSeq"], a.invited["CSeq"]), **fields}
	return a.send("PRACK", headers, body, **given)


def acknowledge(a, status=180, body=b""):
	"""The caller receives a reliable provisional response, acknowledges it and receives the 200."""
	response = a.expect(status, "INVITE")
	same((response["Require"], response["Supported"]), ("100rel", ""))
	prack(a, response, body)
	a.expect(200, "PRACK")
	return response


def acknowledged(b, rseq, body=b"", sdp=None):
	"""The gateway receives the PRACK for its response and accepts it."""
	got = b.expect("PRACK")
	same((got["RAck"], got["Contact"], got.body), ("%d %s" % (rseq, b.invited["CSeq"]), "", body))
	b.reply(200, sdp)
	return got


def plain(response):
	same((response["Require"], response["RSeq"]), ("", ""))
	return response


def ends(s, a, b, sdp=True):
	"""The gateway answers, the caller hangs up; the record says so."""
	b.reply(200, sdp, request=b.invited)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)
	same(s.switch.record()["sip_code"], 200)


def ends_elsewhere(s, a, b, description, sdp=True):
	"""The same when the caller had agreed on a session with another gateway: a re-INVITE gives it the new one."""
	b.reply(200, sdp, request=b.invited)
	a.expect(200, "INVITE")
	a.ack()
	same(b.expect("ACK").body, b"")
	same(a.expect("INVITE").body, description)
	a.reply(200, True)
	same(a.expect("ACK").body, b"")
	s.over(a, b)
	same(s.switch.record()["sip_code"], 200)


def held(s, gw, status=183, **parameters):
	"""A gateway has answered while the caller has not acknowledged the earlier description."""
	s.start(**ON, **parameters)
	a, b = begin(s, gw)
	b.reply(status, True)
	response = a.expect(status)
	b.reply(200, True)
	b.expect("ACK")
	return a, b, response


def settled(s, gw, allow=None, **invite):
	"""Offer and answer are completed on both legs by a 183."""
	a, b = begin(s, gw, **invite)
	if allow:
		b.reply(183, True, REQUIRED + [("RSeq", "1"), ("Allow", allow)], b.invited)
	else:
		ring(b, 1, 183, True)
	acknowledged(b, 1)
	acknowledge(a, 183)
	return a, b
