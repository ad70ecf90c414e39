"""Endpoints register with the switch (RFC 3261 section 10), and are recognised when they call."""

import re
import signal

import rel100
import sip
from crash import checked, live
from endpoint import endpoint, stored, stores
from net import same
from runner import run, scenario, variants

RENEWED = r'nonce="[0-9a-f]{32}"'


def contacts(answer):
	"""{uri: seconds left} of a 200."""
	return {sip.uri(value): int(sip.param(value, "expires")) for value in answer.all("Contact")}


def own(phone):
	return sip.uri(phone.contact)


@scenario
def a_phone_registers_with_either_algorithm(s):
	phone = endpoint(s, "1001")
	s.start()
	for algorithm in ("MD5", "SHA-256"):
		answer = phone.bind(algorithm, expires=120)
		same(contacts(answer), {own(phone): 120})
		assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer["Date"]), answer["Date"]
	stores(s, [("1001", own(phone))])
	phone.bind(expires=0)
	stores(s, [])


@scenario
def hashes_serve_in_place_of_a_password(s):
	import hashlib
	text = b"1001:softswitch:secret"
	phone = endpoint(s, "1001", row=False)
	s.switch.insert("endpoint", name="1001", ha1_md5=hashlib.md5(text).hexdigest().upper(),
		ha1_sha256=hashlib.sha256(text).hexdigest())
	s.start()
	for algorithm in ("MD5", "SHA-256"):
		phone.bind(algorithm)


@scenario
def a_wrong_password_an_unknown_user_and_a_disabled_one_look_the_same(s):
	phones = [endpoint(s, "1001", "right"), endpoint(s, "1002", row=False), endpoint(s, "1003", enabled=0)]
	s.start()
	seen = set()
	for phone in phones:
		phone.password = "secret"
		challenge = phone.bind(status=401)
		seen.add("\n".join(re.sub(RENEWED, "", line) for line in challenge.all("WWW-Authenticate")))
	same(len(seen), 1)
	assert "stale" not in seen.pop()
	same(stored(s), [])


@scenario
def guessing_suspends_the_pair_of_address_and_user(s):
	phone, guesser = endpoint(s, "1001"), endpoint(s, "1001", row=False, host="127.0.0.3")
	guesser.password = "guess"
	s.start(SS_ENDPOINT_REGISTER_RETRY=2)
	guesser.bind(status=401)
	guesser.bind(status=403)
	guesser.password = "secret"
	guesser.register()
	guesser.expect(403, "REGISTER")
	phone.bind()


@scenario
def answers_to_nonces_of_others_suspend_nobody(s):
	phone, spoofer = endpoint(s, "1001"), endpoint(s, "1001", row=False, host="127.0.0.3")
	spoofer.password = "guess"
	s.start(SS_ENDPOINT_REGISTER_RETRY=1)
	challenge = phone.challenged()
	for _ in range(3):
		spoofer.register(spoofer.credentials(challenge))
		assert "stale=true" in spoofer.expect(401, "REGISTER")["WWW-Authenticate"]
	phone.register(phone.credentials(challenge))
	phone.expect(200, "REGISTER")


@scenario
def a_nonce_serves_once_for_each_count(s):
	phone = endpoint(s, "1001")
	s.start()
	challenge = phone.challenged()
	phone.register(phone.credentials(challenge))
	phone.expect(200, "REGISTER")
	phone.register(phone.credentials(challenge))
	assert "stale=true" in phone.expect(401, "REGISTER")["WWW-Authenticate"]
	phone.register(phone.credentials(challenge, count=2))
	phone.expect(200, "REGISTER")


@scenario
def a_nonce_becomes_too_old(s):
	phone = endpoint(s, "1001")
	s.start(SS_SIP_AUTHENTICATION_TIMEOUT=1, clock_speed=10)
	challenge = phone.challenged()

	def is_too_old():
		phone.register(phone.credentials(challenge))
		return "stale=true" in phone.expect(401, "REGISTER")["WWW-Authenticate"]
	phone.password, right = "wrong", phone.password  # which is only found out while the nonce is good
	s.net.until(is_too_old, "the nonce is too old", step=0.02)
	phone.password = right
	assert is_too_old()
	phone.bind()


@scenario
def who_leaves_a_challenge_without_an_answer_is_offered_md5_alone(s):
	phone = endpoint(s, "1001")
	s.start(clock_speed=10, SS_SIP_AUTHENTICATION_TIMEOUT=1)

	def offered():
		return [re.search(r"algorithm=([^,]*)", line)[1] for line in phone.challenged().all("WWW-Authenticate")]
	same(offered(), ["SHA-256", "MD5"])
	s.net.until(lambda: offered() == ["MD5"], "MD5 alone", step=0.05)
	phone.password, right = "wrong", phone.password
	same(len(phone.bind("MD5", status=401).all("WWW-Authenticate")), 1)
	phone.password = right
	phone.bind("MD5")
	same(offered(), ["MD5"])
	endpoint(s, "1001", row=False, host="127.0.0.3").bind("SHA-256")


