"""What a matrix over UDP can be harmed with besides the network: ICMP errors, and messages of a stranger."""

import contextlib
import re
import socket
import struct

STRANGER = "127.0.0.66"


def raw_socket():
	"""To send ICMP with; None for those who may not."""
	with contextlib.suppress(PermissionError):
		return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
	return None


def checksum(data):
	total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
	total = (total >> 16) + (total & 0xffff)
	return ~(total + (total >> 16)) & 0xffff


def unreachable(sender, receiver, data):
	"""An ICMP message that brings this datagram back to its sender: nobody listens at that port (RFC 792)."""
	udp = struct.pack("!HHHH", sender[1], receiver[1], 8 + len(data), 0) + data
	ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
		socket.inet_aton(sender[0]), socket.inet_aton(receiver[0]))
	quoted = (ip + udp)[:576 - 28]
	quoted += b"\0" * (len(quoted) % 2)
	head = struct.pack("!BBHI", 3, 3, 0, 0)
	return head[:2] + struct.pack("!H", checksum(head + quoted)) + head[4:] + quoted


def forged(raw):
	"""The message as somebody would make it up who has not seen its branch and the tag of the switch."""
	raw = re.sub(rb"(;branch=z9hG4bK)(.)", lambda found: found[1] + (b"0" if found[2] != b"0" else b"1"), raw, count=1)
	tag = rb"(?m)^(From:.*;tag=)(.)" if raw.startswith(b"SIP/2.0 ") else rb"(?m)^(To:.*;tag=)(.)"
	return re.sub(tag, lambda found: found[1] + (b"0" if found[2] != b"0" else b"1"), raw, count=1)
