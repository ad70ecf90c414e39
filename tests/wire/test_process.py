"""The process: start, stop, crash, command line and control socket."""

import contextlib
import glob
import os
import signal
import socket
import sqlite3
import subprocess
import sys

from net import same
from runner import run, scenario, variants


@scenario
def sigterm_hangs_up_on_both_sides_and_exits_0(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.signal()
	a.hung_up()
	b.hung_up()
	s.switch.ended()
	same(s.switch.record()["end_direction"], 2)


@scenario
def sigterm_ends_a_ringing_call(s):
	gw = s.gateway()
	s.start()
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	s.switch.signal()
	a.expect(503)
	b.cancelled()
	s.switch.ended()
	row = s.switch.record()
	same((row["sip_code"], row["end_direction"], row["answer_ms"]), (503, 2, None))


@scenario
def sigterm_ends_although_nobody_answers_the_bye(s):
	gw = s.gateway()
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2")
	a, b = s.talk(gw)
	s.switch.signal()
	a.expect("BYE")
	b.expect("BYE")
	s.switch.ended()
	s.switch.record()


@scenario
def drain_waits_for_the_live_call_and_takes_no_new_one(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "30"))
	a, b = s.talk(gw)
	s.switch.stopping()
	s.caller.invite("4930").expect(503)
	s.over(a, b)
	s.switch.ended(timeout=3)
	same({row["a_call_id"]: row["end_reason"] for row in s.switch.records(None)}[a.call_id], "normal clearing")


@scenario
def drain_ends_what_lasts_too_long(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "1"))
	a, b = s.talk(gw)
	s.switch.signal()
	s.net.quiet(0.8)
	a.hung_up()
	b.hung_up()
	s.switch.ended()
	same(s.switch.record()["end_direction"], 2)


@scenario
def a_second_sigterm_ends_at_once(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "30"))
	s.talk(gw)
	s.switch.stopping()
	s.switch.signal()
	s.switch.ended(timeout=2)
	for peer in (s.caller, gw):
		peer.find("BYE")
	assert s.switch.records(None), "the record of the live call"


@scenario
def calls_that_cannot_go_on_after_kill_9_are_in_the_records(s):
	gw = s.gateway()
	s.start()
	s.over(*s.talk(gw))
	a, b = s.talk(gw)
	ringing = s.caller.invite("4930")
	tried = gw.leg()
	s.switch.kill()
	s.start()  # at another port, where its sides do not reach it
	for leg in (a, b):
		leg.hung_up()
	ringing.expect(503)
	rows = s.switch.records(3)
	same([row["end_reason"] for row in rows], ["normal clearing", "switch restarted", "switch restarted"])
	same([(row["a_call_id"], row["b_call_id"], row["sip_code"], row["end_direction"]) for row in rows[1:]],
		[(a.call_id, b.call_id, 200, 2), (ringing.call_id, tried.call_id, 503, 2)])
	s.over(*s.talk(gw))
	s.switch.records(4)


@scenario
def a_request_of_a_call_that_left_nothing_is_481(s):
	gw = s.gateway()
	s.start()
	a, _ = s.talk(gw)
	s.switch.kill()
	for file in "journal", "cdr.db-live":
		with contextlib.suppress(FileNotFoundError):
			os.remove(s.switch.path(file))
	s.start()
	a.route = s.caller.proxy
	a.send("BYE")
	a.expect(481, "BYE")


def answers_error(s, line, code, word=""):
	answer = s.switch.ask(line)
	same(answer["error"]["code"], code)
	assert word in answer["error"]["message"], answer


