"""Probes with OPTIONS: a dead gateway gets no calls until it answers again (docs/behaviour.md, Gateway liveness)."""

import select

import sip
from dns import Dns
from net import same
from runner import run, scenario, variants

SPEED = 10    # how much faster than real time the switch's clock runs
PERIOD = 0.5  # real seconds between two probes: 5 s of the switch's
FAST = {"SS_SIP_OPTIONS_CHECK_PERIOD": 5, "SS_SIP_OPTIONS_TIMEOUT": 4}


def reply(peer, request, status):
	lines = [("Via", request["Via"]), ("From", request["From"]), ("To", request["To"] + ";tag=" + peer.token("tag")),
		("Call-ID", request["Call-ID"]), ("CSeq", request["CSeq"])]
	peer.send(sip.build("SIP/2.0 %d %s" % (status, sip.REASONS.get(status, "Whatever")), lines), request.source)


def alive(peer, status=200):
	"""From now on the peer answers OPTIONS by itself with peer.status, or not at all (None); they are in peer.probes."""
	take = peer.take

	def take_and_answer(raw, source, when):
		take(raw, source, when)
		probe = peer.find("OPTIONS")
		if probe:
			peer.probes.append(probe)
			if peer.status:
				reply(peer, probe, peer.status)

	peer.take, peer.status, peer.probes = take_and_answer, status, []
	return peer


def start(s, listen=("udp",), **parameters):
	s.start(listen, clock_speed=SPEED, **{**FAST, **parameters})


def gateway(s, name="gw"):
	return s.switch.control("gateways.get", name=name)


def becomes(s, state, name="gw"):
	s.net.until(lambda: gateway(s, name)["state"] == state, "%s is %s" % (name, state), 10, step=0.02)


def told(s, words, name="gw"):
	"""The log has this about the last probe."""
	s.net.until(lambda: words in (gateway(s, name).get("options") or ""), "%s: %s" % (name, words), 10, step=0.01)


def probed(s, peer, count):
	"""Wait for this many more probes."""
	wanted = len(peer.probes) + count
	s.net.until(lambda: len(peer.probes) >= wanted, "%d probes of %s" % (count, peer.name), 10)


def call_goes_to(s, peer, other=None):
	a = s.caller.invite("4930")
	b = peer.leg()
	s.answer(a, b)
	s.over(a, b)
	if other:
		same(other.inbox, [])


def two(s, status=200, **columns):
	"""A gateway that is probed and preferred, and one that is not."""
	gw = alive(s.gateway("gw", options_check=1, **columns), status)
	return gw, s.gateway("other")


# on the wire

@scenario
def a_probe_is_a_sound_options_request(s):
	gw = alive(s.gateway(options_check=1))
	start(s)
	probed(s, gw, 2)
	first, second = gw.probes[:2]
	same((first.uri, sip.uri(first["To"])), ("sip:" + gw.host_port, "sip:" + gw.host_port))
	same((first["CSeq"], first["Max-Forwards"], first["Accept"]), ("1 OPTIONS", "70", "application/sdp"))
	same(sip.address(first["Contact"]), s.switch.addresses["udp"])
	assert sip.param(first["From"], "tag") and not sip.param(first["To"], "tag")
	assert first["Call-ID"] != second["Call-ID"]
	assert sip.param(first["Via"], "branch") != sip.param(second["Via"], "branch")


@scenario
def gateways_of_one_address_share_a_probe(s):
	gw = alive(s.peer("gw"))
	for number in range(5):
		s.switch.insert("gateway", name="gw%d" % number, host="127.0.0.1", port=gw.port, options_check=1)
	start(s)
	for number in range(5):
		told(s, "200", "gw%d" % number)
	probed(s, gw, 3)
	gaps = [b.time - a.time for a, b in zip(gw.probes, gw.probes[1:])]
	assert min(gaps) > 0.8 * PERIOD, gaps
	gw.status = None
	for number in range(5):
		becomes(s, "down", "gw%d" % number)


