"""The switch is restarted: nothing that comes meanwhile is lost, and calls go on (docs/behaviour.md, Restart)."""

import contextlib
import ctypes
import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import time

import sip
import switch
from crash import checked
from manager import Manager
from net import WAIT, same
from registrar import about, challenge, grant, reaches, registrar
from runner import Skip, run, scenario, variants

PTRACE_SEIZE = 0x4206  # Linux; Python has no name for it


# Sockets that systemd stores


@scenario
def what_comes_while_it_is_dead_waits_for_the_next_process(s):
	Manager(s)
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.status()
	s.switch.kill()
	for _ in range(50):
		s.caller.request("OPTIONS")
	a.send("BYE")
	s.switch.start_again()
	b.hung_up()
	a.expect(200, "BYE")
	for _ in range(50):
		s.caller.expect(200, "OPTIONS")


@variants(("tcp", "tcp"), ("tls", "tls"))
def a_connection_that_comes_while_it_is_dead_is_served_by_the_next_process_over(s, transport):
	manager = Manager(s)
	gw = s.gateway()
	caller = s.peer("streamer", transport)
	s.start(("udp", "tcp", "tls") if transport == "tls" else ("udp", transport))
	manager.heard(READY="1")
	s.switch.kill()
	a = caller.invite("4930") if transport == "tcp" else None
	if not a:
		caller.connect(caller.proxy)
	s.switch.start_again()
	a = a or caller.invite("4930")
	b = gw.leg()
	s.answer(a, b)
	s.over(a, b)


@scenario
def systemd_is_told_when_it_is_ready_and_when_it_stops(s):
	manager = Manager(s)
	s.gateway()
	s.start(("udp", "udp6", "tcp"))
	manager.heard(READY="1")
	same([message.get("FDPOLL") for message in manager.said], ["0", "0", "0", None])
	same(sorted(manager.stored), sorted("%s/%s/%d" % (transport.strip("6"), host.replace(":", "_"), port)
		for transport, (host, port) in s.switch.addresses.items()))
	s.switch.signal()
	manager.heard(STOPPING="1")
	s.switch.ended()


@scenario
def a_socket_that_no_listener_wants_any_more_is_closed(s):
	manager = Manager(s)
	s.gateway()
	s.start(("udp", "tcp"))
	manager.heard(READY="1")
	s.switch.kill()
	host, port = s.switch.addresses["tcp"]
	s.switch.start((), ("--listen", "sip:%s:%d;transport=udp" % s.switch.addresses["udp"]))
	manager.heard(FDSTOREREMOVE="1", FDNAME="tcp/%s/%d" % (host, port))
	same(list(manager.stored), ["udp/%s/%d" % s.switch.addresses["udp"]])
	same(len(s.switch.addresses), 1)
	s.switch.kill()
	s.switch.start((), ("--listen", "sip:%s:%d;transport=tcp" % (host, port)))  # it is free
	same(s.switch.addresses, {"tcp": (host, port)})


# In place: the process executes the next program


def started(s):
	return s.switch.read_log().count("listening on")


def restart(s):
	"""By the signal, in place."""
	before, pid = started(s), s.switch.process.pid
	s.switch.signal(signal.SIGUSR2)
	s.net.until(lambda: started(s) >= before + len(s.switch.addresses), "it is restarted", step=0.002)
	s.net.until(s.switch.answers, "the control socket answers", step=0.002)
	same(s.switch.process.pid, pid)


