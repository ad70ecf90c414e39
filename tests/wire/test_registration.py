"""Our registrations at carriers' registrars (docs/behaviour.md, Outbound registration), as a scripted registrar sees them."""

import hashlib
import time

import sip
from dns import Dns
from net import Failed, instants, same
from registrar import PASSWORD, SPEED, about, challenge, credentials, enrol, grant, reaches, refuse, registrar, silence, status
from runner import run, scenario, variants

@scenario
def registers_with_a_contact_of_its_own(s):
	r = registrar(s)
	s.start()
	first = r.expect_requests(1)
	listener = sip.host_port(*s.switch.addresses["udp"])
	line = s.switch.sql("select line from registration")
	same(first.uri, "sip:" + r.host_port)
	same(first["To"], "<sip:4930@127.0.0.1>")
	same(sip.uri(first["From"]), "sip:4930@127.0.0.1")
	same(first["Contact"], "<sip:4930@%s;line=%s>" % (listener, line))
	same((first["Expires"], first["Supported"], first["Privacy"]), ("3600", "path", ""))
	found = reaches(s, "registered")
	same((found["registrar"], found["code"], found["reason"]), (r.host_port, 200, "200 OK"))
	same((3590 < found["expires_s"] <= 3600, 1790 < found["next_s"] <= 1800), (True, True))


@scenario
def refreshes_at_half_time_with_the_same_call_id_and_tag(s):
	r = registrar(s)
	r.script = [grant(40), refuse(500), grant(40)]
	s.start(clock_speed=SPEED, SS_SIP_USER_AGENT_RETRY_DELAY=30)
	r.expect_requests(4)
	for gap, wanted in zip(r.gaps(), (20, 30, 20)):
		about(gap, wanted)
	same({(request["Call-ID"], request["From"]) for request in r.requests},
		{(r.requests[0]["Call-ID"], r.requests[0]["From"])})
	same([int(request["CSeq"].split()[0]) for request in r.requests][:4], [1, 2, 3, 4])


def answers(name, status_code, more, algorithm):
	"""A challenge is answered with this algorithm."""
	def play(s):
		r = registrar(s)
		r.authenticate(status_code, more)
		s.start()
		second = r.expect_requests(2)
		given = credentials(second)
		same((given["algorithm"], given["username"], given["uri"]), (algorithm, "4930", second.uri))
		if "qop" in str(more):
			same((given["qop"], given["nc"], len(given["cnonce"]) >= 8), ("auth", "00000001", True))
		same(int(second["CSeq"].split()[0]), 2)
		reaches(s, "registered")
	play.__name__ = name
	scenario(play)


SHA, MD5 = 'algorithm=SHA-256, qop="auth"', 'algorithm=MD5, qop="auth"'
answers("a_401_is_answered_with_md5", 401, MD5, "MD5")
answers("a_407_is_answered", 407, MD5, "MD5")
answers("a_challenge_without_qop_is_answered", 401, "", "MD5")
answers("a_401_is_answered_with_sha_256", 401, SHA, "SHA-256")
answers("of_two_algorithms_the_first_is_taken", 401, (SHA, MD5), "SHA-256")
answers("of_two_algorithms_the_first_is_taken_also_if_it_is_md5", 401, (MD5, SHA), "MD5")
answers("an_unknown_algorithm_is_passed_over", 401, ('algorithm=SHA-512-256, qop="auth"', SHA), "SHA-256")


@scenario
def the_next_nonce_of_a_registrar_is_used_at_the_refresh(s):
	r = registrar(s, columns={"expiry": 60})
	r.script = [challenge(nonce="n1"), grant(headers=[("Authentication-Info", 'nextnonce="n2"')])]
	s.start(clock_speed=SPEED)
	refresh = r.expect_requests(3)
	given, right = sip.digest(refresh["Authorization"], "REGISTER", PASSWORD)
	same(given, right)
	assert 'nonce="n2"' in refresh["Authorization"] and "nc=00000001" in refresh["Authorization"], refresh.head


@scenario
def of_two_realms_that_of_the_row_is_answered(s):
	r = registrar(s, columns={"realm": "mine.example"})
	r.script = [lambda *_: (401, [("WWW-Authenticate", 'Digest realm="%s", nonce="n"' % realm)
		for realm in ("other.example", "mine.example")])]
	s.start()
	second = r.expect_requests(2)
	same(credentials(second)["realm"], "mine.example")
	same(second["To"], "<sip:4930@mine.example>")


@scenario
def another_user_name_for_the_credentials(s):
	r = registrar(s, columns={"auth_user": "login"})
	r.authenticate()
	s.start()
	second = r.expect_requests(2)
	same((credentials(second)["username"], sip.user(second["To"])), ("login", "4930"))
	reaches(s, "registered")


@scenario
def a_stale_nonce_is_no_refusal(s):
	r = registrar(s)
	r.authenticate()
	r.script = [challenge(nonce="n1"), challenge(nonce="n2", more='stale=true, qop="auth"')]
	s.start()
	third = r.expect_requests(3)
	same([credentials(request)["nonce"] for request in r.requests[1:]], ["n1", "n2"])
	same(credentials(third)["nc"], "00000001")
	reaches(s, "registered")


