"""Calls of endpoints and to them."""

import rel100
import sip
from crash import checked, live
from endpoint import endpoint, stores
from net import same
from runner import run, scenario, variants


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


@variants(("tcp", "tcp"), ("tls", "tls"))
def a_phone_is_called_by_its_connection_over(s, transport):
	phone = endpoint(s, "1001", transport=transport)
	s.start(("udp", transport))
	phone.bind()
	a = s.caller.invite("1001")
	b = called(phone)
	s.answer(a, b)
	s.over(a, b)
	same(len(phone.connections), 1)


@scenario
def after_a_restart_a_connection_is_opened_to_a_phone_that_can_be_reached_at_its_contact(s):
	phone = endpoint(s, "1001", transport="tcp")
	hidden = endpoint(s, "1002", transport="tcp", host="127.0.0.3", nat="On")
	tls = endpoint(s, "1003", transport="tls", host="127.0.0.4")
	s.start(("udp", "tcp", "tls"))
	for one in (phone, hidden, tls):
		one.bind()
	stores(s, [(one.name, sip.uri(one.contact)) for one in (phone, hidden, tls)])
	s.switch.kill()
	s.switch.start_again()
	a = s.caller.invite("1001")
	b = called(phone)
	s.answer(a, b)
	s.over(a, b)
	for one in (hidden, tls):
		s.caller.invite(one.name).expect(480, "INVITE")
	stores(s, [("1001", sip.uri(phone.contact))])


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


if __name__ == "__main__":
	run()