@variants(("the_caller", 0, 1), ("the_callee", 1, 0))
def a_call_goes_on_over_a_restart_and_is_ended_by(s, one, other):
	gw = s.gateway(capacity=1)
	s.start(("udp", "tcp"))
	at = dict(s.switch.addresses)
	legs = a, b = s.talk(gw)
	for _ in range(3):
		restart(s)
		checked(a, b)
	same([call["recovered"] for call in s.switch.control("calls.list")["calls"]], [True])
	same({"sip:%s:%d;transport=%s" % (*address, transport) for transport, address in at.items()},
		set(s.switch.status()["listeners"]))
	x, y = legs[one], legs[other]
	x.send("INVITE", body=x.peer.sdp.replace(b"sendrecv", b"sendonly"))
	y.expect("INVITE")
	y.reply(200, sdp=True)
	x.expect(200, "INVITE")
	x.ack()
	y.expect("ACK")
	x.send("BYE")
	y.hung_up()
	x.expect(200, "BYE")
	row = s.switch.record()
	same((row["end_reason"], row["end_direction"]), ("normal clearing", one))


@scenario
def an_answer_that_was_acknowledged_is_not_sent_again(s):
	gw = s.gateway()
	s.start()
	legs = a, b = s.talk(gw)
	for _ in range(2):
		restart(s)
		checked(*legs)
	same(len(s.caller.arrivals(200, "INVITE")), 1)
	s.over(a, b)


