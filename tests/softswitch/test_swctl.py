"""swctl against a running switch: what it prints and how it exits."""

import hashlib
import json
import os
import pty
import signal
import socket
import subprocess
import tempfile
import termios
import time
import unittest

SWITCH = os.environ["SOFTSWITCH"]
SWCTL = os.environ["SWCTL"]
PATIENCE_S = 20
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "SOFTSWITCH_CONTROL"}
if os.access("/run/softswitch", os.W_OK):  # a switch runs here as a service
	ENVIRONMENT["SOFTSWITCH_CONTROL"] = "softswitch.sock"


def run(*arguments, cwd, given=None, **environment):
	return subprocess.run([SWCTL, *arguments], cwd=cwd, env={**ENVIRONMENT, **environment}, input=given, capture_output=True, text=True,
		timeout=PATIENCE_S)


class Swctl(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.scratch = tempfile.TemporaryDirectory()
		cls.folder = cls.scratch.name
		cls.elsewhere = os.path.join(cls.folder, "elsewhere")
		os.mkdir(cls.elsewhere)
		cls.log = open(os.path.join(cls.folder, "log"), "w+")
		cls.switch = subprocess.Popen([SWITCH, "--listen", "sip:127.0.0.1:0;transport=udp", "--name", "here", "--journal", "journal"],
			cwd=cls.folder, stderr=cls.log, env=ENVIRONMENT)
		cls.until(lambda: run("status", cwd=cls.folder).returncode == 0)

	@classmethod
	def tearDownClass(cls):
		cls.switch.send_signal(signal.SIGTERM)
		status = cls.switch.wait(PATIENCE_S)
		cls.log.seek(0)
		log = cls.log.read()
		cls.log.close()
		cls.scratch.cleanup()
		assert status == 0 and "Sanitizer" not in log, log

	@classmethod
	def until(cls, happened):
		end = time.monotonic() + PATIENCE_S
		while not happened():
			assert time.monotonic() < end and cls.switch.poll() is None, "it did not happen"
			time.sleep(0.02)

	def ask(self, *arguments, status=0, cwd=None):
		done = run(*arguments, cwd=cwd or self.folder)
		self.assertEqual(done.returncode, status, done.stderr)
		return done.stdout if status == 0 else done.stderr

	def hash(self, name, given, json=False):
		done = run(*["--json"] * json, "hash", name, cwd=self.folder, given=given)
		self.assertEqual((done.returncode, done.stderr), (0, ""))
		return done.stdout

	def test_status_is_for_people_and_for_programs(self):
		words = dict(line.split(None, 1) for line in self.ask("status").splitlines())
		self.assertEqual(words["name"], "here")
		self.assertEqual(words["calls.active"], "0")
		self.assertRegex(words["listeners"], r"^sip:127\.0\.0\.1:\d+;transport=udp$")
		status = json.loads(self.ask("--json", "status"))
		self.assertEqual(status["name"], "here")
		self.assertEqual(status["calls"], {"active": 0, "total": 0, "answered": 0, "failed": 0, "recovered": 0, "refused": 0})
		self.assertEqual(status["db"], os.path.join(os.path.realpath(self.folder), "softswitch.db"))
		self.assertGreater(status["uptime_ms"], 0)

	def test_db_opens_the_file_of_the_running_switch(self):
		control = os.path.join(self.folder, "softswitch.sock")
		self.ask("--control", control, "db", "insert into gateway (name, host, auth_user, auth_password) "
			"values ('alpha', '127.0.0.1', 'userOfAlpha', 'secretOfAlpha')", cwd=self.elsewhere)
		self.assertEqual(os.listdir(self.elsewhere), [])
		self.until(lambda: "alpha" in self.ask("gateways"))

		lines = self.ask("gateways").splitlines()
		heading, row = next((lines[i], lines[i + 1]) for i in range(len(lines)) if lines[i].startswith("name "))
		for column in ("state", "reason", "calls", "rtt_ms"):
			at = heading.index(column)
			self.assertTrue(row[at - 1] == " " and row[at] != " ", "%s is not below its heading" % column)
		self.assertEqual(row[heading.index("state"):].split()[0], "untried")

		words = dict(line.split(None, 1) for line in self.ask("gateway", "alpha").splitlines())
		self.assertEqual((words["host"], words["verdict"], words["window.attempts"]), ("127.0.0.1", "usable", "0"))

		plan = json.loads(self.ask("--json", "lookup", "4930", "caller=1"))
		self.assertFalse(plan["matched"])
		self.assertEqual(plan["left_out"],
			[{"gateway": "alpha", "reason": "no enabled route of this number leads there"}])
		for answer in (self.ask("gateways"), self.ask("--json", "gateways"), self.ask("gateway", "alpha"),
				self.ask("lookup", "4930")):
			self.assertNotIn("OfAlpha", answer)

	def test_registrations_are_told_and_commanded_and_their_passwords_kept(self):
		self.assertIn("registrations: none", self.ask("registrations"))
		self.ask("db", "insert into registration (name, host, port, user, password, enabled) "
			"values ('carrier', '127.0.0.1', 5070, 'us', 'secretOfCarrier', 0)")
		self.until(lambda: "carrier" in self.ask("registrations"))
		row = self.ask("registrations").splitlines()[-1].split()
		self.assertEqual(row[:2] + row[3:5], ["carrier", "disabled", "127.0.0.1:5070", "us"])
		for answer in (self.ask("registrations"), self.ask("--json", "registrations")):
			self.assertNotIn("secretOfCarrier", answer)
		self.assertEqual(self.ask("register", "carrier", status=1),
			"swctl: registrations.register: name: registration.enabled is 0\n")
		self.assertEqual(self.ask("register", "nobody", status=1),
			"swctl: registrations.register: name: unknown registration\n")
		self.ask("db", "update registration set enabled = 1, port = 9")
		self.until(lambda: "disabled" not in self.ask("registrations"))
		self.ask("unregister", "carrier")
		self.until(lambda: "unregistered by command" in self.ask("registrations"))
		self.assertIn("registering", self.ask("register", "carrier"))

	def test_hash_makes_what_an_endpoint_registers_with(self):
		self.assertIn("realm                       softswitch", self.ask("endpoints"))
		self.ask("db", "insert into endpoint (name, password) values ('o(1)', 'secret')")
		update = self.hash("o(1)", given="pass word'\n")
		self.assertNotIn("pass word", update)
		self.ask("db", update)
		row = self.ask("db", "select password is null, ha1_md5, ha1_sha256 from endpoint").strip().split("|")
		text = b"o(1):softswitch:pass word'"
		self.assertEqual(row, ["1", hashlib.md5(text).hexdigest(), hashlib.sha256(text).hexdigest()])
		self.ask("db", "update endpoint set enabled = 0, password = 'x', ha1_md5 = null, ha1_sha256 = null; "
			"update parameter set value = 'example.com' where name like '%REALM'")
		self.until(lambda: "example.com" in self.ask("endpoints"))
		of = {"name": "1001", "realm": "example.com", "ha1_md5": hashlib.md5(b"1001:example.com:s").hexdigest(),
			"ha1_sha256": hashlib.sha256(b"1001:example.com:s").hexdigest()}
		self.assertEqual(json.loads(self.hash("1001", given="s", json=True)), of)
		self.ask("db", "update parameter set value = default_value where name like '%REALM'; delete from endpoint")

	def test_hash_asks_a_terminal_and_does_not_show_the_answer(self):
		terminal, end = pty.openpty()
		process = subprocess.Popen([SWCTL, "--json", "hash", "1001", "realm=here"], cwd=self.elsewhere, env=ENVIRONMENT, stdin=end,
			stdout=subprocess.PIPE, stderr=end, text=True)
		shown = b""
		for prompt in (b"Password: ", b"Once more: "):
			while prompt not in shown:
				shown += os.read(terminal, 1000)
			self.until(lambda: not termios.tcgetattr(end)[3] & termios.ECHO)
			os.write(terminal, b"secret\n")
		out = process.communicate(timeout=PATIENCE_S)[0]
		self.assertEqual(json.loads(out)["ha1_md5"], hashlib.md5(b"1001:here:secret").hexdigest())
		self.assertTrue(termios.tcgetattr(end)[3] & termios.ECHO)
		os.write(end, b".")  # after all that was shown
		while not shown.endswith(b"."):
			shown += os.read(terminal, 1000)
		self.assertNotIn(b"secret", shown)
		os.close(terminal)
		os.close(end)

	def test_hash_refuses_what_no_row_can_have(self):
		for arguments, given, words in (((), "s", "expected a NAME"), (("1001", "secret"), "s", "expected a NAME"),
				(("o'1",), "s", "no name"), (("1001",), "", "1 to 256 bytes"), (("1001",), "s" * 257, "1 to 256 bytes"),
				(("1001",), "a\tb", "no control characters"), (("1001", 'realm="'), "s", "a realm is")):
			done = run("hash", *arguments, cwd=self.folder, given=given)
			self.assertEqual((done.returncode, done.stdout), (2, ""))
			self.assertIn(words, done.stderr)
		alone = run("hash", "1001", cwd=self.elsewhere, given="s")
		self.assertEqual((alone.returncode, alone.stderr), (0, "swctl: hash: no switch answers, so the realm is softswitch\n"))

	def test_strangers_are_told_with_what_they_wanted(self):
		self.assertIn("strangers: none", self.ask("strangers"))
		address = json.loads(self.ask("--json", "status"))["listeners"][0].split(":")
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
			stranger.bind(("127.0.0.9", 0))
			stranger.sendto(b"INVITE sip:4930@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
				b"To: <sip:4930@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n", (address[1], int(address[2].split(";")[0])))
		self.until(lambda: "127.0.0.9" in self.ask("strangers"))
		heading, row = self.ask("strangers").splitlines()[-2:]
		self.assertEqual(heading.split(), ["source", "transport", "reason", "method", "user", "name", "count", "first_s",
			"last_s"])
		self.assertEqual(row.split()[:8], ["127.0.0.9", "udp", "unknown", "source", "INVITE", "4930", "-", "1"])
		self.assertRegex(self.ask("strangers"), "counts.no such transaction +0\n")

	def test_any_method_can_be_called(self):
		self.assertEqual(json.loads(self.ask("--json", "call", "calls.list", '{"limit":5}'))["calls"], [])
		self.assertEqual(json.loads(self.ask("--json", "calls.list", "limit=5", "offset=1"))["total"], 0)
		self.assertIn("calls: none", self.ask("calls"))

	def test_a_refusal_of_the_switch_is_exit_status_1(self):
		self.assertEqual(self.ask("calls", "limit=0", status=1),
			"swctl: calls.list: limit: must be a whole number from 1 to 2000\n")
		self.assertEqual(self.ask("lookup", "49", "color=red", status=1),
			"swctl: routes.lookup: color: unknown parameter\n")
		self.assertEqual(self.ask("nonsense", status=1), "swctl: nonsense: unknown method\n")

	def test_wrong_usage_is_exit_status_2(self):
		self.assertIn("usage:", self.ask(status=2))
		self.assertIn("--nonsense: unknown option", self.ask("--nonsense", "status", status=2))
		self.assertIn("key=value", self.ask("status", "x", status=2))
		self.assertIn("expected a CALLEE", self.ask("lookup", status=2))
		for command in ("gateway", "register", "unregister"):
			self.assertIn(command + ": expected one NAME", self.ask(command, status=2))
		self.assertIn("malformed JSON", self.ask("call", "calls.list", "{", status=2))
		self.assertIn("not a whole number", self.ask("calls", "limit=x", status=2))

	def test_restart_says_what_it_does_and_waits_for_the_next_process(self):
		pid = self.switch.pid
		said = self.ask("restart", "--upgrade", os.path.relpath(SWITCH, self.folder))
		version = json.loads(self.ask("--json", "status"))["version"]
		self.assertRegex(said, r"softswitch, version %s\n +0 calls that go on\n(.*\n)* +0 TCP and TLS connections that are closed\n"
			"restarted, version %s, 0 calls\n$" % (version, version))
		self.assertEqual(json.loads(self.ask("--json", "restart", "--yes"))["version"], version)
		self.assertEqual((self.switch.poll(), self.switch.pid), (None, pid))
		self.assertIn("/nonsense cannot be executed: No such file", self.ask("restart", "--upgrade", "nonsense", status=1))
		self.assertIn("expected --upgrade BINARY or --yes", self.ask("restart", "now", status=2))

	def test_restart_asks_on_a_terminal(self):
		def restarts():
			with open(self.log.name) as log:
				return log.read().count("leaving the calls")

		def answer(text):
			terminal, end = pty.openpty()
			os.write(terminal, text)
			done = subprocess.run([SWCTL, "restart"], cwd=self.folder, env=ENVIRONMENT, stdin=end, capture_output=True,
				text=True, timeout=PATIENCE_S)
			os.close(terminal)
			os.close(end)
			self.assertIn("Restart? [y/N] ", done.stdout)
			return done.returncode

		before = restarts()
		self.assertEqual((answer(b"\n"), answer(b"no\n"), restarts() - before), (1, 1, 0))
		self.assertEqual((answer(b"y\n"), restarts() - before), (0, 1))

	def test_the_environment_names_the_socket(self):
		done = run("--json", "status", cwd=self.elsewhere, SOFTSWITCH_CONTROL=os.path.join(self.folder, "softswitch.sock"))
		self.assertEqual(json.loads(done.stdout)["name"], "here")

	def test_without_a_switch_it_is_exit_status_2(self):
		self.assertIn("no switch answers at softswitch.sock: No such file", self.ask("status", status=2,
			cwd=self.elsewhere))
		self.assertIn("no switch answers", self.ask("db", ".tables", status=2, cwd=self.elsewhere))
		self.assertEqual(os.listdir(self.elsewhere), [])


if __name__ == "__main__":
	unittest.main()
