"""What one peer can make the switch hold has bounds: the answer when one is reached, and that all goes on below it."""

import socket

import sip
from leg import Leg
from net import same
from registrar import reaches, registrar
from runner import run, scenario

REQUESTS = 256       # of one side of a dialog in 32 s
CROSSING = 32        # of a call, under way from one leg to the other
FORKS = 16           # that answer one INVITE
FROM_ELSEWHERE = 500  # calls by registrations from one address that is not the registrar's
PATIENT = {"SS_SIP_RESEND_INTERVAL": "300", "SS_SIP_TIMEOUT_INVITE": "120"}


@scenario
def requests_of_a_dialog_are_taken_up_to_a_rate_and_a_bye_always(s):
	gw = s.gateway()
	s.start()
	a, b = s.talk(gw)
	for number in range(REQUESTS):
		a.send("OPTIONS")
		if number % 64 == 63:
			s.caller.expect_count(number + 1, 200, "OPTIONS")
	s.caller.inbox.clear()
	a.send("OPTIONS")
	same(a.expect(500, "OPTIONS")["Retry-After"], "32")
	b.send("OPTIONS")  # the other leg has its own
	b.expect(200, "OPTIONS")
	s.over(a, b)
	same(s.switch.record()["sip_code"], 200)


@scenario
def the_rate_counts_anew_after_a_while(s):
	gw = s.gateway()
	s.start(clock_speed=60)
	a, b = s.talk(gw)
	for _ in range(REQUESTS + 1):
		a.send("OPTIONS")
	s.caller.expect_count(1, 500, "OPTIONS")

	def taken():
		a.send("OPTIONS")
		s.net.poll(0.05)
		return len(s.caller.arrivals(200, "OPTIONS")) > REQUESTS
	s.net.until(taken, "one is taken again", step=0.05)
	s.over(a, b)
	s.caller.inbox.clear()


@scenario
def requests_under_way_to_the_other_leg_are_limited(s):
	gw = s.gateway()
	s.start(**PATIENT)
	a, b = s.talk(gw)
	infos = []
	for _ in range(CROSSING):
		a.send("INFO")
		infos.append(b.expect("INFO"))
	a.send("INFO")
	same(a.expect(500, "INFO")["Retry-After"], "2")
	for info in infos:
		b.reply(200, request=info)
		a.expect(200, "INFO")
	a.send("INFO")
	b.expect("INFO")
	b.reply(200)
	a.expect(200, "INFO")
	s.over(a, b)


@scenario
def answers_of_many_forks_draw_so_many_acks_and_byes_and_no_more(s):
	gw = s.gateway()
	s.start(**PATIENT)
	a, b = s.talk(gw)
	for number in range(2 * FORKS):
		b.reply(200, sdp=True, request=b.invited, tag=gw.token("fork%d-" % number))
	s.net.until(lambda: len(gw.arrivals("BYE")) >= FORKS - 1, "BYEs come")
	for entry in gw.arrivals("BYE"):
		b.reply(200, request=entry.message)
	gw.inbox.clear()
	s.over(a, b)
	same((len(gw.arrivals("ACK")), len(gw.arrivals("BYE"))), (FORKS, FORKS))  # those of the leg among them
	gw.inbox.clear()


@scenario
def calls_by_a_registration_from_one_address_elsewhere_are_limited(s):
	r = registrar(s, host="127.0.0.2", columns={"inbound_from": "any"})
	gw, stranger = s.peer("gw"), s.peer("stranger", host="127.0.0.3")
	silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	silent.bind(("127.0.0.1", 0))
	s.vendor("silent", silent.getsockname()[1], prefix="4930")
	s.vendor("gw", gw.port, prefix="4931")
	s.start(**PATIENT)
	reaches(s, "registered")
	r.proxy = stranger.proxy = s.switch.addresses["udp"]
	uri = next(iter(r.bindings))
	for number in range(FROM_ELSEWHERE):
		lines = [("Via", stranger.via()), ("From", "<sip:a@x.invalid>;tag=1"), ("To", "<%s>" % uri),
			("Call-ID", "c%d" % number), ("CSeq", "1 INVITE"), ("Contact", stranger.contact)]
		stranger.sock.sendto(sip.build("INVITE %s SIP/2.0" % uri, lines), stranger.proxy)
		if number % 50 == 49:
			s.net.until(lambda n=number: s.switch.status()["calls"]["active"] > n, "so many calls", step=0.01)
	last = Leg.invite(stranger, "4930", uri=uri)
	same(last.expect(503, "INVITE", ack=False)["Retry-After"], "10")
	same([(entry["source"], entry["reason"], entry["name"], entry["count"])
		for entry in s.switch.control("strangers.list")["strangers"]], [("127.0.0.3", "too many calls", "carrier", 1)])
	a = Leg.invite(r, "4931", uri=uri.replace("4930", "4931"))  # the registrar itself may
	gw.leg().refuse(486)
	a.expect(486)
	s.switch.kill()
	silent.close()
	stranger.inbox.clear()


if __name__ == "__main__":
	run()
