"""swctl backup, restore and prune: the files of a switch are copied, put back and thinned out while calls go on."""

import fcntl
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import time

from net import same
from runner import run, scenario, variants
from switch import ROOT, SWCTL

FILES = ["cdr.db", "softswitch.db", "state.db"]
SECRETS = {"auth_user": "us", "auth_password": "geheimnis-of-a-gateway"}


def query(path, sql):
	db = sqlite3.connect(path, timeout=5)
	rows = db.execute(sql).fetchall()
	db.close()
	return rows


def callees(path):
	return [callee for callee, in query(path, "select callee_in from cdr order by id")]


def has_table(path):
	return query(path, "select 1 from sqlite_master where name = 'cdr'")


def dump(path):
	return subprocess.run(["sqlite3", path, ".dump"], capture_output=True, text=True, check=True).stdout


def mode(path):
	return stat.S_IMODE(os.stat(path).st_mode)


def call(s, gw, *callees):
	for callee in callees:
		s.over(*s.talk(gw, callee))


def call_while(s, gw, process, first):
	"""Calls to first, first + 1, ... until it has ended. Returns the next number."""
	while process.poll() is None:
		call(s, gw, str(first))
		first += 1
		s.net.poll(0.02)
	same(process.returncode, 0)
	return first


def backup(s, *options):
	folder = s.switch.path("backup")
	s.switch.swctl("backup", folder, *options)
	return folder


def kept(s, name):
	"""The file that a restore has kept."""
	found = [file for file in os.listdir(s.folder) if file.startswith(name + "-before-") and not file.endswith(("-wal", "-shm"))]
	same(len(found), 1)
	return s.switch.path(found[0])


def is_whole(path):
	same(query(path, "pragma integrity_check"), [("ok",)])


def has_capacity(s, capacity):
	s.net.until(lambda: [gw["capacity"] for gw in s.switch.control("gateways.list")["gateways"]] == [capacity],
		"in force within a second", 1, step=0.02)


@scenario
def a_backup_while_calls_run_gives_the_same_rows_when_it_is_restored(s):
	gw = s.gateway(capacity=5, **SECRETS)
	s.start()
	call(s, gw, "4900")
	s.switch.record()
	folder = s.switch.path("backup")
	made = subprocess.Popen([SWCTL, "--control", s.switch.path("c.sock"), "backup", folder], stdout=subprocess.PIPE, text=True)
	following = call_while(s, gw, made, 4901)
	made.stdout.close()
	same((sorted(os.listdir(folder)), mode(folder)), (FILES, 0o700))
	same({mode(os.path.join(folder, name)) for name in FILES}, {0o600})
	same(dump(os.path.join(folder, "softswitch.db")), dump(s.switch.path("softswitch.db")))
	saved = callees(os.path.join(folder, "cdr.db"))
	same(saved, [str(number) for number in range(4900, 4900 + len(saved))])
	s.switch.records(following - 4900)
	s.switch.signal()
	s.switch.ended()

	for name in FILES:
		os.remove(s.switch.path(name))
	s.switch.swctl("restore", folder, "--db", s.switch.path("softswitch.db"))
	same({mode(s.switch.path(name)) for name in FILES}, {0o660})
	s.switch.start_again()
	same(callees(s.switch.path("cdr.db")), saved)
	has_capacity(s, 5)
	call(s, gw, "4950")
	s.net.until(lambda: callees(s.switch.path("cdr.db")) == saved + ["4950"], "the next record", step=0.02)


@scenario
def a_restore_under_a_running_switch_keeps_its_calls_and_loses_no_record(s):
	gw = s.gateway(capacity=5)
	s.start()
	a, b = s.talk(gw, "4901")
	call(s, gw, "4902")
	s.switch.record()
	folder = backup(s)
	s.switch.sql("update gateway set capacity = 6")
	has_capacity(s, 6)
	call(s, gw, "4903")
	os.chmod(s.switch.path("softswitch.db"), 0o640)
	said = s.switch.swctl("restore", folder)
	for name in ("softswitch.db", "cdr.db"):
		assert "%s is replaced by %s\n  and kept as %s\n" % (s.switch.path(name), os.path.join(folder, name), kept(s, name)) in said, said
	assert "state is left out" in said, said
	s.switch.sql("insert into route (prefix, gateway) values ('7', 'gw')")
	has_capacity(s, 5)
	call(s, gw, "7904")
	s.over(a, b)
	s.net.until(lambda: "7904" in callees(s.switch.path("cdr.db")), "records go on", 3, step=0.02)
	s.net.until(lambda: sorted(set(callees(kept(s, "cdr.db")) + callees(s.switch.path("cdr.db")))) == ["4901", "4902", "4903", "7904"],
		"every record is in one of the two", step=0.02)
	same((callees(s.switch.path("cdr.db"))[0], mode(s.switch.path("softswitch.db"))), ("4902", 0o640))
	for name in ("softswitch.db", "cdr.db"):
		is_whole(kept(s, name))
		is_whole(s.switch.path(name))
	same(query(kept(s, "softswitch.db"), "select capacity from gateway"), [(6,)])


