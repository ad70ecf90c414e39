"""What is written to the database while calls are up takes effect within a second and leaves live calls alone."""

import os
import subprocess

from net import Failed, same
from runner import run, scenario


def in_force(s, condition):
	s.net.until(condition, "in force within 1 s", 1, step=0.02)


def candidates(s, callee="4930"):
	return [candidate["gateway"] for candidate in
		s.switch.control("routes.lookup", callee=callee, ingress="customer")["candidates"]
		if candidate["verdict"] == "usable"]


def changed_during_a_call(s, statement):
	"""After the statement the first gateway keeps its call, and new calls go to the second."""
	first, second = s.gateways(2)
	s.start()
	a, b = s.talk(first)
	s.switch.sql(statement)
	in_force(s, lambda: candidates(s) == ["gw2"])
	s.over(*s.talk(second))
	a.send("INFO", body=b"5", Content_Type="application/dtmf")
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(b, a)
	same([row["gateway"] for row in s.switch.records(2)], ["gw1", "gw2"])


@scenario
def a_disabled_gateway_keeps_its_call(s):
	changed_during_a_call(s, "update gateway set enabled = 0 where name = 'gw1'")


@scenario
def a_removed_gateway_keeps_its_call(s):
	changed_during_a_call(s, "delete from route where gateway = 'gw1'; delete from gateway where name = 'gw1'")


@scenario
def a_removed_route_ends_no_call(s):
	changed_during_a_call(s, "delete from route where gateway = 'gw1'")


@scenario
def a_gateway_removed_while_it_rings_can_still_answer(s):
	first, _ = s.gateways(2)
	s.start()
	a = s.caller.invite("4930")
	b = first.leg()
	b.reply(180)
	a.expect(180)
	s.switch.sql("delete from route where gateway = 'gw1'", "delete from gateway where name = 'gw1'")
	in_force(s, lambda: candidates(s) == ["gw2"])
	s.answer(a, b)
	s.over(a, b)


@scenario
def a_moved_gateway_takes_new_calls_at_its_new_place(s):
	gw = s.gateway()
	moved = s.peer("moved")
	s.start()
	a, b = s.talk(gw)
	s.switch.sql("update gateway set port = %d where name = 'gw'" % moved.port)
	in_force(s, lambda: s.switch.control("gateways.list")["gateways"][0]["port"] == moved.port)
	s.over(*s.talk(moved))
	s.over(a, b)


@scenario
def an_added_gateway_takes_calls(s):
	s.start()
	gw = s.gateway("new")
	in_force(s, lambda: candidates(s) == ["new"])
	s.over(*s.talk(gw))


