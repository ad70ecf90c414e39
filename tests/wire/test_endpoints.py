"""Endpoints register with the switch (RFC 3261 section 10)."""

import re

import sip
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


def stop(s):
	s.switch.signal()
	s.switch.ended()


def kill(s):
	s.switch.kill()


@variants(("a_stop", stop), ("a_kill", kill))
def registrations_outlive(s, end):
	phone = endpoint(s, "1001")
	s.start()
	phone.bind(expires=60)
	stores(s, [("1001", own(phone))])
	end(s)
	s.switch.start_again()
	left = contacts(phone.bind(contacts=[]))[own(phone)]
	assert 50 < left <= 60, left


@scenario
def what_is_not_refreshed_expires(s):
	phone = endpoint(s, "1001")
	s.start(clock_speed=20)
	phone.bind(expires=30)
	stores(s, [("1001", own(phone))])
	stores(s, [])


@variants(
	("it_is_gone", "delete from endpoint where name = '1001'"),
	("it_is_disabled", "update endpoint set enabled = 0 where name = '1001'"),
	("its_password_is_another", "update endpoint set password = 'new' where name = '1001'"))
def a_registration_does_not_outlive_its_row_when(s, statement):
	phone = endpoint(s, "1001")
	s.switch.insert("endpoint", name="other", password="x")
	s.start()
	phone.bind()
	stores(s, [("1001", own(phone))])
	s.switch.sql(statement)
	stores(s, [])


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
	s.switch.kill()
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
