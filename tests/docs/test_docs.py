"""The documents say what is so: they are compared with a database that the switch has just made, and with the sources.

SOFTSWITCH names the executable, build/softswitch/softswitch unless it is set. One test alone:
	python3 tests/docs/test_docs.py Parameters.test_each_has_a_line
"""

import glob
import os
import re
import sqlite3
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SWITCH = os.path.abspath(os.environ.get("SOFTSWITCH", os.path.join(TOP, "build", "softswitch", "softswitch")))

# Papers that are not in the repository, written so that this file does not cite them itself; and who may mention one.
FOREIGN = [r"design\." + "md", r"style\." + "md", r"behaviour\." + "md section", r"\.\./" + "shared"]
MAY_CITE = {"tools/test"}  # its SIP_MESSAGES may lie beside the checkout


def path(*parts):
	return os.path.join(TOP, *parts)


def read(*parts):
	with open(path(*parts), encoding="utf-8") as file:
		return file.read()


def tracked():
	"""What git knows, or every file outside of build folders where there is no git."""
	git = subprocess.run(["git", "-C", TOP, "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True,
		text=True)
	if git.returncode == 0:
		return [name for name in git.stdout.splitlines() if os.path.isfile(path(name))]
	return [os.path.relpath(os.path.join(folder, name), TOP) for folder, _, names in os.walk(TOP) for name in names
		if not re.match(r"(build|\.git)", os.path.relpath(folder, TOP))]


def rows(text):
	"""The cells of each line of the tables in a text, without heads and rules."""
	lines = text.splitlines()
	for line, after in zip(lines, lines[1:] + [""]):
		if line.startswith("|") and not line.startswith("|---") and not after.startswith("|---"):
			yield [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def section(text, heading):
	"""From this heading to the next one of its level or above."""
	level = heading.split(" ", 1)[0]
	begin = re.search("^" + re.escape(heading) + "$", text, re.M)
	assert begin, heading + " is missing"
	end = re.search("^#{1,%d} " % len(level), text[begin.end():], re.M)
	return text[begin.end():begin.end() + end.start()] if end else text[begin.end():]


def code(cell):
	"""What stands between the backticks of a cell."""
	found = re.fullmatch("`([^`]*)`", cell)
	assert found, "%r is not in backticks" % cell
	return found[1]


class WithDatabase(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.scratch = tempfile.TemporaryDirectory()
		cls.addClassCleanup(cls.scratch.cleanup)
		subprocess.run([SWITCH, "--db", "softswitch.db", "--init"], cwd=cls.scratch.name, check=True)
		state = sqlite3.connect(os.path.join(cls.scratch.name, "state.db"))  # the switch makes it when it runs
		state.executescript(read("db", "schema_state.sql"))
		state.close()

	def ask(self, file, sql, *values):
		db = sqlite3.connect(os.path.join(self.scratch.name, file), isolation_level=None)
		self.addCleanup(db.close)
		return db.execute(sql, values).fetchall()

	def same(self, documented, real, where):
		"""Both are dicts: nothing missing, nothing too much, nothing different."""
		self.assertEqual(sorted(set(real) - set(documented)), [], "missing in " + where)
		self.assertEqual(sorted(set(documented) - set(real)), [], "too much in " + where)
		self.assertEqual(documented, real, where)


class Parameters(WithDatabase):
	def setUp(self):
		self.text = read("docs", "parameters.md")

	def test_each_has_a_line(self):
		documented = {}
		for cells in rows(self.text.split("\n## Overrides")[0]):
			name, default, unit, range_, purpose = cells
			self.assertNotIn(code(name), documented, "twice")
			self.assertTrue(purpose.endswith("."), name)
			documented[code(name)] = (code(default), unit, range_)
		real = {row[0]: row[1:] for row in self.ask("softswitch.db",
			"SELECT name, default_value, unit, range FROM parameter")}
		self.same(documented, real, "parameters.md")

	def test_overrides_are_those_of_the_database(self):
		real = {}
		for column, kind in enumerate(("gateway", "mapping_gateway", "endpoint")):
			(view,), = self.ask("softswitch.db", "SELECT sql FROM sqlite_master WHERE name = ?", kind + "_override")
			for name, parameter in re.findall(r"SELECT name, '(\w+)', '(SS_\w+)'", view):
				real.setdefault(parameter, ["", "", ""])[column] = name
		documented = {code(cells[0]): [cell and code(cell) for cell in cells[1:]]
			for cells in rows(section(self.text, "## Overrides"))}
		self.same(documented, real, "Overrides of parameters.md")


class Tables(WithDatabase):
	def test_each_column_has_a_line(self):
		text = read("docs", "tables.md")
		for file in ("softswitch.db", "cdr.db", "state.db"):
			part = section(text, "## " + file)
			real = [name for name, in self.ask(file, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE"
				" 'sqlite_%'")]
			self.assertEqual(sorted(re.findall("^### (.*)$", part, re.M)), sorted(real), file)
			for table in real:
				columns = section(part, "### " + table).split("\n#### ")[0]
				self.same({code(cells[0]): cells[1] for cells in rows(columns)}, self.columns(file, table), table)

	def columns(self, file, table):
		return {name: "`%s`" % default if default else "required" if not_null else "NULL"
			for name, not_null, default in self.ask(file, 'SELECT name, "notnull", dflt_value FROM pragma_table_info(?)',
				table)}

	def test_attempts_have_the_keys_that_are_written(self):
		keys = [code(cells[0]) for cells in rows(section(read("docs", "tables.md"), "#### attempts"))]
		writers = [read(name) for name in tracked() if re.fullmatch(r"softswitch/.*\.c", name) and "duration_ms" in read(name)]
		self.assertTrue(keys)
		self.assertTrue(any(all('"%s' % key in text for key in keys) for text in writers),
			"no source file writes all of " + ", ".join(keys))


class Records(unittest.TestCase):
	def setUp(self):
		self.documented = {code(cells[0]) for cells in rows(read("docs", "records.md"))}

	def test_every_reason_of_the_sources_is_listed(self):
		table, = glob.glob(path("softswitch", "**", "cause.c"), recursive=True)
		words = re.findall(r"\[CAUSE_\w+\]\s*=\s*\{[^\"{}]*\"([^\"]+)\"", read(table))
		refusals = [text for name in tracked() if re.fullmatch(r"softswitch/.*\.c", name)
			for text in re.findall(r"\(struct call_refusal\)\s*\{\s*\d+,\s*\"([^\"]+)\"", read(name))]
		self.assertGreater(len(words), 10)
		self.assertEqual(sorted(set(words + refusals) - self.documented), [], "missing in records.md")

	def test_every_reason_listed_is_one_of_the_sources(self):
		sources = "".join(read(name) for name in tracked() if re.fullmatch(r"(softswitch|db)/.*\.c", name))
		self.assertEqual([text for text in sorted(self.documented) if '"%s"' % text not in sources], [],
			"too much in records.md")


class Examples(WithDatabase):
	def test_the_database_takes_what_is_shown(self):
		for name in ("README.md", os.path.join("docs", "parameters.md")):
			for block in re.findall("^```sql\n(.*?)^```", read(name), re.M | re.S):
				with self.subTest(name, block=block):
					db = sqlite3.connect(os.path.join(self.scratch.name, "softswitch.db"))
					self.addCleanup(db.close)
					db.executescript(block)

	def test_the_database_refuses_what_is_shown_as_refused(self):
		shown = re.findall("sqlite> (.*)\n *Runtime error: (.*)", read("README.md"))
		self.assertTrue(shown)
		for sql, error in shown:
			with self.subTest(sql), self.assertRaises(sqlite3.Error) as refused:
				self.ask("softswitch.db", sql)
			reason, = re.findall("'(.*)'", error)  # the words before it are up to the version of SQLite
			self.assertIn("'%s'" % reason, str(refused.exception))


def anchors(text):
	"""Of the headings, as forges make them."""
	text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
	return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
		for heading in re.findall("^#+ (.*)$", text, re.M)}


class Links(unittest.TestCase):
	def test_every_link_leads_somewhere(self):
		dead = []
		for name in tracked():
			if not name.endswith(".md"):
				continue
			text = re.sub(r"^```.*?^```|`[^`\n]*`", "", read(name), flags=re.M | re.S)
			for target in re.findall(r"\]\(([^)\s]+)\)", text):
				if re.match(r"[a-z]+:", target):
					continue
				file, _, anchor = target.partition("#")
				there = os.path.normpath(os.path.join(os.path.dirname(name), file)) if file else name
				if not os.path.exists(path(there)) or anchor and anchor not in anchors(read(there)):
					dead.append("%s: %s" % (name, target))
		self.assertEqual(dead, [])

	def test_nothing_cites_what_is_not_here(self):
		cited = []
		for name in tracked():
			if name in MAY_CITE:
				continue
			try:
				lines = read(name).splitlines()
			except UnicodeDecodeError:
				continue
			cited += ["%s:%d: %s" % (name, i + 1, line.strip()) for i, line in enumerate(lines)
				if re.search("|".join(FOREIGN), line)]
		self.assertEqual(cited, [])


if __name__ == "__main__":
	unittest.main()
