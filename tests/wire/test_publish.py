"""Gateways report their state with PUBLISH (RFC 3903; docs/behaviour.md, Gateway liveness)."""

import contextlib
import os
import sqlite3

from dns import Dns
from net import same
from runner import run, scenario

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\r\n'
TYPE = "application/pidf+xml"


def pidf(*statuses, entity="sip:gw@example.com"):
	tuples = "".join('<tuple id="t%d"><status><basic>%s</basic></status></tuple>' % pair for pair in enumerate(statuses))
	return (HEAD + '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="%s">%s</presence>' % (entity, tuples)).encode()


def publish(peer, body=None, expires=None, tag=None, event="presence", callee="", content=TYPE, **fields):
	"""Send a PUBLISH and wait for its answer."""
	headers = [("Event", event), ("Expires", expires), ("SIP-If-Match", tag), ("Content-Type", content if body else None)]
	sent = peer.request("PUBLISH", callee, [pair for pair in headers if pair[1] is not None], body or b"", **fields)
	return peer.net.until(lambda: answer(peer, sent), "an answer to PUBLISH")


def answer(peer, sent):
	for message in peer.inbox:
		if message.is_response and message["Call-ID"] == sent["Call-ID"]:
			peer.inbox.remove(message)
			return message


def good(response, expires=None):
	"""The entity tag of a 200."""
	same(response.status, 200)
	if expires is not None:
		same(int(response["Expires"]), expires)
	assert len(response.all("SIP-ETag")) == 1 and len(response["SIP-ETag"]) >= 16
	return response["SIP-ETag"]


def kept(path):
	"""What state.db holds."""
	try:
		with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as db:
			return db.execute("select gateway, basic from publication order by gateway").fetchall()
	except sqlite3.Error:
		return []


def entry(s, name="gw"):
	return next(gw for gw in s.switch.control("gateways.list")["gateways"] if gw["name"] == name)


def goes_to(s, *gateways):
	"""A call is offered to the first of these and answered there."""
	a = s.caller.invite("4930")
	b = gateways[0].leg()
	s.answer(a, b)
	s.over(a, b)
	for other in gateways[1:]:
		same(other.inbox, [])


def two(s, **more):
	"""A gateway that publishes, preferred, and another one; the switch runs."""
	gw, other = s.gateway("gw", publish=1), s.gateway("other", publish=1)
	s.start(**more)
	return gw, other


# the life of a publication

@scenario
def an_initial_publication_gets_a_tag_and_the_lifetime_of_the_parameter(s):
	gw, _ = two(s, SS_SIP_PUBLISH_EXPIRE=1200)
	good(publish(gw, pidf("open")), 1200)


@scenario
def a_shorter_lifetime_is_granted_as_asked_and_a_longer_one_cut(s):
	gw, _ = two(s, SS_SIP_PUBLISH_EXPIRE=1200)
	good(publish(gw, pidf("open"), 60), 60)
	good(publish(gw, pidf("open"), 30), 30)
	good(publish(gw, pidf("open"), 1201), 1200)
	good(publish(gw, pidf("open"), 4294967295), 1200)


@scenario
def closed_takes_the_gateway_out_and_open_brings_it_back(s):
	gw, other = two(s)
	tag = good(publish(gw, pidf("closed")))
	goes_to(s, other, gw)
	tag = good(publish(gw, pidf("open"), tag=tag))
	goes_to(s, gw, other)
	good(publish(gw, pidf("closed"), tag=tag))
	goes_to(s, other, gw)


@scenario
def one_open_tuple_is_enough(s):
	gw, other = two(s)
	good(publish(gw, pidf("closed", "open", "closed")))
	goes_to(s, gw, other)
	good(publish(gw, pidf("closed", "closed")))
	goes_to(s, other, gw)


@scenario
def a_refresh_keeps_the_state_under_a_new_tag(s):
	gw, other = two(s)
	first = good(publish(gw, pidf("closed")))
	second = good(publish(gw, tag=first, expires=100), 100)
	assert first != second
	goes_to(s, other, gw)
	same(publish(gw, tag=first).status, 412)
	good(publish(gw, tag=second))


@scenario
def a_removed_publication_is_no_bad_news(s):
	gw, other = two(s)
	tag = good(publish(gw, pidf("closed")))
	goes_to(s, other, gw)
	good(publish(gw, tag=tag, expires=0), 0)
	goes_to(s, gw, other)
	same(publish(gw, tag=tag).status, 412)