@scenario
def restores_may_follow_one_another_at_once(s):
	gw = s.gateway(capacity=5)
	s.start()
	call(s, gw, "4901")
	s.switch.record()
	folder = backup(s)
	for _ in range(3):
		s.switch.swctl("restore", folder)
	same([len([file for file in os.listdir(s.folder) if file.startswith(name + "-before-") and file.endswith("Z")])
		for name in ("softswitch.db", "cdr.db")], [3, 3])
	same(callees(s.switch.path("cdr.db")), ["4901"])


@scenario
def what_is_written_right_after_a_restore_stays_in_the_restored_file(s):
	gw = s.gateway(capacity=5)
	s.start()
	call(s, gw, "4901")
	s.switch.record()
	folder = backup(s)
	with s.switch.asleep():  # it has the old files open for a while
		s.switch.swctl("restore", folder, "--db", s.switch.path("softswitch.db"))
		config, records = sqlite3.connect(s.switch.path("softswitch.db")), sqlite3.connect(s.switch.path("cdr.db"))
		for db, change in ((config, "update gateway set capacity = 7"), (records, "update cdr set callee_in = '4900'")):
			db.execute("pragma wal_autocheckpoint = 0")
			db.execute("pragma journal_mode = wal")
			with db:
				db.execute(change)
	has_capacity(s, 7)
	call(s, gw, "4902")
	s.net.until(lambda: callees(s.switch.path("cdr.db")) == ["4900", "4902"], "the next record", 3, step=0.02)
	for db in (config, records):
		db.close()
	same(callees(kept(s, "cdr.db")), ["4901"])
	for name in ("softswitch.db", "cdr.db"):
		is_whole(s.switch.path(name))
		is_whole(kept(s, name))


@scenario
def a_file_that_is_no_database_is_replaced_and_kept(s):
	gw = s.gateway(capacity=5)
	s.start()
	folder = backup(s)
	for name in ("softswitch.db", "cdr.db"):
		with open(s.switch.path("rubbish"), "wb") as file:
			file.write(b"no database at all" * 400)
		os.rename(s.switch.path("rubbish"), s.switch.path(name))
	s.net.until(lambda: "configuration cannot be read" in s.switch.read_log(), "it is noticed", step=0.02)
	s.switch.swctl("restore", folder)
	s.net.until(lambda: s.switch.read_log().count("configuration in force") == 2, "the restored one is in force", step=0.02)
	same(open(kept(s, "softswitch.db"), "rb").read(18), b"no database at all")
	call(s, gw, "4901")
	s.net.until(lambda: callees(s.switch.path("cdr.db")) == ["4901"], "records go on", 3, step=0.02)


