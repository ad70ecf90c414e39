"""A systemd of our own runs the switch: a user manager in namespaces of its own, with the lines of the unit that matter."""

import contextlib
import os
import re
import shutil
import subprocess
import time

import sip
from net import WAIT, Failed
from runner import Skip
from switch import ROOT

MANAGER = "/lib/systemd/systemd"
# Of the unit: who it runs as, and the folders that it sees, are not those of a test.
LEFT_OUT = re.compile(r"Exec|Environment|User|Group|UMask|StateDirectory|RuntimeDirectory|Private(Tmp|Users)|Protect(System|Home)")
# The manager needs a control group that it may divide, in whichever of these is there: version 1, both versions, version 2.
HIERARCHIES = "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"
# /run/systemd/system says that systemd runs here; inaccessible files are hidden behind those of the other folder.
PREPARE = """set -e; mount -t tmpfs none /run; mkdir -p /run/systemd/system /run/systemd/inaccessible/dir
touch /run/systemd/inaccessible/reg; mknod /run/systemd/inaccessible/chr c 0 0
for group in $GROUPS_OF_OURS; do mkdir $group; echo 0 >$group/cgroup.procs; done
%s --user --log-target=console >"$XDG_RUNTIME_DIR/log" 2>&1 & set +e
until systemctl --user show >/dev/null || ! kill -0 $!; do sleep 0.02; done
""" % MANAGER


def remove(group):
	"""Also while the test is being ended, so without reading the net. Processes take a moment to go."""
	deadline = time.monotonic() + WAIT
	while os.path.isdir(group) and time.monotonic() < deadline:
		try:
			os.rmdir(group)
		except OSError:
			time.sleep(0.01)


class Systemd:
	def __init__(self, s):
		if os.geteuid() or not os.path.exists(MANAGER) or not shutil.which("unshare"):
			raise Skip("a systemd of our own needs root, systemd and unshare")
		self.s = s
		self.folder = s.switch.path("systemd")
		self.groups = [os.path.join(at, "softswitch-test-%d" % os.getpid()) for at in HIERARCHIES
			if os.path.exists(os.path.join(at, "cgroup.procs"))]
		os.makedirs(os.path.join(self.folder, "systemd", "user"), 0o700)
		self.process = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash"],
			stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
			env={**os.environ, "XDG_RUNTIME_DIR": self.folder, "GROUPS_OF_OURS": " ".join(self.groups),
				# Under the rules of the unit LeakSanitizer never comes to an end.
				"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})
		try:
			self.process.stdin.write(PREPARE)
			if not self.run("systemctl --user show -p Version --value"):
				raise Skip("systemd does not run here as a user manager")
		except BaseException:
			self.close()
			raise

	def run(self, command):
		"""What it prints."""
		self.process.stdin.write(command + "\necho; echo ==\n")
		self.process.stdin.flush()
		lines = []
		while not lines or lines[-1] != "==\n":
			lines.append(self.process.stdout.readline())
			if not lines[-1]:
				raise Skip("no namespaces can be made here")
		return "".join(lines[:-1]).strip()

	def start(self, *arguments):
		"""As the installed unit starts it."""
		binary, *options = self.s.switch.command(*arguments)
		with open(os.path.join(ROOT, "config", "softswitch.service.in")) as file:
			section = file.read().split("[Service]")[1].split("[Install]")[0]
		lines = [line for line in re.findall(r"^\w+=.*$", section, re.M) if not LEFT_OUT.match(line)]
		lines.append("SystemCallFilter=@chown")  # SQLite keeps the owner of its files, but only as root
		with open(os.path.join(self.folder, "systemd", "user", "switch.service"), "w") as unit:
			unit.write("[Service]\n%s\nExecStart=%s\nStandardError=append:%s\n" % ("\n".join(lines),
				" ".join([os.path.abspath(binary), *options]), self.s.switch.path("log")))
		self.s.switch.sql("begin", *self.s.switch.pending, "commit")
		self.s.switch.pending = []
		self.run("systemctl --user daemon-reload; systemctl --user start switch")
		if self.show("ActiveState") != "active":
			raise Failed(self.run("systemctl --user status switch"))
		host, port = sip.address(self.s.switch.status()["listeners"][0])
		self.s.switch.addresses = {"udp": (host, port)}
		for peer in self.s.net.peers:
			peer.proxy = host, port

	def show(self, name):
		return self.run("systemctl --user show -p %s --value switch" % name)

	def close(self):
		self.process.kill()
		self.process.wait()
		with contextlib.suppress(BrokenPipeError):
			self.process.stdin.close()
		self.process.stdout.close()
		for folder in (folder for group in self.groups for folder, _, _ in os.walk(group, topdown=False)):
			remove(folder)