@scenario
def a_publication_for_no_time_leaves_nothing_behind(s):
	gw, other = two(s)
	tag = good(publish(gw, pidf("closed"), 0), 0)
	goes_to(s, gw, other)
	same(publish(gw, tag=tag).status, 412)


@scenario
def an_expired_publication_takes_the_gateway_out_until_the_next_one(s):
	gw, other = two(s, clock_speed=30)
	tag = good(publish(gw, pidf("open"), 30), 30)
	goes_to(s, gw, other)
	s.net.until(lambda: entry(s)["state"] == "down", "the publication ends", step=0.05)
	assert "expired" in entry(s)["reason"].lower() or "PUBLISH" in entry(s)["reason"]
	goes_to(s, other, gw)
	same(publish(gw, tag=tag).status, 412)
	good(publish(gw, pidf("open")))
	goes_to(s, gw, other)


@scenario
def a_refresh_puts_the_end_off(s):
	gw, _ = two(s, clock_speed=30)
	tag = good(publish(gw, pidf("open"), 30), 30)
	good(publish(gw, tag=tag, expires=3600), 3600)
	s.net.quiet(1.5)
	same(entry(s)["state"], "up")


@scenario
def a_gateway_that_started_again_publishes_anew(s):
	gw, other = two(s, clock_speed=30)
	forgotten = good(publish(gw, pidf("open"), 30))
	good(publish(gw, pidf("closed"), 3600))
	goes_to(s, other, gw)
	good(publish(gw, pidf("open"), 3600))
	s.net.quiet(1.5)  # when the first one would have expired
	same(entry(s)["state"], "up")
	same(publish(gw, tag=forgotten).status, 412)


def restart(s, **more):
	s.switch.signal()
	s.switch.ended()
	s.start(**more)


@scenario
def a_publication_survives_a_restart(s):
	gw, other = two(s)
	tag = good(publish(gw, pidf("closed")))
	same([entry(s, name)["state"] for name in ("gw", "other")], ["down", "untried"])
	restart(s)
	same([entry(s, name)["state"] for name in ("gw", "other")], ["down", "untried"])
	tag = good(publish(gw, pidf("open"), tag=tag))
	restart(s)
	same(entry(s)["state"], "up")
	good(publish(gw, tag=tag, expires=0))
	restart(s)
	same(publish(gw, tag=tag).status, 412)


@scenario
def a_publication_goes_with_a_renamed_gateway_and_survives_a_restart(s):
	gw, other = two(s)
	good(publish(gw, pidf("closed")))
	tag = good(publish(other, pidf("open")))
	s.switch.sql("begin", "update gateway set name = 'x' where name = 'gw'", "update gateway set name = 'gw' where name = 'other'",
		"update gateway set name = 'other' where name = 'x'", "commit")
	path = s.switch.path("state.db")
	s.net.until(lambda: kept(path) == [("gw", "open"), ("other", "closed")], "the rows have the new names")
	same([entry(s, name)["state"] for name in ("gw", "other")], ["up", "down"])
	restart(s)
	same([entry(s, name)["state"] for name in ("gw", "other")], ["up", "down"])
	good(publish(other, tag=tag))  # the peer behind the gateway that is called gw now


@scenario
def a_gateway_that_moved_during_a_stop_has_published_nothing(s):
	gw, other = two(s)
	good(publish(gw, pidf("closed")))
	good(publish(other, pidf("closed")))
	s.switch.signal()
	s.switch.ended()
	moved = s.peer("moved")
	s.switch.sql("update gateway set port = %d where name = 'gw'" % moved.port, "update gateway set publish = 0 where name = 'other'")
	s.start()
	same([entry(s, name)["state"] for name in ("gw", "other")], ["untried", "untried"])


@scenario
def a_damaged_state_file_is_named_and_made_anew(s):
	gw, other = two(s)
	path = s.switch.path("state.db")
	good(publish(gw, pidf("closed")))
	for change in (lambda whole: whole[:1000], lambda _: b"", lambda _: b"no database at all, but some bytes" * 40):
		s.switch.signal()
		s.switch.ended()
		with open(path, "rb") as file:
			content = change(file.read())
		for name in (path, path + "-wal", path + "-shm"):
			if os.path.exists(name):
				os.remove(name)
		with open(path, "wb") as file:
			file.write(content)
		s.start()
		goes_to(s, gw, other)
	with open(s.switch.path("log")) as log:
		assert log.read().count("made anew") == 2  # an empty file is one that is not made yet
	assert any(name.startswith("state.db.broken-") for name in os.listdir(os.path.dirname(path)))


