"""Fuzzes the running switch where the network reaches it: mutated requests as a customer sends them, over UDP, TCP and TLS,
mutated answers as vendors give them over each of the three; on a connection several messages follow each other, cut
anywhere. After every batch a good call must succeed; at the end nothing may be held and no sanitizer may have spoken.

    boundary.py [--seed N] [--seconds N] [--messages FOLDER]

What is sent depends on the seed and on the tags that the switch chose; the last datagrams of a run that failed
are kept in a file which is named.
"""

import argparse
import os
import pathlib
import random
import re
import socket
import sqlite3
import ssl
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))

import sip  # noqa: E402
from endpoint import answer  # noqa: E402
from net import Failed  # noqa: E402
from scene import Scene  # noqa: E402
from tls import Tls  # noqa: E402

BATCH = 40
STREAM_EVERY = 6  # one message in so many goes over a connection, with others before and behind it
STREAMS = 4  # connections that are kept, of each transport
STREAM_PREFIXES = {"tcp": "8", "tls": "9"}  # numbers of the vendors behind connections
KEEP = 2000
GOOD_PREFIX = "7770009"
SDP = sip.sdp(4000)
PIDF = (b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b"><tuple id="t"><status><basic>open</basic></status></tuple>'
        b"</presence>")

WORDS = [b"\r\n", b"\r\n\r\n", b"\n", b"\0", b" ", b"\t", b"\r\n ", b",", b";", b":", b"<", b">", b'"', b"@", b"%00", b"%", b"[", b"]",
         b"sip:", b"sips:a@b", b"tel:+1", b"SIP/2.0", b"SIP/9.9", b";tag=", b";branch=", b";lr", b";transport=tcp",
         b";maddr=127.0.0.1", b";received=", b";rport=99999", b"0", b"-1", b"255", b"65536", b"4294967295", b"99999999999999999999",
         b"INVITE", b"ACK", b"BYE", b"CANCEL", b"PRACK", b"UPDATE", b"*", b"Require: 100rel\r\n", b"Max-Forwards: 0\r\n",
         b"Content-Length: 99999\r\n", b"Content-Length: -1\r\n", b"Route: <sip:127.0.0.1;lr>\r\n", b"RSeq: 1\r\n",
         b"Record-Route: <sip:127.0.0.1;lr>\r\n", b"Session-Expires: 1\r\n", b"Retry-After: 9999999999\r\n", b"\xff\xfe\x80",
         b"a" * 300, b"Via: SIP/2.0/UDP 127.0.0.1\r\n", b"Contact: *\r\n", b"Expires: 0\r\n"]

METHODS = ["INVITE"] * 12 + ["OPTIONS", "REGISTER", "REGISTER", "REGISTER", "MESSAGE", "BYE", "CANCEL", "ACK", "PRACK", "PUBLISH", "PUBLISH", "NONSENSE"]
IN_DIALOG = ["ACK", "ACK", "BYE", "BYE", "CANCEL", "INVITE", "UPDATE", "INFO", "PRACK", "REFER", "NONSENSE"]
IN_EARLY_DIALOG = ["PRACK", "PRACK", "PRACK", "UPDATE", "CANCEL", "BYE"]
RSEQS = [1, 1, 1, 2, 2, 3, 4, 0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, "x"]
STATUSES = [100, 180, 180, 183, 183, 199, 200, 200, 200, 202, 302, 401, 404, 407, 408, 420, 480, 486, 487, 491, 500, 503, 600, 603, 699]


def mutate(rng, data, others):
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 6])):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice([1, 2, 8, 40, 200]))
        kind = rng.randrange(8)
        if kind == 0 and data:
            at = rng.randrange(len(data))
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        elif kind == 1:
            data = data[:at] + data[end:]
        elif kind == 2:
            data = data[:at] + data[at:end] * rng.choice([2, 2, 3, 50]) + data[end:]
        elif kind == 3:
            data = data[:at] + rng.choice(WORDS) + data[at:]
        elif kind == 4:
            data = data[:at]
        elif kind == 5:  # a line less, twice, or elsewhere
            lines = data.split(b"\r\n")
            line = lines.pop(rng.randrange(len(lines)))
            for _ in range(rng.randrange(3)):
                lines.insert(rng.randrange(len(lines) + 1), line)
            data = b"\r\n".join(lines)
        elif kind == 6:
            numbers = list(re.finditer(rb"\d+", data))
            if numbers:
                number = rng.choice(numbers)
                data = data[:number.start()] + rng.choice(WORDS[-40:]) + data[number.end():]
        else:
            other = rng.choice(others)
            data = data[:at] + other[rng.randrange(len(other) + 1):]
    return data[:60000]


