"""
Each system call of a start after a crash fails once, or takes long. The call that was up goes on; where the start cannot be,
or cannot have the call, it says why, and the next one has it.
	test_faults_start.py                    a choice of them
	FAULTS=all test_faults_start.py         every one, which takes some minutes
	FAULTS="open #7 EMFILE" test_faults_start.py
"""

import calendar
import os
import random
import time

import faults  # finds the others
import runner
from crash import holds
from net import Failed, same
from runner import run, scenario, variants

SAMPLE = 2  # of each kind
WANTED = os.environ.get("FAULTS")


def checked(*legs):
	"""The switch asks each peer once whether it is there; the caller acknowledges its 200 again, should it come again."""
	legs[0].ack()
	for leg in legs:
		leg.expect("OPTIONS")
		leg.reply(200)


def starts(s):
	"""Start it again. Returns whether it has the call; what keeps it from that was said."""
	before = len(s.switch.read_log())
	try:
		s.switch.start_again()
	except Failed:
		same(s.switch.process.poll(), 1)
		s.switch.process = None
	said = s.switch.read_log()[before:]
	if s.switch.process and s.switch.status()["calls"]["active"] == 1:
		return True
	assert "error" in said or "cannot" in said, "it does not say why: " + said
	if s.switch.process:
		s.switch.kill()
	return False


def crash(s, gw, control, fault):
	"""A call outlives a start with this fault. Returns which system calls there were."""
	a, b = s.talk(gw)
	s.net.until(lambda: holds(s.switch.path("cdr.db-live"), a, b, answered=True), "it is on disk, should memory fail", step=0.01)
	s.switch.status()
	s.switch.kill()
	control.arm(fault)
	has_call = starts(s)
	seen = control.seen()
	control.disarm()
	if not has_call:
		assert starts(s), "the next start does not have the call"
	checked(a, b)
	s.over(a, b)
	s.settle()
	s.net.until(lambda: [row["a_call_id"] for row in s.switch.records(None)].count(a.call_id) == 1, "its record", step=0.02)
	if fault:
		s.switch.kill()
		s.switch.start_again()  # it has a journal again, should that have been what failed
	return seen


def a_call_outlives_a_start_with_a_fault(kind):
	def play(s):
		control = faults.Control(s.folder)
		s.switch.environment.update(control.environment())
		gw = s.gateway()
		s.start()
		crash(s, gw, control, None)
		seen = crash(s, gw, control, None)
		possible = faults.faults({kind: seen.get(kind, 0)})
		if WANTED:
			possible = [fault for fault in possible if WANTED in ("all", faults.words(fault))]
		for fault in possible if WANTED else random.sample(possible, min(SAMPLE, len(possible))):
			print(faults.words(fault), flush=True)  # seen when it fails
			crash(s, gw, control, fault)
	play.__name__ = "a_call_outlives_a_start_with_a_fault_of_" + kind
	scenario(play)


@variants(("the_call_goes_on", "On", "normal clearing"), ("the_call_is_ended", "Off", "switch restarted"))
def the_wall_clock_is_set_back_before_a_crash(s, recovery, reason):
	"""By an hour: the record says by the clock of before when the call began, and right how long it was."""
	control = faults.Control(s.folder)
	s.switch.environment.update(control.environment())
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY=recovery)
	a, b = s.talk(gw)
	begun = time.time()
	control.set_back(3600)
	s.net.quiet(1.5)
	s.switch.kill()
	s.switch.start_again()
	if recovery == "On":
		checked(a, b)
		s.over(a, b)
	else:
		a.hung_up()
		b.hung_up()
	lasted = time.time() - begun
	row = s.switch.record()
	same(row["end_reason"], reason)
	stamp = s.switch.read_log().splitlines()[-1].split(".")[0]
	assert abs(calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) + 3600 - time.time()) < 10, stamp
	assert abs(row["answer_ms"] / 1000 - begun) < 1 and row["begin_ms"] <= row["answer_ms"], (begun, row)
	assert 1.2 < row["hold_ms"] / 1000 < lasted + 0.1 and row["end_ms"] == row["answer_ms"] + row["hold_ms"], (lasted, row)


for name in faults.KINDS:
	a_call_outlives_a_start_with_a_fault(name)


if __name__ == "__main__":
	runner.LIMIT_S = 110 if WANTED else runner.LIMIT_S
	run()
