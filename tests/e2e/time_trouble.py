#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Time that is zero, jumps years or goes backwards; files of two machines; packets captured twice.
Every expectation is worked out by hand from docs/definitions.md 2.1, 2.2, 2.7 and 6."""

import struct
import sys

import common
import forge
from sets import run_cases

SECOND = 10**9
HOUR, DAY, YEAR = 3600 * SECOND, 86400 * SECOND, 365 * 86400 * SECOND
BASE = 1_700_000_000 * SECOND


def capture(*packets):
    """A pcap of (absolute ns, frame) pairs."""
    data = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, forge.ETHERNET)
    for ns, frame in packets:
        data += struct.pack("<IIII", ns // SECOND, ns % SECOND, len(frame), len(frame)) + frame
    return data


def flow(number, *stamps):
    """One bare ACK of the flow at each stamp."""
    return [(ns, forge.tcp_frame(number)) for ns in stamps]


def check(bench, label, inputs, want_jumps, want_flows, *options):
    """
    Jumps of a run, and of each record in order: number of the flow, packets, ts, duration (ns;
    times as they are behind BASE).
    """
    summary = bench.summary(label, inputs, *options)
    rows = bench.program.rows(bench.tmp / "out.arrow")
    got = sorted((r["first_frame"], r["src_port"] - 40000, r["o_pkts"],
                  common.to_ns(r["ts"]) - BASE, r["duration_ns"]) for r in rows)
    bench.checks.equal(f"{label}: time jumps", summary.get("time_jumps"), want_jumps)
    bench.checks.equal(f"{label}: flows", [g[1:] for g in got], want_flows)


def zero_stamps(bench):
    nowhere = bench.write("zero.pcap", capture(*flow(1, 0, 0, 0)))
    check(bench, "all stamps zero", [nowhere], 0, [(1, 3, -BASE, 0)], "--idle-timeout", "1")
    # To 0: more than an hour back, a jump. From 0: more than a day on, a jump that adds nothing;
    # so the clock stands still, and nobody is idle.
    between = bench.write("between.pcap", capture(*flow(1, BASE, 0, BASE + SECOND)))
    check(bench, "a zero stamp between", [between], 2, [(1, 3, 0, BASE + SECOND)],
          "--idle-timeout", "500ms")


def years(bench):
    """A step of a day is time that passed, one of a nanosecond more is a jump."""
    for label, step, jumps, flows in (
            ("three years on", 3 * YEAR, 1, [(1, 2, 0, 3 * YEAR)]),
            ("a day and 1 ns on", DAY + 1, 1, [(1, 2, 0, DAY + 1)]),
            ("a day on", DAY, 0, [(1, 1, 0, 0), (1, 1, DAY, 0)])):
        path = bench.write("years.pcap", capture(*flow(1, BASE, BASE + step)))
        check(bench, label, [path], jumps, flows, "--idle-timeout", "60")
    back = bench.write("back.pcap", capture(*flow(1, BASE, BASE - 30 * YEAR, BASE - 30 * YEAR + 1)))
    # ts is that of the first packet in file order, the duration from the earliest to the latest.
    check(bench, "30 years back", [back], 1, [(1, 3, 0, 30 * YEAR)], "--idle-timeout", "60")


def backwards(bench):
    """An hour back changes nothing; 1 ns more, and the clock goes on from there."""
    def at(seconds):
        return BASE + seconds * SECOND
    # Flow 2 brings the reference to 50 s. Back by an hour: it stays there, so flow 1 comes 71 s
    # after its first packet, idle for longer than 60 s.
    path = bench.write("hour.pcap", capture(
        *flow(1, at(0)), *flow(2, at(50), at(50) - HOUR), *flow(1, at(71))))
    check(bench, "an hour back", [path], 0,
          [(1, 1, 0, 0), (2, 2, 50 * SECOND, HOUR), (1, 1, 71 * SECOND, 0)], "--idle-timeout", "60")
    # 1 ns further: a jump. Flow 1 comes 5 s behind that, 55 s and 1 ns of clock after its first.
    path = bench.write("more.pcap", capture(
        *flow(1, at(0)), *flow(2, at(50), at(50) - HOUR - 1), *flow(1, at(55) - HOUR)))
    check(bench, "an hour and 1 ns back", [path], 1,
          [(1, 2, 0, HOUR - 55 * SECOND), (2, 2, 50 * SECOND, HOUR + 1)], "--idle-timeout", "60")
    path = bench.write("same.pcap", capture(*flow(1, at(10), at(5), at(20))))
    check(bench, "backwards inside a flow", [path], 0, [(1, 3, 10 * SECOND, 15 * SECOND)])


def overlapping(bench):
    """A file that begins before the one in front of it ends: its first part is in no time."""
    def at(seconds):
        return BASE + seconds * SECOND
    first = bench.write("first.pcap", capture(*flow(1, at(0)), *flow(2, at(100))))
    second = bench.write("second.pcap", capture(*flow(3, at(50), at(99)), *flow(1, at(150))))
    both = [(1, 1, 0, 0), (2, 1, 100 * SECOND, 0), (3, 2, 50 * SECOND, 49 * SECOND)]
    # Read one behind the other flow 3 comes twice at clock 100, flow 1 at 0 and 150.
    check(bench, "overlapping, idle for 149 s", [first, second], 0,
          both + [(1, 1, 150 * SECOND, 0)], "--idle-timeout", "149")
    check(bench, "overlapping, idle for 40 s", [first, second], 0,
          both + [(1, 1, 150 * SECOND, 0)], "--idle-timeout", "40")
    check(bench, "overlapping, idle for 150 s", [first, second], 0,
          [(1, 2, 0, 150 * SECOND)] + both[1:], "--idle-timeout", "150")
    # By time flow 3 has 49 s between its packets.
    check(bench, "overlapping, merged", [first, second], 0,
          [(1, 1, 0, 0), (3, 1, 50 * SECOND, 0), (3, 1, 99 * SECOND, 0), (2, 1, 100 * SECOND, 0),
           (1, 1, 150 * SECOND, 0)], "--idle-timeout", "48", "--merge")


def segment(seq, payload, ip_id, ttl):
    a, b = bytes((10, 0, 0, 1)), bytes((192, 0, 2, 1))
    tcp = struct.pack(">HHIIBBHHH", 40001, 80, seq, 5000, 0x50, forge.ACK, 1000, 0x1234, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), ip_id, 0, ttl, 6, 0, a, b)
    return bytes(12) + b"\x08\x00" + ip + tcp + payload


def two_machines(bench):
    """
    Three segments of 100 bytes, a second apart, captured at both ends: the far machine sees each
    later by the way and by what its clock is off, with a smaller TTL.
    """
    near = bench.write("near.pcap", capture(*[
        (BASE + i * SECOND, segment(100 * i, bytes(100), 7 + i, 64)) for i in range(3)]))
    no_id = bench.write("near0.pcap", capture(*[
        (BASE + i * SECOND, segment(100 * i, bytes(100), 0, 64)) for i in range(3)]))
    for label, ids, later, merged, dups in (
            ("5 ms later", 7, 5_000_000, True, 3),
            ("10 ms later", 7, 10_000_000, True, 3),
            ("10 ms and 1 ns later", 7, 10_000_001, True, 0),
            # The far clock is two seconds fast: its first segment comes with the third.
            ("a clock that is off by 2 s", 7, 2 * SECOND + 5_000_000, True, 0),
            # Two other packets lie between each and its copy.
            ("one file behind the other", 7, 5_000_000, False, 0),
            ("100 us later, without identification", 0, 100_000, True, 3),
            ("101 us later, without identification", 0, 101_000, True, 0)):
        far = bench.write("far.pcap", capture(*[
            (BASE + i * SECOND + later, segment(100 * i, bytes(100), ids + i if ids else 0, 57))
            for i in range(3)]))
        inputs = [near if ids else no_id, far]
        summary = bench.summary(label, inputs, *(("--merge",) if merged else ()))
        rows = bench.program.rows(bench.tmp / "out.arrow")
        # Every byte is seen twice; what is a duplicate of the capture is not counted again.
        want = (6, dups, 300, 300 - 100 * dups, 57, 64)
        bench.checks.equal(f"{label}: packets, capture duplicates, bytes, seen again, TTLs", [
            (r["o_pkts"], r["o_capture_dups"], r["o_bytes"], r["o_retransmitted_bytes"],
             r["o_ttl_min"], r["o_ttl_max"]) for r in rows], [want])
        bench.checks.equal(f"{label}: time jumps", summary.get("time_jumps"), 0)


CASES = (zero_stamps, years, backwards, overlapping, two_machines)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("time_trouble", args.verbose)
    return run_cases(args, checks, CASES, args.jobs)


if __name__ == "__main__":
    sys.exit(main())