@scenario
def a_proxy_and_the_registrar_behind_it_are_both_answered(s):
	r = registrar(s)

	def always(peer, request):
		for status_code, name in ((407, "Proxy-Authorization"), (401, "Authorization")):
			if not request[name]:
				return challenge(status_code, realm=name)(peer, request)
			given, right = sip.digest(request[name], "REGISTER", PASSWORD)
			if given != right:
				return 403, []
		return grant()(peer, request)
	r.always = always
	s.start()
	reaches(s, "registered")
	same([(bool(request["Proxy-Authorization"]), bool(request["Authorization"])) for request in r.requests],
		[(False, False), (True, False), (True, True)])


@scenario
def a_registrar_that_finds_every_nonce_stale_is_given_up(s):
	r = registrar(s)
	r.always = challenge(more="stale=true")
	s.start()
	same(reaches(s, "waiting")["reason"], "wrong password")
	same(len(r.requests), 5)


@scenario
def a_wrong_password_is_a_failure_until_it_is_corrected(s):
	r = registrar(s, columns={"password": "wrong"})
	r.always = lambda peer, request: grant()(peer, request) if request["Authorization"] and \
		len(set(sip.digest(request["Authorization"], "REGISTER", PASSWORD))) == 1 else challenge()(peer, request)
	s.start()
	found = reaches(s, "waiting")
	same((found["code"], found["reason"], found["expires_s"]), (401, "wrong password", None))
	same(len(r.requests), 2)
	s.switch.sql("update registration set password = '%s'" % PASSWORD)
	reaches(s, "registered")
	same(len(r.requests), 4)


@scenario
def a_challenge_that_nobody_can_answer_is_a_failure(s):
	r = registrar(s)
	r.always = challenge(more="algorithm=MD5-sess")
	s.start()
	same(reaches(s, "waiting")["reason"], "no challenge that we can answer")
	same(len(r.requests), 1)


@scenario
def every_failure_is_tried_again_after_the_same_wait(s):
	r = registrar(s)
	r.script = [refuse(403), refuse(503, ("Retry-After", "5")), refuse(302, ("Contact", "<sip:elsewhere>")), refuse(600)]
	s.start(clock_speed=50, SS_SIP_USER_AGENT_RETRY_DELAY=30)
	r.expect_requests(5)
	for gap in r.gaps():
		about(gap, 30, 50)
	reaches(s, "registered")


@scenario
def a_refusal_is_told_in_the_registrars_words(s):
	r = registrar(s)
	r.always = refuse(403)
	s.start()
	found = reaches(s, "waiting")
	same((found["code"], found["reason"]), (403, "403 Whatever"))
	same(50 < found["next_s"] <= 60, True)


@scenario
def an_unanswered_register_is_resent_by_the_schedule(s):
	r = registrar(s)
	r.always = silence
	s.start(SS_SIP_RESEND_INTERVAL="0.1,0.2,0.4")
	instants(r.expect_count(4, "REGISTER"), (0, 0.1, 0.3, 0.7))
	same(reaches(s, "waiting")["reason"], "timeout")
	same({entry.message.raw for entry in r.arrivals("REGISTER")}, {r.requests[0].raw})


@scenario
def a_registrar_that_was_gone_is_found_again_when_it_is_back(s):
	r = registrar(s)
	r.script = [grant(20), silence]
	s.start(clock_speed=SPEED, SS_SIP_USER_AGENT_RETRY_DELAY=30, SS_SIP_RESEND_INTERVAL="1,1")
	reaches(s, "registered")
	found = reaches(s, "waiting")
	same(found["reason"], "timeout")
	reaches(s, "registered")
	same(len(r.requests), 3)
	about(r.gaps()[1], 3 + 30)  # sent, resent twice and given up; then the wait


@scenario
def an_icmp_error_is_a_failure_at_once(s):
	r = registrar(s, account=False)
	enrol(s, r, "carrier", port=s.net.refusing_port())
	s.start()
	same(reaches(s, "waiting")["reason"], "Connection refused")


@scenario
def a_failed_refresh_keeps_the_registration_until_it_expires(s):
	r = registrar(s)
	r.script = [grant(40), refuse(503), refuse(503)]
	s.start(clock_speed=SPEED, SS_SIP_USER_AGENT_RETRY_DELAY=60)
	r.expect_requests(2)
	found = s.net.until(lambda: status(s)["code"] == 503 and status(s), "refused", step=0.01)
	same((found["state"], found["expires_s"] > 0, found["next_s"] > 20), ("registered", True, True))
	found = reaches(s, "waiting")
	same((found["expires_s"], found["code"]), (None, 503))


@scenario
def a_423_is_answered_with_min_expires_at_once(s):
	r = registrar(s, columns={"expiry": 60})
	r.script = [refuse(423, ("Min-Expires", "100")), grant(100)]
	s.start(clock_speed=SPEED)
	r.expect_requests(3)
	same([request["Expires"] for request in r.requests], ["60", "100", "100"])
	about(r.gaps()[0], 0)
	about(r.gaps()[1], 50)


