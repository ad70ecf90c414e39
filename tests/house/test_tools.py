"""tools/lib.sh: what it says without root, what it leaves of Debian's services, which build folders it makes anew."""

import os
import pty
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import house

LIB = house.TOP / "tools" / "lib.sh"
PROJECT = "project('small', 'c')\noption = get_option('word')\nexecutable('small', 'small.c', c_args: '-DWORD=' + option)\n"


class Tools(unittest.TestCase):
	def setUp(self):
		scratch = tempfile.TemporaryDirectory()
		self.addCleanup(scratch.cleanup)
		self.folder = Path(scratch.name)
		self.path = self.folder / "bin"
		self.path.mkdir()

	def stub(self, name, script):
		file = self.path / name
		file.write_text("#!/bin/bash\n" + script)
		file.chmod(0o755)

	def bash(self, script, path=None, status=0):
		"""Runs the script after lib.sh, stubs before anything else. Returns its output, errors included."""
		done = subprocess.run(["bash", "-uc", ". %s; %s" % (LIB, script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
			text=True, cwd=self.folder, env={**os.environ, "PATH": path or "%s:%s" % (self.path, os.environ["PATH"])})
		self.assertEqual(done.returncode, status, done.stdout)
		return done.stdout

	def test_without_root_and_sudo_there_is_one_clear_sentence(self):
		self.stub("id", "echo 1000")
		self.stub("dpkg-query", "echo not-installed")
		for name in ("bash", "dirname"):
			(self.path / name).symlink_to(shutil.which(name))
		said = self.bash("need_packages meson sqlite3", path=str(self.path), status=1)
		self.assertEqual(said, "bash: packages are missing and there is no sudo; "
			"as root: apt-get install --no-install-recommends meson sqlite3\n")

	def test_kamailio_is_not_started_while_it_is_installed(self):
		"""Other packages' services are let alone, and so is the machine afterwards."""
		self.stub("id", "echo 0")
		self.stub("dpkg-query", "echo not-installed")
		self.stub("apt-get", """
			for service in kamailio kamailio.service ssh; do "$policy" --quiet $service start; echo $service $? >>log; done""")
		self.stub("systemctl", 'echo systemctl "$@" >>log')
		self.bash("export policy=$PWD/policy-rc.d; need_packages kamailio")
		log = (self.folder / "log").read_text()
		for line in ("kamailio 101", "kamailio.service 101", "ssh 0"):
			self.assertIn(line + "\n", log)
		self.assertFalse((self.folder / "policy-rc.d").exists())
		if Path("/run/systemd/system").exists():
			self.assertIn("systemctl disable --now kamailio\n", log)

	def test_a_policy_of_the_machine_stays(self):
		self.stub("id", "echo 0")
		self.stub("dpkg-query", "echo not-installed")
		self.stub("apt-get", "")
		self.stub("systemctl", "")
		(self.folder / "policy-rc.d").write_text("theirs")
		self.bash("policy=$PWD/policy-rc.d; need_packages kamailio")
		self.assertEqual((self.folder / "policy-rc.d").read_text(), "theirs")

	def test_no_color_is_honoured_on_a_terminal(self):
		for no_color, expected in (("", b"\x1b[1m"), ("1", b"")):
			master, slave = pty.openpty()
			subprocess.run(["bash", "-c", '. %s; printf "%%s." "$bold"' % LIB], stdout=slave, check=True,
				env={**os.environ, "NO_COLOR": no_color})
			self.assertEqual(os.read(master, 100), expected + b".")
			os.close(master)
			os.close(slave)

	def make_project(self, place):
		place.mkdir()
		(place / "meson.build").write_text(PROJECT)
		(place / "meson_options.txt").write_text("option('word', type: 'string', value: '1')\n")
		(place / "small.c").write_text("int main(void)\n{\n\treturn WORD;\n}\n")

	def build(self, place, *options):
		"""Returns what the program that was built says."""
		self.bash("top=%s; build_in $top/build %s" % (place, " ".join(options)))
		return subprocess.run([place / "build" / "small"]).returncode

	def test_a_build_folder_takes_new_options(self):
		place = self.folder / "project"
		self.make_project(place)
		self.assertEqual(self.build(place), 1)
		self.assertEqual(self.build(place, "-Dword=2"), 2)

	def test_a_build_folder_that_moved_or_is_not_ours_is_made_anew(self):
		first, second = self.folder / "first", self.folder / "second"
		self.make_project(first)
		self.assertEqual(self.build(first), 1)
		shutil.copytree(first, second, symlinks=True)
		(second / "meson.build").write_text(PROJECT.replace("-DWORD=", "-DWORD=2*"))
		self.assertEqual(self.build(second), 2)
		self.assertNotIn(str(first) + "/", (second / "build" / "build.ninja").read_text())
		(second / "build" / "maker").write_text("meson 0.0.1 in %s\n" % second)
		(second / "build" / "build.ninja").write_text("of another Meson")
		self.assertEqual(self.build(second), 2)
		subprocess.run(["meson", "setup", "--wipe", "-Dword=3", second / "build", second], check=True, capture_output=True)
		(second / "build" / "maker").unlink(missing_ok=True)
		self.assertEqual(self.build(second), 2)


if __name__ == "__main__":
	unittest.main()