@scenario
def probes_come_once_a_period_give_or_take_a_tenth(s):
	peers = [alive(s.gateway("gw%d" % number, options_check=1)) for number in range(20)]
	start(s)
	s.net.until(lambda: all(len(peer.probes) >= 2 for peer in peers), "two probes of each", 10)
	gaps = [peer.probes[1].time - peer.probes[0].time for peer in peers]
	assert min(gaps) > 0.9 * PERIOD - 0.01 and max(gaps) < 1.1 * PERIOD + 0.15, gaps
	assert max(gaps) - min(gaps) > 0.04, gaps  # the tenth is 0.1 s wide
	firsts = sorted(peer.probes[0].time for peer in peers)
	assert firsts[-1] - firsts[0] > 0.02, firsts


@scenario
def a_silent_gateway_is_given_up_after_the_timeout_and_not_the_resend_list(s):
	gw = alive(s.gateway(options_check=1), None)
	start(s, SS_SIP_OPTIONS_CHECK_PERIOD=30, SS_SIP_OPTIONS_TIMEOUT=2)
	s.net.until(lambda: gw.probes, "a probe")
	told(s, "timeout, 1 in a row")
	s.net.quiet(0.3)  # the list goes on for 3 s
	times = [entry.time - gw.probes[0].time for entry in gw.arrivals("OPTIONS")]
	same(len(times), 3)  # at 0, 0.5, 1.5 s
	assert abs(times[1] - 0.05) < 0.04 and abs(times[2] - 0.15) < 0.04, times


@scenario
def a_silent_gateway_is_probed_no_less_often(s):
	gw = alive(s.gateway(options_check=1), None)
	start(s)
	s.net.until(lambda: len(gw.probes) >= 4, "four probes", 10)
	gaps = [b.time - a.time for a, b in zip(gw.probes, gw.probes[1:])]
	assert sum(gaps) / 3 < 1.5 * PERIOD, gaps  # although each is waited for during 4 s of the 5


@scenario
def a_provisional_answer_is_no_answer(s):
	gw = alive(s.gateway(options_check=1), 100)
	start(s)
	told(s, "timeout, 1 in a row")
	gw.status = 183
	becomes(s, "down")


@scenario
def the_probe_follows_the_gateways_own_resend_list(s):
	gw = alive(s.gateway(options_check=1, resend_interval="1,0.3,9"), None)
	start(s, SS_SIP_OPTIONS_CHECK_PERIOD=30, SS_SIP_OPTIONS_TIMEOUT=2)
	told(s, "timeout")
	times = [entry.time - gw.probes[0].time for entry in gw.arrivals("OPTIONS")]
	same(len(times), 3)
	assert abs(times[1] - 0.1) < 0.04 and abs(times[2] - 0.13) < 0.04, times


@scenario
def a_period_of_0_sends_nothing(s):
	gw = alive(s.gateway(options_check=1))
	start(s, SS_SIP_OPTIONS_CHECK_PERIOD=0)
	s.net.quiet(0.5)
	same((gw.probes, gateway(s)["state"], gateway(s)["reason"]), ([], "untried", "usable"))


@scenario
def a_gateway_is_untried_until_its_first_answer(s):
	"""It is used like one that is up, in its place."""
	first, second = s.gateways(2)
	s.start()
	same([gateway(s, name)["state"] for name in ("gw1", "gw2")], ["untried"] * 2)
	same([c["verdict"] for c in s.switch.control("routes.lookup", callee="4930")["candidates"]], ["usable"] * 2)
	s.over(*s.talk(first))
	same([gateway(s, name)["state"] for name in ("gw1", "gw2")], ["up", "untried"])
	assert not second.inbox


@scenario
def a_gateway_without_options_check_is_not_probed(s):
	gw = alive(s.gateway())
	start(s)
	s.net.quiet(0.5)
	same(gw.probes, [])


@scenario
def a_disabled_gateway_is_not_probed_and_a_draining_one_is(s):
	off = alive(s.gateway("off", options_check=1, enabled=0))
	draining = alive(s.gateway("draining", options_check=1, draining=1))
	start(s)
	probed(s, draining, 2)
	same(off.probes, [])
	s.switch.sql("update gateway set enabled = 1 where name = 'off'")
	probed(s, off, 1)
	told(s, "200", "off")


