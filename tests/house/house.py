"""What the tests of the house share: its rooms as the build files declare them, and the flags each is compiled with."""

import json
import os
import re
import shlex
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", TOP / "build")).resolve()


class Room:
	def __init__(self, name, folder, below):
		self.name, self.folder, self.below = name, folder, below  # below: names of the rooms it declares
		self.headers = sorted(folder.glob("*.h"))
		self.sources = sorted(folder.glob("*.c"))


def _declared(text, function):
	"""The arguments of `NAME_lib = static_library(...)` or `NAME_dep = declare_dependency(...)`: {name: dependencies}"""
	found = {}
	for name, arguments in re.findall(r"^(\w+)_(?:lib|dep) = %s\((.*?)\)$" % function, text, re.S | re.M):
		listed = re.search(r"\bdependencies: (\[.*?\]|\w+)", arguments, re.S)
		found[name] = re.findall(r"(\w+)_dep\b", listed[1]) if listed else []
	return found


@lru_cache
def rooms():
	"""{name: Room}. A room is a folder whose meson.build makes NAME_lib and NAME_dep of it."""
	libraries, dependencies, folder = {}, {}, {}
	for file in sorted(TOP.glob("*/meson.build")) + sorted(TOP.glob("softswitch/*/meson.build")):
		text = file.read_text()
		for name, below in _declared(text, "static_library").items():
			libraries[name], folder[name] = below, file.parent
		dependencies.update(_declared(text, "declare_dependency"))
	of_rooms = lambda names: [name for name in names if name in libraries]
	for name in libraries:
		assert of_rooms(libraries[name]) == of_rooms(dependencies[name]), "%s: library and dependency name different rooms" % name
	return {name: Room(name, folder[name], of_rooms(below)) for name, below in libraries.items()}


def reach(graph, start):
	"""All that can be reached in {node: neighbours}, start itself only through a cycle."""
	seen, todo = set(), list(graph[start])
	while todo:
		node = todo.pop()
		if node not in seen:
			seen.add(node)
			todo += graph[node]
	return seen


def compiler_command(room):
	"""How the first C file of the room is compiled, without the file itself and the outputs."""
	for entry in json.loads((BUILD / "compile_commands.json").read_text()):
		if (BUILD / entry["file"]).resolve() in room.sources:
			words = shlex.split(entry["command"])
			for option in ("-MQ", "-MF", "-o", "-c"):
				at = words.index(option)
				del words[at:at + 2]
			return [word for word in words if word != "-MD"]
	raise AssertionError("%s: none of %s is in compile_commands.json; is BUILD right?" % (BUILD, room.folder))


def compile_alone(room, text):
	"""Compiles the text as a C file of the room, but not in its folder. Returns what the compiler complains about, or ""."""
	with tempfile.TemporaryDirectory() as scratch:
		file = Path(scratch, "alone.c")
		file.write_text(text)
		done = subprocess.run(compiler_command(room) + ["-fsyntax-only", "-fdiagnostics-color=never", "-Werror", str(file)],
			cwd=BUILD, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
	return done.stderr if done.returncode else ""


@lru_cache
def source_files():
	"""The C files and headers of all rooms, and of the programs beside them."""
	return [file for room in rooms().values() for file in room.headers + room.sources] + sorted(TOP.glob("tools/*.[ch]"))


def module(stem):
	"""The module that a file belongs to: x_internal.h and x_state.h without a C file of their own are a private part of x."""
	whole = {file.stem for file in source_files() if file.suffix == ".c"}
	return stem if stem in whole else re.sub(r"_(internal|state)$", "", stem)