@scenario
def a_423_behind_a_challenge_is_answered_with_credentials(s):
	r = registrar(s, columns={"expiry": 60})
	r.authenticate()
	granted = r.always
	r.always = lambda peer, request: (423, [("Min-Expires", "100")]) if request["Authorization"] and \
		request["Expires"] == "60" else granted(peer, request)
	s.start()
	same(90 < reaches(s, "registered")["expires_s"] <= 100, True)
	same([(request["Expires"], bool(request["Authorization"])) for request in r.requests],
		[("60", False), ("60", True), ("100", False), ("100", True)])


def silly(name, headers):
	def play(s):
		r = registrar(s, columns={"expiry": 60})
		r.always = refuse(423, *headers)
		s.start()
		same(reaches(s, "waiting")["code"], 423)
		same(len(r.requests), 1)
	play.__name__ = "a_423_with_%s_is_a_failure" % name
	scenario(play)


silly("no_min_expires", ())
silly("a_smaller_min_expires", (("Min-Expires", "30"),))
silly("an_endless_min_expires", (("Min-Expires", "4000000000"),))


@scenario
def a_second_423_is_a_failure(s):
	r = registrar(s, columns={"expiry": 60})
	r.script = [refuse(423, ("Min-Expires", "100")), refuse(423, ("Min-Expires", "200"))]
	s.start()
	same(reaches(s, "waiting")["code"], 423)
	same(len(r.requests), 2)


def adopts(name, step, half, columns=None, parameters=None, asks="3600"):
	"""The expiry that was granted decides when it is refreshed."""
	def play(s):
		r = registrar(s, columns=columns)
		r.script = [step, step]
		s.start(clock_speed=SPEED, **(parameters or {}))
		r.expect_requests(2)
		about(r.gaps()[0], half)
		same(r.requests[0]["Expires"], asks)
	play.__name__ = name
	scenario(play)


OTHER = '<sip:4930@192.0.2.7:5060>;expires=9, "us" '
adopts("the_expiry_of_our_contact_comes_before_the_header", grant(40, expires=2000), 20)
adopts("without_it_the_header_counts", grant(False, expires=40), 20)
adopts("an_expires_header_without_any_contact_counts", grant(contact=False, expires=40), 20)
adopts("a_fixed_expiry_is_shortened_by_the_registrar", grant(40), 20, {"expiry": 600}, asks="600")
adopts("a_fixed_expiry_is_not_prolonged", grant(7200), 20, {"expiry": 40}, asks="40")
adopts("the_parameter_fixes_the_expiry", grant(), 20, parameters={"SS_SIP_USER_AGENT_EXPIRE": 40}, asks="40")


@scenario
def among_other_contacts_ours_is_found(s):
	r = registrar(s)
	r.script = [lambda peer, request: (200, [("Contact", "%s%s;expires=40" % (OTHER, request["Contact"]))])]
	s.start(clock_speed=SPEED)
	r.expect_requests(2)
	about(r.gaps()[0], 20)


@variants(("before_it", "<sip:a@[::>;expires=9, %s;expires=40"), ("behind_it", "%s;expires=40, <sip:a@[::>;expires=9"))
def ours_is_found_in_a_line_with_a_contact_that_cannot_be_read(s, line):
	r = registrar(s)
	r.script = [lambda peer, request: (200, [("Contact", line % request["Contact"])])]
	s.start(clock_speed=SPEED)
	r.expect_requests(2)
	about(r.gaps()[0], 20)


@scenario
def an_expiry_of_our_contact_that_cannot_be_read_leaves_that_of_the_answer(s):
	r = registrar(s)
	r.script = [lambda peer, request: (200, [("Contact", request["Contact"] + ";expires=soon"), ("Expires", "40")])]
	s.start(clock_speed=SPEED)
	r.expect_requests(2)
	about(r.gaps()[0], 20)


@scenario
def a_contact_without_its_line_is_known_by_user_host_and_port(s):
	r = registrar(s)
	r.script = [lambda peer, request: (200, [("Contact", "%s%s;expires=40" % (OTHER,
		request["Contact"].split(";line")[0] + ">"))])]
	s.start(clock_speed=SPEED)
	r.expect_requests(2)
	about(r.gaps()[0], 20)


@scenario
def a_contact_with_its_line_is_known_whatever_else_was_rewritten(s):
	r = registrar(s)
	r.script = [lambda peer, request: (200, [("Contact", "%s<sip:%%2B49@192.0.2.8:9;%s;expires=40" % (OTHER,
		request["Contact"].split(";")[1]))])]
	s.start(clock_speed=SPEED)
	r.expect_requests(2)
	about(r.gaps()[0], 20)


def not_bound(name, headers):
	def play(s):
		r = registrar(s)
		r.always = lambda *_: (200, headers)
		s.start()
		same(reaches(s, "waiting")["reason"], "accepted, but without our Contact")
	play.__name__ = "a_200_with_%s_is_a_failure" % name
	scenario(play)


@scenario
def a_200_with_another_port_of_ours_is_a_failure(s):
	r = registrar(s)
	r.always = lambda peer, request: (200, [("Contact", "<sip:4930@%s:1>;expires=100" %
		sip.address(request["Contact"])[0])])
	s.start()
	same(reaches(s, "waiting")["reason"], "accepted, but without our Contact")


