"""
Each system call that the switch makes over the life of a call fails once, or takes long. The call goes on as if nothing had
happened, and leaves one record.
	test_faults.py udp                              a choice of them
	test_faults.py udp all                          every one, which takes some minutes
	test_faults.py tcp "talk: pwrite #3 EIO" ...    these, in a call over TCP
FAULTS_SO names the object to be preloaded, else it is build/tests/faults/faults.so.
"""

import random
import sys
import tempfile

from faults import FaultMatrix, StreamFaultMatrix, words  # finds the others
from matrix import play
from procedures import procedure
from steps import hang_up, up

SAMPLE = 4  # of each procedure


async def talk(r):
	"""No step waits for a provisional response, which may be lost."""
	r.gateway.greeting = (100, 180, 200)
	r.call()
	await up(r)
	await r.quiet()
	r.agree_up()


@procedure("talk")
async def conversation(r):
	await talk(r)
	r.caller.request("INVITE", r.caller.offer())
	await r.quiet()
	r.agree_up()
	await hang_up(r)


@procedure("rotation")
async def rotation(r):
	"""Another cdr.db is made while the call is up."""
	await talk(r)
	r.matrix.rotate()
	await hang_up(r)


@procedure("reload")
async def reloaded(r):
	await talk(r)
	r.matrix.switch.sql("update gateway set capacity = %d" % (1000 + r.number))
	await hang_up(r)


def main():
	transport, *arguments = sys.argv[1:]
	matrix = {"udp": FaultMatrix, "tcp": StreamFaultMatrix}[transport]

	def choose(name, faults):
		if arguments == ["all"]:
			return faults
		if arguments:
			return [fault for fault in faults if "%s: %s" % (name, words(fault)) in arguments]
		return random.sample(faults, min(SAMPLE, len(faults)))
	with tempfile.TemporaryDirectory(prefix="softswitch-faults-") as folder:
		play(matrix(folder, choose), SS_SIP_RESEND_INTERVAL="0.1,0.2,0.4,0.8,0.8,0.8,0.8,0.8,0.8,0.8",
			SS_GATEWAY_BREAKER_FAILURES="None", SS_GATEWAY_BREAKER_RATE="None")


if __name__ == "__main__":
	main()
