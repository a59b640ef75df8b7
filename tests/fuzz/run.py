#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs libFuzzer targets for some time each, from their seeds and tests/fuzz/corpus.

    tests/fuzz/run.py --build build-fuzz --seconds 20 [TARGET...]

What breaks a target is kept in BUILD/crashes: mend it, and put the input into
tests/fuzz/corpus/TARGET, where every build's tests find it from then on. What a target has learnt
is kept in BUILD/learnt and used by the next run.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import common  # noqa: E402

# Bytes of an input: a few records, some dozens of segments; the small table of make.c.
MAX_LEN = {"arrow": 16384, "pcap": 8192, "pcapng": 8192}
MAX_LEN_ELSE = 4096


class Job:
    """A target at work: its process, and the file that it writes to."""

    def __init__(self, args, target):
        self.target = target
        learnt, crashes = args.build / "learnt" / target, args.build / "crashes"
        learnt.mkdir(parents=True, exist_ok=True)
        crashes.mkdir(exist_ok=True)
        folders = [learnt, args.build / "tests/fuzz/seeds" / target, HERE / "corpus" / target]
        self.log = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            [args.build / "tests/fuzz" / f"fuzz-{target}", "-entropic=0", "-timeout=120",
             f"-max_total_time={args.seconds}", f"-max_len={MAX_LEN.get(target, MAX_LEN_ELSE)}",
             "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={crashes}/{target}-",
             *[folder for folder in folders if folder.is_dir()]],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                 "ASAN_OPTIONS": "quarantine_size_mb=64"})

    def finish(self, checks):
        """Waits for its end; inputs tried and seconds of CPU time."""
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        self.log.seek(0)
        text = self.log.read().decode(errors="replace")
        said = re.search(r"number_of_executed_units: *(\d+)", text)
        inputs = int(said[1]) if said else 0
        reach = re.findall(r" cov: (\d+)", text)
        cpu = usage.ru_utime + usage.ru_stime
        broken = re.search(r".*(: expected |runtime error: |ERROR: ).*", text)
        checks.ok(f"{self.target}: nothing breaks it", self.child.returncode == 0,
                  broken[0] if broken else text[-400:])
        checks.ok(f"{self.target}: inputs were tried", inputs > 0, text[-400:])
        checks.note(f"{self.target:<12} {inputs:>12,} inputs {int((reach or [0])[-1]):>7,} "
                    f"branches {cpu:>8.0f} s of CPU time")
        return inputs, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all there are")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build-fuzz")
    parser.add_argument("--seconds", type=int, default=20, help="of each target")
    parser.add_argument("--jobs", type=int, default=1, help="targets at once")
    args = parser.parse_args()
    args.build = args.build.resolve()
    checks = common.Checks("fuzz")
    there = sorted(path.name[5:] for path in (args.build / "tests/fuzz").glob("fuzz-*")
                   if path.is_file() and path.name != "fuzz-make")
    targets = args.targets or there
    if not targets or not set(targets) <= set(there):
        sys.exit(f"tests/fuzz/run.py: expected some of {', '.join(there) or 'none built'}")
    running, total_inputs, total_cpu, start = [], 0, 0.0, time.monotonic()
    while targets or running:
        while targets and len(running) < args.jobs:
            running.append(Job(args, targets.pop(0)))
        inputs, cpu = running.pop(0).finish(checks)
        total_inputs, total_cpu = total_inputs + inputs, total_cpu + cpu
    minutes = (time.monotonic() - start) / 60
    checks.note(f"{'together':<12} {total_inputs:>12,} inputs, {total_cpu / 60:.1f} min of CPU "
                f"time in {minutes:.1f} min")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
