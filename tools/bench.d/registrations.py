"""CPU per registration of this switch and of Kamailio as a registrar, measured in one run on this machine.

By hand: the release build of tools/bench, Kamailio, sqlite3, libcrypto.

N phones register at a given rate (REGISTER, 401, REGISTER with a digest, 200), each from an address of its own unless they
are told to share one. First all of them do, then the peers take turns, several rounds: the next phones refresh, and then as
many of which every second one has a wrong password. CPU is that of all processes of the peer (/proc/PID/stat), for both
REGISTERs together. Memory is the proportional set size. At the end each peer is left alone for a while, with all phones
bound.

With --instructions the instructions in user space are counted instead, under valgrind: that takes long, and no load of
others disturbs it.
"""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bench

PHONES_MAX, RATE_MAX, SECONDS_MAX = 100000, 5000, 60
FIRST_USER = 1000000  # as in registrations.c
FEW, MORE = 200, 1200  # registrations: the difference is counted, so the start is not


def softswitch(folder, port, phones, binary):
    program = [binary, "--db", f"{folder}/softswitch.db", "--journal", f"{folder}/journal"]
    subprocess.run(program + ["--init"], check=True)
    subprocess.run(["sqlite3", "-bail", f"{folder}/softswitch.db", f"""
        insert into endpoint (name, password) with recursive phone(n) as
            (select {FIRST_USER} union all select n + 1 from phone where n < {FIRST_USER + phones - 1})
            select n, 'secret-' || n from phone;"""], check=True)
    return program + ["--listen", f"sip:127.0.0.1:{port};transport=udp"]


def kamailio(folder, port, phones, binary):
    return [shutil.which("kamailio", path=os.environ["PATH"] + ":/usr/sbin"), "-DD", "-E", "-x", "fm", "-m", "1024", "-n", "1",
            "-l", f"udp:127.0.0.1:{port}", "-Y", folder, "-f", f"{bench.HERE}/registrar.cfg"]


PEERS = {"kamailio": kamailio, "softswitch": softswitch}