not_bound("nothing", [])
not_bound("the_contact_of_somebody_else", [("Contact", "<sip:4930@192.0.2.7:5060>;expires=100"), ("Expires", "100")])
not_bound("the_line_of_somebody_else", [("Contact", "<sip:4930@192.0.2.7:5060;line=00>;expires=100")])


@scenario
def the_binding_is_removed_at_the_stop_with_credentials(s):
	r = registrar(s)
	r.authenticate()
	s.start()
	reaches(s, "registered")
	same(len(r.bindings), 1)
	s.switch.signal()
	s.switch.ended()
	same(r.bindings, {})
	same([(request["Expires"], bool(request["Authorization"])) for request in r.requests],
		[("3600", False), ("3600", True), ("0", False), ("0", True)])
	same(len({request["Call-ID"] for request in r.requests}), 1)
	same({request["Contact"] for request in r.requests}, {r.requests[0]["Contact"]})


@scenario
def the_stop_waits_for_the_answer_and_no_longer_than_five_seconds(s):
	r = registrar(s)
	r.script = [grant()]
	r.always = silence
	s.start(clock_speed=5)
	reaches(s, "registered")
	s.switch.signal()
	r.expect_requests(2)
	s.switch.ended()
	s.net.poll(0)
	same(len(r.arrivals("REGISTER")), 1 + 4)  # at 0, 0.5, 1.5 and 3.5 s, and not at 7.5
	same(remains(s), ["name=carrier reason=unanswered"])


def remains(s):
	"""What the log says about bindings that may remain."""
	return [line.split("may remain ")[1] for line in s.switch.read_log().splitlines() if "binding may remain" in line]


@scenario
def a_binding_that_the_registrar_does_not_remove_is_named_at_the_stop(s):
	one, two = registrar(s, "one"), registrar(s, "two")
	one.script, one.always = [grant()], refuse(403)
	s.start()
	reaches(s, "registered", "one")
	reaches(s, "registered", "two")
	s.switch.signal()
	s.switch.ended()
	same((two.bindings, remains(s)), ({}, ['name=one reason="403 Whatever"']))


@scenario
def a_register_unanswered_at_the_stop_is_undone(s):
	r = registrar(s)
	r.script = [silence]
	s.start(clock_speed=5)
	r.expect_requests(1)
	s.switch.signal()
	second = r.expect_requests(2)
	s.switch.ended()
	same((second["Expires"], second["CSeq"], remains(s)), ("0", "2 REGISTER", []))
	same({request["Call-ID"] for request in r.requests}, {second["Call-ID"]})


@scenario
def a_refresh_unanswered_at_the_stop_is_undone(s):
	r = registrar(s)
	r.script = [grant(40), silence]
	s.start(clock_speed=SPEED)
	r.expect_requests(2)
	s.switch.signal()
	s.switch.ended()
	same([request["Expires"] for request in r.requests], ["3600", "3600", "0"])
	same((r.bindings, remains(s)), ({}, []))


@scenario
def rows_changed_during_the_stop_register_nothing(s):
	r = registrar(s)
	r.script, r.always = [grant()], silence
	s.start(clock_speed=5)
	reaches(s, "registered")
	s.switch.signal()
	r.expect_requests(2)
	enrol(s, r, "late")
	s.net.until(lambda: "mapping_gateways=1 registrations=2" in s.switch.read_log(), "in force", step=0.01)
	s.switch.ended()
	same([request["Expires"] for request in r.requests], ["3600", "0"])


@scenario
def a_register_that_is_under_way_at_the_stop_is_awaited_and_undone(s):
	r = registrar(s)
	r.script = [silence]
	s.start()
	first = r.expect_requests(1)
	s.switch.stopping()
	r.answer(first, *grant()(r, first))
	s.switch.ended()
	same(([request["Expires"] for request in r.requests], r.bindings), (["3600", "0"], {}))


@scenario
def without_unregistering_nothing_is_sent_at_the_stop(s):
	r = registrar(s)
	s.start(SS_SIP_USER_AGENT_SEND_UNREGISTER="Off")
	reaches(s, "registered")
	s.switch.signal()
	s.switch.ended()
	same(len(r.requests), 1)


def ends(name, statement):
	"""The binding is removed, with credentials, and nothing follows."""
	def play(s):
		r = registrar(s)
		r.authenticate()
		s.start()
		reaches(s, "registered")
		s.switch.sql(statement)
		r.expect_requests(4)
		same((r.requests[3]["Expires"], bool(r.requests[3]["Authorization"]), r.bindings), ("0", True, {}))
		s.settle()
		s.switch.signal()
		s.switch.ended()
		same(len(r.requests), 4)
	play.__name__ = name
	scenario(play)


ends("a_removed_row_removes_the_binding", "delete from registration")
ends("a_disabled_row_removes_the_binding", "update registration set enabled = 0")


@scenario
def enabled_again_it_goes_on_with_the_same_call_id(s):
	r = registrar(s)
	s.start()
	reaches(s, "registered")
	s.switch.sql("update registration set enabled = 0")
	reaches(s, "disabled")
	s.switch.sql("update registration set enabled = 1")
	reaches(s, "registered")
	same([(request["Expires"], request["CSeq"]) for request in r.requests],
		[("3600", "1 REGISTER"), ("0", "2 REGISTER"), ("3600", "3 REGISTER")])
	same(len({request["Call-ID"] for request in r.requests}), 1)


