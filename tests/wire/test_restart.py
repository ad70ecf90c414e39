"""The switch is restarted: nothing that comes meanwhile is lost, and calls go on (docs/behaviour.md, Restart)."""

from manager import Manager
from net import same
from runner import run, scenario, variants


def checked(*legs):
	"""The switch asks each peer once whether it is there; callers acknowledge their 200 again, should it come again."""
	for leg in legs:
		if leg.local == leg.invited["From"]:
			leg.ack()
		leg.expect("OPTIONS")
		leg.reply(200)


# Sockets that systemd stores


@scenario
def what_comes_while_it_is_dead_waits_for_the_next_process(s):
	Manager(s)
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	s.switch.status()
	s.switch.kill()
	for _ in range(50):
		s.caller.request("OPTIONS")
	a.send("BYE")
	s.switch.start_again()
	b.hung_up()
	a.expect(200, "BYE")
	for _ in range(50):
		s.caller.expect(200, "OPTIONS")


@variants(("tcp", "tcp"), ("tls", "tls"))
def a_connection_that_comes_while_it_is_dead_is_served_by_the_next_process_over(s, transport):
	manager = Manager(s)
	gw = s.gateway()
	caller = s.peer("streamer", transport)
	s.start(("udp", "tcp", "tls") if transport == "tls" else ("udp", transport))
	manager.heard(READY="1")
	s.switch.kill()
	a = caller.invite("4930") if transport == "tcp" else None
	if not a:
		caller.connect(caller.proxy)
	s.switch.start_again()
	a = a or caller.invite("4930")
	b = gw.leg()
	s.answer(a, b)
	s.over(a, b)


@scenario
def systemd_is_told_when_it_is_ready_and_when_it_stops(s):
	manager = Manager(s)
	s.gateway()
	s.start(("udp", "udp6", "tcp"))
	manager.heard(READY="1")
	same([message.get("FDPOLL") for message in manager.said], ["0", "0", "0", None])
	same(sorted(manager.stored), sorted("%s/%s/%d" % (transport.strip("6"), host.replace(":", "_"), port)
		for transport, (host, port) in s.switch.addresses.items()))
	s.switch.signal()
	manager.heard(STOPPING="1")
	s.switch.ended()


@scenario
def a_socket_that_no_listener_wants_any_more_is_closed(s):
	manager = Manager(s)
	s.gateway()
	s.start(("udp", "tcp"))
	manager.heard(READY="1")
	s.switch.kill()
	host, port = s.switch.addresses["tcp"]
	s.switch.start((), ("--listen", "sip:%s:%d;transport=udp" % s.switch.addresses["udp"]))
	manager.heard(FDSTOREREMOVE="1", FDNAME="tcp/%s/%d" % (host, port))
	same(list(manager.stored), ["udp/%s/%d" % s.switch.addresses["udp"]])
	same(len(s.switch.addresses), 1)
	s.switch.kill()
	s.switch.start((), ("--listen", "sip:%s:%d;transport=tcp" % (host, port)))  # it is free
	same(s.switch.addresses, {"tcp": (host, port)})


if __name__ == "__main__":
	run()
