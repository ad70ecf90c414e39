"""Plays the scenarios of a test file: each in a process, a folder and on ports of its own, some at a time."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import time
import traceback

from net import Failed, hear_sigterm
from scene import Scene

LIMIT_S = 100  # for one scenario
SKIPPED = 77  # the exit status that meson takes for a skipped test
scenarios = {}
fork = multiprocessing.get_context("fork")  # starting an interpreter takes more CPU than most scenarios


class Skip(Exception):
	"""This test can't run here, and why."""


def scenario(function):
	"""Decorates a test, which is given a Scene; its name says what must be true."""
	scenarios[function.__name__] = function
	return function


def variants(*names_and_values):
	"""Decorates function(s, *values): makes a scenario of each (suffix of its name, *values)."""
	def each(function):
		for suffix, *values in names_and_values:
			def play(s, values=tuple(values)):
				function(s, *values)
			play.__name__ = function.__name__ + "_" + suffix
			scenario(play)
	return each


def play(name):
	"""Run one scenario in this process; prints the trace and the switch's log when it fails. Returns the exit status."""
	def too_long(*_):
		raise Failed("longer than %d s" % LIMIT_S)

	ended = hear_sigterm()
	signal.signal(signal.SIGALRM, too_long)
	signal.alarm(LIMIT_S)
	with tempfile.TemporaryDirectory(prefix="softswitch-wire-") as folder:
		scene = Scene(folder)
		scene.net.add(ended.dup(), lambda: sys.exit(1))
		try:
			scenarios[name](scene)
			scene.finish()
		except Skip as reason:
			print("skipped:", reason)
			return SKIPPED
		except Exception:
			traceback.print_exc(file=sys.stdout)
			scene.net.print_trace()
			if os.path.exists(scene.switch.path("log")):
				print(scene.switch.read_log())
			return 1
		finally:
			signal.alarm(0)
			scene.close()
	return 0


class Played:
	"""A scenario in a process of its own."""

	def __init__(self, name):
		self.name, self.started = name, time.monotonic()
		self.output = tempfile.TemporaryFile("w+", errors="replace")
		self.process = fork.Process(target=self.play)
		signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until the child handles it
		self.process.start()
		signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

	def play(self):
		for stream in (1, 2):
			os.dup2(self.output.fileno(), stream)
		sys.exit(play(self.name))

	def finish(self):
		self.process.join()
		self.code, self.seconds = self.process.exitcode, time.monotonic() - self.started

	def report(self):
		print("%-7s %5.2f s  %s" % ({0: "ok", SKIPPED: "skipped"}.get(self.code, "FAILED"), self.seconds, self.name))
		if self.code:
			self.output.seek(0)
			print(self.output.read())


def play_all(at_a_time):
	"""Play all scenarios, in the order of the file. On SIGTERM those in progress are ended and waited for."""
	ended = hear_sigterm()
	waiting, running, played = list(scenarios), {}, []
	while waiting or running:
		while waiting and len(running) < at_a_time:
			played.append(Played(waiting.pop(0)))
			running[played[-1].process.sentinel] = played[-1]
		for ready in multiprocessing.connection.wait([ended, *running]):
			if ready is ended:
				ended.recv(1)
				waiting.clear()
				for one in running.values():
					one.process.terminate()
			else:
				running.pop(ready).finish()
	return played


def run(at_a_time=4):
	"""
	The main function of every test file: play all scenarios, or those named on the command line. at_a_time: four keep
	two cores busy, unless they spend their time waiting for the timers of the switch.
	"""
	if len(sys.argv) > 1:
		sys.exit(max(play(name) for name in sys.argv[1:]))
	played = play_all(at_a_time)
	for one in played:
		one.report()
	codes = {one.code for one in played}
	sys.exit(SKIPPED if codes == {SKIPPED} else bool(codes - {0, SKIPPED} or len(played) < len(scenarios)))