@scenario
def a_changed_row_touches_only_its_own_registration(s):
	one, two = registrar(s, "one"), registrar(s, "two")
	s.start()
	reaches(s, "registered", "one")
	reaches(s, "registered", "two")
	s.switch.sql("update registration set user = '4940' where name = 'two'")
	two.expect_requests(3)
	reaches(s, "registered", "two")
	same([(request["Expires"], sip.user(request["To"])) for request in two.requests],
		[("3600", "4930"), ("0", "4930"), ("3600", "4940")])
	same([sip.user("<%s>" % uri) for uri in two.bindings], ["4940"])
	same(len(one.requests), 1)


def edit(name, change, seen, **parameters):
	"""A change while registered sends REGISTER at once; `seen` is what it has then."""
	def play(s):
		r = registrar(s)
		s.start(**parameters)
		reaches(s, "registered")
		s.switch.sql(change)
		second = r.expect_requests(2)
		same({header: second[header] for header in seen}, seen)
		same(second["CSeq"], "2 REGISTER")
		reaches(s, "registered")
	play.__name__ = "edited_while_registered_" + name
	scenario(play)


edit("expiry", "update registration set expiry = 600", {"Expires": "600"})
edit("expiry_to_auto", "update registration set expiry = 'Auto'", {"Expires": "3600"}, SS_SIP_USER_AGENT_EXPIRE=600)
edit("password", "update registration set password = 'newer'", {"Expires": "3600"})
edit("authentication_user", "update registration set auth_user = 'login'", {"Expires": "3600"})
edit("parameter_expire", "update parameter set value = 60 where name = 'SS_SIP_USER_AGENT_EXPIRE'", {"Expires": "60"})
edit("parameter_privacy", "update parameter set value = 'Id' where name = 'SS_SIP_USER_AGENT_PRIVACY'", {"Privacy": "id"})


@scenario
def an_expiry_of_its_own_does_not_care_for_the_parameter(s):
	one, two = registrar(s, "one", columns={"expiry": "Auto"}), registrar(s, "two")
	s.start()
	reaches(s, "registered", "one")
	reaches(s, "registered", "two")
	s.switch.sql("update parameter set value = 600 where name = 'SS_SIP_USER_AGENT_EXPIRE'")
	two.expect_requests(2)
	reaches(s, "registered", "two")
	same([request["Expires"] for request in one.requests], ["3600"])


@scenario
def a_shorter_retry_delay_acts_on_the_wait_under_way(s):
	r = registrar(s)
	r.script = [refuse(503)]
	s.start(clock_speed=SPEED, SS_SIP_USER_AGENT_RETRY_DELAY=600)
	reaches(s, "waiting")
	s.switch.sql("update parameter set value = 40 where name = 'SS_SIP_USER_AGENT_RETRY_DELAY'")
	r.expect_requests(2)
	about(r.gaps()[0], 40)
	reaches(s, "registered")


@scenario
def what_is_edited_while_a_request_is_under_way_is_asked_for_after_it(s):
	r = registrar(s)
	r.script = [silence]
	s.start()
	first = r.expect_requests(1)
	s.switch.sql("update registration set expiry = 600")
	s.net.until(lambda: s.switch.read_log().count("configuration in force") == 2, "in force", step=0.01)
	r.answer(first, *grant()(r, first))
	same(r.expect_requests(2)["Expires"], "600")
	reaches(s, "registered")


@scenario
def while_a_silent_registrar_is_asked_another_one_can_be_named(s):
	old, new = registrar(s, "carrier"), registrar(s, "new", account=False)
	old.always = silence
	s.start()
	old.expect_requests(1)
	s.switch.sql("update registration set port = %d" % new.port)
	new.expect_requests(1, 3)
	reaches(s, "registered")
	same(len(old.requests), 1)


@scenario
def an_operator_unregisters_and_registers_by_command(s):
	r = registrar(s)
	r.authenticate()
	s.start()
	reaches(s, "registered")
	same(s.switch.control("registrations.unregister", name="carrier")["state"], "unregistering")
	same(reaches(s, "disabled")["reason"], "unregistered by command")
	same(r.bindings, {})
	s.switch.sql("update registration set expiry = 600")
	s.net.until(lambda: s.switch.read_log().count("configuration in force") == 2, "in force", step=0.01)
	same(status(s)["state"], "disabled")
	same(s.switch.control("registrations.register", name="carrier")["state"], "registering")
	reaches(s, "registered")
	same([request["Expires"] for request in r.requests], ["3600", "3600", "0", "0", "600", "600"])


@scenario
def registered_by_command_it_neither_waits_for_the_next_try_nor_for_the_refresh(s):
	r = registrar(s)
	r.script = [refuse(503)]
	s.start()
	reaches(s, "waiting")
	s.switch.control("registrations.register", name="carrier")
	reaches(s, "registered")
	s.switch.control("registrations.register", name="carrier")
	r.expect_requests(3)
	reaches(s, "registered")