@scenario
def a_request_whose_answer_may_not_be_long_enough_for_both_algorithms_is_offered_md5_alone(s):
	phone = endpoint(s, "1001")
	s.start(SS_SIP_AUTHENTICATION_REALM="r" * 64)
	short = {"User_Agent": None, "Max_Forwards": None, "From": "<sip:1001@s>;tag=1", "To": "<sip:1001@s>"}
	same(len(phone.challenged(**short).all("WWW-Authenticate")), 1)
	phone.bind("MD5", **short)


@scenario
def requests_that_others_forge_leave_a_phone_both_algorithms(s):
	phone, forger = endpoint(s, "1001"), endpoint(s, "1001", row=False)
	s.start(clock_speed=10, SS_SIP_AUTHENTICATION_TIMEOUT=1)
	phone.bind()
	s.net.until(lambda: len(forger.challenged().all("WWW-Authenticate")) == 1, "MD5 alone", step=0.05)
	same(len(phone.challenged().all("WWW-Authenticate")), 2)


@scenario
def a_phone_registers_for_itself_only(s):
	phone = endpoint(s, "1001")
	s.switch.insert("endpoint", name="1002", password="secret")
	s.start()
	phone.bind(status=403, To="<sip:1002@softswitch>")
	same(stored(s), [])


@scenario
def what_is_asked_for_is_granted_within_limits(s):
	phone = endpoint(s, "1001")
	s.start(SS_ENDPOINT_EXPIRE=1000)
	same(phone.bind(status=423, expires=29)["Min-Expires"], "30")
	same(contacts(phone.bind(expires=30)), {own(phone): 30})
	same(contacts(phone.bind(expires=300)), {own(phone): 300})
	for asked in (1000, 86400, None):
		granted = contacts(phone.bind(expires=asked))[own(phone)]
		assert 900 <= granted <= 1000, granted
	same(contacts(phone.bind(contacts=[phone.contact + ";expires=60"], expires=90)), {own(phone): 60})


@scenario
def behind_nat_it_is_granted_for_less(s):
	phone, told, denied = endpoint(s, "1001"), endpoint(s, "1002", nat="On"), endpoint(s, "1003", nat="Off")
	s.start(SS_ENDPOINT_NAT_EXPIRE=60)
	same(list(contacts(phone.bind(contacts=["<sip:1001@192.0.2.1:5060>"])).values()), [60])
	assert contacts(phone.bind(call_id="again"))[own(phone)] > 3000
	same(list(contacts(phone.bind(call_id="third", Via="SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1")).values()), [60])
	same(list(contacts(told.bind()).values()), [60])
	assert list(contacts(denied.bind(contacts=["<sip:1003@192.0.2.1:5060>"])).values())[0] > 3000
	s.net.until(lambda: stored(s, "SELECT endpoint, nat FROM binding ORDER BY id") == [("1001", 1), ("1002", 1), ("1003", 0)],
		"rows of state.db", step=0.02)


@scenario
def a_new_contact_takes_the_place_of_the_oldest(s):
	phone = endpoint(s, "1001", contacts=2)
	s.start()
	for port in (5071, 5072, 5073):
		answer = phone.bind(contacts=["<sip:1001@127.0.0.2:%d>" % port], expires=60)
	same(list(contacts(answer)), ["sip:1001@127.0.0.2:5073", "sip:1001@127.0.0.2:5072"])


@scenario
def without_replacement_a_new_contact_is_refused_while_the_old_one_lives(s):
	phone = endpoint(s, "1001")
	s.start(SS_ENDPOINT_REGISTER_REPLACE="Off")
	phone.bind()
	phone.bind(status=403, contacts=["<sip:1001@127.0.0.2:5071>"])
	phone.bind()
	phone.bind(contacts=["*"], expires=0)
	phone.bind(contacts=["<sip:1001@127.0.0.2:5071>"])


@scenario
def requests_that_make_no_sense_change_nothing(s):
	phone = endpoint(s, "1001", contacts=2)
	s.start()
	before = contacts(phone.bind(expires=60))
	phone.bind(status=400, contacts=["*"])
	phone.bind(status=400, contacts=[phone.contact, "<mailto:a@b>"])
	phone.bind(status=403, contacts=["<sip:1@127.0.0.2>", "<sip:2@127.0.0.2>", "<sip:3@127.0.0.2>"])
	phone.register(Require="gruu")
	same(phone.expect(420, "REGISTER")["Unsupported"], "gruu")
	phone.cseq = 0
	phone.bind(status=500)
	same(list(contacts(phone.bind(contacts=[]))), list(before))


