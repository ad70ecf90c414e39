"""The journal of calls, in memory and on disk: no disk stops the switch, and neither a crash nor a loss of power loses a call."""

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time

from crash import holds
from net import same
from runner import Skip, run, scenario, variants


def log_says(s, *texts):
	s.net.until(lambda: all(text in s.switch.read_log() for text in texts), "the log says %s" % (texts,), 6, step=0.05)


def go_on(s, *legs):
	"""The switch is started again at its addresses, asks each side whether it is there, and the call ends as ever."""
	s.switch.start_again()
	for leg in legs:
		if leg.local == leg.invited["From"]:
			leg.ack()
		leg.expect("OPTIONS")
		leg.reply(200)
	s.over(*legs)


def rows(path, count):
	def read():
		with sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=3) as db:
			found = db.execute("select a_call_id, end_reason from cdr order by id").fetchall()
		db.close()
		return found if len(found) >= count else None
	return read


# memory

def replace(path):
	with open(path + ".other", "wb") as file:
		file.write(b"something else")
	os.rename(path + ".other", path)


@variants(("truncated", lambda path: os.truncate(path, 0)), ("removed", os.remove), ("replaced", replace))
def a_journal_that_is_under_the_switch_costs_no_call(s, harm):
	gw = s.gateway()
	with tempfile.TemporaryDirectory(prefix="softswitch-test-", dir="/dev/shm") as folder:
		journal = os.path.join(folder, "journal")
		s.start(arguments=("--journal", journal))
		assert "journal in memory file=" + journal in s.switch.read_log()
		legs = s.talk(gw)
		ringing = s.caller.invite("4931")
		leg = gw.leg()
		leg.reply(180)
		ringing.expect(180)
		harm(journal)
		s.over(*s.talk(gw))
		log_says(s, "truncated, removed or replaced; it has been made anew")
		s.net.until(lambda: holds(journal, *legs, ringing), "all are in it", 2, step=0.02)
		leg.refuse(486)
		ringing.expect(486)
		s.switch.records(2)
		s.switch.kill()
		os.remove(s.switch.path("cdr.db-live"))
		go_on(s, *legs)
		same(sorted((row["sip_code"], row["end_reason"]) for row in s.switch.records(3)),
			[(200, "normal clearing"), (200, "normal clearing"), (486, "Busy Here")])


@scenario
def a_call_for_which_the_journal_had_no_room_is_in_it_once_it_has_grown(s):
	"""A limit of the size of files is what a full file system is to the journal. It ends before the calls change again."""
	gw = s.gateway()
	s.start()
	limit = resource.prlimit(s.switch.process.pid, resource.RLIMIT_FSIZE)
	resource.prlimit(s.switch.process.pid, resource.RLIMIT_FSIZE, (4 << 20, limit[1]))
	body = s.caller.sdp + b"a=filler:" + 1000 * b"x" + b"\r\n"
	body += 9 * body[body.index(b"a=filler"):]
	calls = []
	while len(calls) < 400 and s.switch.status()["records"]["journal_failures"] < 3:
		calls.append((s.caller.invite("4930", body=body), gw.leg()))
		calls[-1][1].reply(180)
		calls[-1][0].expect(180)
	last = [caller for caller, _ in calls[-2:]]
	assert not holds(s.switch.path("journal"), *last)
	s.net.until(lambda: s.switch.status()["records"]["error"] == "the journal: there is no room in memory", "it says so", 3, step=0.05)
	s.net.quiet(1.2)  # as long as it has none
	same(s.switch.status()["records"]["error"], "the journal: there is no room in memory")
	resource.prlimit(s.switch.process.pid, resource.RLIMIT_FSIZE, limit)
	s.net.until(lambda: holds(s.switch.path("journal"), *last), "they are in it", 3, step=0.02)
	s.net.until(lambda: s.switch.status()["records"]["error"] is None, "it does not say so", 3, step=0.05)
	each = s.switch.status()["held"]["transactions"] // len(calls)
	for caller, callee in calls[:-2]:
		callee.refuse(486)
		caller.expect(486)
	s.net.until(lambda: s.switch.status()["held"]["transactions"] == 2 * each, "every ACK has been read", step=0.02)
	s.switch.kill()
	os.remove(s.switch.path("cdr.db-live"))
	s.switch.start_again()
	for caller, callee in calls[-2:]:
		callee.refuse(486)
		caller.expect(486)
	same(len(s.switch.records(len(calls))), len(calls))


# a loss of power

@scenario
def a_call_goes_on_after_a_loss_of_power(s):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	s.net.until(lambda: holds(s.switch.path("cdr.db-live"), *legs, answered=True), "it is on the disk", 2, step=0.01)
	s.switch.status()
	s.net.quiet(0.05)  # what came last is there 10 ms later
	s.switch.kill()
	os.remove(s.switch.path("journal"))
	go_on(s, *legs)
	same(s.switch.record()["end_reason"], "normal clearing")