def pings(r):
	"""When CRLF CRLF came from where the first REGISTER came from, or by its connection; grows."""
	times, first = [], r.requests[0].source
	r.on_ping = lambda source: times.append(time.monotonic()) if source == first else None
	return times


def keep_alive(transport):
	def play(s):
		r = registrar(s, transport=transport, columns={"keep_alive": 20})
		s.start(listen=(transport,), clock_speed=SPEED)
		reaches(s, "registered")
		seen = pings(r)
		s.net.until(lambda: len(seen) == 3, "three keep-alives")
		about(seen[2] - seen[1], 20, early=0.2, late=0.3)  # the time is when this process looked
		s.switch.sql("update registration set keep_alive = NULL")
		s.net.until(lambda: s.switch.read_log().count("configuration in force") == 2, "in force", step=0.01)
		before = len(seen)
		s.net.quiet(2.5 * 20 / SPEED)
		same((len(seen) - before, len(r.requests)), (0, 1))
	play.__name__ = "keep_alives_go_by_" + transport
	scenario(play)


for each in ("udp", "tcp", "tls"):
	keep_alive(each)


@scenario
def without_the_connection_that_it_was_registered_by_it_registers_again(s):
	r = registrar(s, transport="tcp", columns={"keep_alive": 20})
	s.start(listen=("tcp",), clock_speed=SPEED)
	reaches(s, "registered")
	r.requests[0].source.finish()
	second = r.expect_requests(2)
	same((second["Expires"], second.source is r.requests[0].source), ("3600", False))
	about(r.gaps()[0], 20)


@scenario
def a_renamed_row_keeps_its_binding(s):
	r = registrar(s)
	s.start()
	reaches(s, "registered")
	s.switch.sql("update registration set name = 'renamed'")
	reaches(s, "registered", "renamed")
	s.settle()
	same((len(r.bindings), [request["Expires"] for request in r.requests]), (1, ["3600"]))


@scenario
def moved_to_another_registrar_the_old_one_forgets_us(s):
	old, new = registrar(s, "carrier"), registrar(s, "new", account=False)
	s.start()
	reaches(s, "registered")
	s.switch.sql("update registration set port = %d" % new.port)
	new.expect_requests(1)
	same((old.requests[-1]["Expires"], old.bindings, len(new.bindings)), ("0", {}, 1))


@scenario
def killed_and_started_again_it_brings_the_same_contact(s):
	r = registrar(s)
	s.start()
	reaches(s, "registered")
	port = s.switch.addresses["udp"][1]
	s.switch.kill()
	s.start(listen=(), arguments=("--listen", "sip:127.0.0.1:%d;transport=udp" % port))
	second = r.expect_requests(2)
	reaches(s, "registered")
	same(second["Contact"], r.requests[0]["Contact"])
	same(len(r.bindings), 1)


@scenario
def two_hundred_registrations_start_one_after_the_other(s):
	r = registrar(s, account=False)
	for number in range(200):
		enrol(s, r, "t%03d" % number, user=str(1000 + number))
	s.start(clock_speed=5, SS_SIP_USER_AGENT_SEND_UNREGISTER="Off")
	r.expect_requests(200, 12)
	times = [request.time - r.requests[0].time for request in r.requests]
	same(sorted(sip.user(request["To"]) for request in r.requests), [str(1000 + number) for number in range(200)])
	if not 8 < 5 * times[-1] < 13:  # 9.95; a busy machine may be late with the first or the last
		raise Failed("the last one came %g s after the first" % (5 * times[-1]))
	for number in range(10, 200, 10):  # never early, however noisy the machine
		if times[number] < number * 0.01 - 0.4:
			raise Failed("number %d came after %g s" % (number, times[number]))
	same(len({request["Call-ID"] for request in r.requests}), 200)


def privacy(value, expected):
	def play(s):
		r = registrar(s)
		s.start(SS_SIP_USER_AGENT_PRIVACY=value)
		same(r.expect_requests(1).all("Privacy"), expected)
		reaches(s, "registered")
	play.__name__ = "privacy_%s" % value.lower()
	scenario(play)


privacy("Ignore", [])
privacy("Id", ["id"])
privacy("None", ["none"])


@scenario
def the_local_port_says_which_listener_it_leaves_from(s):
	r = registrar(s, account=False)
	s.start(listen=("udp", "udp", "udp"))
	ports = [sip.address(listener)[1] for listener in s.switch.status()["listeners"]]
	for port in ports[1:]:
		enrol(s, r, "p%d" % port, user="49%d" % port, local_port=port)
	r.expect_requests(2)
	for request in r.requests:
		port = request.source[1]
		same((port in ports[1:], sip.user(request["To"]), sip.address(request["Contact"])[1]), (True, "49%d" % port, port))
	s.net.until(lambda: len(r.bindings) == 2, "both are bound")


@scenario
def a_local_port_that_nobody_listens_at_is_told(s):
	registrar(s, columns={"local_port": 9})
	s.start()
	same(reaches(s, "waiting")["reason"], "no listener with port 9 leads there")


@scenario
def a_transport_that_nobody_listens_for_is_told(s):
	registrar(s, columns={"transport": "tcp"})
	s.start()
	same(reaches(s, "waiting")["reason"], "no listener leads there")