@scenario
def a_state_file_that_vanishes_while_running_is_made_anew(s):
	gw, other = two(s)
	path = s.switch.path("state.db")
	good(publish(gw, pidf("closed")))
	s.net.until(lambda: kept(path) == [("gw", "closed")], "the row")
	for name in (path, path + "-wal", path + "-shm"):
		os.remove(name)
	good(publish(other, pidf("open")))
	s.net.until(lambda: kept(path) == [("gw", "closed"), ("other", "open")], "both rows in the new file")


# what is refused

@scenario
def an_unknown_tag_is_412_and_changes_nothing(s):
	gw, other = two(s)
	same(publish(gw, pidf("closed"), tag="unknown").status, 412)
	same(publish(gw, tag="unknown").status, 412)
	same(publish(gw, tag="unknown", expires=0).status, 412)
	goes_to(s, gw, other)


@scenario
def several_tags_are_400(s):
	gw, other = two(s)
	tag = good(publish(gw, pidf("open")))
	same(publish(gw, pidf("closed"), tag=tag + ", " + tag).status, 400)
	same(publish(gw, pidf("closed"), tag=tag + " , x").status, 400)
	sent = gw.request("PUBLISH", "", [("Event", "presence"), ("SIP-If-Match", tag), ("SIP-If-Match", "x"), ("Content-Type", TYPE)], pidf("closed"))
	same(s.net.until(lambda: answer(gw, sent), "an answer").status, 400)
	goes_to(s, gw, other)
	good(publish(gw, tag=tag))


@scenario
def too_short_a_lifetime_is_423(s):
	gw, other = two(s)
	for seconds in (1, 29):
		response = publish(gw, pidf("closed"), seconds)
		same((response.status, response["Min-Expires"]), (423, "30"))
	tag = good(publish(gw, pidf("open")))
	same(publish(gw, tag=tag, expires=29).status, 423)
	good(publish(gw, tag=tag, expires=30), 30)
	goes_to(s, gw, other)


@scenario
def other_events_are_489(s):
	gw, _ = two(s)
	for event in ("dialog", "presence.winfo", "PRESENCE", None):
		response = publish(gw, pidf("open"), event=event)
		same((response.status, response["Allow-Events"]), (489, "presence"))


@scenario
def the_compact_event_counts(s):
	gw, _ = two(s)
	sent = gw.request("PUBLISH", "", [("o", "presence"), ("Content-Type", TYPE)], pidf("open"))
	good(s.net.until(lambda: answer(gw, sent), "an answer"))


@scenario
def other_bodies_are_415(s):
	gw, _ = two(s)
	tag = good(publish(gw, pidf("open")))
	for content in ("application/sdp", "text/plain", "multipart/related", "application/pidf"):
		response = publish(gw, pidf("closed"), content=content)
		same((response.status, response["Accept"]), (415, TYPE))
		same(publish(gw, pidf("closed"), tag=tag, content=content).status, 415)
	same(publish(gw, pidf("closed"), content=None).status, 415)
	same(publish(gw, pidf("closed"), Content_Encoding="gzip").status, 415)
	good(publish(gw, pidf("open"), tag=tag, content="Application/PIDF+xml; charset=UTF-8"))


@scenario
def an_initial_publication_without_a_body_is_400(s):
	gw, _ = two(s)
	same(publish(gw).status, 400)
	same(publish(gw, expires=0).status, 400)


@scenario
def a_broken_document_is_400_and_changes_nothing(s):
	gw, other = two(s)
	tag = good(publish(gw, pidf("open")))
	for body in (b"x", pidf("closed")[:-1], pidf("maybe"), pidf("closed", ""), b"<presence><tuple/></presence>",
			pidf("closed").replace(b"<presence", b'<!DOCTYPE presence [<!ENTITY a "closed">]><presence'),
			pidf("closed").replace(b"urn:ietf:params:xml:ns:pidf", b"urn:other"), pidf("closed") * 2, b"\xff\xfe\x00"):
		same(publish(gw, body, tag=tag).status, 400)
		same(publish(gw, body).status, 400)
	good(publish(gw, tag=tag))
	goes_to(s, gw, other)


@scenario
def an_extension_that_is_required_is_420(s):
	gw, _ = two(s)
	response = publish(gw, pidf("open"), Require="no-such-thing")
	same((response.status, response["Unsupported"]), (420, "no-such-thing"))


# who may publish

@scenario
def strangers_are_refused(s):
	two(s)
	stranger = s.peer("stranger", host="127.0.0.9")
	stranger.proxy = s.switch.addresses["udp"]
	response = publish(stranger, pidf("open"))
	same((response.status, response["SIP-ETag"]), (403, ""))


