"""Channels and calls per second of gateways and of customers, and the order among gateways."""

from net import same
from runner import run, scenario


@scenario
def a_full_gateway_passes_the_call_to_the_next_and_takes_calls_again(s):
	first, second = s.gateway("first", capacity=1), s.gateway("second")
	s.start()
	a, b = s.talk(first)
	s.over(*s.talk(second))
	s.over(a, b)
	s.over(*s.talk(first))
	skipped = s.switch.records(3)[1]["attempts"][0]
	same((skipped["gateway"], skipped["reason"]), ("first", "full 1/1"))


@scenario
def when_every_gateway_is_full_the_caller_gets_503(s):
	gw = s.gateway(capacity=1)
	s.start()
	a, b = s.talk(gw)
	s.caller.invite("4930").expect(503)
	s.over(b, a)
	s.over(*s.talk(gw))


@scenario
def calls_per_second_of_a_gateway_pass_the_call_to_the_next(s):
	first, second = s.gateway("first", cps=1), s.gateway("second")
	s.start()
	a = s.caller.invite("4930")
	b = first.leg()
	c = s.caller.invite("4930")
	d = second.leg()
	b.refuse(486)
	d.refuse(486)
	a.expect(486)
	c.expect(486)
	s.net.until(lambda: s.switch.control("routes.lookup", callee="4930")["candidates"][0]["verdict"] == "usable",
		"a second later it takes calls again", 1.5, step=0.05)
	e = s.caller.invite("4930")
	first.leg().refuse(486)
	e.expect(486)


@scenario
def a_failed_call_gives_its_channel_back(s):
	gw = s.gateway(capacity=1)
	s.start()
	for _ in range(3):
		a = s.caller.invite("4930")
		gw.leg().refuse(486)
		a.expect(486)
	a = s.caller.invite("4930")
	b = gw.leg()
	b.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487)
	b.cancelled()
	s.over(*s.talk(gw))


@scenario
def a_full_customer_is_refused(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set capacity = 1")
	s.start()
	a, b = s.talk(gw)
	s.caller.invite("4930").expect(503)
	s.over(a, b)
	s.over(*s.talk(gw))
	same(sorted(row["end_reason"] for row in s.switch.records(3)), ["full 1/1", "normal clearing", "normal clearing"])


@scenario
def channels_held_are_those_of_customers_and_of_gateways_deleted_meanwhile(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	same(s.switch.status()["held"]["channels"], 2)
	s.switch.sql("delete from route", "delete from gateway")
	s.net.until(lambda: s.switch.control("routes.lookup", callee="4930")["candidates"] == [], "the gateway is gone",
		step=0.02)
	same(s.switch.status()["held"]["channels"], 2)
	s.over(a, b)
	s.settle()


@scenario
def calls_per_second_of_a_customer_are_held(s):
	gw = s.gateway()
	s.switch.pending.append("update mapping_gateway set cps = 2")
	s.start()
	calls = [s.caller.invite("4930") for _ in range(3)]
	for a, leg in ((calls[0], gw.leg()), (calls[1], gw.leg())):
		leg.refuse(486)
	calls[2].expect(503)
	calls[0].expect(486)
	calls[1].expect(486)


@scenario
def the_customer_is_the_most_specific_block(s):
	gw = s.gateway()
	s.switch.insert("mapping_gateway", name="wide", host="127.0.0.0/8")
	s.switch.insert("mapping_gateway", name="port", host="127.0.0.1", port=s.caller.port)
	other, near = s.peer("other", host="127.0.0.5"), s.peer("near")
	s.start()
	for caller in (s.caller, near, other):
		a = caller.invite("4930")
		gw.leg().refuse(486)
		a.expect(486)
	same({row["source_addr"]: row["ingress"] for row in s.switch.records(3)},
		{s.caller.host_port: "port", near.host_port: "customer", other.host_port: "wide"})


@scenario
def within_a_priority_the_least_loaded_gateway_is_first(s):
	large, small = s.gateway("large", capacity=10, priority=1), s.gateway("small", capacity=2, priority=1)
	s.start()
	calls = []
	for gw in (large, small, large, large, large, large, small):  # calls / capacity, then fewest calls so far, then name
		calls.append(s.talk(gw))
	for a, b in calls:
		s.over(a, b)


@scenario
def carry_through_tries_shorter_prefixes(s):
	berlin, any_ = s.gateway("berlin", prefix="4930", carry_through=1), s.gateway("any")
	s.start()
	a = s.caller.invite("4930")
	berlin.leg().refuse(503)
	b = any_.leg()
	s.answer(a, b)
	s.over(a, b)


@scenario
def without_carry_through_shorter_prefixes_are_not_tried(s):
	berlin = s.gateway("berlin", prefix="4930")
	s.gateway("any")
	s.start()
	a = s.caller.invite("4930")
	berlin.leg().refuse(480)
	a.expect(480)


if __name__ == "__main__":
	run()
