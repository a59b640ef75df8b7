#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""--max-memory holds, says what gave way and in which order, and hangs on no worker or chunk.

Captures that are made to take memory are read with little of it, by one worker and by three: the
bytes are the same, and the process stays below what it was given and a constant for the program.
"""

import hashlib
import sys
import tempfile

import common

MEMORY = "64MiB"
# The program, its libraries, and an encoder of events: none of it grows with a capture.
CONSTANT = 20 << 20
WAYS = (
    ("--workers", "1"),
    ("--workers", "3", "--chunk-size", "65536", "--hash-key", "1234567890123456789",
     "--delay-workers", "1"),
)
LISTS, HOLES, FLOWS = "lists_cut", "holes_cut", "evicted"
# attack, packets, flows, events too, what must give way, what must not
CASES = (
    # 20,000 flows of 448 bytes and 768 beside their slots, and 640 in two lists: only these go.
    ("unacked", 320_000, 20_000, True, (LISTS,), (HOLES, FLOWS)),
    # 15,000 flows of 448 + 768 + 1,024 bytes: 17 holes are 832 of these.
    ("many-holes", 300_000, 15_000, False, (HOLES,), (LISTS, FLOWS)),
    # 150,000 of 1.4 kB without any hole.
    ("many-holes", 300_000, 150_000, False, (FLOWS,), (LISTS,)),
    ("syn-flood", 1_000_000, 0, False, (FLOWS,), (LISTS, HOLES)),
    ("port-reuse", 300_000, 0, False, (), (LISTS, HOLES, FLOWS)),
    ("idle", 200_000, 0, False, (FLOWS,), (LISTS, HOLES)),
    ("walk", 200_000, 10, True, (LISTS,), (HOLES, FLOWS)),
    ("options", 200_000, 0, True, (), (LISTS, HOLES, FLOWS)),
    ("holes", 200_000, 0, False, (), (LISTS, HOLES, FLOWS)),
    ("fragments", 100_000, 0, False, (), (LISTS, HOLES, FLOWS)),
)


def digest(*paths):
    total = hashlib.sha256()
    for path in paths:
        if path is None:
            continue
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def run_once(args, capture, out, events, way):
    cmd = [args.tcpmill, "run", "--json", "--max-memory", MEMORY, "--idle-timeout", "60", *way,
           capture, "-w", out]
    if events:
        cmd += ["--events", out.with_suffix(".events")]
    result = common.run_measured(cmd, 120 * args.slow * args.times)
    result.summary = common.parse_object(result.out)
    return result


def check_books(checks, label, summary, packets):
    checks.equal(f"{label}: packets", summary["packets"], packets)
    books = dict(summary["books"])
    checks.equal(f"{label}: the books balance", books.pop("frames"), sum(books.values()))
    checks.equal(f"{label}: nothing is untracked", books["untracked"], 0)
    checks.equal(f"{label}: evicted flows are marked", summary["end_reasons"]["evicted"],
                 summary["evicted"])


def check_case(checks, args, tmp, case):
    attack, packets, flows, events, gives, keeps = case
    capture = tmp / "attack.pcap"
    packets *= args.times
    cmd = [args.generator, "attack", attack, "--packets", packets, "-o", capture]
    if flows:
        cmd += ["--flows", flows]
    label = f"{attack} {flows or ''}".strip()
    if not checks.equal(f"{label}: the generator ran", common.run(cmd).rc, 0):
        return
    seen = []
    for way in WAYS:
        out = tmp / f"{len(seen)}.arrow"
        result = run_once(args, capture, out, events, way)
        if not checks.ok(f"{label}: runs", result.rc == 0 and result.summary, str(result)):
            return
        if args.slow == 1:
            checks.ok(f"{label} {' '.join(way)}: memory", result.max_rss < (64 << 20) + CONSTANT,
                      f"{result.max_rss >> 20} MiB")
        # A child counts the memory that this process has when it forks: no file is kept in it.
        seen.append((digest(out, out.with_suffix(".events") if events else None), result))
    summary = seen[0][1].summary
    check_books(checks, label, summary, packets)
    checks.ok(f"{label}: same bytes", seen[0][0] == seen[1][0])
    for counter in (LISTS, HOLES, FLOWS):
        checks.equal(f"{label}: {counter} in both", seen[1][1].summary[counter], summary[counter])
    for counter in gives:
        checks.ok(f"{label}: {counter} give way", summary[counter] > 0)
    # Where flows are not told there are the more of them the longer the attack is.
    for counter in keeps if flows or args.times == 1 else ():
        checks.equal(f"{label}: {counter}", summary[counter], 0)
    checks.note(f"{label}: " + ", ".join(f"{k} {summary[k]}" for k in (LISTS, HOLES, FLOWS)) +
                f", {max(r.max_rss for _, r in seen) >> 20} MiB")


def check_enough(checks, args, tmp):
    """Where it suffices, the rows are those of a run that was given more."""
    capture, rows = tmp / "bulk.pcap", []
    common.generate(args.generator, "bulk", "--packets", 200_000, "--flows", 10_000, "--loss", 2,
                    "--reorder", 1, "-o", capture)
    for memory in (MEMORY, "2GiB"):
        out = tmp / f"{memory}.arrow"
        result = common.run([args.tcpmill, "run", "--json", "--max-memory", memory, capture, "-w",
                             out, "--workers", "2"], 60 * args.slow)
        summary = common.parse_object(result.out)
        if not checks.ok(f"{memory}: runs", result.rc == 0 and summary, str(result)):
            return
        checks.equal(f"{memory}: nothing gives way",
                     [summary[k] for k in (LISTS, HOLES, FLOWS)], [0, 0, 0])
        rows.append(common.run([args.tcpmill, "show", out, "--format", "tsv"]).out)
    checks.ok("the same rows with little memory and with much",
              rows[0] == rows[1] and rows[0].count(b"\n") > 10_000)


def check_usage(checks, args, tmp):
    capture = tmp / "bulk.pcap"
    for options, said in ((("--max-memory", "1M"), "64MiB"), (("--max-memory", "much"), "size"),
                          (("--max-memory", MEMORY, "--workers", "64"), "enough for")):
        result = common.run([args.tcpmill, "run", capture, *options])
        checks.equal(f"{' '.join(options)}: exit status", result.rc, 2)
        checks.ok(f"{' '.join(options)}: says why", said in result.errors, result.errors)


def main():
    args = common.arguments(
        __doc__, slow=dict(type=int, default=1),
        times=dict(type=int, default=1, help="times longer attacks, by as many flows"))
    checks = common.Checks("memory", args.verbose)
    at = common.roomy_tmp((300 << 20) * args.times)
    with tempfile.TemporaryDirectory(dir=at) as name:
        tmp = common.pathlib.Path(name)
        for case in CASES:
            check_case(checks, args, tmp, case)
        check_enough(checks, args, tmp)
        check_usage(checks, args, tmp)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
