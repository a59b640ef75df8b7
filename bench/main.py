#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures tcpmill: scripts/bench builds it and runs this.

Sections are measured one after the other and kept in build/bench.json; from there bench/RESULTS.md,
docs/speed.svg and README's table are written, so that one section can be measured again without the
others. Ends with an error as soon as a program counts other packets or flows than were generated.
"""

import argparse
import datetime
import json
import pathlib
import signal
import sys
import time

import machine
import report
from kit import REPO, Kit
from process import LeftOut, Wrong, say

# Of what is kept in the store; another number when a section keeps other things.
FORM = 1


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="LIST", help="of the sections only these: " + ",".join(report.SECTIONS))
    parser.add_argument("--quick", action="store_true",
                        help="a look whether all works: tiny traces, one round; writes to build/bench-quick only")
    parser.add_argument("--rounds", type=int, metavar="N", help="of every section [5; 3 of slow ones, 15 of start-up]")
    parser.add_argument("--packets", type=int, metavar="N", help="no trace longer than that")
    parser.add_argument("--before", metavar="TCPMILL", help="another build, timed in the same rounds")
    parser.add_argument("--report", action="store_true", help="measure nothing, write what is in the store")
    parser.add_argument("--install-peers", action="store_true",
                        help="first install the programs to compare with (Debian packages)")
    parser.add_argument("--dir", default="/dev/shm", help="where traces go, a file system in memory [/dev/shm]")
    parser.add_argument("--disk", default="/var/tmp", help="where the cold file goes, a real disk [/var/tmp]")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR",
                        help="where RESULTS.md, speed.svg and README.md are written, beside each other "
                             "[bench/, docs/ and the README of this repository]")
    parser.add_argument("--tcpmill", default=REPO / "build/tcpmill", help="program to measure")
    parser.add_argument("--generator", default=REPO / "build/datasets/tcpmill-generate")
    parser.add_argument("--tool", default=REPO / "build/bench/tcpmill-bench", help="its own measuring program")
    parser.add_argument("--static", help="the program with chosen drivers linked in [found beside the other]")
    args = parser.parse_args()
    args.sections = args.only.split(",") if args.only else list(report.SECTIONS)
    unknown = [name for name in args.sections if name not in report.SECTIONS]
    if unknown:
        parser.error(f"no section '{unknown[0]}': expected {', '.join(report.SECTIONS)}")
    if args.quick and args.out is None:
        args.out = REPO / "build/bench-quick"
    args.store = (args.out or REPO / "build") / "bench.json"
    return args


def command_line():
    given = [word for word in sys.argv[1:] if word != "--install-peers"]
    return " ".join(["scripts/bench", *given])


def measure(args, store):
    kit = Kit(args)
    try:
        for name in args.sections:
            module = report.SECTIONS[name]
            say(f"{name}: {module.TITLE}")
            start, load = time.monotonic(), machine.load()
            try:
                data = module.measure(kit)
            except LeftOut as reason:
                say(f"{name}: left out: {reason}")
                data = {"left_out": str(reason)}
            store[name] = {
                "form": FORM, "data": data, "machine": machine.describe(), "commit": machine.commit(),
                "build": machine.build(kit.tcpmill), "command": command_line(), "rounds": kit.nb_rounds(getattr(module, "ROUNDS", None)),
                "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                "load": load, "quick": args.quick, "seconds": time.monotonic() - start,
            }
            args.store.parent.mkdir(parents=True, exist_ok=True)
            part = args.store.with_suffix(".part")
            part.write_text(json.dumps(store, indent=1) + "\n")
            part.rename(args.store)
            print("\n".join(report.section(name, store[name])), flush=True)
    finally:
        kit.close()


def read_store(args):
    """What earlier runs left, but for what an older kit left in another form."""
    try:
        store = json.loads(args.store.read_text())
    except FileNotFoundError:
        return {}
    return {name: entry for name, entry in store.items() if entry.get("form") == FORM and name in report.SECTIONS}


def main():
    args = arguments()
    # A benchmark that is stopped takes its gigabytes in memory with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    store = {} if args.quick else read_store(args)
    try:
        if not args.report:
            measure(args, store)
        report.write(store, args.out)
    except Wrong as wrong:
        sys.exit(f"scripts/bench: {wrong}\n(what was measured before is kept: --only goes on from there)")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
