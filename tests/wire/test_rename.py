"""A gateway, customer or registration that gets another name is still the same one (docs/tables.md)."""

import copy

from net import same
from runner import run, scenario


def gateway(s, name):
	return next((gw for gw in s.switch.control("gateways.list")["gateways"] if gw["name"] == name), None)


def known(s, name):
	s.net.until(lambda: gateway(s, name), "a gateway of this name within 1 s", 1, step=0.02)
	return s.switch.control("gateways.get", name=name)


def rename_customer(s):
	"""There is a call of it."""
	s.switch.sql("update mapping_gateway set name = 'renamed'")
	s.net.until(lambda: [call["ingress"] for call in s.switch.control("calls.list")["calls"]] == ["renamed"],
		"a call of the renamed customer", 1, step=0.02)


@scenario
def a_gateway_keeps_its_calls_its_limits_and_its_figures(s):
	first, second = s.gateway("a", capacity=1), s.gateway("b")
	s.start()
	a, b = s.talk(first)
	s.switch.sql("update gateway set name = 'c' where name = 'a'")
	told = known(s, "c")
	same((told["calls"], told["total"]["attempts"], told["state"]), (1, 1, "up"))
	same([call["gateway"] for call in s.switch.control("calls.list")["calls"]], ["c"])
	s.over(*s.talk(second))
	s.over(a, b)
	s.over(*s.talk(first))
	same(known(s, "c")["total"]["answered"], 2)
	kept, full, after = s.switch.records(3)
	same((kept["gateway"], kept["attempts"][0]["gateway"], after["gateway"]), ("c", "a", "c"))
	same((full["attempts"][0]["gateway"], full["attempts"][0]["reason"]), ("c", "full 1/1"))


@scenario
def a_customer_keeps_its_calls_and_its_limits(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set capacity = 1")
	s.start()
	a, b = s.talk(gw)
	rename_customer(s)
	s.caller.invite("4930").expect(503)
	s.over(a, b)
	s.over(*s.talk(gw))
	same([(row["ingress"], row["sip_code"]) for row in s.switch.records(3)],
		[("renamed", 200), ("renamed", 503), ("renamed", 200)])


@scenario
def two_gateways_exchange_their_names(s):
	first, second = s.gateway("a", capacity=5), s.gateway("b", capacity=7)
	s.start()
	a, b = s.talk(first)
	s.switch.sql("begin", "update gateway set name = 'x' where name = 'a'", "update gateway set name = 'a' where name = 'b'",
		"update gateway set name = 'b' where name = 'x'", "commit")
	s.net.until(lambda: gateway(s, "b")["capacity"] == 5, "the names exchanged", 1, step=0.02)
	same((gateway(s, "a")["calls"], gateway(s, "b")["calls"]), (0, 1))
	s.over(*s.talk(first))  # its route has gone with it
	s.over(a, b)
	same([row["gateway"] for row in s.switch.records(2)], ["b", "b"])


@scenario
def a_gateway_that_is_down_stays_down(s):
	first, second = s.gateway("a"), s.gateway("b")
	s.start(SS_GATEWAY_BREAKER_FAILURES=1)
	a = s.caller.invite("4930")
	first.leg().refuse(503)
	b = second.leg()
	s.answer(a, b)
	s.over(a, b)
	same(gateway(s, "a")["state"], "down")
	s.switch.sql("update gateway set name = 'c' where name = 'a'")
	same(known(s, "c")["state"], "down")
	s.over(*s.talk(second))


@scenario
def a_row_that_is_deleted_and_inserted_again_goes_on(s):
	gw = s.gateway("a")
	s.start()
	a, b = s.talk(gw)
	s.switch.sql("replace into gateway (name, host, port, capacity) values ('a', '127.0.0.1', %d, 1)" % gw.port)
	s.net.until(lambda: gateway(s, "a")["capacity"] == 1, "in force", 1, step=0.02)
	s.caller.invite("4930").expect(503)
	s.over(a, b)
	s.over(*s.talk(gw))


@scenario
def a_strict_customer_is_still_believed_from_all_its_addresses(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set host = '127.0.0.0/8', strict_source = 1")
	s.start()
	a, b = s.talk(gw)
	rename_customer(s)
	other = s.peer("other", host="127.0.0.66")
	other.proxy, other.secrets = s.caller.proxy, s.caller.secrets
	moved = copy.copy(a)
	moved.peer, moved.route = other, other.proxy
	s.over(moved, b)


run()