def session_pss_kib(session):
    """Memory of the session's processes, what they share counted once."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                if int(f.read().rpartition(")")[2].split()[3]) != session:
                    continue
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            continue
    return total


class Peer:
    """A running peer with the phones that register there."""

    def __init__(self, label, options, wrap=()):
        name, _, binary = label.partition("=")
        self.label = label
        self.folder = tempfile.mkdtemp(prefix="registrations-")
        self.port = bench.free_ports(1)[0]
        command = PEERS[name](self.folder, self.port, options.phones, os.path.abspath(binary or bench.SOFTSWITCH))
        self.server = self.phones = None
        self.log = open(f"{self.folder}/log", "w")
        try:
            wrap = [word.replace("FOLDER", self.folder) for word in wrap]
            self.server = subprocess.Popen([*wrap, *command], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log,
                                           stderr=self.log, start_new_session=True)
            bench.wait_bound(self.port, self.server)
            self.empty_kib = session_pss_kib(self.server.pid)
            self.phones = subprocess.Popen([options.generator, str(self.port), str(options.phones),
                                            *["shared"] * options.shared], text=True,
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        except BaseException:
            self.stop()
            raise

    def cpu(self):
        return bench.session_cpu_seconds(self.server.pid)

    def register(self, rate, count, wrong=0):
        """The next `count` phones register, every `wrong`-th with a wrong password. A dict of figures."""
        drops, cpu = bench.udp_socket_drops(self.port), self.cpu()
        self.phones.stdin.write(f"{rate} {count} {wrong}\n")
        self.phones.stdin.flush()
        line = self.phones.stdout.readline()
        if not line or self.server.poll() is not None:
            sys.exit(f"registrations: {self.label} died")
        figures = {key: int(value) for key, _, value in (field.partition("=") for field in line.split())}
        figures["us"] = (self.cpu() - cpu) * 1e6 / count
        figures["drops"] = bench.udp_socket_drops(self.port) - drops
        return figures

    def stop(self):
        for process in filter(None, (self.phones, self.server)):
            bench.stop(process)
        self.phones = self.server = None
        self.log.close()

    def remove(self):
        shutil.rmtree(self.folder)


def told(figures):
    return (f"{figures['us']:>6.1f} us  p50 {figures['p50_us']:>5}  p99 {figures['p99_us']:>6}  max {figures['max_us']:>6} us  "
            + "  ".join(f"{key} {figures[key]}" for key in ("registered", "denied", "failed", "lost", "resent", "drops")))


def measure(options):
    peers = []
    try:
        for label in options.peers:
            peers.append(Peer(label, options))
            print(f"{label}: all phones   {told(peers[-1].register(options.rate, options.phones))}", flush=True)
        results = {(peer.label, wrong): [] for peer in peers for wrong in (0, 2)}
        for number in range(1, options.rounds + 1):
            for peer in peers:
                for wrong in (0, 2):
                    figures = peer.register(options.rate, options.rate * options.seconds, wrong)
                    results[peer.label, wrong].append(figures)
                    print(f"{peer.label}: round {number}{' wrong' if wrong else '      '} {told(figures)}", flush=True)
        for peer in peers:
            cpu = peer.cpu()
            time.sleep(options.rest)
            print(f"{peer.label}: {session_pss_kib(peer.server.pid) / 1024:.1f} MiB with all bound, {peer.empty_kib / 1024:.1f} at the "
                  f"start; at rest {(peer.cpu() - cpu) * 100 / options.rest:.2f} % of a core")
    finally:
        for peer in peers:
            peer.stop()
            peer.remove()
    first = {wrong: statistics.median(f["us"] for f in results[options.peers[0], wrong]) for wrong in (0, 2)}
    print(f"\n{options.phones} phones, {options.rate} registrations/s, {options.rounds} round(s) of {options.seconds} s, medians\n")
    print(f"{'':<24}{'CPU us':>8}{'ratio':>8}{'p50 us':>8}{'p99 us':>8}")
    for (label, wrong), rounds in results.items():
        us, p50, p99 = (statistics.median(f[key] for f in rounds) for key in ("us", "p50_us", "p99_us"))
        print(f"{os.path.basename(label) + (', half wrong' if wrong else ''):<24}{us:>8.1f}{us / first[wrong]:>8.2f}{p50:>8.0f}{p99:>8.0f}")


def instructions(label, options, count, wrong):
    """In user space, until `count` phones have registered."""
    peer = Peer(label, options, ("valgrind", "-q", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes",
                                 "--cachegrind-out-file=FOLDER/cg.%p"))
    try:
        figures = peer.register(50, count, wrong)
        if figures["registered"] + figures["denied"] != count:
            sys.exit(f"registrations: {label}: {figures}")
        peer.stop()
        total = 0
        for name in glob.glob(f"{peer.folder}/cg.*"):
            with open(name, errors="replace") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("summary:"))
        return total
    finally:
        peer.stop()
        peer.remove()


def count_instructions(options):
    for wrong in (0, 2):
        # Without wrong passwords refreshes are counted; with them each phone registers once, or some would be suspended.
        options.phones = MORE if wrong else FEW
        for label in options.peers:
            few, more = (instructions(label, options, count, wrong) for count in (FEW, MORE))
            print(f"{label}{', half wrong' if wrong else ''}: {(more - few) / (MORE - FEW) / 1000:.1f} thousand instructions per "
                  "registration", flush=True)


def main():
    p = argparse.ArgumentParser(prog="tools/bench.d/registrations.py",
                                description="CPU per registration: this switch and Kamailio as a registrar")
    p.add_argument("--phones", type=bench.bounded(1, PHONES_MAX), default=50000, help=f"1-{PHONES_MAX} (50000)")
    p.add_argument("--rate", type=bench.bounded(1, RATE_MAX), default=1000, help=f"registrations per second, 1-{RATE_MAX} (1000)")
    p.add_argument("--seconds", type=bench.bounded(1, SECONDS_MAX), default=6, help=f"of a round, 1-{SECONDS_MAX} (6)")
    p.add_argument("--rounds", type=bench.bounded(1, 9), default=5, help="of each peer, 1-9 (5)")
    p.add_argument("--rest", type=bench.bounded(1, 60), default=10, help="seconds without any load, 1-60 (10)")
    p.add_argument("--shared", action="store_true", help="all phones at one address, as behind a proxy")
    p.add_argument("--instructions", action="store_true", help="count them instead; takes valgrind, and few phones")
    p.add_argument("peers", nargs="*", help="kamailio, softswitch, softswitch=BINARY; the first is what others are compared with")
    options = p.parse_args()
    options.peers = options.peers or list(PEERS)
    for label in options.peers:
        if label.partition("=")[0] not in PEERS:
            p.error(f"no peer named {label}")
    with tempfile.TemporaryDirectory(prefix="registrations-") as folder:
        options.generator = f"{folder}/phones"
        subprocess.run(["cc", "-O2", "-o", options.generator, f"{bench.HERE}/registrations.c", "-lcrypto"], check=True)
        if options.instructions:
            count_instructions(options)
        else:
            measure(options)


if __name__ == "__main__":
    main()
