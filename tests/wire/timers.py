"""What the tests of session timers share (RFC 4028). The switch's clock runs SPEED times as fast as real time."""

import re

import sip
from net import Failed, same

SPEED = 30
SLOW = {"SS_SIP_RESEND_INTERVAL": "12,12", "SS_SIP_TIMEOUT_INVITE": "120", "SS_SIP_TIMEOUT_TRYING": "300",
	"SS_SIP_SESSION_UPDATE_SEGMENT": "2"}  # 0.4 s of real time between resends
GIVEN_UP = 36  # s after which a request counts as unanswered, by SLOW
TIMER = ("Supported", "timer")
KNOWS_UPDATE = ("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE")
NO_UPDATE = "INVITE, ACK, CANCEL, BYE"


def start(s, speed=SPEED, **parameters):
	s.start(clock_speed=speed, **{**SLOW, **parameters})


def expires(seconds, refresher=""):
	"""The header of a session interval."""
	return "Session-Expires", "%d%s" % (seconds, refresher and ";refresher=" + refresher)


def granted(message):
	"""(interval, refresher) of this message; (None, "") without."""
	value = message["Session-Expires"]
	return int(re.match(r"\d*", value).group() or 0) if value else None, sip.param(value, "refresher")


def options(message, name="Supported"):
	"""The option tags of all lines of this header."""
	return [tag.strip() for value in message.all(name) for tag in value.split(",")]


def talk(s, gw, asks=(), grants=(), **invite):
	"""A call; asks and grants are headers of the INVITE and of the 200 to it. `since` of a leg is its last 2xx."""
	a = s.caller.invite("4930", headers=list(asks), **invite)
	b = gw.leg()
	b.since = b.reply(200, sdp=True, headers=list(grants))
	a.since = a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	return a, b


def timed(s, side, ours=True, update=True, interval=90, **parameters):
	"""
	A call with a timer on one leg only, "a" the caller's or "b" the gateway's. ours: the switch refreshes; update: with
	UPDATE. Returns this leg and the other.
	"""
	gw = s.gateway(auth_user="us", auth_password="secret")
	start(s, **parameters)
	header = expires(interval, "uas" if ours == (side == "a") else "uac")
	if side == "a":
		a, b = talk(s, gw, [TIMER, header], Allow=KNOWS_UPDATE[1] if update else NO_UPDATE)
		same(granted(a.since), granted(a.invited))
		return a, b
	a, b = talk(s, gw, grants=[header, KNOWS_UPDATE if update else ("Allow", NO_UPDATE)])
	return b, a


LATE = 0.8  # real seconds that a busy machine may add; most faults show as too early


def is_due(message, since, seconds, speed=SPEED, late=LATE):
	"""
	It arrived this many seconds of the switch after another: never early, at most `late` real seconds too late. Over TCP
	and TLS the time is when this process looked, which may be late for the first of them.
	"""
	passed = message.time - since.time
	early = 0.02 if isinstance(message.source, tuple) else 0.15
	if not -early <= passed - seconds / speed <= late:
		raise Failed("%s came after %.1f s, due after %.1f" % (message, passed * speed, seconds))
	return message


def refresh(x, due=None, method="UPDATE", interval=90, refresher="uac", speed=SPEED, sdp=True):
	"""
	The switch refreshes, this many of its seconds after the last 2xx on this leg, and x accepts; returns the request.
	interval None: x no longer grants a timer. sdp: the description in the answer to a re-INVITE.
	"""
	request = x.expect(method, timeout=8)
	if due is not None:
		is_due(request, x.since, due, speed)
	headers = [] if interval is None else [("Require", "timer"), expires(interval, refresher)]
	x.since = x.reply(200, sdp=method == "INVITE" and sdp, headers=headers)
	if method == "INVITE":
		same(x.expect("ACK").body, b"")
	return request


def refreshes(x, method="UPDATE", interval=90, refresher="uac", body=b"", headers=()):
	"""x refreshes, and the switch answers by itself; returns the 200."""
	x.send(method, [TIMER, expires(interval, refresher), *headers], body)
	x.since = x.expect(200, method)
	if method == "INVITE":
		x.ack()
	return x.since


def method_of(update):
	return "UPDATE" if update else "INVITE"


def is_lost(s, words, side):
	"""The only record: the switch ended the call because of this leg."""
	is_record(s, "%s: %s" % (words, LEG[side]), 2)


def is_record(s, words, direction, code=200):
	"""Checks why and by whom the call ended in the only record, and returns it."""
	row = s.switch.record()
	same((row["end_reason"], row["end_direction"], row["sip_code"]), (words, direction, code))
	return row


BOTH_LEGS = ("to_the_caller", "a"), ("to_the_gateway", "b")
BOTH_WAYS = [("%s_by_%s" % (leg, method_of(update).lower()), side, update) for leg, side in BOTH_LEGS
	for update in (True, False)]
DIRECTION = {"a": 0, "b": 1}
LEG = {"a": "caller", "b": "gateway"}
