"""Every test that was written is run."""

import json
import subprocess
import unittest
from pathlib import Path

import house


class Tests(unittest.TestCase):
	def test_every_file_of_tests_is_one_that_meson_runs(self):
		listed = subprocess.run(["meson", "introspect", "--tests", str(house.BUILD)], capture_output=True, text=True, check=True)
		run = {Path(word).stem for test in json.loads(listed.stdout) for word in test["cmd"]}
		written = [path for pattern in ("test_*.py", "test_*.c", "fuzz_*.c") for path in (house.TOP / "tests").rglob(pattern)]
		self.assertGreater(len(written), 100)
		self.assertEqual([str(path.relative_to(house.TOP)) for path in written if path.stem not in run], [])


if __name__ == "__main__":
	unittest.main()
