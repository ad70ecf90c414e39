"""What a header makes public is named after it: gateway.h holds gateway_..., gateways.h gateway_... and gateways_..."""

import re
import unittest

import house

# header: names that do not follow yet. The list only shrinks: a name that follows, or is gone, fails the test, too.
ALLOWED = {}


def declarations(text):
	"""The declarations of a header, one string each; bodies in braces become {}."""
	text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
	text = re.sub(r"^\s*#(?:.*\\\n)*.*$", "", text, flags=re.M)
	while (shorter := re.sub(r"\{[^{}]*[^{}\s][^{}]*\}", "{}", text)) != text:
		text = shorter
	text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", " ", text)
	text = re.sub(r"(\)\s*)\{\s*\}", r"\1;", text)  # the body of an inline function ends it
	return [" ".join(one.split()) for one in text.split(";") if one.strip()]


def names(text):
	"""The functions, the types with a body, the handler types and the variables that a header declares."""
	for one in declarations(text):
		if found := re.match(r"(?:typedef )?(?:struct|enum|union) (\w+) ?\{", one):
			yield found[1]
		elif one.startswith("typedef"):
			yield re.search(r"(\w+) ?(?:\(|$|\[)", one)[1] if re.search(r"[([]", one) else one.split()[-1]
		elif found := re.match(r"(?:S?LIST|S?TAILQ)_HEAD ?\((\w+)", one):
			yield found[1]
		elif (found := re.search(r"(\w+) ?\(", one)) and found[1] != "_Static_assert":
			yield found[1]
		elif one.startswith("extern"):
			yield re.search(r"(\w+)(?: ?\[.*)?$", one)[1]


def stem(header):
	"""What the header's names begin with: private and shared parts of x are named x_internal.h, x_state.h, x_types.h."""
	return re.sub(r"_(types|state|internal)$", "", header.stem)


def follows(name, x):
	return name.startswith(re.sub("s$", "", x))


class Names(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.strange = {}
		for header in house.source_files():
			if header.suffix == ".h":
				cls.strange[header.name] = {n for n in names(header.read_text()) if not follows(n, stem(header))}

	def test_names_begin_with_the_name_of_their_header(self):
		for header, strange in self.strange.items():
			with self.subTest(header=header):
				self.assertEqual(sorted(strange - set(ALLOWED.get(header, "").split())), [])

	def test_what_is_allowed_is_needed(self):
		for header, allowed in ALLOWED.items():
			with self.subTest(header=header):
				self.assertEqual(sorted(set(allowed.split()) - self.strange.get(header, set())), [], "take these off the list")


if __name__ == "__main__":
	unittest.main()
