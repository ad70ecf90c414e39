"""
Makes the state that test_upgrade.py has a later switch go on with: what this version leaves when it is killed. Run once for
each version that changes the state, with its binary:

	SOFTSWITCH=.../softswitch python3 tests/wire/upgrade/make.py tests/wire/upgrade/calls-VERSION.tar.xz

The addresses are in the state, so they cannot come from the kernel: each of HOSTS has port 5060 of its own.
"""

import contextlib
import json
import os
import sqlite3
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from crash import holds  # noqa: E402
from scene import Scene  # noqa: E402

PORT = 5060
HOSTS = {"switch": "127.83.87.1", "phone": "127.83.87.2", "gw": "127.83.87.3"}
FILES = ["softswitch.db", "cdr.db", "state.db", "cdr.db-live", "cdr.db-key", "journal"]
LISTEN = "--listen", "sip:%s:%d;transport=udp" % (HOSTS["switch"], PORT)


def peers(s):
	"""The phone and the gateway at their addresses."""
	both = []
	for name in ("phone", "gw"):
		peer = s.peer(name, host=HOSTS[name])
		peer.away()
		peer.port = PORT
		peer.listen()
		both.append(peer)
	return both


def saved(leg):
	"""What a test needs to go on as this leg."""
	fields = {name: getattr(leg, name) for name in ("call_id", "local", "remote", "target", "cseq")}
	return {**fields, "invited": leg.invited.raw.decode(), "peer": leg.peer.name}


def play(s, phone, gw):
	"""One call has its row, one is held, one rings, and one has ended with a BYE that is not answered and a record that waits."""
	s.over(*s.talk(gw, "4900", caller=phone))
	s.switch.record()
	a, b = s.talk(gw, "4901", caller=phone)
	a.send("INVITE", body=phone.sdp.replace(b"sendrecv", b"sendonly"))
	b.expect("INVITE")
	b.reply(200, sdp=gw.sdp.replace(b"sendrecv", b"recvonly"))
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	c = phone.invite("4902")
	d = gw.leg()
	d.reply(180)
	c.expect(180)
	e, f = s.talk(gw, "4903", caller=phone)
	records = sqlite3.connect(s.switch.path("cdr.db"), isolation_level=None)
	records.execute("begin immediate")
	e.send("BYE")
	e.expect(200, "BYE")
	f.expect("BYE")
	s.net.until(lambda: holds(s.switch.path("cdr.db-live"), a, c, e), "they are on disk", step=0.02)
	s.switch.status()
	s.switch.kill()
	records.execute("rollback")
	records.close()
	return {"held": (a, b), "rings": (c, d), "parts": (e, f)}


def make(s, path):
	from test_publish import kept, pidf, publish  # here, as its scenarios are none of test_upgrade.py

	phone, gw = peers(s)
	s.vendor("gw", PORT, host=HOSTS["gw"], publish=1)
	s.switch.insert("mapping_gateway", name="phone", host=HOSTS["phone"])
	s.switch.parameters(SS_SIP_NO_TIMER_REINVITE_INTERVAL="0")
	s.switch.start((), LISTEN)
	for peer in (phone, gw):
		peer.proxy = HOSTS["switch"], PORT
	publish(gw, pidf("open"))
	s.net.until(lambda: kept(s.switch.path("state.db")), "the publication is kept", step=0.02)
	legs = {name: [saved(leg) for leg in pair] for name, pair in play(s, phone, gw).items()}
	with open(s.switch.path("legs.json"), "w") as file:
		json.dump(legs, file)
	for name in FILES[:3]:
		with contextlib.closing(sqlite3.connect(s.switch.path(name))) as db:
			db.execute("pragma journal_mode = delete")
	with tarfile.open(path, "w:xz") as archive:
		for name in (*FILES, "legs.json"):
			archive.add(s.switch.path(name), name)


if __name__ == "__main__":
	with tempfile.TemporaryDirectory() as made:
		scene = Scene(made)
		try:
			make(scene, sys.argv[1])
		finally:
			scene.close()
