"""sipvicious looks for users and passwords while phones register and call: it learns nothing, and they notice nothing."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess

from endpoint import endpoint
from net import same
from runner import Skip, run, scenario, variants

SOURCE = "127.0.0.1"  # svwar and svcrack send from there, whatever they are told


def free_port():
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
		sock.bind((SOURCE, 0))
		return sock.getsockname()[1]


def start(s, **parameters):
	"""With the phones 1001 and 1003, and no customer at the address of the scanner."""
	phones = [endpoint(s, name, "5%s" % name) for name in ("1001", "1003")]
	s.switch.pending.append("delete from mapping_gateway")
	s.start(**parameters)
	for phone in phones:
		phone.bind()
	return phones


def go_on(phones):
	"""One registers again and calls the other."""
	a, b = phones
	a.bind()
	leg = a.call("1003")
	other = b.leg()
	other.reply(200, sdp=True)
	leg.expect(200, "INVITE")
	leg.ack()
	other.expect("ACK")
	leg.send("BYE")
	other.hung_up()
	leg.expect(200, "BYE")


@contextlib.contextmanager
def scanner(s, tool, *arguments):
	"""The tool at work: its process, and a function that waits for its end and returns what it has said."""
	if not shutil.which(tool):
		raise Skip("no %s: apt install sipvicious" % tool)
	out = s.switch.path(tool)
	host, port = s.switch.addresses["udp"]
	with open(out, "wb") as f:
		process = subprocess.Popen([tool, "-p", str(port), "-P", str(free_port()), *arguments, host], cwd=s.folder,
			env={"HOME": s.folder, "PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL, stdout=f, stderr=f)

	def said():
		s.net.until(lambda: process.poll() is not None, "%s ends" % tool, 30, step=0.05)
		with open(out, errors="replace") as f:
			return f.read()
	try:
		yield process, said
	finally:
		process.kill()
		process.wait()


def scan(s, phones, tool, *arguments):
	with scanner(s, tool, *arguments) as (_, said):
		go_on(phones)
		return said()


def found(said):
	"""The first column of its table."""
	return set(re.findall(r"^\| (\S+) ", said, re.MULTILINE)) - {"Extension", "SIP"}


@scenario
def svmap_learns_that_somebody_is_there_but_not_who(s):
	said = scan(s, start(s), "svmap")
	assert re.search(r"^\| \S+:%d +\| unknown +\|$" % s.switch.addresses["udp"][1], said, re.MULTILINE), said


@scenario
def svmap_gets_no_answer_where_strangers_get_none(s):
	assert "found nothing" in scan(s, start(s, SS_REPLY_UNAUTHORIZED="Off"), "svmap")


@variants(*((method.lower(), method) for method in ("REGISTER", "INVITE", "OPTIONS")))
def svwar_cannot_tell_users_from_others(s, method):
	said = scan(s, start(s), "svwar", "-e", "1000-1004", "--force", "-m", method)
	assert "found nothing" in said or {"1000", "1002", "1004"} <= found(said), said


@scenario
def svcrack_finds_a_password_only_within_the_first_guesses(s):
	phones = start(s, clock_speed=2, SS_SIP_AUTHENTICATION_TIMEOUT=1, SS_ENDPOINT_REGISTER_RETRY=10)
	for name in ("1001", "1003"):  # it knows MD5 alone
		asker = endpoint(s, name, row=False, host=SOURCE)
		s.net.until(lambda: len(asker.challenged().all("WWW-Authenticate")) == 1, "MD5 alone", step=0.05)
	same(found(scan(s, phones, "svcrack", "-u", "1001", "-r", "51000-51003")), {"1001"})
	with scanner(s, "svcrack", "-u", "1003", "-r", "50900-51003") as (process, said):
		s.net.until(lambda: s.switch.control("bans.list")["bans"], "it is suspended", step=0.02)
		go_on(phones)
		process.send_signal(signal.SIGINT)  # by itself it goes on as long as it is answered
		text = said()
	assert "found nothing" in text and "Traceback" not in text, text
	same([(ban["user"], ban["source"]) for ban in s.switch.control("bans.list")["bans"]], [("1003", SOURCE)])


if __name__ == "__main__":
	run()
