"""Includes go down: with a room's own flags, a header of a room above it is not found, and each header compiles alone."""

import unittest
from concurrent.futures import ThreadPoolExecutor

import house

AGAINST_THE_ARROW = [  # room, header of a room it must not know
	("db", "gateways.h"),
	("db", "log.h"),
	("gateways", "routing.h"),
	("gateways", "loop.h"),
	("routing", "call.h"),
	("base", "loop.h"),
	("reactor", "resolver.h"),
	("dns", "transport.h"),
	("sip", "dialog.h"),
	("sip", "call.h"),
	("dialog", "call.h"),
	("dialog", "gateways.h"),
	("trunk", "call.h"),
	("call", "control.h"),
	("call", "publish.h"),
	("control", "gate.h"),
]


def include(*headers):
	return "".join('#include "%s"\n' % header for header in headers)


class Includes(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.rooms = house.rooms()

	def test_an_include_against_the_arrow_does_not_compile(self):
		everywhere = {header.name for room in self.rooms.values() for header in room.headers}
		for room, header in AGAINST_THE_ARROW:
			with self.subTest(room=room, header=header):
				self.assertIn(header, everywhere, "renamed or gone? Then rename it here, too")
				said = house.compile_alone(self.rooms[room], include(header))
				self.assertIn("%s: No such file or directory" % header, said, "%s/ must not see this header" % room)

	def test_a_room_sees_itself_and_every_room_below(self):
		below = {name: room.below for name, room in self.rooms.items()}
		for name, room in self.rooms.items():
			seen = [name, *sorted(house.reach(below, name))]
			with self.subTest(room=name, sees=seen):
				headers = [self.rooms[other].headers[0].name for other in seen]
				said = house.compile_alone(room, include(*headers))
				self.assertFalse(said, said)

	def test_hash_tables_survive_without_memory_and_are_keyed_in_the_daemon(self):
		for file in house.source_files():
			text = file.read_text()
			if "#include <uthash.h>" in text and file.suffix == ".c" or file.name == "keyed_table.h":
				with self.subTest(file=file.name):
					self.assertIn("#define HASH_NONFATAL_OOM 1", text)
			if "softswitch" in file.relative_to(house.TOP).parts and file.name != "keyed_table.h":
				with self.subTest(file=file.name):
					self.assertNotIn("#include <uthash.h>", text, "include keyed_table.h")

	def test_each_header_compiles_alone(self):
		headers = [(room, header.name) for room in self.rooms.values() for header in room.headers]
		with ThreadPoolExecutor(2) as pool:
			results = pool.map(lambda it: house.compile_alone(it[0], include(it[1])), headers)
		for (room, header), said in zip(headers, results):
			with self.subTest(room=room.name, header=header):
				self.assertFalse(said, said)


if __name__ == "__main__":
	unittest.main()
