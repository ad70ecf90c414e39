"""Another switch goes on with the calls of one that runs no more, at its addresses (docs/behaviour.md, On another machine)."""

import os
import subprocess

from crash import checked, crash, holds
from net import Failed, same
from runner import run, scenario


def another_machine(s, *legs):
	"""The switch dies; from now on its commands are of one with the same configuration. What the first has left."""
	left = s.switch.path("cdr.db-live")
	s.net.until(lambda: holds(left, *legs), "all are on disk", 2, step=0.02)
	s.switch.kill()
	folder = s.switch.path("another")
	os.mkdir(folder)
	subprocess.run(["sqlite3", s.switch.path("softswitch.db"), ".backup %s/softswitch.db" % folder], check=True, timeout=20)
	s.switch.folder = folder
	return left


def adopt(s, left):
	s.switch.given = ("--adopt", left, *s.switch.given)
	s.switch.start_again()


@scenario
def calls_go_on_on_another_machine_and_only_once(s):
	gw = s.gateway(capacity=2)
	s.start()
	legs = s.talk(gw)
	a = s.caller.invite("4930")
	b = gw.leg()
	ringing = b.reply(180)
	a.expect(180)
	left = another_machine(s, *legs, a)
	adopt(s, left)
	checked(*legs)
	invite = gw.expect_count(3, "INVITE")[-1].message
	gw.send(ringing.raw, invite.source)
	same((os.path.exists(left), os.path.exists(left + ".adopted")), (False, True))
	s.net.until(lambda: holds(s.switch.path("cdr.db-live"), *legs, a), "they are on its own disk", 2, step=0.02)
	crash(s)  # there is nothing to adopt any more
	checked(*legs)
	s.over(*legs)
	gw.expect_count(4, "INVITE")
	s.answer(a, b)
	s.over(a, b)
	same(sorted((row["a_call_id"], row["sip_code"], row["end_reason"]) for row in s.switch.records(2)),
		sorted((leg.call_id, 200, "normal clearing") for leg in (legs[0], a)))


def refused(s, left, words):
	try:
		adopt(s, left)
	except Failed:
		pass
	else:
		raise Failed("it was started")
	s.switch.process.wait()
	assert words in s.switch.read_log(), s.switch.read_log()
	s.switch.given = s.switch.given[2:]


@scenario
def what_cannot_be_adopted_stays_as_it_is(s):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	left = another_machine(s, *legs)
	with open(left, "rb") as file:
		data = file.read()
	other = s.switch.path("other")
	with open(other, "w") as file:
		file.write("something else " * 1000)
	refused(s, other, "it is no journal of this version")
	os.mkdir(left + ".adopted")
	refused(s, left, "cannot adopt %s: Is a directory" % left)
	os.rmdir(left + ".adopted")
	with open(left, "r+b") as file:
		subprocess.run(["flock", "--exclusive", str(file.fileno())], pass_fds=[file.fileno()], check=True, timeout=5)
		refused(s, left, "its switch runs")
	s.switch.start_again()
	mine = s.talk(gw)
	s.switch.kill()
	refused(s, left, "calls and records of this switch were left, start it without")
	with open(left, "rb") as file:
		same(file.read(), data)
	s.switch.start_again()
	checked(*mine)
	s.over(*mine)
	same(len(s.switch.records(1)), 1)


run()