def transport(name):
	def play(s):
		r = registrar(s, transport=name)
		r.authenticate()
		s.start(listen=("udp", name))
		first = r.expect_requests(2)
		same(sip.address(first["Contact"]), s.switch.addresses[name])
		same(";transport=%s;" % name in first["Contact"], True)
		reaches(s, "registered")
		s.switch.signal()
		s.switch.ended()
		same(r.bindings, {})
	play.__name__ = "registers_over_" + name
	scenario(play)


transport("tcp")
transport("tls")


@scenario
def the_proxy_is_where_it_goes_and_the_registrar_what_it_names(s):
	r = registrar(s, account=False)
	enrol(s, r, "carrier", host="registrar.invalid", port=5070, proxy=r.host_port)
	s.start()
	first = r.expect_requests(1)
	same((first.uri, first["To"], first["Route"]), ("sip:registrar.invalid:5070", "<sip:4930@registrar.invalid>", ""))
	reaches(s, "registered")


@scenario
def registrar_and_proxy_can_have_ipv6_addresses(s):
	one, two = registrar(s, "one", host="::1"), registrar(s, "two", account=False, host="::1")
	enrol(s, two, "two", host="registrar.invalid", proxy="[::1]:%d" % two.port, user="4940")
	s.start(listen=("udp", "udp6"))
	same((one.expect_requests(1).uri, one.requests[0]["To"]), ("sip:" + one.host_port, "<sip:4930@[::1]>"))
	same(sip.address(two.expect_requests(1)["Contact"]), s.switch.addresses["udp6"])
	reaches(s, "registered", "one")
	reaches(s, "registered", "two")


@scenario
def another_proxy_is_used_at_once(s):
	old, new = registrar(s, account=False), registrar(s, "new", account=False)
	enrol(s, old, "carrier", host="registrar.invalid", proxy=old.host_port)
	s.start()
	reaches(s, "registered")
	s.switch.sql("update registration set proxy = '%s'" % new.host_port)
	same(new.expect_requests(1)["Expires"], "3600")
	same(len(old.requests), 1)


@scenario
def realm_and_contact_host_are_used(s):
	r = registrar(s, columns={"realm": "example.com", "contact_host": "2001:db8::7"})
	s.start()
	first = r.expect_requests(1)
	same((sip.uri(first["To"]), sip.uri(first["From"])), ("sip:4930@example.com", "sip:4930@example.com"))
	same(sip.address(first["Contact"]), ("2001:db8::7", s.switch.addresses["udp"][1]))
	reaches(s, "registered")


@scenario
def a_name_is_resolved_and_its_next_address_tried(s):
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	r = registrar(s, account=False)
	enrol(s, r, "carrier", host="carrier.test", port=0)
	r.authenticate()
	dns.host("sip.carrier.test", "127.0.0.1")
	dns.service("_sip._udp.carrier.test", (1, s.net.refusing_port(), "sip.carrier.test"), (2, r.port, "sip.carrier.test"))
	s.start()
	same(r.expect_requests(1).uri, "sip:carrier.test")
	reaches(s, "registered")


def two_servers(s, first_step):
	"""A registrar whose name stands for two servers; the first answers like this."""
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	second, first = registrar(s, account=False), registrar(s, "first", account=False)
	enrol(s, second, "carrier", host="carrier.test", port=0, expiry=60)
	second.authenticate()
	first.always = first_step
	dns.host("sip.carrier.test", "127.0.0.1")
	dns.service("_sip._udp.carrier.test", (1, first.port, "sip.carrier.test"), (2, second.port, "sip.carrier.test"))
	first.secrets = second.secrets = first.secrets | second.secrets
	return first, second


@scenario
def a_server_that_answers_503_is_followed_by_the_next(s):
	first, second = two_servers(s, refuse(503, ("Retry-After", "3000")))
	s.start(clock_speed=SPEED)
	reaches(s, "registered")
	same((len(first.requests), len(second.requests)), (1, 2))
	second.expect_requests(4)  # the refresh
	same(len(first.requests), 1)  # it is set aside


@scenario
def a_silent_server_is_followed_by_the_next_after_2_s(s):
	first, second = two_servers(s, silence)
	s.start()
	sent, asked = first.expect_requests(1), second.expect_requests(1)
	assert -0.002 <= asked.time - sent.time - 2 <= 0.15, asked.time - sent.time
	reaches(s, "registered")


@scenario
def a_registrar_whose_servers_are_all_set_aside_is_asked_again_after_the_retry_delay(s):
	r = registrar(s)
	r.always = refuse(503, ("Retry-After", "110"))
	s.start(SS_SIP_USER_AGENT_RETRY_DELAY="30", clock_speed=SPEED)
	r.expect_requests(2)
	about(r.requests[1].time - r.requests[0].time, 30)


@scenario
def an_address_that_went_silent_after_its_challenge_is_no_refusal(s):
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	r, silent = registrar(s, account=False), registrar(s, "silent", account=False)
	enrol(s, r, "carrier", host="carrier.test", port=0)
	r.authenticate()
	silent.script, silent.always = [challenge()], silence
	dns.host("sip.carrier.test", "127.0.0.1")
	dns.service("_sip._udp.carrier.test", (1, silent.port, "sip.carrier.test"), (2, r.port, "sip.carrier.test"))
	silent.secrets = r.secrets = r.secrets | silent.secrets
	s.start(SS_SIP_RESEND_INTERVAL="0.1")
	reaches(s, "registered")
	same((len(silent.requests), len(r.requests)), (2, 2))


