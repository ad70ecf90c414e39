"""Files that are broken, locked, moved or replaced: calls go on, and no record is lost."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

from crash import checked, long_ago
from net import Failed, same
from runner import run, scenario, variants


def log_says(s, *texts):
	s.net.until(lambda: all(text in s.switch.read_log() for text in texts), "the log says %s" % (texts,), 4, step=0.05)


def remove(path):
	for name in (path, path + "-wal", path + "-shm"):
		if os.path.exists(name):
			os.remove(name)


def foreign(path):
	remove(path)
	with sqlite3.connect(path) as db:
		db.execute("create table t (x)")
	db.close()


def rubbish(path):
	remove(path)
	with open(path, "wb") as file:
		file.write(b"no database at all, but some bytes" * 400)


# call records

@variants(("foreign", foreign, "not a call record database"), ("rubbish", rubbish, "file is not a database"),
	("truncated", lambda path: os.truncate(path, 5000), "malformed"),
	("folder", lambda path: (remove(path), os.mkdir(path)), "not a regular file"))
def a_record_file_that_cannot_be_used_at_the_start_holds_up_no_call(s, spoil, words):
	path = s.switch.path("cdr.db")
	spoil(path)
	gw = s.gateway()
	s.start()
	s.over(*s.talk(gw))
	log_says(s, "call records cannot be written", words, path)
	records = s.switch.status()["records"]
	same((records["pending"], records["written"]), (1, 0))
	assert words in records["error"] and records["error_ms"] >= 1000, records
	assert words in s.switch.run("--check", expected=1)
	os.rename(path, path + ".broken")
	log_says(s, "call records are written again")
	same(s.switch.record()["sip_code"], 200)
	same(s.switch.status()["records"]["error"], None)


@scenario
def records_that_are_left_at_the_stop_are_counted_and_written_by_the_next_start(s):
	path = s.switch.path("cdr.db")
	rubbish(path)
	gw = s.gateway()
	s.start()
	s.over(*s.talk(gw))
	s.over(*s.talk(gw))
	s.switch.signal()
	s.switch.ended()
	left, stopped = s.switch.read_log().splitlines()[-2:]
	assert "call records are left to the next start n=2" in left and "file is not a database" in left, left
	assert stopped.endswith("stopped"), stopped
	os.remove(path)
	s.start()
	s.switch.records(2)


@scenario
def a_locked_record_file_is_named_after_a_second_and_loses_nothing(s):
	gw = s.gateway()
	s.start()
	with sqlite3.connect(s.switch.path("cdr.db"), isolation_level=None) as other:
		other.execute("begin immediate")
		s.over(*s.talk(gw))
		log_says(s, "database is locked")
		other.execute("commit")
	other.close()
	same(s.switch.record()["sip_code"], 200)
	log_says(s, "call records are written again")


def has_table(path):
	"""Whether the file is there, and ready."""
	if not os.path.exists(path):
		return False
	with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as db:
		found = db.execute("select count(*) from sqlite_schema where name = 'cdr'").fetchone()[0]
	db.close()
	return found


@scenario
def records_are_rotated_by_mv(s):
	gw = s.gateway()
	s.start()
	path, old = s.switch.path("cdr.db"), s.switch.path("cdr-old.db")
	s.over(*s.talk(gw))
	s.switch.record()
	os.rename(path, old)
	s.net.until(lambda: has_table(path), "a new file within a second or so", 1.5, step=0.02)
	s.over(*s.talk(gw, "4931"))
	same(s.switch.record()["callee_in"], "4931")
	with sqlite3.connect(old) as db:
		same(db.execute("select callee_in from cdr").fetchall(), [("4930",)])
	db.close()


def log_size(s, file="cdr.db"):
	"""Bytes of the log that SQLite keeps beside it."""
	path = s.switch.path(file + "-wal")
	return os.stat(path).st_size if os.path.exists(path) else 0


def is_short_again(s, file="cdr.db"):
	s.net.until(lambda: log_size(s, file) <= 4 << 20, "the log is short; %d" % log_size(s, file), 4, step=0.05)


@scenario
def a_forgotten_reader_does_not_make_the_log_grow_without_end(s):
	gw = s.gateway()
	s.start()
	with sqlite3.connect(s.switch.path("cdr.db"), isolation_level=None) as reader:
		reader.execute("begin")
		reader.execute("select count(*) from cdr").fetchall()
		with sqlite3.connect(s.switch.path("cdr.db"), timeout=5) as other:
			other.executescript("create table t (x); insert into t values (zeroblob(70 << 20))")
		other.close()
		before = log_size(s)
		assert before > 64 << 20, before
		for number in range(3):
			s.over(*s.talk(gw))
		log_says(s, "call records cannot be written, they wait", "cdr.db-wal has grown to 70 MiB and python",
			"(process %d) does not end its transaction" % os.getpid())
		same((log_size(s), s.switch.status()["records"]["pending"]), (before, 3))
		reader.execute("commit")
	reader.close()
	s.switch.records(3)
	log_says(s, "call records are written again")
	is_short_again(s)


def call_while(s, gw, process):
	"""Calls one after the other until it has ended. Returns their number and how long the log became."""
	calls, longest = 0, 0
	while process.poll() is None:
		s.over(*s.talk(gw))
		s.net.poll(0.1)
		calls, longest = calls + 1, max(longest, log_size(s))
	same(process.returncode, 0)
	return calls, longest


FILL = "insert into cdr select null, value, '', '', '', '', '', '', '', '', '', value, null, null, value, null, null, 200, '', 0," \
	" hex(zeroblob(500)), null, null, null from generate_series(1, 60000)"


@scenario
def an_operators_vacuum_and_big_delete_lose_no_record_and_leave_no_long_log(s):
	gw = s.gateway()
	s.start()
	path, calls, longest = s.switch.path("cdr.db"), 0, 0
	for statement in (FILL, "delete from cdr where begin_ms < 50000", "vacuum"):
		more, length = call_while(s, gw, subprocess.Popen(["sqlite3", "-cmd", ".timeout 20000", path, statement]))
		calls, longest = calls + more, max(longest, length)
	assert longest > 8 << 20, longest
	s.net.until(lambda: (s.over(*s.talk(gw)), log_size(s) <= 4 << 20)[1], "the log is cut, calls or not", 2,
		step=0.001)
	s.settle()
	with sqlite3.connect(path) as db:
		ours = lambda: db.execute("select count(*) from cdr where caller_in <> ''").fetchone()[0]
		s.net.until(lambda: ours() == s.switch.status()["calls"]["total"], "one record for each call", step=0.05)
		assert ours() >= calls and calls > 3, calls
		db.execute("delete from cdr where caller_in = ''")
	db.close()
	assert "overwritten" not in s.switch.read_log(), s.switch.read_log()


@scenario
def a_reader_holds_up_the_end_of_a_long_log_only_for_its_own_time(s):
	s.start()
	with sqlite3.connect(s.switch.path("softswitch.db"), isolation_level=None) as reader:
		reader.execute("begin")
		reader.execute("select count(*) from gateway").fetchall()
		s.switch.sql("create table t (x)", "insert into t values (zeroblob(8 << 20))", "drop table t")
		s.net.quiet(1.3)  # the switch has tried by then
		assert log_size(s, "softswitch.db") > 8 << 20
		reader.execute("commit")
	reader.close()
	is_short_again(s, "softswitch.db")


# the configuration

def configuration(s, name, capacity):
	"""A copy of the configuration with another capacity for the only gateway."""
	path = s.switch.path(name)
	with sqlite3.connect(s.switch.path("softswitch.db")) as db, sqlite3.connect(path) as copy:
		db.backup(copy)
		copy.execute("update gateway set capacity = %d" % capacity)
	db.close()
	copy.execute("pragma wal_checkpoint(truncate)")
	copy.close()
	return path


def has_capacity(s, capacity):
	s.net.until(lambda: [gw["capacity"] for gw in s.switch.control("gateways.list")["gateways"]] == [capacity],
		"in force within a second", 1, step=0.02)


def overwrite(new, path):
	with open(new, "rb") as source, open(path, "r+b") as target:
		target.truncate(0)
		shutil.copyfileobj(source, target)


@variants(("mv", os.rename), ("cp", overwrite))
def a_replaced_configuration_is_in_force_within_a_second_and_keeps_the_calls(s, replace):
	gw = s.gateway(capacity=5)
	s.start()
	a, b = s.talk(gw)
	path = s.switch.path("softswitch.db")
	new = configuration(s, "new.db", 7)
	s.switch.sql("update gateway set capacity = 6")
	has_capacity(s, 6)
	replace(new, path)
	has_capacity(s, 7)
	same(s.switch.control("gateways.list")["gateways"][0]["calls"], 1)
	s.switch.sql("update gateway set capacity = 8")
	has_capacity(s, 8)
	s.over(a, b)
	s.over(*s.talk(gw))
	same(s.switch.sql("pragma integrity_check"), "ok")


@scenario
def an_operators_script_is_never_locked_out(s):
	gw = s.gateway()
	s.start()
	for capacity in range(1, 101):
		subprocess.run(["sqlite3", s.switch.path("softswitch.db"), "update gateway set capacity = %d" % capacity], check=True,
			timeout=20)
	has_capacity(s, 100)
	s.over(*s.talk(gw))


@variants(("foreign", foreign, "not a configuration database"), ("rubbish", rubbish, "file is not a database"),
	("empty", lambda path: open(path, "wb").close(), "is empty"), ("missing", None, "No such file"))
def a_configuration_that_cannot_be_used_is_named_and_the_old_one_stays(s, spoil, words):
	gw = s.gateway(capacity=5)
	s.start()
	path = s.switch.path("softswitch.db")
	new = configuration(s, "new.db", 7)
	os.rename(path, path + ".old")
	if spoil:
		spoil(path)
	log_says(s, "configuration cannot be read, the old one stays in force", words)
	s.over(*s.talk(gw))
	has_capacity(s, 5)
	same(os.path.exists(path), spoil is not None)
	os.rename(new, path)
	has_capacity(s, 7)
	s.over(*s.talk(gw))


@variants(("rubbish", rubbish, "file is not a database"), ("folder", lambda path: (remove(path), os.mkdir(path)), "not a regular file"),
	("truncated", lambda path: os.truncate(path, 50000), "database disk image is malformed"),
	("without_a_table", lambda path: subprocess.run(["sqlite3", path, "drop table gateway"], check=True), "no such table: gateway"))
def without_a_configuration_it_says_why_and_does_not_start(s, spoil, words):
	path = s.switch.path("softswitch.db")
	spoil(path)
	said = s.switch.run("--listen", "sip:127.0.0.1:0;transport=udp", expected=1)
	assert words in said and path in said, said
	assert words in s.switch.run("--check", expected=1)


# Calls of the process before wait for the configuration.

WAITS = "waiting for the configuration"


def locked(path):
	"""Somebody has it for himself, also for reading."""
	db = sqlite3.connect(path, isolation_level=None)
	db.execute("pragma locking_mode = exclusive")
	db.execute("begin exclusive")
	return db


def hidden(path):
	os.rename(path, path + ".away")


def emptied(path):
	hidden(path)
	open(path, "w").close()


def crash_without(s, spoil):
	"""A call, and the switch dies. Returns its legs, the path of the configuration and what spoil() made of it."""
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	s.switch.status()
	s.switch.kill()
	path = s.switch.path("softswitch.db")
	return legs, path, spoil(path)


def start_that_waits(s, act):
	"""It does until this is done."""
	def meanwhile():
		log_says(s, WAITS)
		act()
	s.switch.start_again(meanwhile)


@variants(("missing", hidden, "cannot open"), ("empty", emptied, "is empty"), ("rubbish", lambda path: (shutil.copy(path, path + ".away"), rubbish(path)),
	"file is not a database"))
def calls_wait_for_a_configuration_that_is(s, spoil, words):
	legs, path, _ = crash_without(s, spoil)
	start_that_waits(s, lambda: os.rename(path + ".away", path))
	assert words in s.switch.read_log(), s.switch.read_log()
	checked(*legs)
	s.over(*legs)


@scenario
def a_configuration_that_is_locked_is_waited_for(s):
	legs, _, lock = crash_without(s, locked)
	start_that_waits(s, lock.close)
	assert "another process holds it" in s.switch.read_log()
	checked(*legs)
	s.over(*legs)


@scenario
def after_a_minute_calls_end_without_their_configuration(s):
	legs, path, _ = crash_without(s, hidden)
	long_ago(s, 59)
	s.switch.start_again()
	assert path in s.switch.read_log() and WAITS in s.switch.read_log()
	for leg in legs:
		leg.hung_up()
	same(s.switch.record()["end_reason"], "switch restarted")


@scenario
def without_calls_a_missing_configuration_is_made_at_once(s):
	gw = s.gateway()
	s.start()
	s.over(*s.talk(gw))
	s.switch.record()
	s.settle()
	s.switch.kill()
	hidden(s.switch.path("softswitch.db"))
	s.switch.start_again()
	assert WAITS not in s.switch.read_log()


@scenario
def a_configuration_of_a_later_version_is_not_waited_for(s):
	def age(path):
		version = subprocess.run(["sqlite3", path, "pragma user_version; pragma user_version = 99"], check=True,
			capture_output=True, text=True).stdout
		return version.strip()

	legs, path, version = crash_without(s, age)
	assert "is of version 99, newer than this program, which knows up to " + version in s.switch.run(
		"--listen", "sip:127.0.0.1:0;transport=udp", expected=1)
	subprocess.run(["sqlite3", path, "pragma user_version = " + version], check=True)
	s.switch.start_again()
	checked(*legs)
	s.over(*legs)


@scenario
def who_waits_for_a_configuration_can_be_stopped(s):
	legs, _, lock = crash_without(s, locked)
	with contextlib.suppress(Failed):
		start_that_waits(s, s.switch.signal)
	s.switch.ended(1)
	assert "asked to end" in s.switch.read_log()
	lock.close()
	s.switch.start_again()
	checked(*legs)
	s.over(*legs)


if __name__ == "__main__":
	run()