@scenario
def the_control_socket_refuses_what_it_does_not_understand(s):
	s.start()
	answers_error(s, "{", -32700)
	answers_error(s, "\xff\xfe", -32700)
	answers_error(s, "[" * 10000, -32700)
	answers_error(s, '{"jsonrpc":"2.0","id":1,"method":"system.explode"}', -32601)
	answers_error(s, '{"jsonrpc":"2.0","id":1,"method":"routes.lookup","params":{"caller":"1"}}', -32602, "callee")
	answers_error(s, '{"jsonrpc":"2.0","id":1,"method":"routes.lookup","params":{"callee":1}}', -32602, "callee")
	answers_error(s, '{"jsonrpc":"2.0","id":1,"method":"calls.list","params":{"limit":-1}}', -32602, "limit")
	answers_error(s, '{"jsonrpc":"2.0","id":1,"method":"calls.list","params":{"colour":1}}', -32602, "colour")
	answers_error(s, '[]', -32600)
	same(s.switch.status()["calls"]["active"], 0)


@scenario
def the_control_socket_tells_of_live_calls(s):
	gw = s.gateway(capacity=30)
	s.start()
	a, b = s.talk(gw)
	call = s.switch.control("calls.list")["calls"][0]
	same((call["gateway"], call["ingress"], call["caller"], call["callee"], call["a_call_id"], call["b_call_id"]),
		("gw", "customer", "4930100200", "4930", a.call_id, b.call_id))
	same(s.switch.control("gateways.list")["gateways"][0]["calls"], 1)
	s.over(a, b)
	s.settle()
	same(s.switch.status()["calls"], {"active": 0, "total": 1, "answered": 1, "failed": 0, "recovered": 0, "refused": 0})


@scenario
def routes_lookup_tells_the_order_and_why_others_are_left_out(s):
	s.gateway("off", prefix="49", enabled=0)
	s.gateway("berlin", prefix="4930", carry_through=1)
	s.gateway("paris", prefix="331")
	s.start()
	answer = s.switch.control("routes.lookup", callee="4930123", caller="1", ingress="customer")
	same([(c["gateway"], c["prefix"], c["verdict"]) for c in answer["candidates"]],
		[("berlin", "4930", "usable"), ("off", "49", "disabled")])
	same([c["gateway"] for c in answer["left_out"]], ["paris"])


@scenario
def the_command_line_checks_initialises_and_explains(s):
	assert "usage" in s.switch.run("--nonsense", expected=2).lower()
	assert s.switch.run("--version").strip()
	assert "--drain" in s.switch.run("--help")
	s.switch.run("--check", "--listen", "sip:127.0.0.1:0")
	s.switch.run("--init")
	s.switch.run("--listen", "sip:127.0.0.1:99999", expected=2)