@scenario
def a_call_that_rings_goes_on_over_a_restart(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	restart(s)
	b.reply(200, sdp=True)
	b.expect("ACK")
	a.expect(200, "INVITE")
	a.ack()
	s.over(a, b)
	same(s.switch.record()["end_reason"], "normal clearing")


@scenario
def no_datagram_is_lost_while_it_is_restarted(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	sent = 0

	def flood():
		"""
		A request outside any dialog every millisecond, and one inside the call every tenth time, but no more than the
		kernel keeps for a slow start.
		"""
		nonlocal sent
		if sent - len(s.caller.arrivals(200, "OPTIONS")) > 100:
			return
		s.caller.request("OPTIONS")
		if sent % 10 == 0:
			a.send("OPTIONS")
		sent += 1

	for _ in range(5):
		before = started(s)
		s.switch.signal(signal.SIGUSR2)
		s.net.until(lambda: flood() or started(s) > before, "it is restarted", step=0.001)
		for _ in range(20):
			flood()
			s.net.poll(0.001)
	s.net.until(lambda: len(s.caller.arrivals(200, "OPTIONS")) >= sent + (sent + 9) // 10, "all are answered", step=0.01)
	a.ack()

	def idle():
		"""Each process has asked whether they are there."""
		for leg in (a, b):
			check = leg.peer.find("OPTIONS", call_id=leg.call_id)
			if check:
				leg.reply(200, request=check)
		return s.switch.idle()

	s.over(a, b)
	s.net.until(idle, "all is over", step=0.02)
	for peer in (s.caller, gw):
		peer.inbox.clear()


@variants(("a_reinvite", "INVITE"), ("a_bye", "BYE"))
def a_restart_waits_a_moment_for_the_answer_to(s, method):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	before = started(s)
	a.send(method, body=a.peer.sdp.replace(b"sendrecv", b"sendonly") if method == "INVITE" else b"")
	b.expect(method)
	if method == "BYE":
		s.switch.record()  # that is not what it waits for
	s.switch.signal(signal.SIGUSR2)
	s.net.until(lambda: "restarting version" in s.switch.read_log(), "the restart begins", step=0.002)
	s.net.quiet(0.1)
	same(started(s), before)
	if method == "INVITE":
		b.reply(200, sdp=True)
		a.expect(200, "INVITE")
		a.ack()
		b.expect("ACK")
	else:
		b.reply(200)
		a.expect(200, "BYE")
	s.net.until(lambda: started(s) > before and s.switch.answers(), "it is restarted", step=0.002)
	if method == "INVITE":
		checked(a, b)
		s.over(a, b)


@scenario
def nothing_stays_open_over_a_restart_but_the_sockets(s):
	s.gateway()
	s.start(("udp", "tcp"))

	def sockets():
		"""And what else is no file; a connection to the control socket may not be closed yet."""
		at = "/proc/%d/fd" % s.switch.process.pid
		found = []
		for fd in os.listdir(at):
			with contextlib.suppress(FileNotFoundError):
				found.append(os.readlink(os.path.join(at, fd)))
		return [name for name in found if not name.startswith("/")]

	before = len(sockets())
	for _ in range(4):
		restart(s)
	s.net.until(lambda: len(sockets()) <= before, "the same is open: %s" % sockets(), step=0.01)


@scenario
def records_are_written_before_a_restart(s):
	gw = s.gateway()
	s.start()
	for _ in range(5):
		s.over(*s.talk(gw))
	restart(s)
	same([row["end_reason"] for row in s.switch.records(5)], ["normal clearing"] * 5)


@scenario
def a_program_that_cannot_be_executed_leaves_all_as_it_was(s):
	gw = s.gateway()
	own = s.switch.path("softswitch")
	shutil.copy(switch.BINARY, own)
	s.switch.launch = lambda command: ([own, *command[1:]], ())
	s.start(("udp", "tcp"))
	a, b = s.talk(gw)
	os.chmod(own, 0o600)
	s.switch.signal(signal.SIGUSR2)
	s.net.until(lambda: "not restarted" in s.switch.read_log(), "it is not restarted", step=0.01)
	assert "Permission denied" in s.switch.read_log()
	x = s.talk(gw)
	s.over(*x)
	os.chmod(own, 0o700)
	restart(s)  # another time
	checked(a, b)
	s.over(a, b)


@scenario
def under_systemd_the_signal_ends_the_process_and_leaves_the_calls(s):
	Manager(s)
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.signal(signal.SIGUSR2)
	s.switch.ended()
	for _ in range(20):
		s.caller.request("OPTIONS")
	s.switch.start_again()
	checked(a, b)
	for _ in range(20):
		s.caller.expect(200, "OPTIONS")
	s.over(a, b)


# Connections over TLS


@variants(("in_place", False), ("by_systemd", True))
def a_connection_over_tls_ends_properly_at_a_restart(s, systemd):
	if systemd:
		Manager(s)
	gw, caller = s.gateway(transport="tls", tls_verify="Off"), s.peer("streamer", "tls")
	s.start(("tls",))
	a, b = s.talk(gw, caller=caller)
	connections = [connection for peer in (caller, gw) for connection in peer.connections.values()]
	s.switch.signal(signal.SIGUSR2)
	if systemd:
		s.switch.ended()
		s.switch.start_again()
	s.net.until(lambda: not any(connection.open for connection in connections), "they are closed")
	same([connection.said_so for connection in connections], [True, True])
	for leg in (a, b):
		leg.route = leg.expect("OPTIONS").source
		leg.reply(200)
	s.over(a, b)


# A phone over TCP to which no connection can be opened


def unreachable(s, **more):
	"""A call from a phone that only its own connection leads to; the phone, and both legs."""
	phone, gw = s.peer("phone", "tcp"), s.gateway()
	s.start(("udp", "tcp"), **more)
	legs = s.talk(gw, caller=phone)
	s.net.drop(phone.sock)  # it no longer listens
	return phone, *legs


def lost(s, phone):
	s.net.until(lambda: not any(c.open for c in phone.connections.values()), "its connection is closed")
	phone.connections.clear()


@scenario
def a_phone_that_comes_back_is_asked_by_its_own_connection(s):
	phone, a, b = unreachable(s, clock_speed=20)
	restart(s)
	checked(b)
	lost(s, phone)
	a.send("INFO", body=b"x", Content_Type="text/plain")
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	a.ack()
	a.route = a.expect("OPTIONS").source
	a.reply(200)
	b.send("BYE")
	a.hung_up()
	b.expect(200, "BYE")


@scenario
def a_phone_that_comes_back_is_hung_up_by_its_own_connection(s):
	phone, a, b = unreachable(s, clock_speed=20)
	restart(s)
	checked(b)
	lost(s, phone)
	a.send("OPTIONS")
	a.expect(200, "OPTIONS")
	a.ack()
	b.send("BYE")
	b.expect(200, "BYE")
	a.hung_up()


@scenario
def a_phone_that_does_not_come_back_loses_its_call(s):
	phone, a, b = unreachable(s, clock_speed=20)
	began = time.monotonic()
	restart(s)
	checked(b)
	lost(s, phone)
	b.hung_up()
	assert time.monotonic() - began > 31 / 20
	same(s.switch.record()["end_direction"], 2)


# Registrations


@variants(("in_place", None), ("by_systemd", Manager))
def a_registration_goes_on_without_a_register_over_a_restart(s, manager):
	if manager:
		manager(s)
	r = registrar(s, columns={"expiry": 60})
	r.script = [challenge(), grant(headers=[("Service-Route", "<sip:%s;lr>" % r.host_port)])]
	s.vendor("trunk", r.port, registration="carrier")
	s.start(("udp", "tcp"), clock_speed=10)
	before = reaches(s, "registered")
	if manager:
		s.switch.signal(signal.SIGUSR2)
		s.switch.ended()
		s.switch.start_again()
	else:
		restart(s)
	after = reaches(s, "registered")
	assert 0 <= before["expires_s"] - after["expires_s"] < 20, (before, after)
	same(len(r.requests), 2)
	a = s.caller.invite("4930")  # by the gateway that is usable only while registered
	b = r.leg()
	assert r.host_port in b.invited["Route"], b.invited.head
	b.refuse(486)
	a.expect(486)
	refresh = r.expect_requests(3)
	same((refresh["Call-ID"], refresh["From"], refresh["Contact"], sip.cseq(refresh)),
		(r.requests[1]["Call-ID"], r.requests[1]["From"], r.requests[1]["Contact"], 3))
	about(refresh.time - r.requests[1].time, 30, speed=10)
	reaches(s, "registered")


@variants(("the_password", {"password": "other"}, True), ("the_user", {"user": "4999"}, False),
	("the_expiry", {"expiry": 120}, True))
def a_registration_that_is_edited_meanwhile_registers_again(s, columns, same_binding):
	manager = Manager(s)
	r = registrar(s)
	s.start()
	reaches(s, "registered")
	s.switch.signal(signal.SIGUSR2)
	s.switch.ended()
	s.switch.sql(*("update registration set %s = '%s'" % column for column in columns.items()))
	s.net.until(lambda: "registrations" in manager.stored, "they are stored", step=0.01)
	s.switch.start_again()
	second = r.expect_requests(2)
	same(second["Call-ID"], r.requests[0]["Call-ID"])
	if same_binding:
		same(int(second["Expires"]), columns.get("expiry", 3600))
	else:  # the old one is removed first
		same((sip.user(second["To"]), second["Expires"]), ("4930", "0"))
		same(sip.user(r.expect_requests(3)["To"]), "4999")
	reaches(s, "registered")
	s.net.until(lambda: "registrations" not in manager.stored, "it is let go", step=0.01)


@scenario
def a_registration_whose_listener_is_gone_registers_again(s):
	Manager(s)
	r = registrar(s)
	s.start()
	reaches(s, "registered")
	s.switch.signal(signal.SIGUSR2)
	s.switch.ended()
	s.switch.start((), ("--listen", "sip:127.0.0.2:0;transport=udp"))
	second = r.expect_requests(2)
	assert second["Contact"] != r.requests[0]["Contact"]
	reaches(s, "registered")


@scenario
def a_registration_that_has_expired_meanwhile_registers_at_once(s):
	Manager(s)
	r = registrar(s, columns={"expiry": 20})
	s.start(clock_speed=20)
	reaches(s, "registered")
	s.switch.signal(signal.SIGUSR2)
	s.switch.ended()
	s.net.quiet(1.1)
	s.switch.start_again()
	second = r.expect_requests(2)
	assert second["Call-ID"] != r.requests[0]["Call-ID"]
	reaches(s, "registered")


# By command


def script(s, *lines):
	"""A program that stands between the switch and the next one: it knows $1, and $next is the real one."""
	path = s.switch.path("next-%d" % len(os.listdir(s.folder)))
	with open(path, "w") as file:
		file.write("\n".join(("#!/bin/sh", "next=%s" % shlex.quote(switch.BINARY), *lines, 'exec "$next" "$@"')))
	os.chmod(path, 0o700)
	return path


def refused(s, method="system.restart", **params):
	answer = s.switch.ask(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
	same(answer["error"]["code"], -32000)
	return answer["error"]["message"]


def upgrade(s, **params):
	before = started(s)
	plan = s.switch.control("system.restart", **params)
	s.net.until(lambda: started(s) > before and s.switch.answers(), "it is restarted", step=0.002)
	return plan


@scenario
def a_restart_by_command_says_what_becomes_of_everything(s):
	Manager(s)  # also there it executes the next program in place
	caller = s.peer("streamer", "tcp")
	gw = s.gateway()
	s.start(("udp", "tcp"))
	pid = s.switch.process.pid
	legs = *s.talk(gw), *s.talk(gw, caller=caller)
	c = s.caller.invite("4930")
	d = gw.leg()
	d.reply(180)
	c.expect(180)
	s.net.until(lambda: s.switch.status()["calls"]["active"] == 3, "three calls", step=0.01)
	plan = s.switch.control("system.restart.check")
	same(plan, {"binary": switch.BINARY, "version": s.switch.status()["version"], "calls_kept": 3, "calls_ended": 0,
		"calls_setup": 1, "registrations": 0, "connections_closed": 1})
	same(s.switch.status()["calls"]["recovered"], 0)
	same(upgrade(s), plan)
	same(s.switch.process.pid, pid)
	gw.expect_count(4, "INVITE")  # that of the call being set up comes again
	s.answer(c, d)
	s.over(c, d)
	checked(*legs)
	s.over(*legs[:2])
	s.over(*legs[2:])


@scenario
def calls_that_will_not_go_on_are_told_before(s):
	gw = s.gateway()
	s.start(SS_CALL_RECOVERY="Off")
	legs = s.talk(gw)
	plan = upgrade(s)
	same((plan["calls_kept"], plan["calls_ended"]), (0, 1))
	for leg in legs:
		leg.hung_up()


@variants(
	("that_does_not_exist", [], "No such file or directory"),
	("that_says_nothing", ["exit 0"], "does not say which version of calls it reads"),
	("that_fails", ["echo softswitch: no way >&2; exit 3"], "does not say which state it reads: no way"),
	*(("that_is_too_old_for_" + kind.replace(".", "_"),
		['[ "$1" = --check ] || { "$next" "$@" | sed "s/^%s .*/%s 0/"; exit 0; }' % (kind, kind)],
		"reads %s up to version 0, and ours is of version " % kind)
		for kind in ("calls", "journal", "softswitch.db", "cdr.db", "state.db")),
	("that_would_not_start", ['[ "$1" != --check ] || { echo softswitch: address gone >&2; echo more; exit 1; }'],
		"would not start: address gone"),
)
def nothing_happens_for_a_program(s, lines, words):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	before = started(s)
	program = script(s, *lines) if lines else s.switch.path("nonsense")
	for method in ("system.restart.check", "system.restart"):
		message = refused(s, method, binary=program)
		assert message.startswith(program + " ") and words in message, message
	same((started(s), s.switch.status()["calls"]["active"]), (before, 1))
	s.over(a, b)


@scenario
def nothing_happens_while_the_configuration_is_missing(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	path = s.switch.path("softswitch.db")
	os.rename(path, path + ".away")
	assert path + " is missing" in refused(s)
	assert not os.path.exists(path)
	os.rename(path + ".away", path)
	upgrade(s)
	checked(a, b)
	s.over(a, b)


@scenario
def nothing_happens_for_a_program_that_anybody_may_change(s):
	s.gateway()
	s.start()
	program = script(s, 'touch "$0.run"')
	os.chmod(program, 0o777)
	assert "everybody may write" in refused(s, binary=program)
	assert not os.path.exists(program + ".run")


@scenario
def nothing_happens_for_a_program_in_a_folder_that_anybody_may_change(s):
	s.gateway()
	s.start()
	folder = s.switch.path("folder")
	os.mkdir(folder)
	program = os.path.join(folder, "next")
	shutil.copy(script(s, 'touch "$0.run"'), program)
	os.chmod(folder, 0o777)
	assert "everybody may write" in refused(s, binary=program)
	os.chmod(folder, 0o1777)  # as /tmp
	upgrade(s, binary=program)
	assert os.path.exists(program + ".run")


@scenario
def a_link_that_leads_elsewhere_after_the_check_changes_nothing(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	link, other = s.switch.path("link"), script(s, 'touch "$0.run"')
	os.symlink(switch.BINARY, link)
	before = started(s)
	a.send("INFO", body=b"x", Content_Type="text/plain")
	b.expect("INFO")  # the restart waits for its answer
	s.switch.control("system.restart", binary=link)
	os.remove(link)
	os.symlink(other, link)
	b.reply(200)
	a.expect(200, "INFO")
	s.net.until(lambda: started(s) > before and s.switch.answers(), "it is restarted", step=0.002)
	assert not os.path.exists(other + ".run")
	checked(a, b)
	upgrade(s, binary=link)  # another time
	assert os.path.exists(other + ".run")
	checked(a, b)
	s.over(a, b)


@scenario
def the_check_is_made_with_the_options_of_the_switch(s):
	s.gateway()
	s.start(arguments=("--name", "this-one"))
	upgrade(s, binary=script(s, 'echo "$@" >>"$0.log"'))
	with open([s.switch.path(name) for name in os.listdir(s.folder) if name.endswith(".log")][0]) as log:
		asked, checked_with, run_with = log.read().splitlines()
	same((asked, checked_with), ("--state-version", "--check " + run_with))
	assert "--name this-one" in run_with
	same(s.switch.status()["name"], "this-one")


@scenario
def a_newer_program_may_go_on(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	upgrade(s, binary=script(s, '[ "$1" != --state-version ] || { "$next" "$@" | sed "s/^calls .*/calls 77/"; exit 0; }'))
	checked(a, b)
	s.over(a, b)


@scenario
def a_program_that_cannot_be_executed_after_all_leaves_all_as_it_was(s):
	gw = s.gateway()
	caller = s.peer("streamer", "tls")
	s.start(("udp", "tcp", "tls"))
	a, b = s.talk(gw)
	c, d = s.talk(gw, caller=caller)
	s.switch.control("system.restart", binary=script(s, '[ "$1" != --check ] || chmod 600 "$0"'))
	s.net.until(lambda: "not restarted" in s.switch.read_log(), "it is not restarted", step=0.01)
	s.over(*s.talk(gw))
	s.over(a, b)
	d.send("BYE")  # by a new connection
	c.hung_up()
	d.expect(200, "BYE")
	upgrade(s)


@scenario
def a_configuration_that_is_locked_after_the_check_is_waited_for(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	program = script(s, '[ "$1" != --db ] || { touch "$0.run"; until [ -e "$0.go" ]; do sleep 0.01; done; }')
	s.switch.control("system.restart", binary=program)
	s.net.until(lambda: os.path.exists(program + ".run"), "it is about to start", step=0.01)
	lock = sqlite3.connect(s.switch.path("softswitch.db"), isolation_level=None)
	lock.execute("pragma locking_mode = exclusive")
	lock.execute("begin exclusive")
	open(program + ".go", "w").close()
	s.net.until(lambda: "waiting for the configuration" in s.switch.read_log(), "it waits", step=0.01)
	s.caller.request("OPTIONS")
	lock.close()
	s.caller.expect(200, "OPTIONS")
	checked(a, b)
	s.over(a, b)


@scenario
def a_program_that_never_answers_holds_up_nothing(s):
	gw = s.gateway()
	s.start()
	with socket.socket(socket.AF_UNIX) as sock:
		sock.settimeout(8 + WAIT)
		sock.connect(s.switch.path("c.sock"))
		params = {"binary": script(s, "exec tail -f /dev/null")}
		sock.sendall(json.dumps({"jsonrpc": "2.0", "id": 5, "method": "system.restart", "params": params}).encode() + b"\n")
		a = s.caller.invite("4930")  # calls are set up meanwhile
		gw.leg().refuse(486)
		a.expect(486)
		same(refused(s), "a restart is under way")
		answer = json.loads(sock.makefile().readline())
	same(answer["id"], 5)
	assert answer["error"]["message"].endswith("did not answer in time"), answer
	upgrade(s)


@scenario
def who_asks_for_a_restart_is_told_when_the_switch_is_stopped_instead(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "30"))
	a, b = s.talk(gw)
	with socket.socket(socket.AF_UNIX) as sock:
		sock.settimeout(WAIT)
		sock.connect(s.switch.path("c.sock"))
		params = {"binary": script(s, "exec tail -f /dev/null")}
		request = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "system.restart", "params": params}).encode() + b"\n"
		sock.sendall(request + request)
		s.net.until(lambda: "by command" in s.switch.read_log(), "it has begun", step=0.01)
		s.switch.stopping()
		answers = sock.makefile()
		same([json.loads(answers.readline())["error"]["message"] for _ in range(2)],
			["the switch is stopping", "a restart is under way"])
		same(refused(s), "the switch is stopping")
	s.over(a, b)
	s.switch.ended()


@scenario
def a_program_whose_death_takes_time_holds_up_nothing(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "30"))
	a, b = s.talk(gw)
	program = script(s, 'echo $$ >"$0.new"', 'mv "$0.new" "$0.pid"', "exec tail -f /dev/null")
	with socket.socket(socket.AF_UNIX) as sock:
		sock.connect(s.switch.path("c.sock"))
		request = {"jsonrpc": "2.0", "id": 5, "method": "system.restart", "params": {"binary": program}}
		sock.sendall(json.dumps(request).encode() + b"\n")
		s.net.until(lambda: os.path.exists(program + ".pid"), "it runs", step=0.01)
		with open(program + ".pid") as file:
			pid = int(file.read())
		# The switch is not told of its end before who traces it has been.
		if ctypes.CDLL(None).ptrace(PTRACE_SEIZE, pid, None, None):
			raise Skip("processes cannot be traced here")
		s.switch.stopping()
		s.over(a, b)
		s.switch.ended()


@scenario
def systemd_does_not_wait_for_a_restart_by_command(s):
	Manager(s)
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	with socket.socket(socket.AF_UNIX) as sock:
		sock.connect(s.switch.path("c.sock"))
		params = {"binary": script(s, "exec tail -f /dev/null")}
		sock.sendall(json.dumps({"jsonrpc": "2.0", "id": 5, "method": "system.restart", "params": params}).encode() + b"\n")
		s.net.until(lambda: "by command" in s.switch.read_log(), "it has begun", step=0.01)
		s.switch.signal(signal.SIGUSR2)
		s.switch.ended(timeout=4)
	s.switch.start_again()
	checked(a, b)
	s.over(a, b)


@scenario
def a_stop_goes_before_a_restart(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "30"))
	a, b = s.talk(gw)
	s.switch.stopping()
	s.switch.signal(signal.SIGUSR2)
	s.net.until(lambda: "not restarted reason=stopping" in s.switch.read_log(), "it is not restarted", step=0.01)
	s.over(a, b)
	s.switch.ended()


if __name__ == "__main__":
	run()