@scenario
def the_way_through_proxies_is_kept(s):
	phone = endpoint(s, "1001")
	s.start()
	path = [("Path", "<sip:p1.example;lr>"), ("Path", "<sip:p2.example;lr>"), ("Supported", "path")]
	challenge = phone.challenged()
	phone.register(phone.credentials(challenge), *path)
	answer = phone.expect(200, "REGISTER")
	same(answer.all("Path"), ["<sip:p1.example;lr>", "<sip:p2.example;lr>"])
	s.net.until(lambda: stored(s, "SELECT path FROM binding") ==
		[("Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\n",)], "the row", step=0.02)


def outlives(end):
	def play(s):
		phone = endpoint(s, "1001")
		s.start()
		phone.bind(expires=60)
		stores(s, [("1001", own(phone))])
		end(s)
		s.switch.start_again()
		left = contacts(phone.bind(contacts=[]))[own(phone)]
		assert 50 < left <= 60, left
	play.__name__ = "registrations_outlive_a_" + end.__name__
	scenario(play)


def stop(s):
	s.switch.signal()
	s.switch.ended()


def kill(s):
	s.switch.signal(signal.SIGKILL)
	s.switch.ended(-signal.SIGKILL)


outlives(stop)
outlives(kill)


@scenario
def what_is_not_refreshed_expires(s):
	phone = endpoint(s, "1001")
	s.start(clock_speed=20)
	phone.bind(expires=30)
	stores(s, [("1001", own(phone))])
	stores(s, [])


def ends_with_its_row(statement):
	def play(s):
		phone = endpoint(s, "1001")
		s.switch.insert("endpoint", name="other", password="x")
		s.start()
		phone.bind()
		stores(s, [("1001", own(phone))])
		s.switch.sql(statement)
		stores(s, [])
	play.__name__ = "a_registration_ends_with_" + re.sub(r"\W+", "_", statement)
	scenario(play)


ends_with_its_row("delete from endpoint where name = '1001'")
ends_with_its_row("update endpoint set enabled = 0 where name = '1001'")
ends_with_its_row("update endpoint set password = 'new' where name = '1001'")


@scenario
def edits_elsewhere_leave_endpoints_as_they_are_and_others_act_at_once(s):
	phone, others = endpoint(s, "1001"), [endpoint(s, name, row=False) for name in ("1002", "1003")]
	s.start()
	phone.bind()
	for known, other in enumerate(others, 1):
		s.switch.sql("update parameter set value = %d where name = 'SS_SIP_AUTHENTICATION_RETRY'" % known)
		s.net.until(lambda: s.switch.read_log().count("endpoints=%d" % known) == 2, "the parameter is in force", step=0.02)
		phone.bind()
		s.switch.insert("endpoint", name=other.name, password="secret")
		s.net.until(lambda: "endpoints=%d" % (known + 1) in s.switch.read_log(), "so is the endpoint", step=0.02)
		other.bind()
	stores(s, [(phone.name, own(phone))], "SELECT endpoint, contact FROM binding WHERE endpoint = '1001'")


@scenario
def a_registration_ends_with_its_connection(s):
	phone, tls = endpoint(s, "1001", transport="tcp"), endpoint(s, "1002", transport="tls")
	s.start(("udp", "tcp", "tls"))
	for one in (phone, tls):
		one.bind()
	stores(s, [("1001", own(phone)), ("1002", own(tls))])
	next(iter(phone.connections.values())).finish()
	stores(s, [("1002", own(tls))])
	next(iter(tls.connections.values())).finish()
	stores(s, [])


# keep-alives


def keep_alives(phone, count):
	"""Wait for so many datagrams that are no messages."""
	phone.net.until(lambda: len(phone.pings) >= count, "%d keep-alives" % count, step=0.02)


@scenario
def phones_behind_nat_get_datagrams_each_period(s):
	phone, plain = endpoint(s, "1001", nat="On"), endpoint(s, "1002", host="127.0.0.3")
	s.start(clock_speed=10, SS_SIP_NAT_KEEP_ALIVE_PERIOD=5, SS_SIP_NAT_KEEP_ALIVE_MESSAGE="PING")
	phone.bind(expires=3000)
	plain.bind()
	keep_alives(phone, 3)
	same(set(phone.pings), {b"PING"})
	same(plain.pings, [])
	phone.bind(expires=0)
	before = len(phone.pings)
	s.net.quiet(1)
	same(len(phone.pings), before)


@scenario
def they_are_paced_and_it_is_said_when_that_takes_too_long(s):
	phone = endpoint(s, "1001", nat="On", contacts=16)
	s.start(clock_speed=20, SS_SIP_NAT_KEEP_ALIVE_PERIOD=5, SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME=1, SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL=1000)
	for port in range(12):
		phone.bind(contacts=["<sip:1001@127.0.0.2:%d>" % (5070 + port)], expires=3000)
	s.net.until(lambda: "keep-alives are late endpoints=12 SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME=1 enough=3" in s.switch.read_log(),
		"a warning", step=0.05)
	same(s.switch.read_log().count("keep-alives are late"), 1)


