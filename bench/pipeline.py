#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The pipeline's speed: generated captures in /dev/shm, one worker and two, records written.

Each row is the median of several runs, taken in turn with the others and with dd of the same file, so
that a machine whose speed drifts drifts for all of them. Rates are wall time from the first read to the
last record; EAL's start-up is apart. Writes bench/RESULTS.md.
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


def run_once(tcpmill, path, workers, out):
    done = shell(tcpmill, "run", path, "--workers", str(workers), "--json", "-w", out)
    summary = json.loads(done.stdout)
    summary["seconds"] = summary["read_seconds"] + summary["write_seconds"]
    return summary


def dd_seconds(path):
    start = time.monotonic()
    subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M"], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(args, path, counts, workers):
    """Rounds of every worker count and dd in turn. Returns {workers: [summary]}, [dd seconds]."""
    runs, floor = {w: [] for w in workers}, []
    out = "/dev/shm/tcpmill-bench.arrow"
    for _ in range(args.rounds):
        floor.append(dd_seconds(path))
        for w in workers:
            summary = run_once(args.tcpmill, path, w, out)
            if summary["packets"] != int(counts["packets"]) or \
                    summary["books"]["tracked"] != int(counts["tcp_packets"]) or \
                    summary["records"] != int(counts["flows"]):
                sys.exit(f"{path}: counted {summary['packets']} packets, {summary['records']} flows; "
                         f"the generator made {counts}")
            runs[w].append(summary)
    os.unlink(out)
    return runs, floor


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    caches = {}
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        caches["L" + (index / "level").read_text().strip()] = (index / "size").read_text().strip()
    sizes = ", ".join(f"{level} {size}" for level, size in caches.items())
    return f"{cpu}, {os.cpu_count()} CPUs, {sizes}, Linux {platform.release()}"


def row(name, packets, size, runs, floor):
    lines = []
    for workers, summaries in runs.items():
        seconds = statistics.median(s["seconds"] for s in summaries)
        spread = [packets / s["seconds"] / 1e6 for s in summaries]
        rss = statistics.median(s["peak_rss_bytes"] for s in summaries)
        startup = statistics.median(s["startup_seconds"] for s in summaries)
        lines.append(f"| {name} | {workers} | {packets / seconds / 1e6:.2f} "
                     f"({min(spread):.2f}-{max(spread):.2f}) | {size / seconds / 1e9:.2f} | "
                     f"{seconds / packets * 1e9:.0f} | {statistics.median(floor) / seconds * 100:.0f} % | "
                     f"{rss / 1e6:.0f} | {startup:.2f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tcpmill", default=str(REPO / "build/tcpmill"))
    parser.add_argument("--generator", default=str(REPO / "build/datasets/tcpmill-generate"))
    parser.add_argument("--packets", type=int, default=30000000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    workers = sorted({1, len(os.sched_getaffinity(0))})
    commit = shell("git", "-C", str(REPO), "describe", "--always", "--dirty").stdout.strip()
    path = "/dev/shm/tcpmill-bench.pcap"
    lines = ["| trace | workers | Mpps, median (min-max) | GB/s | ns/packet | dd's time / ours | peak RSS, MB "
             "| start-up, s |", "|---|---|---|---|---|---|---|---|"]
    for name, extra in TRACES:
        counts = generate(args.generator, args.packets, extra, path)
        runs, floor = measure(args, path, counts, workers)
        lines += row(name, args.packets, os.path.getsize(path), runs, floor)
        os.unlink(path)
    text = "\n".join([
        "# How fast", "",
        f"Machine: {machine()}. Commit {commit}. `scripts/bench`: {args.packets:,} packets a trace in /dev/shm, "
        f"{args.rounds} rounds, every row and `dd bs=1M` of the same file in turn; records are written, packets and "
        "flows are checked against the generator's count.", ""] + lines + [""])
    print(text)
    notes = REPO / "bench" / "NOTES.md"
    (REPO / "bench" / "RESULTS.md").write_text(text + ("\n" + notes.read_text() if notes.exists() else ""))


if __name__ == "__main__":
    main()
