#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same capture gives the same bytes for any number of workers, chunk size, hash key and delay.

Every capture, and one generated with millions of packets, is run by one worker with large chunks
and then in other ways; the outputs are compared byte by byte, also with --idle-timeout and with a
flow table so small that flows are evicted.
"""

import sys
import tempfile

import common

CHUNK_SMALL, CHUNK_LARGE = "4096", str(1 << 20)
SOME_FLOWS = 1 << 16  # bytes of a capture
KEY = "1234567890123456789"

BASE = ("--workers", "1", "--chunk-size", CHUNK_LARGE)
# What must not change a byte: workers, chunk size, hash key, random delays.
WAYS = (
    ("--workers", "1", "--chunk-size", CHUNK_SMALL),
    ("--workers", "2", "--chunk-size", CHUNK_SMALL, "--delay-workers", "1"),
    ("--workers", "3", "--chunk-size", CHUNK_LARGE, "--hash-key", KEY, "--delay-workers", "2"),
    ("--workers", "7", "--chunk-size", CHUNK_SMALL, "--hash-key", KEY, "--delay-workers", "3"),
    ("--workers", "7", "--chunk-size", CHUNK_LARGE),
)
# Options that change the answer: each set is compared within itself.
ANSWERS = (
    ((), WAYS),
    (("--idle-timeout", "1"), WAYS[3:4]),
    (("--max-flows", "4096", "--idle-timeout", "5"), WAYS[2:3]),
    (("--idle-timeout", "5", "--half-open-timeout", "1", "--closed-timeout", "0.05"), WAYS[3:4]),
)
MANY_FLOWS = "hackeire-c2.pcap"  # its 23,394 flows do not fit into a table of 4,096
LARGE_WAYS = (
    ("--workers", "2", "--chunk-size", CHUNK_LARGE),
    ("--workers", "3", "--chunk-size", CHUNK_SMALL, "--hash-key", KEY),
    ("--workers", "7", "--chunk-size", CHUNK_LARGE, "--delay-workers", "4"),
)


def first_difference(a, b):
    """Where two files differ, or None."""
    if a.stat().st_size != b.stat().st_size:
        return f"{a.stat().st_size} and {b.stat().st_size} bytes"
    with open(a, "rb") as left, open(b, "rb") as right:
        at = 0
        while True:
            x, y = left.read(1 << 20), right.read(1 << 20)
            if x != y:
                return f"byte {at + next(i for i, (p, q) in enumerate(zip(x, y)) if p != q)}"
            if not x:
                return None
            at += len(x)


def worth(path, answer, way):
    """
    Repeating what cannot differ teaches nothing: captures of one small chunk. Time-outs and
    evictions need captures that have some flows and some time.
    """
    if path.stat().st_size > (SOME_FLOWS if answer else int(CHUNK_SMALL)):
        return True
    return not answer and way in (WAYS[1], WAYS[4])


def check_capture(checks, args, path, tmp):
    """All ways against the first, for each set of options that change the answer."""
    base, other = tmp / (path.name + ".base"), tmp / (path.name + ".other")
    for answer, ways in ANSWERS:
        ways = [w for w in ways if worth(path, answer, w)]
        if not ways:
            continue
        label = f"{path.name} {' '.join(answer)}".strip()
        first = args.program.run([path], base, *BASE, *answer, timeout=60 * args.slow)
        if not checks.ok(f"{label}: runs", not first.crashed() and base.exists(), str(first)):
            continue
        for way in ways:
            check_way(checks, args, path, (base, other), (first, answer, way))
    base.unlink(missing_ok=True)


def check_way(checks, args, path, files, what):
    base, other = files
    first, answer, way = what
    label = f"{path.name} {' '.join(answer + way)}"
    other.unlink(missing_ok=True)
    result = args.program.run([path], other, *way, *answer, timeout=60 * args.slow)
    if not checks.ok(f"{label}: runs", not result.crashed() and other.exists(), str(result)):
        return None
    difference = first_difference(base, other)
    checks.ok(f"{label}: same bytes", difference is None, f"differs: {difference}")
    for key in ("packets", "flows", "books", "flags", "handshakes"):
        if first.summary and result.summary and first.summary.get(key) != result.summary.get(key):
            checks.ok(f"{label}: same summary", False, key)
    other.unlink()
    return result


def check_evictions(checks, args, tmp):
    """The small table really was too small."""
    paths = common.capture_files([MANY_FLOWS])
    if not paths:
        return
    output = tmp / "evicted.arrow"
    args.program.run(paths, output, "--max-flows", "4096", "--idle-timeout", "5")
    rows = args.program.rows(output)
    checks.ok(f"{MANY_FLOWS}: a small table evicts",
              any(r["end_reason"] == "evicted" for r in rows))


def check_generated(checks, args):
    """Millions of packets: also that each worker had a share, and what memory it took."""
    if not args.generator:
        checks.skip("generated capture", "tcpmill-generate is not built")
        return
    at = common.roomy_tmp(args.packets * 200)
    if at is None:
        checks.skip("generated capture", "no room in /dev/shm or the temporary folder")
        return
    with tempfile.TemporaryDirectory(dir=at) as name:
        tmp = common.pathlib.Path(name)
        capture = tmp / "bulk.pcap"
        counts = common.generate(args.generator, "bulk", "--packets", args.packets, "--flows",
                                 args.flows, "--snaplen", "96", "-o", capture)
        for answer in ((), ("--idle-timeout", "1", "--max-flows", "65536")):
            check_large(checks, args, capture, (counts, answer))


def check_large(checks, args, capture, what):
    counts, answer = what
    base, other = capture.with_suffix(".base"), capture.with_suffix(".other")
    cmd = [args.tcpmill, "run", "--json", *BASE, *answer, capture, "-w", base]
    first = common.run_measured(cmd, 600)
    first.summary = common.parse_object(first.out)
    label = f"{capture.name} {' '.join(answer)}".strip()
    if not checks.ok(f"{label}: runs", first.rc == 0 and first.summary, str(first)):
        return
    checks.note(f"{label}: {args.packets} packets, 1 worker: {first.seconds:.1f} s, peak memory "
                f"{first.max_rss / 2**20:.0f} MiB")
    checks.equal(f"{label}: packets", first.summary["packets"],
                 counts.get("packets", args.packets))
    if not answer and "flows" in counts:
        checks.equal(f"{label}: flows", first.summary["flows"], counts["flows"])
    for way in LARGE_WAYS:
        result = check_way(checks, args, capture, (base, other), (first, answer, way))
        if result is None:
            continue
        shares = [w["tracked"] for w in result.summary["workers"]]
        checks.ok(f"{label} {' '.join(way)}: each worker has tracked packets",
                  len(shares) == int(way[1]) and min(shares) > 0, f"{shares}")
    base.unlink()


def main():
    args = common.arguments(
        __doc__, packets=dict(type=int, default=5_000_000, help="to generate; 0: none"),
        flows=dict(type=int, default=100_000), slow=dict(type=int, default=1))
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks("identical", args.verbose)
    common.skip_without_captures(checks)
    with tempfile.TemporaryDirectory() as name:
        tmp = common.pathlib.Path(name)
        files = common.capture_files(args.only)
        if args.generator and not args.only:
            files += common.generated_captures(args.generator, tmp)
        # Longest first, so that the jobs end together.
        files.sort(key=lambda f: -f.stat().st_size)
        common.parallel(lambda f: check_capture(checks, args, f, tmp), files, args.jobs)
        if not args.only:
            check_evictions(checks, args, tmp)
    if args.packets:
        check_generated(checks, args)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
