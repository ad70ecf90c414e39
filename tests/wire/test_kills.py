"""
Two hundred calls outlive five kills, over UDP, TCP and TLS. Meanwhile some ring with reliable provisional responses, sessions
are refreshed by either side, calls are held and resumed, and callers vanish.
"""

import asyncio
import random
import socket
import time

import sip
from agent import ALLOW
from crash_matrix import CrashAgent
from lossy import Link
from matrix import Matrix
from net import same
from peer import SO_TIMESTAMPNS
from procedures import Run, procedure, procedures
from runner import run, variants
from steps import up
from stream_matrix import Wire
from switch import BINARY

KILLS, SPEED = 5, 4


def count_calls():
	"""A quarter with the sanitizer: two hundred are too many for a machine that is busy besides."""
	with open(BINARY, "rb") as binary:
		return 50 if b"__asan_init" in binary.read() else 200


CALLS = count_calls()
PARAMETERS = {"SS_SIP_RESEND_INTERVAL": "2,4,8,8", "SS_SIP_SESSION_TTL": "90", "SS_SIP_100REL": "Supported",
	"SS_SIP_TIMEOUT_INVITE": "120", "SS_SIP_TIMEOUT_TRYING": "300", "SS_SIP_TIMEOUT_RINGING": "600"}
REFRESHERS = (None, "us", "switch")
EXACT_S, PATIENCE_S = 1.5, 1


class Talker(CrashAgent):
	"""
	Every second of its offers holds the call. `answers`: what it answers just now; `asked`: whether it is there, since the last
	kill.
	"""

	answers, asked = b"", True

	def offer(self):
		hold = b"recvonly" if b"sendonly" in self.answers else b"sendonly" if not self.answers and self.version % 2 else b"sendrecv"
		return super().offer().replace(b"sendrecv", hold)

	def on_request(self, server):
		self.asked |= server.request.method == "OPTIONS"
		super().on_request(server)

	def on_inside(self, server):
		self.answers = server.request.body
		super().on_inside(server)
		self.answers = b""

	def vanish(self):
		"""As if its machine were switched off."""
		self.mute, self.state = True, "down"
		for transaction in (*self.clients.values(), *self.servers.values(), *self.reliable.values()):
			transaction.stop()

	def crashed(self):
		"""
		Its 100 may have left before the switch could note that there was a re-INVITE. RFC 3261 would have the caller hang up;
		it tries again, so that the call shows what it is worth.
		"""
		for client in self.clients.values():
			if client.provisional and not client.final and client is not self.first:
				asyncio.get_running_loop().call_later(PATIENCE_S, self.on_silence, client)

	def give_up(self, client):
		client.stop()
		client.final = self.response(client.request, 408, b"", [])
		self.run.touch()

	async def act(self):
		"""Refresh the session or change it until the other side has accepted."""
		status = None
		while status != 200 and self.state == "up":
			if self is self.run.changes:
				client = await self.negotiate("UPDATE" if "UPDATE" in self.allow else "INVITE")
			else:
				client = self.request("UPDATE")
				await self.run.until(lambda c=client: c.final, "an answer to the refresh")
			status = client and client.final.status
			if status not in (200, 408, 491, 500):
				self.run.wrong("%s: its request got %s" % (self.name, status))
				return
			await asyncio.sleep(0 if status == 200 else PATIENCE_S / 5)


