"""Goodput in overload: what is left of the peak at twice the load, and how soon all is well again.

The switch gets a share of one core by a CPU control group (root only, version 1 or 2); callers and gateway (calls.c)
have the rest of the machine. Its quota is dealt out in periods of 10 ms: in the usual 100 ms the switch would stand
still for 90 ms at a time, as no slow machine does. The peak is the best goodput (calls hung up per second) at any load;
it is looked for in steps of 10 %. What is compared then is what the same switch does at that load before and after a
time at twice the peak. Transactions stay for 32 s, and a switch that remembers few of them is a faster one: each of the
two is preceded by 40 s of its load. Several builds can be given; they take turns. Others must not use the machine.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time

import bench

PERIOD_US = 10000
STEP_SECONDS = 8
STEADY_SECONDS = 40  # until as many transactions end as begin
PEAK_SECONDS = 30
SPARE = 0.7  # of the peak: the load afterwards


class Share:
    """A CPU control group with `percent` of one core."""

    def __init__(self, percent):
        quota = PERIOD_US * percent // 100
        name = f"softswitch-{os.getpid()}-{time.monotonic_ns()}"
        self.folder = f"/sys/fs/cgroup/cpu/{name}"
        settings = {"cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": quota}
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as f:
                f.write("+cpu")
            self.folder = f"/sys/fs/cgroup/{name}"
            settings = {"cpu.max": f"{quota} {PERIOD_US}"}
        os.mkdir(self.folder)
        for name, value in settings.items():
            self.write(name, value)

    def write(self, name, value):
        with open(f"{self.folder}/{name}", "w") as f:
            f.write(str(value))

    def remove(self):
        while True:  # the kernel takes a moment to let go of a process that has ended
            with contextlib.suppress(OSError):
                os.rmdir(self.folder)
                return
            time.sleep(0.01)


def offer(generator, ports, *parts):
    """Each part is (rate, seconds); a dict of figures for each."""
    command = [generator, *map(str, ports), *(f"{rate}x{seconds}" for rate, seconds in parts)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures = [{key: int(value) for key, _, value in (field.partition("=") for field in line.split())}
               for line in out.splitlines()]
    for one in figures:
        one["goodput"] = one["completed"] / one["seconds"]
    return figures


def find_peak(generator, ports):
    """The load at the peak. Each step is preceded by two seconds of the same load, which are not counted."""
    rate, best, best_rate, worse = 200, 0, 0, 0
    while worse < 3:
        goodput = offer(generator, ports, (rate, 2), (rate, STEP_SECONDS))[1]["goodput"]
        print(f"  at {rate} calls/s: {goodput:.0f}", flush=True)
        worse += 1
        if goodput > best:
            best, best_rate, worse = goodput, rate, 0
        rate = int(rate * (1.5 if goodput > 0.97 * rate and rate < 500 else 1.1))
    return best, best_rate


@contextlib.contextmanager
def running(binary, percent):
    """A switch with its share; its port and that of its gateway."""
    ports = bench.free_ports(2)
    with tempfile.TemporaryDirectory(prefix="overload-") as folder, open(f"{folder}/log", "w") as log:
        share = Share(percent)
        server = subprocess.Popen(bench.softswitch(folder, *ports, binary), cwd=folder, stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log, start_new_session=True)
        try:
            share.write("cgroup.procs", server.pid)
            bench.wait_bound(ports[0], server)
            yield ports
            if server.poll() is not None:
                sys.exit("overload: the switch died")
        finally:
            bench.stop(server)
            share.remove()


def measure(binary, generator, options):
    with running(binary, options.share) as ports:
        peak, rate = (options.peak, options.peak) if options.peak else find_peak(generator, ports)
        at_peak = (rate, STEADY_SECONDS), (rate, PEAK_SECONDS)
        parts = offer(generator, ports, *at_peak, (2 * int(peak), options.seconds), (int(SPARE * peak), 10), *at_peak)
        return statistics.mean((parts[1]["goodput"], parts[5]["goodput"])), parts[2], parts[3]


def main():
    p = argparse.ArgumentParser(prog="tools/bench.d/overload.py", description="goodput at twice the peak load")
    p.add_argument("--share", type=bench.bounded(5, 100), default=10, help="of one core, percent (10)")
    p.add_argument("--seconds", type=bench.bounded(5, 300), default=60, help="at twice the peak (60)")
    p.add_argument("--rounds", type=bench.bounded(1, 9), default=1, help="of each build (1)")
    p.add_argument("--peak", type=bench.bounded(50, 20000), help="calls/s, if known")
    p.add_argument("binary", nargs="*", default=[bench.SOFTSWITCH], help="builds of the switch (build-bench's)")
    options = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("overload: a CPU control group takes root")
    ratios = {binary: [] for binary in options.binary}
    for _ in range(options.rounds):
        for binary in options.binary:
            with tempfile.TemporaryDirectory(prefix="overload-") as folder:
                generator = f"{folder}/calls"
                subprocess.run(["cc", "-O2", "-o", generator, f"{bench.HERE}/calls.c"], check=True)
                peak, over, after = measure(os.path.abspath(binary), generator, options)
            ratios[binary].append(over["goodput"] / peak)
            print(f"{binary}: peak {peak:.0f} calls/s; at {over['rate']}: {over['goodput']:.0f} = {100 * ratios[binary][-1]:.0f} %, "
                  f"setup {over['setup_ms']} ms, 503 {over['refused'] - over['unexplained']}, other failures "
                  f"{over['unexplained'] + over['lost']}, resent {over['resent']}; at {after['rate']}: well after "
                  f"{after['settled_ms'] / 1000:.1f} s", flush=True)
    for binary, of_it in ratios.items():
        print(f"{binary}: median {100 * statistics.median(of_it):.0f} % of the peak at twice the peak")


if __name__ == "__main__":
    main()