def damage(path):
	with open(path, "r+b") as file:
		file.seek(os.path.getsize(path) // 2)
		file.write(os.urandom(8192))


def newer(path):
	query(path, "pragma user_version = 99")


def foreign(path):
	os.remove(path)
	query(path, "create table t (x)")


@variants(("damaged", damage, "softswitch.db"), ("newer", newer, "is of version 99, newer than this program"),
	("foreign", foreign, "is not a database of softswitch"), ("missing", os.remove, "there is no softswitch.db, cdr.db or state.db"))
def a_backup_that_cannot_be_used_is_named_and_changes_nothing(s, spoil, words):
	s.gateway()
	s.start()
	folder = backup(s)
	for name in ("cdr.db", "state.db"):
		os.remove(os.path.join(folder, name))
	spoil(os.path.join(folder, "softswitch.db"))
	before, rows = sorted(os.listdir(s.folder)), dump(s.switch.path("softswitch.db"))
	said = s.switch.swctl("restore", folder, expected=1)
	assert words in said and folder in said, said
	same((sorted(os.listdir(s.folder)), dump(s.switch.path("softswitch.db"))), (before, rows))


@scenario
def passwords_are_for_the_owner_only_or_left_out(s):
	s.gateway(**SECRETS)
	s.switch.insert("registration", name="r", host="127.0.0.1", port=s.net.refusing_port(), user="u", password="geheimnis-of-an-account", enabled=0)
	s.start()
	with_them = backup(s)
	without = s.switch.path("without")
	s.switch.swctl("backup", without, "--no-passwords")
	secret = [open(os.path.join(folder, "softswitch.db"), "rb").read().count(b"geheimnis") for folder in (with_them, without)]
	assert secret[0] >= 2 and secret[1] == 0, secret
	same(query(os.path.join(without, "softswitch.db"), "select auth_user, auth_password from gateway"), [("us", None)])
	same(mode(os.path.join(without, "softswitch.db")), 0o600)


@scenario
def a_backup_says_what_is_not_there(s):
	folder, path = s.switch.path("backup"), s.switch.path("cdr.db")
	os.rename(path, path + ".away")
	said = s.switch.swctl("backup", folder, "--db", s.switch.path("softswitch.db"))
	same(os.listdir(folder), ["softswitch.db"])
	assert "there is no " + path in said, said
	os.rename(path + ".away", path)


@scenario
def a_dry_run_says_what_a_restore_would_do(s):
	gw = s.gateway()
	s.start()
	call(s, gw, "4901")
	s.switch.record()
	folder = backup(s)
	before = sorted(os.listdir(s.folder))
	said = s.switch.swctl("restore", os.path.join(folder, "cdr.db"), "--dry-run")
	assert said.startswith("call records: %s would be replaced by %s\n" % (s.switch.path("cdr.db"), os.path.join(folder, "cdr.db"))), said
	same(sorted(os.listdir(s.folder)), before)


@scenario
def a_backup_overwrites_no_other(s):
	s.start()
	folder = backup(s)
	assert "softswitch.db is there already" in s.switch.swctl("backup", folder, expected=1)
	same(sorted(os.listdir(folder)), FILES)
	assert "cannot create" in s.switch.swctl("backup", s.switch.path("no/folder"), expected=1)


@scenario
def two_backups_into_one_folder_do_not_meet(s):
	s.start()
	folder = s.switch.path("backup")
	os.mkdir(folder)
	first = os.open(folder, os.O_RDONLY)
	fcntl.flock(first, fcntl.LOCK_EX)
	assert "another backup is being written there" in s.switch.swctl("backup", folder, expected=1)
	os.close(first)
	same(sorted(os.listdir(backup(s))), FILES)


@scenario
def a_restore_takes_from_a_folder_only_what_each_name_says(s):
	s.start()
	folder = backup(s)
	swapped, pipe = s.switch.path("swapped"), s.switch.path("pipe")
	os.mkdir(swapped)
	shutil.copy(os.path.join(folder, "cdr.db"), os.path.join(swapped, "softswitch.db"))
	said = s.switch.swctl("restore", swapped, expected=1)
	assert "softswitch.db: call records, not configuration" in said, said
	os.mkdir(pipe)
	os.mkfifo(os.path.join(pipe, "softswitch.db"))
	assert "softswitch.db is not a regular file" in s.switch.swctl("restore", pipe, expected=1)


@scenario
def a_restore_names_who_holds_the_file(s):
	s.start()
	folder = backup(s)
	reader = sqlite3.connect(s.switch.path("softswitch.db"), isolation_level=None)
	reader.execute("begin")
	reader.execute("select count(*) from gateway").fetchall()
	s.switch.sql("insert into mapping_gateway (name, host) values ('other', '127.0.0.2')")
	assert "(process %d) does not end its transaction" % os.getpid() in s.switch.swctl("restore", folder, expected=1)
	reader.close()
	s.switch.swctl("restore", folder)
	is_whole(s.switch.path("softswitch.db"))


@scenario
def after_a_crash_the_files_that_are_kept_are_whole(s):
	gw = s.gateway()
	s.start()
	call(s, gw, "4901")
	s.switch.record()
	folder = backup(s)
	with sqlite3.connect(s.switch.path("cdr.db")) as reader:  # so that the log stays
		reader.execute("begin")
		reader.execute("select count(*) from cdr").fetchall()
		call(s, gw, "4902")
		s.switch.records(2)
		s.settle()
		s.switch.kill()
		reader.rollback()
		assert os.path.getsize(s.switch.path("cdr.db-wal")) > 0
		s.switch.swctl("restore", folder, "--db", s.switch.path("softswitch.db"))
	reader.close()
	same((callees(s.switch.path("cdr.db")), callees(kept(s, "cdr.db"))), (["4901"], ["4901", "4902"]))
	s.switch.start_again()
	call(s, gw, "4903")
	# Whether the journal still has 4902, which would be a row of the restored file, too, is a matter of time.
	s.net.until(lambda: [callee for callee in callees(s.switch.path("cdr.db")) if callee != "4902"] == ["4901", "4903"],
		"the next record", step=0.02)


OLD = "insert into cdr select null, value, '', '', '', '', '', '', '', '', '', %d, null, null, value, null, null, 200, '', 0," \
	" hex(zeroblob(300)), null, null, null from generate_series(1, 30000)"


@scenario
def old_records_are_deleted_in_pieces_that_hold_up_nobody(s):
	gw = s.gateway()
	s.start()
	path, day_ms = s.switch.path("cdr.db"), 86400000
	now_ms = round(time.time() * 1000)
	for age in (91, 89):
		subprocess.run(["sqlite3", "-cmd", ".timeout 5000", path, OLD % (now_ms - age * day_ms)], check=True)
	pruning = subprocess.Popen([SWCTL, "--control", s.switch.path("c.sock"), "prune", "90"], stdout=subprocess.PIPE, text=True)
	db = sqlite3.connect(path, isolation_level=None, timeout=5)
	longest, following = 0, 4901
	while pruning.poll() is None:
		call(s, gw, str(following))
		following += 1
		begin = time.monotonic()
		db.execute("begin immediate")
		db.execute("rollback")
		longest = max(longest, time.monotonic() - begin)
	db.close()
	same((pruning.returncode, pruning.stdout.read()), (0, "30000 call records deleted\n"))
	pruning.stdout.close()
	assert longest < 0.5 and following > 4905, (longest, following)
	s.net.until(lambda: len(callees(path)) == 30000 + following - 4901, "every call has its record", step=0.05)
	same(query(path, "select min(begin_ms) from cdr"), [(now_ms - 89 * day_ms,)])
	query_delete = sqlite3.connect(path, timeout=5)
	with query_delete:
		query_delete.execute("delete from cdr where caller_in = ''")
	query_delete.close()


def command(folder, name, text):
	"""A program of this name, for who has this folder in PATH."""
	path = os.path.join(folder, name)
	with open(path, "w") as file:
		file.write("#!/bin/sh\n" + text)
	os.chmod(path, 0o755)


@scenario
def the_commands_of_the_manual_do_what_it_says(s):
	gw = s.gateway(**SECRETS)
	s.start()
	call(s, gw, "4901")
	s.switch.record()
	backups, second, programs = s.switch.path("backups"), s.switch.path("second"), s.switch.path("programs")
	for folder in (backups, second, programs, os.path.join(second, "backups")):
		os.mkdir(folder)
	old = os.path.join(backups, "old")
	os.mkdir(old)
	os.utime(old, (0, 0))
	command(programs, "swctl", 'exec %s "$@"' % SWCTL)
	# On the second server every path is below its folder.
	command(programs, "ssh", "shift; exec sh -c \"$(echo \"$*\" | sed 's|%s|%s|g')\"" % (s.folder, second))
	with open(os.path.join(ROOT, "docs", "operation.md")) as manual:
		lines = [line for block in re.findall("```sh\n(.*?)```", manual.read(), re.S) for line in block.splitlines()]
	for line in lines:
		line = line.replace("/var/lib/softswitch", s.folder).replace("/var/backups/softswitch", backups)
		assert "/var/" not in line, line
		subprocess.run(["sh", "-ec", line], check=True, timeout=20, env={**os.environ, "SOFTSWITCH_CONTROL": s.switch.path("c.sock"),
			"PATH": programs + ":" + os.environ["PATH"]})
		if line.startswith("mv"):
			s.net.until(lambda: os.path.exists(s.switch.path("cdr.db")) and has_table(s.switch.path("cdr.db")),
				"a new cdr.db", 3, step=0.02)
	assert len(lines) > 8, lines
	same(sorted(set(os.listdir(backups)) - {time.strftime("%Y-%m-%d")}), ["copy", "for-support", "softswitch.db"])
	same({mode(os.path.join(backups, "copy")), mode(os.path.join(second, "backups", "copy"))}, {0o700})
	same({mode(os.path.join(folder, "softswitch.db")) for folder in (backups, os.path.join(second, "backups", "copy"))}, {0o600})
	same(dump(os.path.join(second, "softswitch.db")), dump(s.switch.path("softswitch.db")))
	same(callees(s.switch.path(time.strftime("cdr-%Y-%m.db"))), ["4901"])
	call(s, gw, "4902")
	s.net.until(lambda: callees(s.switch.path("cdr.db")) == ["4902"], "records go on", 3, step=0.02)


@variants(("no_days", ["prune"], 2), ("words_for_days", ["prune", "all"], 1), ("no_folder", ["backup"], 2),
	("an_unknown_option", ["backup", "x", "--fast"], 2))
def a_command_is_refused_with(s, words, status):
	s.start()
	assert "swctl: " in s.switch.swctl(*words, expected=status)


if __name__ == "__main__":
	run()