class KilledRun(Run):
	"""`number` decides which kind of call it is."""

	limit_s = 60
	crashed = False

	def __init__(self, traffic, of, number):
		super().__init__(traffic, of, number)
		self.changes = self.agents[number // 2 % 2] if number % 2 else None
		self.caller.refresher, self.gateway.refresher = REFRESHERS[number % 3], REFRESHERS[number // 3 % 3]
		self.caller.rel100 = self.gateway.rel100 = number // 9 % 2 == 0
		self.caller.allow = ALLOW if number % 2 == 0 or number % 4 == 3 else ALLOW.replace(", UPDATE", "")
		self.rings_until = number // 4 % KILLS + 1 if number % 4 == 0 else 0  # so many kills
		self.vanishes = number % 20 == 7
		self.comes_back = number % 20 == 13
		if self.vanishes or self.comes_back:
			self.changes = self.caller.refresher = self.gateway.refresher = None
			if traffic.transport != "udp":
				self.caller.host_port = traffic.nowhere  # only its own connection leads to it

	def agent(self, name, _, greeting=()):
		index = name != "caller"
		agent = Talker(self, name, Link(self, name, lambda raw: self.matrix.send(index, raw)), self.matrix.host_port(index), (100, 183, 180))
		agent.transport = self.matrix.transport
		agent.link.witness.prompt = False  # on a busy machine
		agent.link.witness.ordered = agent.transport == "udp"  # else two connections may bring them
		return agent

	def on_kill(self, when):
		self.crashed = True
		for agent in self.agents:
			agent.link.witness.crashed(when)
			agent.crashed()
			agent.asked = agent.state != "up"
		if self.comes_back and self.caller.state == "up":
			self.caller.request("OPTIONS")
		self.touch()

	async def set_up(self):
		self.call()
		await self.until(lambda: self.caller.first.provisional and self.caller.first.provisional.status == 180, "it rings")
		while self.matrix.kills < self.rings_until:
			await asyncio.sleep(random.uniform(0.1, 0.5))
			self.gateway.answer(180)  # the next PRACK
		self.gateway.answer(200)
		await up(self)

	async def side(self, agent):
		while self.matrix.kills < KILLS and not (self.vanishes and self.matrix.kills > self.rings_until):
			await asyncio.sleep(random.uniform(0.5, 1.5))
			if agent is self.changes or agent.refresher == "us":
				await agent.act()

	async def talk(self):
		await asyncio.gather(*(self.side(agent) for agent in self.agents))

	async def end(self):
		if self.vanishes:
			self.caller.vanish()
			await self.until(lambda: self.gateway.state == "down", "the gateway is told that the caller has gone")
			self.expected = {"end_direction": 2}
		else:
			await self.until(lambda: all(agent.asked for agent in self.agents), "both sides are asked")
			await self.quiet()
			self.agree_up()
			one = random.choice(self.agents)
			one.bye()
			self.ended_by(one)

	def lasted(self):
		"""Seconds from the 200 of the gateway that reached the switch to the first BYE."""
		def passed(way, label):
			return [when for when, along, message, _ in self.trace if along.endswith(way) and message.label == label]
		heard, = passed("switch->caller", "200 INVITE")[:1]
		return passed("->switch", "BYE")[0] - max(when for when in passed("gw1->switch", "200 INVITE") if when <= heard)

	def judge(self, rows):
		if len(rows) != 1:
			self.wrong("%d rows in cdr" % len(rows))
			return
		row, = rows
		self.expected["sip_code"] = 200
		self.same("the record", {name: row[name] for name in self.expected}, self.expected)
		if self.problems or self.vanishes:
			return
		lasted = self.lasted()
		if abs(row["hold_ms"] / 1000 / SPEED - lasted) > EXACT_S:
			self.wrong("hold_ms is %s, expected %d" % (row["hold_ms"], lasted * 1000 * SPEED))
		for agent in self.agents:
			if agent.refresher == "switch" and not self.changes and lasted > 60 / SPEED:
				self.same("%s was refreshed" % agent.name, agent.refreshed > 0, True)


@procedure("life")
async def life(r):
	await r.set_up()
	await r.talk()
	await r.end()


class Traffic:
	"""What the calls share, as a matrix is for its runs. `kills`: how many there have been."""

	icmp = stranger = None
	read = Matrix.read

	def __init__(self, s, transport):
		self.s, self.transport, self.kills, self.asked = s, transport, 0, 0
		self.legs, self.callees, self.strays = {}, {}, []
		self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
		self.wires = [Wire(self, index, s.tls) for index in range(2)]
		self.nowhere = sip.host_port("127.0.0.1", s.net.refusing_port(transport="tcp"))
		for sock in self.sockets:
			sock.bind(("127.0.0.1", 0))
			sock.setblocking(False)
			sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
			sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

	def host_port(self, index):
		return sip.host_port(*self.sockets[index].getsockname()) if self.transport == "udp" else self.wires[index].host_port

	def send(self, index, raw):
		if self.transport == "udp":
			self.sockets[index].sendto(raw, self.switch_address)
		else:
			self.wires[index].send(raw)

	def find(self, index, message):
		self.asked += index == 1 and message.method == "OPTIONS" and not message.is_response
		if self.transport != "udp":
			message.time = time.time()
		Matrix.find(self, index, message)

	def begin(self):
		for index, (sock, wire) in enumerate(zip(self.sockets, self.wires)):
			wire.begin()
			asyncio.get_running_loop().add_reader(sock, self.read, index)

	async def kill(self):
		"""
		The switch dies, some time after it has asked the gateway about all calls that had been answered, and is started again.
		What it sent before has been read when the calls hear of it.
		"""
		loop = asyncio.get_running_loop()
		while self.asked < self.wanted:
			await asyncio.sleep(0.01)
		await asyncio.sleep(random.uniform(0.3, 1))
		await loop.run_in_executor(None, self.s.switch.kill)
		while any(wire.connections for wire in self.wires):
			await asyncio.sleep(0.01)
		died = time.time()
		for one in self.runs:
			one.on_kill(died)
		self.asked, self.wanted = 0, sum(one.gateway.state == "up" and not one.vanishes for one in self.runs)
		await loop.run_in_executor(None, self.s.switch.start_again)
		self.kills += 1

	async def play(self):
		self.begin()
		self.runs = [KilledRun(self, procedures[0], number) for number in range(CALLS)]
		for one in self.runs:
			self.callees[one.callee] = one
			self.legs[0, one.caller.dialog.call_id] = one.caller
		playing = [asyncio.create_task(one.play()) for one in self.runs]
		while any(one.caller.state != "up" and not one.rings_until for one in self.runs):
			await asyncio.sleep(0.01)
		self.wanted = 0
		for _ in range(KILLS):
			await self.kill()
		await asyncio.gather(*playing)

	def close(self):
		for sock in (*self.sockets, *(wire.listener for wire in self.wires)):
			sock.close()


@variants(("udp", "udp"), ("tcp", "tcp"), ("tls", "tls"))
def two_hundred_calls_outlive_five_kills_over(s, transport):
	if transport == "tls":
		s.peer("authority", "tls")
	traffic = Traffic(s, transport)
	port = int(traffic.host_port(1).rpartition(":")[2])
	s.vendor("gw", port, transport, **({"tls_verify": "Off"} if transport == "tls" else {}))
	s.start(listen=(transport,), clock_speed=SPEED, **PARAMETERS)
	traffic.switch_address = s.switch.addresses[transport]
	asyncio.run(traffic.play())
	traffic.close()
	s.net.until(lambda: len(s.switch.records(None)) >= CALLS or any(one.problems for one in traffic.runs), "the records", step=0.1)
	rows = {}
	for row in s.switch.records(None):
		rows.setdefault(row["callee_in"], []).append(row)
	for one in traffic.runs:
		one.judge(rows.get(one.callee, []))
		if one.problems:
			print(one.report())
	same(([one.name for one in traffic.runs if one.problems], traffic.strays), ([], []))


if __name__ == "__main__":
	run()