# seeing and steering


@scenario
def what_is_registered_is_listed_without_secrets(s):
	phone = endpoint(s, "1001", "hush", number="4930100", contacts=2)
	s.switch.insert("endpoint", name="1002", password="hush")
	s.start()
	phone.bind(expires=60)
	listed = s.switch.control("endpoints.list")
	same((listed["total"], listed["bindings"]), (2, 1))
	first, second = listed["endpoints"]
	same([(one["gateway"], one["verdict"], one["reason"]) for number in ("4930100", "1002")
		for one in s.switch.control("routes.lookup", callee=number)["candidates"]],
		[("1001", "usable", "usable"), ("1002", "not_bound", "not registered with us")])
	same((first["name"], first["number"], first["contacts"], first["source"], first["transport"], first["nat"], first["user_agent"]),
		("1001", "4930100", 1, phone.host_port, "udp", False, phone.agent))
	assert 50 <= first["expires_s"] <= 60
	same((second["name"], second["contacts"], second["source"]), ("1002", 0, None))
	same([one["contact"] for one in s.switch.control("endpoints.get", name="1001")["bindings"]], [own(phone)])
	assert "hush" not in str(listed)
	assert re.search(r"(?m)^1001 +4930100 +true +1 ", s.switch.swctl("endpoints")), s.switch.swctl("endpoints")
	assert "unknown endpoint" in s.switch.swctl("endpoint", "nobody", expected=1)
	same(s.switch.control("endpoints.kick", name="1001"), {"was_registered": True})
	same(s.switch.control("endpoints.list")["bindings"], 0)
	stores(s, [])
	phone.bind()


@scenario
def bans_are_listed_added_and_lifted_and_outlive_a_restart(s):
	phone = endpoint(s, "1001")
	s.start(SS_ENDPOINT_REGISTER_RETRY=1)
	phone.password, right = "wrong", phone.password
	phone.bind(status=403)
	assert re.search(r"(?m)^1001 +127\.0\.0\.2 +(180|179) *$", s.switch.swctl("bans")), s.switch.swctl("bans")
	s.net.until(lambda: stored(s, "SELECT user, source FROM suspension") == [("1001", "127.0.0.2")], "the row", step=0.02)
	s.switch.signal(signal.SIGKILL)
	s.switch.ended(-signal.SIGKILL)
	s.switch.start_again()
	phone.password = right
	phone.register()
	phone.expect(403, "REGISTER")
	same(s.switch.control("bans.lift", user="1001", source="127.0.0.2"), {"was_banned": True})
	phone.bind()
	s.switch.swctl("ban", "1001", "127.0.0.2", "seconds=1000")
	same(s.switch.control("bans.list"), {"total": 1, "bans": [{"user": "1001", "source": "127.0.0.2", "seconds": 1000}]})
	phone.register()
	phone.expect(403, "REGISTER")
	s.switch.swctl("unban", "1001", "127.0.0.2")
	s.net.until(lambda: stored(s, "SELECT user FROM suspension") == [], "no row", step=0.02)
	for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::"):
		s.switch.swctl("ban", "1001", host)
	s.switch.swctl("unban", "1001", "2001:db8::3")
	s.net.until(lambda: stored(s, "SELECT source FROM suspension") == [("2001:db8:0:1::",)], "one row", step=0.02)
	assert "source: not an IP address" in s.switch.swctl("ban", "1001", "somewhere", expected=1)


@scenario
def who_fails_to_register_is_listed_with_the_reason(s):
	phone, stranger = endpoint(s, "1001"), endpoint(s, "1002", row=False, host="127.0.0.3")
	s.start(SS_ENDPOINT_REGISTER_RETRY=2)
	phone.password = "wrong"
	phone.bind(status=401)
	phone.bind(status=403)
	phone.register()
	phone.expect(403, "REGISTER")
	stranger.bind(status=401)
	same({(one["source"], one["name"], one["reason"], one["count"]) for one in s.switch.control("strangers.list")["strangers"]},
		{("127.0.0.2", "1001", "wrong password", 2), ("127.0.0.2", "1001", "suspended", 1), ("127.0.0.3", "1002", "unknown user", 1)})


@scenario
def a_gateway_that_registers_with_us_is_down_without(s):
	pbx = endpoint(s, "pbx")
	s.switch.insert("gateway", name="gw", host="", endpoint="pbx")
	s.switch.insert("route", prefix="", gateway="gw")
	s.start()
	same([(one["state"], one["reason"]) for one in s.switch.control("gateways.list")["gateways"]],
		[("down", "not registered with us")])
	s.caller.invite("4930").expect(503, "INVITE")
	pbx.bind()
	a = s.caller.invite("4930")
	b = called(pbx)
	b.refuse(486)
	a.expect(486, "INVITE")
	pbx.bind(expires=0)
	s.caller.invite("4930").expect(503, "INVITE")
	same([row["gateway"] for row in s.switch.records(3)], ["", "gw", ""])


