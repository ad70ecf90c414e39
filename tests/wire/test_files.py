"""Files that are broken, locked, moved or replaced: calls go on, and no record is lost."""

import os
import sqlite3

from net import same
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


@scenario
def records_are_rotated_by_mv(s):
	gw = s.gateway()
	s.start()
	path, old = s.switch.path("cdr.db"), s.switch.path("cdr-old.db")
	s.over(*s.talk(gw))
	s.switch.record()
	os.rename(path, old)
	s.net.until(lambda: os.path.exists(path) and os.path.getsize(path), "a new file within a second or so", 1.5, step=0.02)
	s.over(*s.talk(gw, "4931"))
	same(s.switch.record()["callee_in"], "4931")
	with sqlite3.connect(old) as db:
		same(db.execute("select callee_in from cdr").fetchall(), [("4930",)])
	db.close()


if __name__ == "__main__":
	run()
