"""What a header makes public is named after it: gateway.h holds gateway_..., gateways.h gateway_... and gateways_..."""

import re
import unittest

import house

# header: names that do not follow yet. The list only shrinks: a name that follows, or is gone, fails the test, too.
ALLOWED = {
	"cdr_record.h": "cdr_measure",
	"cdr_writer.h": "ended",
	"db_config.h": "db_gateway db_mapping_gateway db_override db_registration db_route db_route_h",
	"db_sqlite.h": "db db_errno db_finalize db_prepare db_run",
	"parameters.h": "breaker_on db_100rel db_privacy stop_codes",
	"parameters_load.h": "breaker_on_parse sip_100rel_parse stop_codes_parse",
	"call_limits.h": "channel limits",
	"gateway_internal.h": "liveness liveness_status",
	"gateway_liveness.h": "gateway_on_call_end gateway_on_probe gateway_on_probe_end gateway_on_progress gateway_on_publication gateway_on_registration gateway_on_result gateway_outcome gateway_publication gateway_result",
	"gateway_stats.h": "gateway_failures gateway_figures",
	"gateway_targets.h": "gateway_member",
	"publications.h": "publisher",
	"failover.h": "attempt_failure attempt_result attempt_stage",
	"routing_table.h": "prefix_match route",
}


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
			yield re.search(r"(\w+) ?(?:\(|$|\[)", one)[1] if "(" in one else one.split()[-1]
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