# calls


@scenario
def an_endpoint_calls_with_its_credentials(s):
	phone, gw = endpoint(s, "1001"), s.gateway()
	s.start()
	a = phone.call("4930")
	b = gw.leg()
	same(sip.user(b.invited["From"]), "1001")
	same(b.invited["Authorization"], "")
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)
	row = s.switch.record()
	same((row["ingress"], row["ingress_kind"], row["gateway"], row["caller_in"]), ("1001", "endpoint", "gw", "1001"))


@scenario
def calls_are_challenged_as_by_a_proxy_if_the_parameter_says_so(s):
	phone = endpoint(s, "1001")
	s.start(SS_SIP_AUTHENTICATION_CODE=407)
	leg = phone.invite("4930", "1001")
	assert leg.expect(407, "INVITE")["Proxy-Authenticate"].startswith("Digest realm=\"softswitch\"")


@scenario
def wrong_answers_to_the_challenge_of_a_call_are_refused_in_the_end(s):
	phone = endpoint(s, "1001")
	s.start(SS_SIP_AUTHENTICATION_RETRY=2)
	right, phone.password = phone.password, "wrong"
	phone.call("4930").expect(401, "INVITE")
	phone.call("4930").expect(403, "INVITE")
	phone.password = right
	phone.bind()  # which counts by itself


@scenario
def calls_from_where_it_has_registered_need_no_credentials_if_its_row_says_so(s):
	phone, gw = endpoint(s, "1001", auth_calls=0), s.gateway()
	s.start()
	leg = phone.invite("4930", "1001")
	leg.expect(401, "INVITE")
	phone.bind()
	a = phone.invite("4930", "1001")
	b = gw.leg()
	s.answer(a, b)
	s.over(a, b)
	same(s.switch.record()["ingress"], "1001")


@scenario
def a_caller_shows_its_own_numbers_only(s):
	phone, gw = endpoint(s, "1001", number="4930100", callers="4930100,49301*"), s.gateway()
	s.start()
	phone.call("4930", "4940").expect(403, "INVITE")
	for caller in ("4930100", "493012345"):
		a = phone.call("4930", caller)
		b = gw.leg()
		same(sip.user(b.invited["From"]), caller)
		b.refuse(486)
		a.expect(486, "INVITE")
	rows = s.switch.records(3)
	same([(row["sip_code"], row["end_reason"]) for row in rows][0], (403, "caller may not show this number"))


@scenario
def credentials_make_a_customer_an_endpoint(s):
	phone, gw = endpoint(s, "1001", host="127.0.0.1"), s.gateway()
	s.start()
	a, b = s.talk(gw, caller=phone)
	s.over(a, b)
	leg = phone.invite("4930", "1001", headers=[phone.credentials(phone.challenged(), "INVITE", "sip:x")])
	b = gw.leg()
	b.refuse(486)
	leg.expect(486, "INVITE")
	same([row["ingress"] for row in s.switch.records(2)], ["customer", "1001"])


@scenario
def a_call_of_an_endpoint_goes_on_over_a_crash_and_a_customer_of_the_same_name_is_not_meant(s):
	phone, gw = endpoint(s, "caller"), s.gateway()
	s.switch.insert("mapping_gateway", name="caller", host="192.0.2.1")
	s.start()
	a = phone.call("4930")
	b = gw.leg()
	s.answer(a, b)
	s.switch.status()
	s.switch.kill()
	s.switch.sql("update endpoint set name = 'renamed'")
	s.switch.start_again()
	checked(a, b)
	same(live(s), [True])
	s.over(a, b)
	row = s.switch.record()
	same((row["ingress"], row["ingress_kind"], row["gateway_kind"], row["end_reason"]), ("renamed", "endpoint", "gateway",
		"normal clearing"))


@scenario
def limits_of_an_endpoint_hold(s):
	phone, gw = endpoint(s, "1001", capacity=1), s.gateway()
	s.start()
	a = phone.call("4930")
	b = gw.leg()
	phone.call("4931").expect(503, "INVITE")
	b.refuse(486)
	a.expect(486, "INVITE")
	same({row["end_reason"] for row in s.switch.records(2)}, {"Busy Here", "full 1/1"})