@scenario
def strangers_get_no_answer_when_the_operator_says_so(s):
	gw, _ = two(s, SS_REPLY_UNAUTHORIZED="Off")
	stranger = s.peer("stranger", host="127.0.0.9")
	stranger.proxy = s.switch.addresses["udp"]
	stranger.request("PUBLISH", "", [("Event", "presence"), ("Content-Type", TYPE)], pidf("open"))
	good(publish(gw, pidf("open")))  # arrived later
	same(stranger.inbox, [])


@scenario
def a_customer_that_is_no_gateway_may_not_publish(s):
	s.switch.insert("mapping_gateway", name="elsewhere", host="127.0.0.9")
	two(s)
	customer = s.peer("elsewhere", host="127.0.0.9")
	customer.proxy = s.switch.addresses["udp"]
	response = publish(customer, pidf("open"))
	same(response.status, 405)
	assert "PUBLISH" not in response["Allow"]


@scenario
def a_gateway_that_is_no_customer_may_publish_and_ask_but_not_call(s):
	peer = s.gateway("far", host="127.0.0.9", publish=1)
	s.start()
	tag = good(publish(peer, pidf("closed")))
	same(entry(s, "far")["state"], "down")
	good(publish(peer, pidf("open"), tag=tag))
	peer.request("OPTIONS")
	response = peer.expect(200, "OPTIONS")
	same(response["Allow-Events"], "presence")
	assert "PUBLISH" in response["Allow"]
	same([peer.invite("4930").expect(403).status], [403])


@scenario
def options_of_a_customer_do_not_offer_publish(s):
	s.switch.insert("mapping_gateway", name="elsewhere", host="127.0.0.9")
	two(s)
	customer = s.peer("elsewhere", host="127.0.0.9")
	customer.proxy = s.switch.addresses["udp"]
	customer.request("OPTIONS")
	response = customer.expect(200, "OPTIONS")
	assert "PUBLISH" not in response["Allow"] and not response["Allow-Events"]


@scenario
def a_gateway_whose_row_does_not_say_so_may_not_publish(s):
	gw, other = s.gateway("gw"), s.gateway("other")
	s.start()
	response = publish(gw, pidf("closed"))
	same((response.status, response["SIP-ETag"]), (403, ""))
	goes_to(s, gw, other)


@scenario
def over_udp_a_gateway_publishes_from_its_port(s):
	gw, _ = two(s)
	forger = s.peer("forger")
	forger.proxy = gw.proxy
	same(publish(forger, pidf("closed"), callee="gw").status, 403)
	same(entry(s)["state"], "untried")
	good(publish(gw, pidf("closed")))


@scenario
def a_gateway_called_over_tcp_does_not_publish_over_udp(s):
	forger = s.peer("forger", host="127.0.0.9")
	s.vendor("far", forger.port, "tcp", "127.0.0.9", publish=1)
	s.start(("udp", "tcp"))
	forger.proxy = s.switch.addresses["udp"]
	same(publish(forger, pidf("closed"), callee="far").status, 403)
	same(entry(s, "far")["state"], "untried")
	peer = s.peer("peer", "tcp", "127.0.0.9")
	peer.proxy = s.switch.addresses["tcp"]
	good(publish(peer, pidf("closed")))


@scenario
def a_document_that_names_no_gateway_speaks_for_none_of_several(s):
	gw, other = s.peer("peer"), s.gateway("other")
	for name in ("gw1", "gw2"):
		s.switch.insert("gateway", name=name, host="127.0.0.1", port=gw.port, publish=1)
	s.start()
	same(publish(gw, pidf("closed"), callee="somebody").status, 403)
	same([entry(s, name)["state"] for name in ("gw1", "gw2", "other")], ["untried"] * 3)


@scenario
def a_gateway_that_may_publish_no_more_loses_its_publication(s):
	gw, _ = two(s)
	tag = good(publish(gw, pidf("closed")))
	s.switch.sql("update gateway set publish = 0 where name = 'gw'")
	s.net.until(lambda: entry(s)["state"] == "untried", "the reload", step=0.02)
	same(publish(gw, tag=tag).status, 403)