@scenario
def one_of_10000_gateways_changes_and_a_call_stays_up(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.sql("with recursive n (i) as (select 1 union all select i + 1 from n where i < 10000)"
		" insert into gateway (name, host) select format('other%05d', i), '127.0.0.1' from n")
	in_force(s, lambda: candidates(s) == ["gw"] and "gateways=10001" in s.switch.read_log())
	s.switch.sql("update gateway set enabled = 0 where name = 'gw'")
	in_force(s, lambda: candidates(s) == [])
	s.over(a, b)


@scenario
def a_lowered_capacity_ends_no_call(s):
	first, second = s.gateways(2)
	s.start()
	calls = [s.talk(first), s.talk(first)]
	s.switch.sql("update gateway set capacity = 1 where name = 'gw1'")
	in_force(s, lambda: candidates(s) == ["gw2"])
	s.over(*s.talk(second))
	s.over(*calls[0])
	s.over(*s.talk(second))
	s.over(*calls[1])
	s.over(*s.talk(first))


@scenario
def a_changed_timeout_holds_for_the_next_call(s):
	gw = s.gateway()
	s.start(SS_SIP_TIMEOUT_INVITE="60")
	s.switch.sql("update parameter set value = '1' where name = 'SS_SIP_TIMEOUT_INVITE'",
		"update gateway set capacity = 77")  # both are in one file: once this one shows, the other has taken effect
	in_force(s, lambda: s.switch.control("gateways.list")["gateways"][0]["capacity"] == 77)
	a = s.caller.invite("4930")
	b = gw.leg()
	a.expect(408)
	b.refuse(480)


@scenario
def a_removed_customer_keeps_its_call_and_gets_403(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.sql("delete from mapping_gateway", "update gateway set capacity = 77")
	in_force(s, lambda: s.switch.control("gateways.list")["gateways"][0]["capacity"] == 77)
	s.caller.invite("4930").expect(403)
	s.over(a, b)


@scenario
def what_sqlite_refuses_changes_nothing(s):
	gw = s.gateway()
	s.start()
	for statement, word in (
			("update parameter set value = '0' where name = 'SS_SIP_TIMEOUT_INVITE'", "SS_SIP_TIMEOUT_INVITE"),
			("update gateway set port = 99999", "port"),
			("insert into route (prefix, gateway) values ('1', 'nobody')", "nobody")):
		try:
			s.switch.sql(statement)
		except Failed as refusal:
			assert word in str(refusal), refusal
		else:
			raise Failed("taken: " + statement)
	s.over(*s.talk(gw))


@scenario
def a_file_locked_by_somebody_else_holds_up_no_call(s):
	gw = s.gateway()
	s.start()
	with subprocess.Popen(["sqlite3", s.switch.path("softswitch.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
			text=True) as other:
		other.stdin.write("begin exclusive; update gateway set capacity = 5; select 'held';\n")
		other.stdin.flush()
		same(other.stdout.readline().strip(), "held")
		a, b = s.talk(gw)
		s.over(a, b)
		assert a.invited.time + 1 > b.invited.time
		other.stdin.write("commit;\n")
		other.stdin.close()
		other.wait()
	in_force(s, lambda: s.switch.control("gateways.list")["gateways"][0]["capacity"] == 5)


def log_says(s, text):
	with open(s.switch.path("log")) as log:
		return text in log.read()


@scenario
def a_row_of_before_that_cannot_be_used_is_named_and_no_hindrance(s):
	path = s.switch.path("softswitch.db")
	for name in (path, path + "-wal", path + "-shm"):
		if os.path.exists(name):
			os.remove(name)
	with open(os.path.join(os.path.dirname(__file__), os.pardir, "db", "schema_v3.sql")) as schema:
		s.switch.sql(schema.read())
	s.switch.sql("insert into mapping_gateway (name, host) values ('bits', '10.0.0.5/8')",
		"insert into gateway (name, host) values ('label', 'a..b')",
		"insert into route (prefix, gateway) values ('49' || char(0) || '30', 'label')")
	said = s.switch.run("--check", expected=1)
	for row in 'mapping_gateway "bits"', 'gateway "label"', 'route "49\\0"':
		assert row + " cannot be used" in said, said
	gw = s.gateway()
	s.start()
	assert log_says(s, "host bits set") and log_says(s, "empty label") and log_says(s, "table=route")
	s.over(*s.talk(gw))
	named = lambda: s.switch.read_log().count("row cannot be used")
	same(named(), 3)
	for change, count in (("update gateway set capacity = 5 where name = 'gw'", 3),
			("insert into mapping_gateway (name, host, enabled) values ('more', '10.0.0.6/8', 0)", 7)):
		reloads = s.switch.read_log().count("configuration in force")
		s.switch.sql(change)
		s.net.until(lambda: s.switch.read_log().count("configuration in force") > reloads, "in force", step=0.01)
		s.net.until(lambda: named() == count, "%d lines" % count, step=0.01)


@scenario
def rows_without_verification_are_named_by_the_check_and_once_in_the_log(s):
	path = s.switch.path("softswitch.db")
	for name in (path, path + "-wal", path + "-shm"):
		if os.path.exists(name):
			os.remove(name)
	with open(os.path.join(os.path.dirname(__file__), os.pardir, "db", "schema_v3.sql")) as schema:
		s.switch.sql(schema.read())
	s.switch.sql("insert into gateway (name, host, transport) values ('plain', '::1', 'udp'), ('old', '::1', 'tls')",
		"insert into registration (name, host, user, transport, enabled) values ('account', '::1', 'u', NULL, 0)")
	words = "tls_verify is Off: any certificate will do"
	same(s.switch.run("--check", "--listen", "sip:127.0.0.1:0"), "".join(
		'softswitch: warning: %s: %s\n' % (row, words) for row in ('gateway "old"', 'registration "account"')))
	s.start()
	named = lambda: [line.split("verified ")[1].split(" reason")[0] for line in s.switch.read_log().splitlines()
		if "certificates are not verified" in line]
	same(named(), ["table=gateway name=old", "table=registration name=account"])
	for change, more in (("update gateway set capacity = 5", []), ("update gateway set tls_verify = 'On'",
			["table=registration name=account"]), ("update registration set tls_fingerprint = '%s'" % (64 * "0"), [])):
		before, reloads = named(), s.switch.read_log().count("configuration in force")
		s.switch.sql(change)
		s.net.until(lambda: s.switch.read_log().count("configuration in force") > reloads, "in force", step=0.01)
		s.net.until(lambda: named() == before + more, "the lines of %s" % more, step=0.01)


@scenario
def a_file_that_is_spoilt_while_running_is_named_and_ends_nothing(s):
	gw = s.gateway()
	s.start()
	path = s.switch.path("softswitch.db")
	s.switch.sql("drop table gateway")
	s.net.until(lambda: log_says(s, "configuration cannot be read"), "the line in the log")
	s.over(*s.talk(gw))
	for content in (b"no database at all, but some bytes" * 400, b""):
		with open(path, "wb") as file:
			file.write(content)
		s.over(*s.talk(gw))


if __name__ == "__main__":
	run()