@scenario
def removed_while_its_name_is_looked_up_it_sends_nothing(s):
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	s.net.selector.unregister(dns.sock)  # nobody answers yet
	r = registrar(s, account=False)
	enrol(s, r, "carrier", host="carrier.test")
	dns.host("carrier.test", "127.0.0.1")
	s.start()
	same(status(s)["state"], "registering")
	s.switch.sql("delete from registration")
	s.net.until(lambda: not status(s), "removed", step=0.01)
	s.net.add(dns.sock, dns.answer)
	s.net.until(lambda: "to=disabled" in s.switch.read_log(), "given up", step=0.02)
	same(r.requests, [])


@scenario
def a_closed_connection_is_opened_again_for_the_refresh(s):
	r = registrar(s, transport="tcp")
	r.script = [grant(20)]
	s.start(listen=("udp", "tcp"), clock_speed=SPEED)
	reaches(s, "registered")
	r.requests[0].source.close()
	r.expect_requests(2)
	about(r.gaps()[0], 10)
	reaches(s, "registered")


@scenario
def a_name_that_does_not_exist_is_told(s):
	s.switch.environment["SOFTSWITCH_DNS"] = Dns(s.net).server
	r = registrar(s, account=False)
	enrol(s, r, "carrier", host="carrier.test")
	s.start()
	same(reaches(s, "waiting")["reason"], "name not found")


@scenario
def nonsense_of_a_registrar_is_a_failure_like_any_other(s):
	r = registrar(s, account=False)
	ours = lambda request: request["Contact"]
	auth = "WWW-Authenticate"
	answers = [
		(200, lambda q: [("Contact", "*")]),
		(200, lambda q: [("Contact", "<tel:+49>"), ("Contact", "<sip:somewhere>")]),
		(200, lambda q: [("Contact", ours(q) + ";expires=0")]),
		(200, lambda q: [("Contact", ours(q) + ";expires=-5")]),
		(200, lambda q: [("Contact", ours(q).replace("line=", "line=" + 300 * "0"))]),
		(200, lambda q: [("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")]),
		(423, lambda q: [("Min-Expires", "-1")]),
		(423, lambda q: [("Min-Expires", 40 * "9")]),
		(401, lambda q: []),
		(401, lambda q: [(auth, "Digest")]),
		(401, lambda q: [(auth, 'Digest realm="r", nonce="%s"' % (600 * "n"))]),
		(401, lambda q: [(auth, 'Digest realm="r')]),
		(407, lambda q: [(auth, 'Digest realm="r", nonce="n"')]),
		(401, lambda q: [(auth, 'Digest realm="r", nonce="n", algorithm="%s"' % (99 * "A"))]),
		(302, lambda q: [("Contact", "<sip:elsewhere>")]),
		(699, lambda q: []),
	]

	def always(peer, request):
		status, headers = answers[int(sip.user(request["To"]))]
		return status, headers(request)
	r.always = always
	for number in range(len(answers)):
		enrol(s, r, "n%d" % number, user=str(number))
	s.start()
	for number in range(len(answers)):
		reaches(s, "waiting", "n%d" % number)
	r.always = lambda peer, request: (200, [("Contact", ours(request)), ("Expires", "100"),
		("Service-Route", "<sip:%s;lr>;x=y, <tel:5>" % (200 * "h")), ("Service-Route", "<sip:a:99999999;transport=carrier-pigeon>")])
	s.switch.sql("update registration set proxy = '%s'" % r.host_port)
	for number in range(len(answers)):
		reaches(s, "registered", "n%d" % number)


@scenario
def the_password_is_never_told(s):
	r = registrar(s)
	r.authenticate()
	other = registrar(s, "refusing", columns={"password": "othersecret"})
	other.always = challenge()
	s.gateway(registration="carrier", auth_user="u", auth_password="gatewaysecret")
	s.start(arguments=("--log-level", "debug"))
	reaches(s, "registered")
	reaches(s, "waiting", "refusing")
	told = [str(s.switch.control(method)) for method in ("registrations.list", "gateways.list", "calls.list",
		"system.status")] + [str(s.switch.control("routes.lookup", callee="4930"))]
	s.switch.signal()
	s.switch.ended()
	told.append(s.switch.read_log())
	hashes = [hashlib.new(name, ("4930:carrier:" + password).encode()).hexdigest() for name in ("md5", "sha256")
		for password in (PASSWORD, "othersecret")]
	if "registered" not in told[-1] or "debug" not in " ".join(s.switch.command("--log-level", "debug")):
		raise Failed("the log says nothing of it")
	for secret in [PASSWORD, "othersecret", "gatewaysecret"] + hashes + [
			credentials(request)["response"] for request in r.requests if request["Authorization"]]:
		for text in told:
			same(secret in text, False)


if __name__ == "__main__":
	run(at_a_time=12)
