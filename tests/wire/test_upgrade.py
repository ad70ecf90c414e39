"""
What an earlier version has left: its calls go on, or end with their records, and its files are upgraded. What a later version
has left is refused. upgrade/make.py has made the states.
"""

import contextlib
import json
import os
import re
import socket
import sqlite3
import struct
import sys
import tarfile
import time

import sip
from crash import checked
from leg import Leg
from net import same
from runner import run, scenario, variants

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "upgrade")
sys.path.insert(0, HERE)
from make import FILES, HOSTS, LISTEN, PORT, peers  # noqa: E402

STATES = [(name.partition(".")[0].replace("-", "_"), os.path.join(HERE, name)) for name in sorted(os.listdir(HERE)) if name.endswith(".xz")]


class Old:
	"""The state in this archive, in place of the one of this scene, and the peers of its calls."""

	def __init__(self, s, archive):
		s.alone = self.alone()  # as long as the scene
		s.oldest_s = float("inf")
		for name in os.listdir(s.folder):
			os.remove(s.switch.path(name))
		s.switch.pending = []
		with tarfile.open(archive) as files:
			files.extractall(s.folder, filter="data")
		self.s, self.peers = s, dict(zip(("phone", "gw"), peers(s)))
		for peer in self.peers.values():
			peer.proxy = HOSTS["switch"], PORT
		with open(s.switch.path("legs.json")) as file:
			self.legs = {name: [self.leg(**saved) for saved in pair] for name, pair in json.load(file).items()}

	def alone(self):
		"""Only one test of this machine at a time can use the addresses that are in the state."""
		lock = socket.socket(socket.AF_UNIX)
		while True:
			try:
				lock.bind("\0softswitch-test-upgrade")
				return lock
			except OSError:
				time.sleep(0.05)

	def leg(self, peer, invited, **fields):
		message = sip.Message(invited.encode())
		message.source = HOSTS["switch"], PORT
		leg = Leg(self.peers[peer], message, message.source)
		for name, value in fields.items():
			setattr(leg, name, value)
		return leg

	def left(self, seconds):
		"""It was left so long ago, before a reboot."""
		with open(self.s.switch.path("journal"), "r+b") as file:
			file.seek(8)
			boot, steady, _ = struct.unpack("<QQQ", file.read(24))
			file.seek(8)
			file.write(struct.pack("<QQQ", 0, steady, round((time.time() - seconds) * 1000)))

	def start(self):
		self.s.switch.start((), LISTEN)


def version(path):
	with contextlib.closing(sqlite3.connect(path)) as db:
		return db.execute("pragma user_version").fetchone()[0]


def versions(s):
	"""Of the three databases."""
	return [version(s.switch.path(name)) for name in FILES[:3]]


def known(s):
	"""The versions that this program writes."""
	said = dict(line.split() for line in s.switch.run("--state-version").splitlines())
	return [int(said[name]) for name in FILES[:3]]


@variants(*STATES)
def calls_go_on_after_an_upgrade_from(s, archive):
	old = Old(s, archive)
	before = versions(s)
	old.left(seconds=1)
	old.start()
	(a, b), (c, d), (e, f) = old.legs["held"], old.legs["rings"], old.legs["parts"]
	same(s.switch.status()["calls"]["recovered"], 2)
	checked(a, b)
	f.hung_up()
	d.expect("INVITE")
	d.reply(180)
	c.expect(180)
	d.reply(200, sdp=True)
	c.expect(200, "INVITE")
	c.ack()
	d.expect("ACK")
	for leg in (a, c):
		s.over(leg, b if leg is a else d)
	rows = {row["callee_in"]: row for row in s.switch.records(4)}
	same({number: (row["sip_code"], row["end_reason"], row["end_direction"]) for number, row in rows.items()},
		{str(number): (200, "normal clearing", 0) for number in range(4900, 4904)})
	s.net.until(lambda: versions(s) == known(s), "all files are upgraded", step=0.05)
	assert all(one <= other for one, other in zip(before, known(s)))


@variants(*STATES)
def calls_of_long_ago_end_with_their_records_after_an_upgrade_from(s, archive):
	old = Old(s, archive)
	old.left(seconds=61)
	old.start()
	(a, b), (c, d), (e, f) = old.legs["held"], old.legs["rings"], old.legs["parts"]
	for leg in (a, b, f):
		leg.hung_up()
	d.expect("INVITE")
	d.reply(180)
	d.cancelled()
	c.expect(503)
	rows = {row["callee_in"]: row["end_reason"] for row in s.switch.records(4)}
	same(rows, {"4900": "normal clearing", "4901": "switch restarted", "4902": "switch restarted", "4903": "normal clearing"})


# A later version


def patch(path, before, after):
	"""Returns how many there were."""
	with open(path, "r+b") as file:
		data = file.read()
		file.seek(0)
		file.write(data.replace(before, after))
	return data.count(before)


@variants(("in_memory", ("journal", b"2NRJ", b"3NRJ"), ("cdr.db-live", b"softswitch log2", b"softswitch log3")),
	("on_disk", ("cdr.db-live", b"softswitch log2", b"softswitch log3")))
def the_journal_of_a_later_version_is_refused_by_name_and_kept(s, *patches):
	gw = s.gateway()
	s.start()
	legs = s.talk(gw)
	s.net.until(lambda: os.path.getsize(s.switch.path("cdr.db-live")) > 0, "it is on disk", step=0.02)
	s.switch.status()
	s.switch.kill()
	kept = s.switch.path("kept")
	if len(patches) == 1:
		os.rename(s.switch.path("journal"), kept)
	for name, before, after in patches:
		same(patch(s.switch.path(name), before, after), 1)
	said = s.switch.run("--listen", "sip:127.0.0.1:0;transport=udp", expected=1)
	assert re.search(r"%s is of version 3, newer than this program, which knows up to 2" % s.switch.path(patches[0][0]), said), said
	for name, before, after in patches:
		same(patch(s.switch.path(name), after, before), 1)
	if len(patches) == 1:
		os.rename(kept, s.switch.path("journal"))
	s.switch.start_again()
	checked(*legs)
	s.over(*legs)


if __name__ == "__main__":
	run()
