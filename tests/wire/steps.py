"""Steps that many procedures of the matrix share."""

from procedures import procedure


async def ring(r, offer=True, greeting=(100, 180)):
	"""The caller hears the gateway ring."""
	r.gateway.greeting = greeting
	r.call(offer)
	await r.until(lambda: r.gateway.first and r.caller.first.provisional and r.caller.first.provisional.status == 180,
		"the caller hears it ring")


async def talk(r):
	await ring(r)
	r.gateway.answer(200)
	await r.quiet()
	r.agree_up()


async def hang_up(r):
	r.caller.bye()
	await r.over()


async def up(r):
	await r.until(lambda: r.caller.state == "up" and r.gateway.state == "up", "the call is up")


def sides(r, first):
	"""(the side of this name, the other side)"""
	return (r.caller, r.gateway) if first == "caller" else (r.gateway, r.caller)


def each_side(name, **more):
	"""Decorates a procedure that is played once from the caller and once from the gateway."""
	def register(function):
		for side in ("caller", "gateway"):
			procedure("%s-%s" % (name, side), side, **more)(function)
		return function
	return register
