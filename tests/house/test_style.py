"""What clang-format does not see: a comment that begins a section of a C file is 97 columns wide."""

import re
import unittest

import house


class Style(unittest.TestCase):
	def test_section_comments_are_alike(self):
		for file in house.source_files() + sorted(house.TOP.glob("tests/**/*.[ch]")):
			for number, line in enumerate(file.read_text().splitlines(), 1):
				if re.match(r"/\*.* -{3,} ?\*/$", line):
					with self.subTest(line="%s:%d" % (file.relative_to(house.TOP), number)):
						self.assertRegex(line, r"^/\* \S.* -{3,} \*/$")
						self.assertEqual(len(line), 97)


if __name__ == "__main__":
	unittest.main()