@scenario
def a_request_names_the_gateway_it_is_about(s):
	gw = s.peer("peer")
	for name in ("gw1", "gw2"):
		s.switch.insert("gateway", name=name, host="127.0.0.1", port=gw.port, publish=1)
	s.start()
	first = good(publish(gw, pidf("closed"), callee="gw2"))
	same([entry(s, name)["state"] for name in ("gw1", "gw2")], ["untried", "down"])
	second = good(publish(gw, pidf("closed"), To="<sip:gw1@example.com>"))
	same([entry(s, name)["state"] for name in ("gw1", "gw2")], ["down", "down"])
	same(publish(gw, tag=first, callee="gw1").status, 412)  # not its own
	good(publish(gw, tag=first, expires=0, callee="gw2"))
	good(publish(gw, pidf("open"), tag=second, callee="gw1"))
	same([entry(s, name)["state"] for name in ("gw1", "gw2")], ["up", "untried"])


@scenario
def the_tag_of_another_gateway_is_412(s):
	gw, other = two(s)
	tag = good(publish(gw, pidf("open")))
	same(publish(other, pidf("closed"), tag=tag).status, 412)
	same(publish(other, tag=tag, expires=0).status, 412)
	good(publish(gw, tag=tag))


@scenario
def a_gateway_may_publish_over_tcp_from_any_port(s):
	peer = s.gateway("far", transport="tcp", host="127.0.0.9", publish=1)
	s.start(("udp", "tcp"))
	good(publish(peer, pidf("closed")))
	same(entry(s, "far")["state"], "down")


@scenario
def a_gateway_known_by_name_may_publish(s):
	dns = Dns(s.net)
	s.switch.environment["SOFTSWITCH_DNS"] = dns.server
	dns.host("far.test", "127.0.0.9")
	peer = s.peer("peer", host="127.0.0.9")
	s.vendor("far", peer.port, host="far.test", publish=1)
	s.start(clock_speed=10)
	def published():
		response = publish(peer, pidf("closed"))
		return response.status == 200
	s.net.until(published, "the name is looked up", step=0.05)
	same(entry(s, "far")["state"], "down")


# again

@scenario
def a_retransmission_gets_the_same_answer(s):
	gw, _ = two(s)
	sent = gw.request("PUBLISH", "", [("Event", "presence"), ("Content-Type", TYPE)], pidf("open"))
	gw.send(sent.raw, gw.proxy)
	first, second = gw.expect_count(2, 200, "PUBLISH")
	same(first.message.raw, second.message.raw)
	tag = good(gw.find(200, "PUBLISH"))
	good(publish(gw, tag=tag))


@scenario
def a_retransmitted_modification_is_no_412(s):
	gw, _ = two(s)
	tag = good(publish(gw, pidf("open")))
	sent = gw.request("PUBLISH", "", [("Event", "presence"), ("SIP-If-Match", tag), ("Content-Type", TYPE)], pidf("closed"))
	gw.send(sent.raw, gw.proxy)
	gw.expect_count(3, 200, "PUBLISH")
	gw.find(200, "PUBLISH")
	same(entry(s)["state"], "down")


# reload

@scenario
def a_removed_gateway_loses_its_publication(s):
	gw, _ = two(s)
	tag = good(publish(gw, pidf("closed")))
	s.switch.sql("delete from route where gateway = 'gw'", "delete from gateway where name = 'gw'")
	s.net.until(lambda: len(s.switch.control("gateways.list")["gateways"]) == 1, "the reload", step=0.02)
	s.switch.insert("gateway", name="gw", host="127.0.0.1", port=gw.port, publish=1)
	s.net.until(lambda: len(s.switch.control("gateways.list")["gateways"]) == 2, "the reload", step=0.02)
	same(entry(s)["state"], "untried")
	same(publish(gw, tag=tag).status, 412)


@scenario
def a_gateway_that_moved_has_published_nothing(s):
	gw, other = two(s, clock_speed=30)
	moved = s.peer("moved")
	moved.proxy = gw.proxy
	tag = good(publish(gw, pidf("open"), 30))
	s.switch.sql("update gateway set port = %d where name = 'gw'" % moved.port)
	s.net.until(lambda: entry(s)["port"] == moved.port, "the reload", step=0.02)
	same(publish(moved, tag=tag).status, 412)
	s.net.quiet(1.5)  # when the old one would have expired
	same(entry(s)["state"], "untried")


@scenario
def a_reload_of_something_else_keeps_the_publication(s):
	gw, _ = two(s)
	tag = good(publish(gw, pidf("closed")))
	s.switch.sql("update gateway set capacity = 7 where name = 'gw'")
	s.net.until(lambda: entry(s)["capacity"] == 7, "the reload", step=0.02)
	same(entry(s)["state"], "down")
	good(publish(gw, tag=tag))


if __name__ == "__main__":
	run()