@scenario
def a_phone_behind_nat_is_answered_and_hung_up_where_it_sends_from(s):
	phone, gw = endpoint(s, "1001"), s.gateway()
	s.start()
	private = {"Contact": "<sip:1001@192.0.2.1:5060>"}
	phone.bind(contacts=[private["Contact"]], Via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK" + phone.token(""))
	a = phone.call("4930", **private)
	b = gw.leg()
	b.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	b.send("BYE")
	a.hung_up()
	b.expect(200, "BYE")


def called(phone, contact=None):
	"""Take the INVITE that arrived at a phone; its Request-URI must be what it has registered."""
	leg = phone.leg()
	same(leg.invited.uri, sip.uri(contact or phone.contact))
	return leg


@scenario
def an_endpoint_is_called_by_its_number(s):
	phone = endpoint(s, "1001", number="4930100")
	s.gateway()
	s.start()
	phone.bind(contacts=["<sip:x-1001@%s;ob>" % phone.host_port])
	a = s.caller.invite("4930100")
	b = called(phone, "<sip:x-1001@%s;ob>" % phone.host_port)
	same(sip.user(b.invited["To"]), "4930100")
	b.reply(180)
	a.expect(180)
	s.answer(a, b)
	s.over(a, b)
	row = s.switch.record()
	same((row["gateway"], row["callee_in"], row["end_reason"]), ("1001", "4930100", "normal clearing"))
	same((row["ingress_kind"], row["gateway_kind"]), ("mapping_gateway", "endpoint"))


@variants(("it_is_answered", True), ("it_rings", False))
def a_call_to_an_endpoint_goes_on_over_a_crash_once(s, answered):
	phone, gw = endpoint(s, "gw", number="4930100", capacity=1), s.gateway()  # of one name
	s.start()
	phone.bind()
	a = s.caller.invite("4930100")
	b = called(phone)
	if answered:
		s.answer(a, b)
	else:
		ringing = b.reply(180)
		a.expect(180)
	s.switch.status()
	s.switch.kill()
	s.switch.sql("update endpoint set name = 'renamed'")
	s.switch.start_again()
	if answered:
		checked(a, b)
	else:
		b.peer.expect_count(2, "INVITE")
		b.again(ringing)
		s.answer(a, b)
	same(live(s), [True])
	s.over(a, b)
	row = s.switch.record()
	same((row["gateway"], row["gateway_kind"], row["end_reason"]), ("renamed", "endpoint", "normal clearing"))
	same(gw.find("INVITE"), None)


@scenario
def endpoints_call_each_other(s):
	one, other = endpoint(s, "1001"), endpoint(s, "1002", host="127.0.0.3")
	s.start()
	other.bind()
	a = one.call("1002")
	b = called(other)
	s.answer(a, b)
	b.send("BYE")
	a.hung_up()
	b.expect(200, "BYE")
	row = s.switch.record()
	same((row["ingress"], row["gateway"]), ("1001", "1002"))


@scenario
def one_that_has_not_registered_is_not_available(s):
	endpoint(s, "1001")
	s.start()
	a = s.caller.invite("1001")
	a.expect(480, "INVITE")
	row = s.switch.record()
	same((row["sip_code"], row["end_reason"], row["attempts"][0]["reason"]),
		(480, "endpoint not registered", "not registered with us"))


@scenario
def a_route_is_the_way_to_one_that_has_not_registered_or_is_silent(s):
	phone, gw = endpoint(s, "1001"), s.gateway()
	s.start(SS_SIP_TIMEOUT_INVITE=1)
	for registered in (False, True):
		if registered:
			phone.bind()
		a = s.caller.invite("1001")
		if registered:
			phone.expect("INVITE")
		b = gw.leg()
		b.refuse(486)
		a.expect(486, "INVITE")
	s.settle()
	same([[attempt["gateway"] for attempt in row["attempts"]] for row in s.switch.records(2)], [["1001", "gw"]] * 2)
	phone.inbox.clear()


@scenario
def routes_come_first_if_the_parameter_says_so(s):
	phone, gw = endpoint(s, "1001"), s.gateway(prefix="1001")
	other = endpoint(s, "1002", host="127.0.0.3")
	s.start(SS_ENDPOINT_FIRST="Off")
	phone.bind()
	other.bind()
	a = s.caller.invite("1001")
	b = gw.leg()
	b.refuse(486)
	a.expect(486, "INVITE")
	a = s.caller.invite("1002")
	b = called(other)
	b.refuse(486)
	a.expect(486, "INVITE")


def two(s, **parameters):
	"""The caller's leg and those of the two contacts of 1001, which ring together."""
	phones = endpoint(s, "1001", contacts=2), endpoint(s, "1001", row=False, host="127.0.0.3")
	for phone in phones:
		phone.secrets.clear()  # both are told of each other
	s.start(**parameters)
	for phone in phones:
		phone.bind()
	return s.caller.invite("1001"), called(phones[0]), called(phones[1])


@scenario
def contacts_ring_together_and_the_first_answer_wins(s):
	a, b, c = two(s)
	b.reply(180)
	c.reply(180)
	a.expect(180)
	s.answer(a, c)
	cancel = b.peer.find("CANCEL") or b.peer.expect("CANCEL")
	assert "Call completed elsewhere" in cancel["Reason"], cancel.head
	b.reply(200, request=cancel)
	b.reply(487, request=b.invited)
	b.expect("ACK")
	s.over(a, c)
	row = s.switch.record()
	same((row["sip_code"], row["gateway"], row["b_call_id"]), (200, "1001", c.call_id))
	s.caller.inbox.clear()  # perhaps a second 180


@scenario
def an_answer_that_crosses_the_cancel_is_hung_up(s):
	a, b, c = two(s)
	for leg in (b, c):
		leg.reply(180)
	a.expect(180)
	b.reply(200, sdp=True)
	c.reply(200, sdp=True)
	a.expect(200, "INVITE")
	a.ack()
	for leg in (b, c):
		leg.expect("ACK")
	loser = s.net.until(lambda: next((leg for leg in (b, c) if leg.peer.find("BYE")), None), "one is hung up")
	loser.reply(200, request=loser.peer.arrivals("BYE")[0].message)
	loser.reply(200, request=loser.peer.expect("CANCEL"))
	s.over(a, c if loser is b else b)
	s.caller.inbox.clear()


@scenario
def when_all_contacts_have_failed_the_best_failure_counts(s):
	a, b, c = two(s)
	b.refuse(404)
	c.refuse(503)
	a.expect(404, "INVITE")
	same(s.switch.record()["sip_code"], 404)


@scenario
def the_failure_that_comes_last_may_be_the_best(s):
	a, b, c = two(s)
	b.refuse(503)
	c.reply(180)
	a.expect(180)
	c.refuse(486)
	a.expect(486, "INVITE")


@scenario
def a_contact_that_wants_nobody_to_be_called_speaks_for_all(s):
	a, b, c = two(s)
	c.reply(180)
	a.expect(180)
	b.refuse(603)
	c.cancelled()
	a.expect(603, "INVITE")


@scenario
def the_caller_gives_all_contacts_up(s):
	a, b, c = two(s)
	for leg in (b, c):
		leg.reply(180)
	a.expect(180)
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	for leg in (b, c):
		leg.cancelled()
	same(s.switch.record()["end_reason"], "cancelled by caller")
	s.caller.inbox.clear()


@scenario
def silent_contacts_cost_the_timeout_of_one(s):
	a, b, c = two(s, SS_SIP_TIMEOUT_INVITE=1)
	a.expect(408, "INVITE")
	s.settle()
	same([attempt["reason"] for attempt in s.switch.record()["attempts"]][-1], "timeout while calling")


@scenario
def early_media_of_one_contact_give_way_to_the_answer_of_another(s):
	a, b, c = two(s)
	b.reply(183, sdp=True)
	same(a.expect(183).body, b.peer.sdp)
	c.reply(200, sdp=True)
	same(a.expect(200, "INVITE").body, c.peer.sdp)
	a.ack()
	c.expect("ACK")
	b.cancelled()
	s.over(a, c)


def early_update(s, phones):
	"""The first phone sends an UPDATE in its early dialog; the legs of caller and phones, and what has arrived at the caller."""
	s.start(**rel100.ON)
	for phone in phones:
		phone.bind()
	a = s.caller.invite("1001", headers=rel100.SUPPORTED)
	legs = [called(phone) for phone in phones]
	if len(phones) == 1:
		rel100.ring(legs[0], 1, 183, True)
		rel100.acknowledged(legs[0], 1)
	else:
		legs[0].reply(183, True, rel100.ALLOW)
	rel100.acknowledge(a, 183)
	legs[0].send("UPDATE", [("P-Asserted-Identity", "<sip:4999@example.com>")])
	return a, legs, a.expect("UPDATE")


@scenario
def an_update_ends_with_the_early_dialog_of_a_phone_that_wants_a_longer_session(s):
	a, [b], update = early_update(s, [endpoint(s, "1001")])
	b.reply(422, headers=[("Min-SE", "200")], request=b.invited)
	b.expect("ACK")
	b.invited = b.expect("INVITE")
	a.reply(200, request=update)
	b.expect(481, "UPDATE")
	rel100.ends(s, a, b)


@variants(("another_rings", 180), ("another_answers", 200), ("another_refuses_for_all", 603))
def an_update_of_a_contact_ends_when(s, status):
	phones = endpoint(s, "1001", contacts=2), endpoint(s, "1001", row=False, host="127.0.0.3")
	for phone in phones:
		phone.secrets.clear()
	a, [b, c], update = early_update(s, phones)
	if status == 603:
		c.refuse(603)
	else:
		c.reply(status, sdp=status == 200, request=c.invited)
	b.expect(481, "UPDATE")
	a.reply(200, request=update)
	if status == 180:
		rel100.acknowledge(a, 180)
		b.refuse(486)
	else:
		b.cancelled()
	if status == 603:
		a.expect(603, "INVITE")
	else:
		rel100.ends_elsewhere(s, a, c, c.peer.sdp)


@variants(("the_call_goes_on", "On"), ("it_does_not", "Off"))
def contacts_that_ring_at_a_crash_are_cancelled_when(s, recovery):
	a, b, c = two(s, SS_CALL_RECOVERY=recovery)
	for leg in (b, c):
		leg.reply(180)
	a.expect(180)
	s.switch.status()
	s.switch.kill()
	s.switch.start_again()
	for leg in (b, c):
		leg.peer.expect_count(2, "INVITE")
		leg.reply(180)
	if recovery == "On":
		s.answer(a, b)
		c.cancelled()
		s.over(a, b)
	else:
		a.expect(503, "INVITE")
		for leg in (b, c):
			leg.cancelled()
	s.caller.inbox.clear()  # perhaps a second 180


@scenario
def contacts_of_a_call_that_was_given_up_are_cancelled_after_a_crash(s):
	a, b, c = two(s)
	for leg in (b, c):
		leg.reply(180)
	a.expect(180)
	s.switch.status()
	a.cancel()
	a.expect(200, "CANCEL")
	a.expect(487, "INVITE")
	c.cancelled()
	b.expect("CANCEL")
	s.switch.status()
	s.switch.kill()
	s.switch.start_again()
	for leg in (b, c):
		leg.peer.expect_count(2, "INVITE")
	c.reply(487, request=c.invited)
	c.peer.expect_count(2, "ACK")
	b.reply(180, request=b.invited)
	b.cancelled()
	s.caller.inbox.clear()  # perhaps a second 180


@scenario
def a_phone_behind_nat_is_called_where_it_has_registered_from(s):
	phone = endpoint(s, "1001")
	s.start()
	contact = "<sip:1001@192.0.2.1:5060>"
	phone.bind(contacts=[contact])
	a = s.caller.invite("1001")
	b = called(phone, contact)
	b.reply(200, sdp=True, contact=contact)
	a.expect(200, "INVITE")
	a.ack()
	b.expect("ACK")
	s.over(a, b)


def called_by_its_connection(transport):
	def play(s):
		phone = endpoint(s, "1001", transport=transport)
		s.start(("udp", transport))
		phone.bind()
		a = s.caller.invite("1001")
		b = called(phone)
		s.answer(a, b)
		s.over(a, b)
		same(len(phone.connections), 1)
	play.__name__ = "a_phone_is_called_by_its_connection_over_" + transport
	scenario(play)


called_by_its_connection("tcp")
called_by_its_connection("tls")


@scenario
def after_a_restart_a_connection_is_opened_to_a_phone_that_can_be_reached_at_its_contact(s):
	phone = endpoint(s, "1001", transport="tcp")
	hidden = endpoint(s, "1002", transport="tcp", host="127.0.0.3", nat="On")
	tls = endpoint(s, "1003", transport="tls", host="127.0.0.4")
	s.start(("udp", "tcp", "tls"))
	for one in (phone, hidden, tls):
		one.bind()
	stores(s, [(one.name, own(one)) for one in (phone, hidden, tls)])
	kill(s)
	s.switch.start_again()
	a = s.caller.invite("1001")
	b = called(phone)
	s.answer(a, b)
	s.over(a, b)
	for one in (hidden, tls):
		s.caller.invite(one.name).expect(480, "INVITE")
	stores(s, [("1001", own(phone))])


@scenario
def requests_to_a_phone_take_its_path(s):
	phone = endpoint(s, "1001")
	s.start()
	phone.register(phone.credentials(phone.challenged()), ("Path", "<sip:%s;lr>" % phone.host_port),
		contacts=["<sip:1001@192.0.2.1>"])
	phone.expect(200, "REGISTER")
	a = s.caller.invite("1001")
	b = called(phone, "<sip:1001@192.0.2.1>")
	same(b.invited["Route"], "<sip:%s;lr>" % phone.host_port)
	b.refuse(486)
	a.expect(486, "INVITE")


@scenario
def limits_of_a_called_endpoint_hold(s):
	phone = endpoint(s, "1001", capacity=1)
	s.start()
	phone.bind()
	a = s.caller.invite("1001")
	b = called(phone)
	s.caller.invite("1001").expect(503, "INVITE")
	b.refuse(486)
	a.expect(486, "INVITE")


@scenario
def without_endpoints_nobody_is_challenged(s):
	stranger = endpoint(s, "1001", row=False)
	s.start()
	stranger.register()
	stranger.expect(403, "REGISTER")
	stranger.invite("4930", "1001").expect(403, "INVITE")
	s.caller.request("REGISTER")
	s.caller.expect(405, "REGISTER")


@scenario
def strangers_are_challenged_and_else_hear_nothing_without_reply_unauthorized(s):
	stranger = endpoint(s, "1002", row=False)
	s.switch.insert("endpoint", name="1001", password="secret")
	s.start(SS_REPLY_UNAUTHORIZED="Off")
	stranger.request("OPTIONS")
	stranger.challenged()
	stranger.invite("4930", "1002").expect(401, "INVITE")
	stranger.register(stranger.credentials(stranger.challenged()))
	stranger.challenged()
	same([str(message) for message in stranger.inbox], [])


if __name__ == "__main__":
	run()
