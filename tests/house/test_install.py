"""What `meson install` installs, and that the version is the same wherever it is told."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import house

MODES = {  # below the prefix
	"bin/softswitch": 0o755,
	"bin/swctl": 0o755,
	"lib/systemd/system/softswitch.service": 0o644,
	"lib/sysusers.d/softswitch.conf": 0o644,
	"lib/tmpfiles.d/softswitch.conf": 0o644,
	"share/softswitch/sample.sql": 0o644,
	"share/doc/softswitch/README.md": 0o644,
	"share/doc/softswitch/LICENSE": 0o644,
}
NEWS = house.TOP / "NEWS.md"


def run(*command):
	done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
	assert done.returncode == 0, "%s: %s%s" % (command, done.stdout, done.stderr)
	return done.stdout + done.stderr


def introspect(what):
	return json.loads(run("meson", "introspect", house.BUILD, "--" + what))


class Install(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.scratch = tempfile.TemporaryDirectory()
		cls.addClassCleanup(cls.scratch.cleanup)
		cls.prefix = next(option["value"] for option in introspect("buildoptions") if option["name"] == "prefix")
		cls.installed = Path(cls.scratch.name + cls.prefix)
		run("meson", "install", "-C", house.BUILD, "--no-rebuild", "--quiet", "--destdir", cls.scratch.name)

	def test_all_is_in_its_place(self):
		expected = dict(MODES, **({"share/doc/softswitch/NEWS.md": 0o644} if NEWS.exists() else {}))
		files = [file for file in Path(self.scratch.name).rglob("*") if file.is_file()]
		self.assertEqual({str(file.relative_to(self.installed)): file.stat().st_mode & 0o777 for file in files}, expected)

	def test_the_unit_starts_what_was_installed(self):
		unit = (self.installed / "lib/systemd/system/softswitch.service").read_text()
		# What --check finds is said, but is no reason not to start.
		self.assertEqual(re.findall(r"^(ExecStart\w*)=(\S+)", unit, re.M),
			[("ExecStartPre", "-%s/bin/softswitch" % self.prefix), ("ExecStart", "%s/bin/softswitch" % self.prefix)])
		self.assertNotIn("@", re.sub(r"@(system-service|privileged|resources)", "", unit))

	def test_the_unit_reloads_by_sighup_and_restarts_always(self):
		unit = dict(re.findall(r"^(\w+)=(.*)$", (self.installed / "lib/systemd/system/softswitch.service").read_text(), re.M))
		self.assertEqual((unit["ExecReload"], unit["Restart"], unit["StartLimitIntervalSec"], unit["RuntimeDirectory"],
			unit["RuntimeDirectoryPreserve"]), ("/bin/kill -HUP $MAINPID", "always", "0", "softswitch", "yes"))

	def test_the_unit_stores_the_sockets_and_a_restart_keeps_the_calls(self):
		unit = dict(re.findall(r"^(\w+)=(.*)$", (self.installed / "lib/systemd/system/softswitch.service").read_text(), re.M))
		self.assertEqual((unit["Type"], unit["NotifyAccess"], unit["RestartKillSignal"]), ("notify", "main", "SIGUSR2"))
		self.assertNotIn("KillSignal", unit)  # a stop sends SIGTERM
		self.assertGreaterEqual(int(unit["FileDescriptorStoreMax"]), 2 * 16)  # of one process and the next

	def test_systemd_is_content(self):
		if not shutil.which("systemd-analyze"):
			self.skipTest("systemd-analyze is missing")
		unit = self.installed / "lib/systemd/system/softswitch.service"
		staged = Path(self.scratch.name, "softswitch.service")
		self.addCleanup(staged.unlink)
		staged.write_text(unit.read_text().replace("=%s/" % self.prefix, "=%s/" % self.installed))
		self.assertEqual(run("systemd-analyze", "verify", "--man=no", staged), "")

	def test_the_user_and_the_folder_are_those_of_the_unit(self):
		read = lambda name: (self.installed / "lib" / name).read_text()
		unit = dict(re.findall(r"^(\w+)=(.*)$", read("systemd/system/softswitch.service"), re.M))
		self.assertRegex(read("sysusers.d/softswitch.conf"), r"(?m)^u %s -" % unit["User"])
		self.assertRegex(read("tmpfiles.d/softswitch.conf"), r"(?m)^d /var/lib/%s %s %s %s -$" %
			(unit["StateDirectory"], unit["StateDirectoryMode"], unit["User"], unit["Group"]))

	def test_there_is_one_version(self):
		version = introspect("projectinfo")["version"]
		self.assertEqual(run(self.installed / "bin/softswitch", "--version"), "softswitch %s\n" % version)

	def test_the_news_begin_with_this_version(self):
		if not NEWS.exists():
			self.skipTest("there is no NEWS.md yet")
		heading = re.search(r"^## .*?(\d+\.\d+\.\d+)|^# .*?(\d+\.\d+\.\d+)", NEWS.read_text(), re.M)
		self.assertTrue(heading, "NEWS.md has no heading with a version")
		self.assertEqual(heading[1] or heading[2], introspect("projectinfo")["version"])


if __name__ == "__main__":
	unittest.main()
