"""CPU per call of this switch, of Kamailio and of a plain UDP relay, measured in one run on this machine.

Each peer stands between two SIPp processes on loopback: a caller at a fixed rate and a gateway that rings at once
and answers after 20 ms. A warm-up at the full rate comes first, so that memory is touched and old transactions are
freed as fast as new ones are made; then the CPU time of all the peer's processes (/proc/PID/stat) is counted over
the measured calls. Peers take turns, the table shows the median of the rounds.
"""

import argparse
import csv
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

RATE_MAX, SECONDS_MAX, HOLD_MAX_MS, ROUNDS_MAX = 3000, 60, 10000, 9
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SOFTSWITCH = f"{TOP}/build-bench/softswitch/softswitch"
ANSWER_MS = 20


def free_ports(n):
    held = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


# The peers: each writes what it needs into `folder` and returns the command that listens on `port`.


def relay(folder, port, gateway):
    subprocess.run(["cc", "-O2", "-o", f"{folder}/relay", f"{HERE}/relay.c"], check=True)
    return [f"{folder}/relay", str(port), str(gateway)]


def kamailio(folder, port, gateway):
    with open(f"{HERE}/kamailio.cfg") as source, open(f"{folder}/kamailio.cfg", "w") as out:
        out.write(source.read().replace("GATEWAY", f"127.0.0.1:{gateway}"))
    return [shutil.which("kamailio", path=os.environ["PATH"] + ":/usr/sbin"), "-DD", "-E", "-x", "fm",
            "-m", "512", "-n", "1", "-b", "4194304", "-l", f"udp:127.0.0.1:{port}", "-Y", folder, "-f", f"{folder}/kamailio.cfg"]


def softswitch(folder, port, gateway, binary=SOFTSWITCH):
    program = [binary, "--db", f"{folder}/softswitch.db"]
    subprocess.run(program + ["--init"], check=True)
    subprocess.run(["sqlite3", "-bail", f"{folder}/softswitch.db", f"""
        insert into gateway (name, host, port) values ('gateway', '127.0.0.1', {gateway});
        insert into route (prefix, gateway) values ('', 'gateway');
        insert into mapping_gateway (name, host) values ('caller', '127.0.0.1');"""], check=True)
    return program + ["--listen", f"sip:127.0.0.1:{port};transport=udp"]


PEERS = {"relay": relay, "kamailio": kamailio, "softswitch": softswitch}
LABELS = {"relay": "UDP relay (floor)", "kamailio": "Kamailio", "softswitch": "softswitch"}