@variants(("a_crash", False), ("a_loss_of_power", True))
def a_call_that_ends_with_it_has_lasted_until_then_to_the_second(s, power):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	legs = s.talk(gw)
	answered = time.time()
	s.net.quiet(2.5)  # nothing happens on the switch
	s.switch.kill()
	lasted = time.time() - answered
	for name in ("journal", "cdr.db-live", "cdr.db"):  # as a copy has them that keeps no times
		os.utime(s.switch.path(name), (1e9, 1e9))
	if power:
		os.remove(s.switch.path("journal"))
	s.switch.start_again()
	for leg in legs:
		leg.hung_up()
	row = s.switch.record()
	same(row["end_reason"], "switch restarted")
	assert lasted - 1.2 <= row["hold_ms"] / 1000 <= lasted + 0.1, (lasted, row)


# disks

@contextlib.contextmanager
def mounted(s, *command):
	"""A file system of its own for cdr.db."""
	folder = s.switch.path("disk")
	os.mkdir(folder)
	if os.geteuid() or not shutil.which("mkfs.ext4"):
		raise Skip("only root may mount a file system, with mkfs.ext4")
	if subprocess.run(["mount", *command, folder], capture_output=True, check=False).returncode:
		raise Skip("a file system cannot be mounted here")
	try:
		yield folder
	finally:
		if s.switch.process:
			s.switch.process.kill()
			s.switch.process.wait()
			s.switch.process = None
		subprocess.run(["umount", folder], check=True)


@scenario
def a_frozen_file_system_holds_up_no_call(s):
	image = s.switch.path("image")
	gw = s.gateway()
	with open(image, "wb") as file:
		file.truncate(16 << 20)
	if shutil.which("mkfs.ext4"):
		subprocess.run(["mkfs.ext4", "-q", image], check=True)
	with mounted(s, "-o", "loop", image) as folder:
		cdr = os.path.join(folder, "cdr.db")
		s.start(arguments=("--cdr", cdr))
		first = s.talk(gw)
		subprocess.run(["fsfreeze", "-f", folder], check=True)
		try:
			begun = time.monotonic()
			for _ in range(20):
				s.over(*s.talk(gw))
			assert time.monotonic() - begun < 3
			log_says(s, "call records cannot be written, they wait reason=\"the disk does not answer\"",
				"cdr.db-live: the disk does not answer")
			begun = time.monotonic()
			s.over(*s.talk(gw))
			assert "the disk does not answer" in s.switch.status()["records"]["error"]
			assert time.monotonic() - begun < 1
		finally:
			subprocess.run(["fsfreeze", "-u", folder], check=True)
		log_says(s, "call records are written again", "the journal is written again")
		same(s.switch.status()["records"]["error"], None)
		found = s.net.until(rows(cdr, 21), "21 rows", 5, step=0.02)
		same((len(found), len(set(found))), (21, 21))
		s.net.until(lambda: holds(cdr + "-live", *first, answered=True), "the call is on the disk", 2, step=0.02)
		s.over(*first)
		s.net.until(rows(cdr, 22), "22 rows", 5, step=0.02)
		s.finish()


@scenario
def a_full_disk_holds_up_no_call_and_is_named(s):
	gw = s.gateway()
	with mounted(s, "-t", "tmpfs", "-o", "size=1m", "tmpfs") as folder:
		cdr = os.path.join(folder, "cdr.db")
		s.start(arguments=("--cdr", cdr))
		s.over(*s.talk(gw))
		s.net.until(rows(cdr, 1), "1 row", 5, step=0.02)
		with open(os.path.join(folder, "filler"), "wb", buffering=0) as filler, contextlib.suppress(OSError):
			while True:
				filler.write(bytes(4096))
		calls = [s.talk(gw) for _ in range(80)]  # more than there is room for in the files as they are
		log_says(s, "a loss of power would lose calls in progress", "cdr.db-live: No space left on device")
		assert "No space left" in s.switch.status()["records"]["error"]
		for legs in calls[1:]:
			s.over(*legs)
		os.remove(os.path.join(folder, "filler"))
		log_says(s, "the journal is written again")
		s.net.until(rows(cdr, 80), "80 rows", 5, step=0.02)
		s.net.until(lambda: holds(cdr + "-live", *calls[0], answered=True), "the call is on the disk", 2, step=0.02)
		s.switch.kill()
		os.remove(s.switch.path("journal"))
		go_on(s, *calls[0])
		s.net.until(rows(cdr, 81), "81 rows", 5, step=0.02)
		s.finish()


if __name__ == "__main__":
	run()
