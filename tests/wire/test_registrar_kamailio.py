"""Our registrations at a real registrar: Debian's Kamailio with auth, usrloc and registrar, and the bindings it reports."""

import re

import sip
from kamailio import Kamailio, running
from leg import Leg
from net import same
from registrar import PASSWORD, SPEED, reaches, status
from runner import run, scenario


class KamailioRegistrar(Kamailio):
	def __init__(self, s, algorithm="MD5", max_expires=3600, min_expires=10):
		super().__init__(s, "kamailio.cfg", MAX_EXPIRES=max_expires, MIN_EXPIRES=min_expires, ALGORITHM=algorithm,
			PASSWORD=PASSWORD)

	def bindings(self):
		"""[(address of record, Contact URI, seconds left)]"""
		found, aor = [], None
		for name, value in re.findall(r"^\s*(AoR|Address|Expires): (\S+)", self.ask("ul.dump"), re.M):
			if name == "AoR":
				aor = value
			elif name == "Address":
				found.append((aor, value))
			elif value.isdigit():
				found[-1] += (int(value),)
		return found


def kamailio(s, **settings):
	return running(KamailioRegistrar, s, **settings)


def enrol(s, k, name="carrier", **columns):
	row = {"name": name, "host": "127.0.0.1", "port": k.port, "user": "4930", "password": PASSWORD}
	s.switch.insert("registration", **{**row, **columns})


def stop(s):
	s.switch.signal()
	s.switch.ended()


def registers(algorithm):
	def play(s):
		with kamailio(s, algorithm=algorithm) as k:
			enrol(s, k)
			s.start()
			reaches(s, "registered")
			(aor, contact, left), = k.bindings()
			same(aor.split("@")[0], "4930")
			same(contact, "sip:4930@%s;line=%s" % (sip.host_port(*s.switch.addresses["udp"]),
				s.switch.sql("select line from registration")))
			same(3590 <= left <= 3600, True)
			stop(s)
			same(k.bindings(), [])
	play.__name__ = "registers_with_%s_and_is_gone_after_sigterm" % algorithm.lower().replace("-", "_")
	scenario(play)


registers("MD5")
registers("SHA-256")


@scenario
def an_expiry_shortened_by_the_registrar_is_obeyed(s):
	with kamailio(s, max_expires=40) as k:
		enrol(s, k)
		s.start()
		found = reaches(s, "registered")
		same((30 < found["expires_s"] <= 40, 10 < found["next_s"] <= 20), (True, True))
		stop(s)


@scenario
def a_refresh_prolongs_the_binding(s):
	with kamailio(s, max_expires=20) as k:
		enrol(s, k)
		s.start(clock_speed=5)
		first = reaches(s, "registered")
		left = lambda: status(s)["next_s"] or 0  # None while a REGISTER is pending
		s.net.until(lambda: left() < first["next_s"] - 2, "time passes", step=0.05)
		s.net.until(lambda: left() > 8, "refreshed", step=0.05)
		same((len(k.bindings()), k.bindings()[0][2] >= 17), (1, True))
		stop(s)


@scenario
def too_brief_an_interval_is_raised(s):
	with kamailio(s, min_expires=300) as k:
		enrol(s, k, expiry=60)
		s.start()
		same(290 < reaches(s, "registered")["expires_s"] <= 300, True)
		same(k.bindings()[0][2] > 290, True)
		stop(s)


@scenario
def a_wrong_password_corrected_by_sqlite3_is_right_at_once(s):
	with kamailio(s) as k:
		enrol(s, k, password="wrong")
		s.start()
		same(reaches(s, "waiting")["reason"], "wrong password")
		same(k.bindings(), [])
		s.switch.sql("update registration set password = '%s'" % PASSWORD)
		reaches(s, "registered")
		same(len(k.bindings()), 1)
		stop(s)


@scenario
def a_registrar_that_was_gone_is_found_again(s):
	with kamailio(s, max_expires=20) as k:
		enrol(s, k)
		s.start(clock_speed=10, SS_SIP_USER_AGENT_RETRY_DELAY=30)
		reaches(s, "registered")
		k.stop()
		same(reaches(s, "waiting")["reason"], "Connection refused")
		k.start()
		reaches(s, "registered")
		same(len(k.bindings()), 1)
		stop(s)


@scenario
def after_kill_9_the_next_start_replaces_the_binding(s):
	with kamailio(s) as k:
		enrol(s, k)
		s.start()
		reaches(s, "registered")
		before = k.bindings()
		listener = "sip:%s;transport=udp" % sip.host_port(*s.switch.addresses["udp"])
		s.switch.kill()
		same(len(k.bindings()), 1)
		s.start(listen=(), arguments=("--listen", listener))
		reaches(s, "registered")
		same([binding[:2] for binding in k.bindings()], [binding[:2] for binding in before])
		stop(s)
		same(k.bindings(), [])


@scenario
def two_hundred_registrations_and_one_that_changes(s):
	with kamailio(s) as k:
		for number in range(200):
			enrol(s, k, "t%03d" % number, user=str(1000 + number))
		s.start(clock_speed=10)
		s.net.until(lambda: len(k.bindings()) == 200, "all are bound", 15, step=0.1)
		s.switch.sql("delete from registration where name = 't007'", "update registration set enabled = 0 where name = 't008'",
			"update registration set user = '7777' where name = 't009'")
		expected = {str(1000 + number) for number in range(200) if number not in (7, 8, 9)} | {"7777"}
		s.net.until(lambda: {aor.split("@")[0] for aor, *_ in k.bindings()} == expected, "those three changed", 10, step=0.1)
		stop(s)
		same(k.bindings(), [])


@scenario
def a_call_that_it_sends_to_our_contact_is_the_trunks(s):
	with kamailio(s) as k:
		enrol(s, k)
		gw, outside = s.gateway("vendor"), s.peer("outside")
		s.start()
		reaches(s, "registered")
		outside.proxy = ("127.0.0.1", k.port)
		a = Leg.invite(outside, "4930")
		b = gw.leg()
		b.reply(180)
		a.expect(180)
		s.answer(a, b)
		s.over(a, b)
		same(s.switch.record()["ingress"], "carrier")
		stop(s)


if __name__ == "__main__":
	run()
