"""No ring of files: x.c, x.h and its private header are one module, and no module includes itself by way of others."""

import re
import unittest

import house

# (module, included module): why. The list only shrinks: an entry that closes no ring any more fails the test, too.
ALLOWED = {}


def modules():
	"""{module: the modules that its files include}; system headers and generated files are not ours."""
	files = house.source_files()
	graph = {house.module(file.stem): set() for file in files}
	for file in files:
		included = re.findall(r'^#include "(\w+)\.h"', file.read_text(), re.M)
		name = house.module(file.stem)
		graph[name] |= {house.module(other) for other in included} & graph.keys() - {name}
	return graph


def ring(graph, start):
	"""The shortest way from a module back to itself, or None."""
	ways, seen = [[start]], set()
	for way in ways:
		for module in sorted(graph[way[-1]]):
			if module == start:
				return way + [start]
			if module not in seen:
				seen.add(module)
				ways.append(way + [module])
	return None


class Cycles(unittest.TestCase):
	def test_names_of_files_are_unique(self):
		names = [file.name for file in house.source_files()]
		self.assertEqual(sorted({name for name in names if names.count(name) > 1}), [], "includes are by bare name")

	def test_there_is_no_ring(self):
		graph = modules()
		for module, included in ALLOWED:
			graph.get(module, set()).discard(included)
		rings = {frozenset(way): " > ".join(way) for module in graph if (way := ring(graph, module))}
		self.assertEqual(sorted(rings.values()), [], "a ring of includes: move what both need into a file below both")

	def test_what_is_allowed_is_needed(self):
		graph = modules()
		for module, included in ALLOWED:
			with self.subTest(module=module, included=included):
				self.assertIn(included, graph.get(module, ()), "the include is gone: take it off the list")
				self.assertIn(module, house.reach(graph, included), "it closes no ring: take it off the list")


if __name__ == "__main__":
	unittest.main()