@scenario
def a_check_finds_an_address_in_use(s):
	for transport, kind in (("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)):
		with socket.socket(type=kind) as other:
			other.bind(("127.0.0.1", 0))
			if transport == "tcp":
				other.listen()
			uri = "sip:127.0.0.1:%d;transport=%s" % (other.getsockname()[1], transport)
			said = s.switch.run("--check", "--listen", uri, expected=1)
			same(said, "softswitch: cannot listen on %s: Address already in use\n" % uri)
		s.switch.run("--check", "--listen", uri)
	same(s.switch.run("--check", "--listen", uri, "--listen", uri, expected=1).count("\n"), 1)


@scenario
def a_check_beside_the_running_switch_is_content(s):
	gw = s.gateway()
	s.start()
	s.switch.run("--check", "--listen", "sip:%s:%d" % s.switch.addresses["udp"])
	s.over(*s.talk(gw))


@scenario
def a_check_finds_a_missing_tls_file(s):
	folder = s.switch.path("tls")
	os.mkdir(folder)
	arguments = ("--check", "--listen", "sip:127.0.0.1:0;transport=tls", "--tls-dir", folder)
	same(s.switch.run(*arguments, expected=1),
		"softswitch: --tls-dir: %s/agent.pem: No such file or directory\n" % folder)


@scenario
def a_check_finds_rows_that_name_what_does_not_exist(s):
	"""Triggers refuse them, unless a program turns triggers off."""
	with sqlite3.connect(s.switch.path("softswitch.db")) as db:
		triggers = db.execute("select name, sql from sqlite_master where type = 'trigger' and tbl_name in ('gateway', 'route')")
		triggers = triggers.fetchall()
		for name, _ in triggers:
			db.execute("drop trigger " + name)
		db.execute("insert into route (prefix, gateway) values ('44', 'nowhere')")
		db.execute("insert into gateway (name, host, registration) values ('gw', '127.0.0.1', 'nobody')")
		for _, text in triggers:
			db.execute(text)
	db.close()
	same(s.switch.run("--check", "--listen", "sip:127.0.0.1:0", expected=1).splitlines(),
		['softswitch: route "44": there is no gateway "nowhere"', 'softswitch: gateway "gw": there is no registration "nobody"'])


@scenario
def a_database_of_somebody_else_is_refused_and_left_alone(s):
	path = s.switch.path("softswitch.db")
	with sqlite3.connect(path) as db:
		db.execute("pragma application_id = 1")
	db.close()
	for option in ("--check", "--init"):
		assert path in s.switch.run(option, expected=1)


@scenario
def a_port_in_use_is_told_and_ends_the_start(s):
	assert str(s.caller.port) in s.switch.run("--listen", "sip:" + s.caller.host_port, expected=1)


@scenario
def a_second_switch_on_the_same_files_is_refused(s):
	gw = s.gateway()
	s.start()
	assert "another process" in s.switch.run("--listen", "sip:127.0.0.1:0", expected=1)
	s.over(*s.talk(gw))


@variants(*((number.name[3:].lower(), number) for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGPIPE,
	signal.SIGXFSZ, signal.SIGHUP)))
def no_stray_signal_ends_a_call(s, number):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.signal(number)
	same(s.switch.status()["calls"]["active"], 1)
	s.over(a, b)


@variants(*((number.name[3:].lower(), number) for number in (signal.SIGINT, signal.SIGQUIT)))
def stops_as_sigterm_does_on(s, number):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.signal(number)
	a.hung_up()
	b.hung_up()
	s.switch.ended()
	same(s.switch.record()["end_direction"], 2)


@scenario
def sighup_reads_the_configuration_again_at_once(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	loaded = s.switch.read_log().count("configuration in force")
	s.switch.signal(signal.SIGHUP)
	s.net.until(lambda: s.switch.read_log().count("configuration in force") > loaded, "it is read again", step=0.01)
	assert "reading the configuration again" in s.switch.read_log()
	s.over(a, b)
	s.over(*s.talk(gw))


@scenario
def status_says_that_it_drains_and_that_it_stops(s):
	gw = s.gateway()
	s.start(arguments=("--drain", "30"), SS_SIP_RESEND_INTERVAL="1.0")
	same((s.switch.status()["state"], s.switch.status()["reason"]), ("running", None))
	a, b = s.talk(gw)
	s.switch.stopping()
	same(s.switch.status()["state"], "draining")
	assert "SIGTERM" in s.switch.status()["reason"]
	a.send("BYE")
	a.expect(200, "BYE")
	b.expect("BYE")
	s.net.until(lambda: s.switch.status()["state"] == "stopping", "it stops", step=0.01)
	b.reply(200)
	s.switch.ended()


@variants(("scenarios", "test_resend.py"), ("the_matrix", "test_matrix.py"))
def tests_that_are_ended_leave_no_switch_behind(s, tests):
	def left():
		"""The command lines of all processes that use files in our folder."""
		found = []
		for path in glob.glob("/proc/[0-9]*/cmdline"):
			try:
				with open(path) as line:
					found += [text for text in [line.read()] if s.folder in text]
			except OSError:  # it has ended meanwhile
				pass
		return found

	ended = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), tests)],
		env={**os.environ, "TMPDIR": s.folder}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
	s.net.until(lambda: glob.glob(s.folder + "/*/c.sock") or ended.poll() is not None, "a switch runs", step=0.002)
	assert left()
	ended.terminate()
	ended.wait()
	same((left(), sorted(os.listdir(s.folder))), ([], ["cdr.db", "softswitch.db"]))


if __name__ == "__main__":
	run()