def session_cpu_seconds(session):
    """User and system time of every living process of the session."""
    ticks = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                field = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(field[3]) == session:
            ticks += int(field[11]) + int(field[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def udp_socket_drops(port):
    """Datagrams the kernel dropped at the socket bound to 127.0.0.1:port; None while there is no such socket."""
    with open("/proc/net/udp") as f:
        for line in f.readlines()[1:]:
            field = line.split()
            if field[1] == f"0100007F:{port:04X}":
                return int(field[12])
    return None


def wait_bound(port, process):
    end = time.monotonic() + 10
    while udp_socket_drops(port) is None:
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"bench: {process.args[0]} did not come up")
        time.sleep(0.02)


def stop(process):
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def sipp_command(scenario, port, *more):
    return ["sipp", "-sf", f"{TOP}/tools/sipp/{scenario}.xml", "-i", "127.0.0.1", "-p", str(port), "-nostdin",
            "-buff_size", "4194304", *more]


def place_calls(folder, port, caller_port, rate, calls, hold_ms):
    """Run the caller to its end. Returns SIPp's counters: the last line of its statistics as a dict."""
    statistics_file = f"{folder}/caller.csv"
    subprocess.run(
        sipp_command("caller", caller_port, f"127.0.0.1:{port}", "-s", "442079460001", "-key", "caller", "4930123456",
                     "-r", str(rate), "-m", str(calls), "-l", str(rate * (hold_ms // 1000 + 30)), "-d", str(hold_ms),
                     "-trace_stat", "-stf", statistics_file, "-fd", "1",
                     "-timeout", str(calls // rate + hold_ms // 1000 + 40)),
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    with open(statistics_file) as f:
        return list(csv.DictReader(f, delimiter=";"))[-1]


def measure(peer, options):
    """One run against a fresh peer."""
    folder = tempfile.mkdtemp(prefix="bench-")
    port, caller_port, gateway_port = free_ports(3)
    running = []

    def start(command):
        log = open(f"{folder}/{os.path.basename(command[0])}.log", "w")
        running.append(subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True))
        return running[-1]

    try:
        wait_bound(gateway_port, start(sipp_command("gateway", gateway_port, "-d", str(ANSWER_MS))))
        server = start(PEERS[peer](folder, port, gateway_port))
        wait_bound(port, server)
        place_calls(folder, port, caller_port, options.rate, options.rate * options.warm, options.hold)
        drops = udp_socket_drops(port) or 0
        cpu = session_cpu_seconds(server.pid)
        counted = place_calls(folder, port, caller_port, options.rate, options.rate * options.seconds, options.hold)
        cpu = session_cpu_seconds(server.pid) - cpu
        if server.poll() is not None:
            sys.exit(f"bench: {peer} died")
        good = int(counted["SuccessfulCall(C)"])
        return {
            "calls": int(counted["TotalCallCreated"]),
            "failed": options.rate * options.seconds - good,
            "us": cpu * 1e6 / good if good else float("nan"),
            "drops": (udp_socket_drops(port) or 0) - drops,
            "resent": int(counted["Retransmissions(C)"]),
        }
    finally:
        for process in reversed(running):
            stop(process)
        shutil.rmtree(folder)


def print_table(results, options):
    kamailio_us = statistics.median(r["us"] for r in results["kamailio"]) if "kamailio" in results else None
    print(f"\n{options.rate} calls/s, {options.seconds} s after {options.warm} s of warm-up, "
          f"calls held {options.hold} ms, {options.rounds} round(s)\n")
    print(f"{'':<20}{'CPU us/call':>12}{'x Kamailio':>12}{'calls':>9}{'failed':>9}{'drops':>9}{'resent':>9}")
    for peer, rounds in results.items():
        us = statistics.median(r["us"] for r in rounds)
        ratio = f"{us / kamailio_us:.2f}" if kamailio_us else "-"
        total = {key: sum(r[key] for r in rounds) for key in ("calls", "failed", "drops", "resent")}
        print(f"{LABELS[peer]:<20}{us:>12.0f}{ratio:>12}{total['calls']:>9}{total['failed']:>9}"
              f"{total['drops']:>9}{total['resent']:>9}")
    print("\nCPU us/call: user and system time of all processes, median of the rounds; the others are sums."
          "\ndrops: datagrams the kernel dropped at the peer's socket; resent: requests the caller had to repeat.")


def bounded(low, high):
    def check(text):
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not within {low}-{high}")
        return value
    return check


def parse_options():
    p = argparse.ArgumentParser(prog="tools/bench", description="CPU per call: this switch, Kamailio, a UDP relay")
    p.add_argument("--rate", type=bounded(1, RATE_MAX), default=1000, help=f"calls per second, 1-{RATE_MAX} (1000)")
    p.add_argument("--seconds", type=bounded(1, SECONDS_MAX), default=10, help=f"measured time, 1-{SECONDS_MAX} (10)")
    p.add_argument("--warm", type=bounded(1, SECONDS_MAX), default=4, help=f"warm-up, 1-{SECONDS_MAX} s (4)")
    p.add_argument("--hold", type=bounded(0, HOLD_MAX_MS), default=0, help=f"length of a call, 0-{HOLD_MAX_MS} ms (0)")
    p.add_argument("--rounds", type=bounded(1, ROUNDS_MAX), default=3, help=f"runs of each peer, 1-{ROUNDS_MAX} (3)")
    p.add_argument("peers", nargs="*", help=f"only these of: {' '.join(PEERS)}")
    options = p.parse_args()
    for peer in options.peers:
        if peer not in PEERS:
            p.error(f"no peer named {peer}; there are {' '.join(PEERS)}")
    options.peers = options.peers or list(PEERS)
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = {peer: [] for peer in options.peers}
    for number in range(1, options.rounds + 1):
        for peer in options.peers:
            run = measure(peer, options)
            results[peer].append(run)
            print(f"round {number}  {LABELS[peer]:<20}{run['us']:>6.0f} us/call  {run['failed']} failed", flush=True)
    print_table(results, options)


if __name__ == "__main__":
    main()