@scenario
def a_probe_over_tcp_is_sent_once(s):
	gw = alive(s.gateway(transport="tcp", options_check=1))
	start(s, ("udp", "tcp"))
	told(s, "200")
	same(gw.probes[0].uri, "sip:%s;transport=tcp" % gw.host_port)
	assert gw.probes[0]["Via"].startswith("SIP/2.0/TCP")
	same(sip.param(gw.probes[0]["Contact"].replace("<", "").replace(">", ""), "transport"), "tcp")
	gw.status = None
	becomes(s, "down")
	same(len(gw.arrivals("OPTIONS")), len(gw.probes))
	gw.status = 200
	becomes(s, "up")


@scenario
def an_answer_behind_a_pong_or_a_ping_counts(s):
	gw = s.gateway(transport="tcp", options_check=1)
	start(s, ("udp", "tcp"), SS_SIP_OPTIONS_DOWN=1)
	states = []
	for before in (b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n", b""):
		probe = gw.expect("OPTIONS", timeout=10)
		states.append(gateway(s)["state"])  # one that did not count would have taken it down by the next
		lines = [(name, probe[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")]
		probe.source.send(before + sip.build("SIP/2.0 200 OK", lines))
	same(states, ["untried", "up", "up", "up"])
	gw.take = lambda *_: None


@scenario
def refused_connections_and_ports_are_failures_at_once(s):
	s.vendor("tcp", s.net.refusing_port(transport="tcp"), "tcp", options_check=1)
	s.vendor("udp", s.net.refusing_port(), options_check=1)
	start(s, ("udp", "tcp"), SS_SIP_OPTIONS_TIMEOUT=30, SS_SIP_OPTIONS_DOWN=1)  # as long as the period: nobody waits for that
	for name in ("tcp", "udp"):
		becomes(s, "down", name)
		same(gateway(s, name)["reason"], "OPTIONS Connection refused")
	told(s, "Connection refused, 1 in a row", "udp")


@scenario
def a_gateway_over_ipv6_is_probed(s):
	gw = alive(s.gateway(host="::1", options_check=1))
	start(s, ("udp", "udp6"))
	told(s, "200")
	same(gw.probes[0].uri, "sip:" + gw.host_port)


@scenario
def a_gateway_that_is_ourselves_is_alive(s):
	start(s)
	s.switch.insert("gateway", name="gw", host="127.0.0.1", port=s.switch.addresses["udp"][1], options_check=1)
	s.net.until(lambda: s.switch.control("gateways.list")["total"] == 1, "the reload", step=0.02)
	told(s, "200")


@scenario
def a_registered_trunk_is_probed_from_the_port_it_is_registered_at(s):
	start(s, ("udp", "udp"))
	for number, listener in enumerate(s.switch.status()["listeners"]):
		port = sip.address(listener)[1]
		gw = alive(s.peer("gw%d" % number))
		s.switch.insert("registration", name="r%d" % number, host="127.0.0.1", port=s.net.refusing_port(), user="u",
			local_port=port)
		s.switch.insert("gateway", name="gw%d" % number, host="127.0.0.1", port=gw.port, options_check=1,
			registration="r%d" % number)
		probed(s, gw, 1)
		same((gw.probes[0].source[1], sip.address(gw.probes[0]["Contact"])[1]), (port, port))


# what it leads to

@scenario
def a_gateway_leaves_the_plan_after_two_failures_in_a_row_and_comes_back_after_one_success(s):
	gw, other = two(s)
	start(s)
	told(s, "200")
	call_goes_to(s, gw)
	gw.status = None
	told(s, "timeout, 1 in a row")
	same(gateway(s)["state"], "up")
	becomes(s, "down")
	same(gateway(s)["reason"], "OPTIONS timeout")
	call_goes_to(s, other, gw)
	same([attempt["gateway"] for attempt in s.switch.records(2)[1]["attempts"]], ["gw", "other"])
	assert "OPTIONS" in s.switch.records(2)[1]["attempts"][0]["reason"]
	gw.status = 200
	probed(s, gw, 1)
	becomes(s, "up")
	call_goes_to(s, gw, other)


@scenario
def the_thresholds_are_parameters(s):
	gw, _ = two(s)
	start(s, SS_SIP_OPTIONS_DOWN=1, SS_SIP_OPTIONS_UP=2)
	told(s, "200")
	gw.status = 503
	probed(s, gw, 1)
	becomes(s, "down")
	gw.status = 200
	probed(s, gw, 1)
	told(s, "200")
	same(gateway(s)["state"], "down")
	probed(s, gw, 1)
	becomes(s, "up")


@scenario
def a_flapping_gateway_that_answers_every_other_time_stays(s):
	gw, _ = two(s, 503)
	start(s)
	for _ in range(3):
		gw.status = 503
		told(s, "503")
		same(gateway(s)["state"], "up")
		gw.status = 200
		told(s, "200")
		same(gateway(s)["state"], "up")


@scenario
def any_answer_but_408_and_503_means_alive(s):
	peers = {status: alive(s.gateway("gw%d" % status, options_check=1), status)
		for status in (401, 404, 405, 481, 500, 501, 603, 408, 503)}
	start(s)
	s.net.until(lambda: all(len(peer.probes) >= 3 for peer in peers.values()), "three probes of each", 10)
	same({status for status in peers if gateway(s, "gw%d" % status)["state"] == "down"}, {408, 503})


@scenario
def a_gateways_own_list_says_which_codes_mean_alive(s):
	peers = {status: alive(s.gateway("gw%d" % status, options_check=1, options_alive_codes="200,503"), status)
		for status in (200, 404, 503)}
	start(s)
	s.net.until(lambda: all(len(peer.probes) >= 3 for peer in peers.values()), "three probes of each", 10)
	same({status for status in peers if gateway(s, "gw%d" % status)["state"] == "down"}, {404})


@scenario
def when_all_are_down_the_least_recently_failed_one_is_tried(s):
	first, second = (alive(s.gateway("gw%d" % number, options_check=number - 1), 503) for number in (1, 2))
	start(s, SS_SIP_OPTIONS_DOWN=1, SS_SIP_OPTIONS_CHECK_PERIOD=3600)
	becomes(s, "down", "gw2")
	s.switch.sql("update gateway set options_check = 1 where name = 'gw1'")
	becomes(s, "down", "gw1")
	call_goes_to(s, second, first)  # its failure is older, although gw1 is first in order


@variants(
	("is_known", 0.02, 200, None),
	("may_be_longer_than_the_first_wait_of_auto", 0.1, 1000, "auto"))
def the_response_time_of_probes(s, seconds, ms, resend_interval):
	gw = alive(s.gateway(options_check=1, resend_interval=resend_interval), None)
	start(s, SS_SIP_OPTIONS_TIMEOUT=30, SS_SIP_OPTIONS_CHECK_PERIOD=60)
	s.net.until(lambda: gw.probes, "a probe")
	s.net.quiet(seconds)
	reply(gw, gw.probes[0], 200)
	told(s, "200")
	assert ms <= gateway(s)["rtt_ms"] < ms + 400, gateway(s)["rtt_ms"]


# names

def named(s, *peers):
	"""A gateway gw.test whose servers are these, in this order."""
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	dns.host("host.gw.test", "127.0.0.1")
	dns.service("_sip._udp.gw.test", *((number, peer.port, "host.gw.test") for number, peer in enumerate(peers)))
	s.vendor("gw", 0, host="gw.test", options_check=1)
	return dns


@scenario
def of_a_names_addresses_the_first_that_answers_counts(s):
	silent, living = alive(s.peer("silent"), None), alive(s.peer("living"))
	named(s, silent, living)
	start(s)
	told(s, "200")
	assert silent.probes and silent.probes[0].uri == living.probes[0].uri == "sip:gw.test"
	living.status = None
	becomes(s, "down")
	living.status = 200
	becomes(s, "up")


@scenario
def a_server_that_answers_503_is_followed_by_the_next(s):
	busy, living = alive(s.peer("busy"), 503), alive(s.peer("living"))
	named(s, busy, living)
	start(s)
	told(s, "200")
	probed(s, busy, 2)
	same(gateway(s)["state"], "up")
	living.status = 503
	becomes(s, "down")


@scenario
def a_name_that_does_not_exist_is_a_failure(s):
	dns = named(s)
	dns.records.clear()
	peer = alive(s.peer("peer"))
	start(s)
	becomes(s, "down")
	same(gateway(s)["reason"], "OPTIONS name not found")
	dns.host("host.gw.test", "127.0.0.1")
	dns.service("_sip._udp.gw.test", (1, peer.port, "host.gw.test"))
	becomes(s, "up")


# changes at run time

@scenario
def switching_the_check_off_forgets_what_it_said(s):
	gw, other = two(s, 503)
	start(s)
	becomes(s, "down")
	s.switch.sql("update gateway set options_check = 0 where name = 'gw'")
	becomes(s, "up")
	same(gateway(s)["options"], "")
	count = len(gw.probes)
	call_goes_to(s, gw, other)
	s.net.quiet(0.6)
	same(len(gw.probes), count)


def gone(s, total=0):
	s.net.until(lambda: s.switch.control("gateways.list")["total"] == total, "%d gateways are left" % total, step=0.02)


@scenario
def a_probe_under_way_ends_with_its_gateway(s):
	gw = alive(s.gateway(options_check=1, prefix=None), None)
	start(s, SS_SIP_OPTIONS_CHECK_PERIOD=3600, SS_SIP_OPTIONS_TIMEOUT=32)
	s.net.until(lambda: gw.probes, "a probe")
	s.switch.sql("delete from route", "delete from gateway")
	gone(s)
	count = len(gw.arrivals("OPTIONS"))
	s.net.quiet(0.9)  # the list goes on for 3 s
	same(len(gw.arrivals("OPTIONS")), count)
	reply(gw, gw.probes[0], 200)  # nobody waits for it


@scenario
def a_lookup_under_way_ends_with_its_gateway(s):
	dns = named(s)
	s.net.selector.unregister(dns.sock)  # it answers late
	s.switch.pending.append("delete from route")
	start(s)
	s.net.until(lambda: select.select([dns.sock], [], [], 0)[0], "a question", step=0.01)
	s.switch.sql("delete from route", "delete from gateway")
	gone(s)
	s.net.add(dns.sock, dns.answer)
	s.net.quiet(0.3)


@scenario
def a_period_set_to_0_forgets_what_probes_said(s):
	gw, other = two(s, 503)
	start(s)
	becomes(s, "down")
	s.switch.sql("update parameter set value = '0' where name = 'SS_SIP_OPTIONS_CHECK_PERIOD'")
	becomes(s, "up")
	count = len(gw.probes)
	call_goes_to(s, gw, other)
	s.net.quiet(0.6)
	same(len(gw.probes), count)
	s.switch.sql("update parameter set value = '5' where name = 'SS_SIP_OPTIONS_CHECK_PERIOD'")
	becomes(s, "down")


@scenario
def a_shorter_period_is_in_force_at_once(s):
	gw, _ = two(s)
	start(s, SS_SIP_OPTIONS_CHECK_PERIOD=3600)
	s.net.until(lambda: gw.probes, "a probe")
	s.switch.sql("update parameter set value = '5' where name = 'SS_SIP_OPTIONS_CHECK_PERIOD'")
	probed(s, gw, 2)


@scenario
def a_reload_leaves_the_rhythm_of_the_others_alone(s):
	gw, _ = two(s)
	start(s)
	probed(s, gw, 2)
	for capacity in (5, 6, 7):
		s.switch.sql("update gateway set capacity = %d" % capacity)
		s.net.until(lambda: gateway(s)["capacity"] == capacity, "the reload", step=0.02)
	probed(s, gw, 2)
	gaps = [b.time - a.time for a, b in zip(gw.probes, gw.probes[1:])]
	assert min(gaps) > 0.8 * PERIOD, gaps


@scenario
def a_gateway_that_moved_is_probed_at_its_new_place(s):
	gw, _ = two(s, 503)
	moved = alive(s.peer("moved"))
	start(s)
	becomes(s, "down")
	s.switch.sql("update gateway set port = %d where name = 'gw'" % moved.port)
	becomes(s, "up")
	told(s, "200")
	count = len(gw.probes)
	probed(s, moved, 2)
	same(len(gw.probes), count)


if __name__ == "__main__":
	run()
