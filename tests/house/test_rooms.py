"""The picture of rooms and arrows in docs/architecture.md is what the build files say."""

import re
import unittest

import house

PICTURE = house.TOP / "docs" / "architecture.md"


def picture():
	"""{room: the rooms it may use}, from the block behind <!-- rooms -->: one line a room, `call > dialog routing`."""
	block = re.search(r"<!-- rooms -->\n```\w*\n(.*?)```", PICTURE.read_text(), re.S)
	assert block, "%s has no block behind <!-- rooms -->" % PICTURE
	lines = [line.split(">") for line in block[1].splitlines()]
	return {room.strip(): set(below.split()) for room, below in lines}


class Rooms(unittest.TestCase):
	def test_the_picture_is_what_is_built(self):
		drawn, built = picture(), {room.name: set(room.below) for room in house.rooms().values()}
		self.assertEqual(sorted(drawn), sorted(built), "rooms drawn and rooms built")
		for room, below in drawn.items():
			with self.subTest(room=room):
				self.assertEqual(sorted(below), sorted(built[room]), "arrows drawn and dependencies built")

	def test_every_arrow_leads_down(self):
		above = []
		for room, below in picture().items():
			self.assertEqual(below & {room, *above}, set(), "%s: a room is drawn above those it uses" % room)
			above.append(room)


if __name__ == "__main__":
	unittest.main()