class Stream:
    """A connection to or from the switch. What was asked to be sent goes out with flush(), in pieces that end anywhere."""

    def __init__(self, fuzzer, sock, on_message):
        self.fuzzer, self.sock, self.on_message, self.unread, self.unsent = fuzzer, sock, on_message, b"", b""
        self.open = True
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        fuzzer.scene.net.add(sock, self.read)

    def read(self):
        try:
            data = self.sock.recv(65536)
            while data:
                self.unread += data
                data = self.sock.recv(65536)
            self.close()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.close()
        raw, self.unread = sip.take(self.unread)
        while raw:
            self.on_message(raw, self.send)
            raw, self.unread = sip.take(self.unread)
        self.flush()

    def send(self, data):
        self.unsent += data

    def flush(self):
        """The switch closes a connection on which it reads nonsense, so writing may fail any time."""
        rng = self.fuzzer.rng
        while self.open and self.unsent:
            n = rng.choice([1, 3, rng.randrange(1, 400), len(self.unsent), len(self.unsent)])
            try:
                self.unsent = self.unsent[self.sock.send(self.unsent[:n]):]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                self.close()

    def close(self):
        if self.open:
            self.open = False
            self.fuzzer.scene.net.drop(self.sock)


class Fuzzer:
    def __init__(self, scene, options):
        self.rng = random.Random(options.seed)
        self.scene, self.count, self.sent = scene, 0, []
        self.streams = {"tcp": [], "tls": []}
        self.ports = {transport: self.listen(transport) for transport in STREAM_PREFIXES}
        self.customer, self.vendor = self.open(self.heard), self.open(self.called)
        self.etag = self.challenge = None
        self.dialogs = []  # header lines of answers that the customer got
        self.seeds = [self.request("INVITE"), self.request("BYE"), self.request("PUBLISH"), self.request("REGISTER"), self.answer(self.request("INVITE"), 200)]
        if options.messages:
            self.seeds += [file.read_bytes() for file in sorted(pathlib.Path(options.messages).glob("*/*.dat"))]

    def open(self, reader):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        self.scene.net.add(sock, lambda: reader(sock))
        return sock

    def received(self, sock):
        while True:
            try:
                yield sock.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of something sent before
                continue

    # the customer

    def request(self, method, dialog=None):
        """A sound request; within this dialog, or any now and then."""
        self.count += 1
        number = "%s%d" % (self.rng.choice(["", "", *STREAM_PREFIXES.values()]), self.count)
        line = {"From": "<sip:4930@127.0.0.1>;tag=f%d" % self.count, "To": "<sip:%s@127.0.0.1>" % number,
                "Call-ID": "fuzz%d" % self.count, "CSeq": "1 " + method}
        port = self.customer.getsockname()[1]
        via = "SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKfuzz%d;rport" % (port, self.count)
        uri = line["To"].strip("<>")
        if dialog or (self.dialogs and self.rng.random() < 0.4):
            line = dict(dialog or self.rng.choice(self.dialogs))
            rack = line.pop("rack")
            method, uri = self.rng.choice(IN_EARLY_DIALOG if rack and self.rng.random() < 0.7 else IN_DIALOG), line.pop("uri")
            if method == "PRACK":
                line["RAck"] = rack or "%s 1 INVITE" % self.rng.choice(RSEQS)
            via = line.pop("Via") if method == "CANCEL" else via
            line["CSeq"] = "%d %s" % (1 if method in ("ACK", "CANCEL") else self.rng.randrange(1, 9), method)
            line.pop("Via", None)
        headers = [("Via", via), ("Max-Forwards", "70"), *line.items(), ("Contact", "<sip:f@127.0.0.1:%d>" % port)]
        if method == "REGISTER" and uri:
            headers = [("Via", via), *self.registration(uri)]
        body = SDP if method in ("INVITE", "UPDATE", "PRACK") and self.rng.random() < 0.7 else b""
        if body:
            headers += [("Content-Type", "application/sdp")]
        if method == "INVITE":
            headers += [("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK"), ("Supported", "100rel, timer")]
        if method == "PUBLISH":  # from the address of gateways
            body = PIDF if self.rng.random() < 0.8 else b""
            headers += [("Event", "presence"), ("Expires", str(self.rng.choice([0, 29, 30, 600, 4294967295])))]
            headers += [("SIP-If-Match", self.etag)] if self.etag and self.rng.random() < 0.5 else []
            headers += [("Content-Type", "application/pidf+xml")] if body else []
        return sip.build("%s %s SIP/2.0" % (method, uri), headers, body)

    def registration(self, uri):
        """Of the endpoint; the last challenge is answered, now and then with the wrong password."""
        user, rng = "fuzz", self.rng
        contact = "<sip:fuzz@127.0.0.1:%d>;expires=%s" % (rng.randrange(5000, 5004), rng.choice([0, 29, 30, 600, 4294967296, "x"]))
        headers = [("From", "<sip:%s@127.0.0.1>;tag=r" % user), ("To", "<sip:%s@127.0.0.1>" % user), ("Call-ID", "register"),
                   ("CSeq", "%d REGISTER" % self.count), ("Max-Forwards", "70"), ("Contact", rng.choice([contact, contact, "*"]))]
        headers += rng.sample([("Expires", "0"), ("Path", "<sip:127.0.0.1;lr>"), ("Supported", "path"), ("User-Agent", "fuzz"),
                               ("Contact", "<sip:fuzz@127.0.0.2>;q=0.5")], rng.randrange(3))
        if self.challenge:
            offered = re.findall("algorithm=([^,]*),", self.challenge.head)
            headers.append(answer(self.challenge, "REGISTER", uri, user, rng.choice(["secret"] * 9 + ["wrong"]), rng.choice(offered)))
        return headers

    def heard(self, sock):
        for raw, _ in self.received(sock):
            self.hear(raw, lambda data: self.send(sock, data))

    def hear(self, raw, send):
        if not raw.startswith(b"SIP/2.0"):
            if self.rng.random() < 0.8:
                send(self.answer(raw, 200))
            return
        text = raw.decode("utf-8", "surrogateescape")
        tag = re.search(r"(?m)^SIP-ETag: (.*)\r$", text)
        self.etag = tag.group(1) if tag else self.etag
        if text.startswith("SIP/2.0 401") and "WWW-Authenticate: Digest" in text:
            self.challenge = sip.Message(raw)
        line = dict(re.findall(r"(?m)^(Via|From|To|Call-ID|Contact): (.*)\r$", text))
        if len(line) == 5:
            line["uri"] = sip.uri(line.pop("Contact"))
            number = re.search(r"(?ms)^RSeq: (\d+)\r$", text)
            line["rack"] = number and "%s 1 INVITE" % number.group(1)
            self.dialogs = self.dialogs[-40:] + [line]
            if line["rack"] and self.rng.random() < 0.6:
                data = self.request("", line)
                send(data if self.rng.random() < 0.7 else mutate(self.rng, data, self.seeds))

    # the vendors

    def answer(self, raw, status):
        """A sound answer to this request."""
        lines = re.findall(rb"(?im)^((?:via|v|from|f|call-id|i|cseq)[ \t]*:.*?)\r?$", raw)
        to = (re.findall(rb"(?im)^((?:to|t)[ \t]*:.*?)\r?$", raw) or [b"To: <sip:x@y>"])[0]
        if b"tag=" not in to:
            to += b";tag=v%d" % self.rng.randrange(3)
        lines += [to, b"Contact: <sip:v@127.0.0.1:%d>" % self.vendor.getsockname()[1]]
        body = SDP if status in (183, 200) else b""
        if body:
            lines.append(b"Content-Type: application/sdp")
        if 100 < status < 200 and self.rng.random() < 0.7:
            lines += [b"Require: 100rel", b"RSeq: %s" % str(self.rng.choice(RSEQS)).encode(), b"Allow: INVITE, PRACK, UPDATE"]
        if status == 503 and self.rng.random() < 0.02:  # it ends all calls for a second at least
            lines.append(b"Retry-After: 1")
        if status in (401, 407):
            lines.append(b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth,auth-int"')
        lines.append(b"Content-Length: %d" % len(body))
        return b"SIP/2.0 %d Fuzz\r\n" % status + b"\r\n".join(lines) + b"\r\n\r\n" + body

    def early_request(self, raw):
        """An UPDATE or the like in an early dialog that the vendor may have with the switch."""
        message, self.count = sip.Message(raw), self.count + 1
        method = self.rng.choice(["UPDATE", "UPDATE", "PRACK", "BYE", "INFO"])
        contact = "<sip:v@127.0.0.1:%d>" % self.vendor.getsockname()[1]
        return sip.build("%s %s SIP/2.0" % (method, sip.uri(message["Contact"])), [
            ("Via", "SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKvendor%d;rport" % (self.vendor.getsockname()[1], self.count)),
            ("From", "%s;tag=v%d" % (message["To"], self.rng.randrange(3))), ("To", message["From"]), ("Call-ID", message["Call-ID"]),
            ("CSeq", "%d %s" % (self.rng.randrange(1, 9), method)), ("Max-Forwards", "70"), ("Contact", contact),
            ("RAck", "1 1 INVITE"), ("Content-Type", "application/sdp")], SDP)

    def called(self, sock):
        for raw, _ in self.received(sock):
            self.call(raw, lambda data: self.send(sock, data))

    def call(self, raw, send):
        if raw.startswith(b"INVITE"):
            for _ in range(self.rng.randrange(4)):
                data = self.answer(raw, self.rng.choice(STATUSES))
                send(data if self.rng.random() < 0.3 else mutate(self.rng, data, self.seeds))
            if self.rng.random() < 0.4:
                send(mutate(self.rng, self.early_request(raw), self.seeds))
            if self.rng.random() < 0.2:
                send(mutate(self.rng, self.answer(raw, 200).replace(b"SIP/2.0 200 Fuzz", b"BYE sip:x SIP/2.0"), self.seeds))
        elif not raw.startswith((b"ACK", b"SIP/2.0")):
            data = self.answer(raw, 200 if self.rng.random() < 0.8 else self.rng.choice(STATUSES))
            send(data if self.rng.random() < 0.7 else mutate(self.rng, data, self.seeds))

    def listen(self, transport):
        listener = socket.create_server(("127.0.0.1", 0))
        self.scene.net.add(listener, lambda: self.accept(listener, transport))
        return listener.getsockname()[1]

    def accept(self, listener, transport):
        sock = listener.accept()[0]
        if transport == "tls":
            sock = self.scene.tls.server.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        Stream(self, sock, self.call)

    # both

    def send(self, sock, data):
        self.sent = self.sent[-KEEP:] + [data]
        sock.sendto(data, self.scene.switch.addresses["udp"])

    def connection(self, transport):
        """One of those that are open, or a new one."""
        kept = self.streams[transport] = [stream for stream in self.streams[transport] if stream.open]
        if len(kept) == STREAMS and self.rng.random() < 0.1:
            kept.pop(0).close()
        if len(kept) < STREAMS:
            sock = socket.create_connection(self.scene.switch.addresses[transport], 5)
            if transport == "tls":
                sock = self.scene.tls.client.wrap_socket(sock, server_hostname="127.0.0.1")
            kept.append(Stream(self, sock, self.hear))
        return self.rng.choice(kept)

    def stream(self, data):
        """With sound and other messages around it, so that one segment holds several, or a part of one."""
        transport = self.rng.choice(["tcp", "tcp", "tls"])
        stream = self.connection(transport)
        more = [self.request(self.rng.choice(METHODS)) for _ in range(self.rng.randrange(4))]
        more.insert(self.rng.randrange(len(more) + 1), data)
        if self.rng.random() < 0.3:
            more.insert(self.rng.randrange(len(more) + 1), self.rng.choice([b"\r\n\r\n", b"\r\n", b"\0"]))
        data = b"".join(more).replace(b"SIP/2.0/UDP", b"SIP/2.0/" + transport.upper().encode())
        self.sent = self.sent[-KEEP:] + [data]
        stream.send(data)
        stream.flush()

    def batch(self):
        for _ in range(BATCH):
            if self.rng.random() < 0.15:
                data = self.rng.choice(self.seeds)
            else:
                data = self.request(self.rng.choice(METHODS))
            data = mutate(self.rng, data, self.seeds)
            if self.rng.randrange(STREAM_EVERY) == 0:
                self.stream(data)
            else:
                self.send(self.customer, data)
            self.scene.net.poll(0)


def end_all(scene):
    """What nobody answered or acknowledged ends by its timers (over TCP and TLS after 32 s), what was answered by SIGTERM; nothing is left."""
    scene.net.until(lambda: all(call["state"] == "up" for call in scene.switch.control("calls.list")["calls"]),
                    "only answered calls are left", 20, step=0.05)
    total = scene.switch.status()["calls"]["total"]
    scene.switch.signal()
    scene.switch.ended()
    with sqlite3.connect(scene.switch.path("cdr.db")) as db:
        rows = db.execute("select count(*) from cdr").fetchone()[0]
    if rows != total:
        raise Failed("%d calls, %d records" % (total, rows))


def fuzz(scene, options):
    # A second of the stages below is 0.2 s, which a busy machine may take for nothing.
    good = scene.gateway("good", prefix=GOOD_PREFIX, timeout_invite=25, timeout_trying=25, timeout_ringing=25)
    scene.tls = Tls(scene.folder)
    fuzzer = Fuzzer(scene, options)
    scene.vendor("fuzzed", fuzzer.vendor.getsockname()[1])
    for transport, prefix in STREAM_PREFIXES.items():
        scene.vendor(transport + "-vendor", fuzzer.ports[transport], transport, prefix=prefix)
    scene.switch.insert("endpoint", name="fuzz", password="secret", contacts=3)
    scene.start(("udp", "tcp", "tls"), clock_speed=5, SS_ENDPOINT_REGISTER_RETRY=999, SS_SIP_RESEND_INTERVAL="1,2,4", SS_SIP_TIMEOUT_INVITE=5, SS_SIP_TIMEOUT_TRYING=5,
                SS_SIP_TIMEOUT_SESSION_PROGRESS=5, SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP=5, SS_SIP_TIMEOUT_RINGING=5,
                SS_SIP_OPTIONS_CHECK_PERIOD=25, SS_SIP_100REL="Supported", SS_GATEWAY_BREAKER_ON="None")
    scene.switch.sql("update gateway set options_check = 1, publish = 1 where name = 'fuzzed'")
    end, batches = time.monotonic() + options.seconds, 0
    try:
        while time.monotonic() < end:
            fuzzer.batch()
            scene.over(*scene.talk(good, callee=GOOD_PREFIX + "1"))
            batches += 1
        end_all(scene)
    except Exception:
        path = os.path.abspath("fuzz-boundary-%d.log" % os.getpid())
        with open(path, "wb") as out:
            out.writelines(b"\n==== %d\n%s" % item for item in enumerate(fuzzer.sent))
        print("the last datagrams before it:", path)
        if scene.switch.process and scene.switch.process.poll() is not None:
            print("the switch died, exit", scene.switch.process.returncode)
        raise
    print("%d messages, %d good calls among them" % (batches * BATCH, batches))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--messages", help="folder of public SIP messages to start from")
    options = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="softswitch-fuzz-") as folder:
        scene = Scene(folder)
        try:
            fuzz(scene, options)
        except Exception:
            traceback.print_exc()
            print(scene.switch.read_log()[-6000:])
            sys.exit("failed; --seed %d" % options.seed)
        finally:
            scene.close()


if __name__ == "__main__":
    main()
