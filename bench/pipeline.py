#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The pipeline's speed: generated captures in /dev/shm, one worker and all cores; records, and verdicts.

Each row is the median of several runs, taken in turn with the others and with dd of the same file, so
that a machine whose speed drifts drifts for all of them. `run` is timed from the first read to the last
record, EAL's start-up apart; `verdicts` as a whole process whose output is thrown away. --before
times another build of the program beside this one. Writes bench/RESULTS.md.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

REPO = pathlib.Path(__file__).resolve().parent.parent

# name, what it is, generator arguments; %d is the number of packets
TRACES = (
    ("100 K live flows, 96-byte snaplen", ["--flows", "100000", "--live", "100000", "--size", "96snap"]),
    ("1 K live flows, 96-byte snaplen", ["--flows", "100000", "--live", "1000", "--size", "96snap"]),
)


def shell(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True)


def generate(generator, packets, extra, path):
    made = shell(generator, "bulk", "--packets", str(packets), "--seed", "1", *extra, "-o", path)
    return dict(pair.split("=") for pair in made.stderr.split() if "=" in pair)


def run_records(tcpmill, path, workers, counts):
    """`run` with records. Returns seconds, peak RSS and start-up; stops when a count is wrong."""
    out = "/dev/shm/tcpmill-bench.arrow"
    summary = json.loads(shell(tcpmill, "run", path, "--workers", str(workers), "--json", "-w", out).stdout)
    os.unlink(out)
    if summary["packets"] != int(counts["packets"]) or \
            summary["books"]["tracked"] != int(counts["tcp_packets"]) or \
            summary["records"] != int(counts["flows"]):
        sys.exit(f"{path}: counted {summary['packets']} packets, {summary['records']} flows; "
                 f"the generator made {counts}")
    return (summary["read_seconds"] + summary["write_seconds"], summary["peak_rss_bytes"],
            summary["startup_seconds"])


def run_verdicts(tcpmill, path, workers, counts, *options):
    del counts
    start = time.monotonic()
    child = subprocess.Popen([tcpmill, "verdicts", "-q", *options, "--workers", str(workers), path],
                             stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{path}: verdicts: exit status {child.returncode}")
    return time.monotonic() - start, usage.ru_maxrss * 1024, 0.0


def run_json(tcpmill, path, workers, counts):
    return run_verdicts(tcpmill, path, workers, counts, "--json")


def dd_seconds(path):
    start = time.monotonic()
    subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M"], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(args, path, counts, workers):
    """Rounds of everything in turn. Returns {(what, workers): [result]}, [dd seconds]."""
    kinds = [("run -w", args.tcpmill, run_records)]
    if args.before:
        kinds.append(("run -w, before", args.before, run_records))
    kinds += [("verdicts", args.tcpmill, run_verdicts), ("verdicts --json", args.tcpmill, run_json)]
    runs, floor = {}, []
    for _ in range(args.rounds):
        floor.append(dd_seconds(path))
        for w in workers:
            for what, tcpmill, function in kinds:
                runs.setdefault((what, w), []).append(function(tcpmill, path, w, counts))
    return runs, floor


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    caches = {}
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        caches["L" + (index / "level").read_text().strip()] = (index / "size").read_text().strip()
    sizes = ", ".join(f"{level} {size}" for level, size in caches.items())
    return f"{cpu}, {os.cpu_count()} CPUs, {sizes}, Linux {platform.release()}"


def rows(name, packets, size, runs, floor):
    lines = []
    for (what, workers), results in runs.items():
        seconds = statistics.median(r[0] for r in results)
        spread = [packets / r[0] / 1e6 for r in results]
        startup = statistics.median(r[2] for r in results)
        lines.append(f"| {name} | {what} | {workers} | {packets / seconds / 1e6:.2f} "
                     f"({min(spread):.2f}-{max(spread):.2f}) | {size / seconds / 1e9:.2f} | "
                     f"{seconds / packets * 1e9:.0f} | {statistics.median(floor) / seconds * 100:.0f} % | "
                     f"{statistics.median(r[1] for r in results) / 1e6:.0f} | "
                     f"{f'{startup:.2f}' if startup else 'in it'} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tcpmill", default=str(REPO / "build/tcpmill"))
    parser.add_argument("--generator", default=str(REPO / "build/datasets/tcpmill-generate"))
    parser.add_argument("--packets", type=int, default=30000000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", metavar="TCPMILL", help="another build, timed beside this one")
    args = parser.parse_args()
    workers = sorted({1, len(os.sched_getaffinity(0))})
    commit = shell("git", "-C", str(REPO), "describe", "--always", "--dirty").stdout.strip()
    path = "/dev/shm/tcpmill-bench.pcap"
    lines = ["| trace | command | workers | Mpps, median (min-max) | GB/s | ns/packet | dd's time / ours "
             "| peak RSS, MB | start-up, s |", "|---|---|---|---|---|---|---|---|---|"]
    for name, extra in TRACES:
        counts = generate(args.generator, args.packets, extra, path)
        runs, floor = measure(args, path, counts, workers)
        lines += rows(name, args.packets, os.path.getsize(path), runs, floor)
        os.unlink(path)
    text = "\n".join([
        "# How fast", "",
        f"Machine: {machine()}. Commit {commit}. `scripts/bench`: {args.packets:,} packets a trace in /dev/shm, "
        f"{args.rounds} rounds, every row and `dd bs=1M` of the same file in turn. `run` writes records, and its packets "
        "and flows are checked against the generator's count; `verdicts` is a whole process, start-up included, "
        "that prints a line a packet to /dev/null.", ""] + lines + [""])
    print(text)
    notes = REPO / "bench" / "NOTES.md"
    (REPO / "bench" / "RESULTS.md").write_text(text + ("\n" + notes.read_text() if notes.exists() else ""))


if __name__ == "__main__":
    main()
