"""The matrix for session refreshes (RFC 4028), with the switch's clock running twenty times as fast."""

import asyncio

from agent import ALLOW
from matrix import main
from procedures import procedure
from steps import hang_up, sides, talk

SPEED = 20


async def refresh(r, side, refresher, method):
	"""The session on this leg is refreshed and outlives its interval; the other side notices nothing."""
	x, y = sides(r, side)
	x.refresher = refresher
	x.allow = ALLOW if method == "UPDATE" else ALLOW.replace(", UPDATE", "")
	await talk(r)
	with r.part_under_test():
		if refresher == "us":
			await asyncio.sleep(x.interval / SPEED / 2)
			began = x.now()
			await x.refresh(method)
		else:
			await r.until(lambda: x.refreshed, "a refresh")
			began = x.now()
		await r.quiet()
	r.agree_up()
	await asyncio.sleep(began + x.interval / SPEED * 0.6 - x.now())
	r.agree_up()
	r.same("refreshes of the other side", y.refreshed, 0)
	await hang_up(r)


for side in ("caller", "gateway"):
	for method in ("UPDATE", "INVITE"):
		procedure("refresh-by-%s-with-%s" % (side, method.lower()), side, "us", method)(refresh)
		procedure("refresh-of-%s-with-%s" % (side, method.lower()), side, "switch", method)(refresh)


async def refresh_and(r, side, what):
	"""The other side hangs up, or changes the session, while a refresh on this leg is in flight."""
	x, y = sides(r, side)
	x.refresher = "switch"
	await talk(r)
	with r.part_under_test():
		await asyncio.sleep(x.interval / SPEED * 0.75)
		if what == "BYE":
			y.bye()
			await r.over()
		else:
			client = await y.negotiate(what)
			r.same("the answer", client.final.status, 200)
			await r.quiet()
	if what == "BYE":
		r.ended_by(y)
	else:
		r.agree_up()
		await hang_up(r)


for side in ("caller", "gateway"):
	for what in ("BYE", "INVITE"):
		procedure("refresh-of-%s-at-the-same-time-as-%s" % (side, what.lower()), side, what, tolerated={
			"UPDATE", "200 UPDATE", "481 UPDATE", "487 UPDATE", "491 UPDATE", "491 INVITE", "INVITE", "ACK", "100 INVITE",
			"500 UPDATE", "500 INVITE"})(refresh_and)


PARAMETERS = {"clock_speed": SPEED, "SS_SIP_RESEND_INTERVAL": "2,4,8,16,16,16,16,16,16,16", "SS_SIP_SESSION_TTL": "90",
	"SS_SIP_TIMEOUT_INVITE": "120", "SS_SIP_TIMEOUT_TRYING": "300"}

if __name__ == "__main__":
	main(at_a_time=250, **PARAMETERS)
