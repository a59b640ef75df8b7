#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Odd packets in TCP conversations: `tcpmill verdicts` against tshark 4.0.17, frame by frame.

Every conversation has one edge of the rules in its middle: a length that is wrong, a header of odd
size, options that cannot be, fragments, source routes, ICMP errors. It is asked whole and with the
odd frames cut short, over IPv4 and IPv6. Stream, verdicts and all --json fields must be tshark's,
there and in what follows.
"""

import fnmatch
import pathlib
import shutil
import struct
import sys
import tempfile

import check
import compare
import edge_lengths
import edge_routes
import edge_quotes
import edge_pieces
import known
import tshark
from edge_packets import HEADERS

import common  # tests/e2e, by tshark

MODULES = (edge_lengths, edge_routes, edge_pieces, edge_quotes)
START, STEP = 1_700_000_000, 700_000  # s, ns
# Bytes kept behind the place where TCP begins in a packet without anything odd; and bytes of the
# end that are left out: of most odd packets the last 20 are payload.
KEPT = (16, 15, 19, 24, 20, 8, 27, 0)
MISSING = (21, 24, 1, 25, 20, 9, 22)
CUTS = len(KEPT) + len(MISSING)


def cuts(version, is_all):
    """Functions of a frame's size, which give the bytes that are captured."""
    front = HEADERS[version]
    for kept in range(200) if is_all else (front + n for n in KEPT):
        yield f", {kept} bytes captured", lambda size, n=kept: min(n, size)
    for missing in MISSING:
        yield f", the last {missing} missing", lambda size, n=missing: max(0, size - n)


def conversations(names, is_all):
    """(name, frames). Unless all cuts are wanted most cases have two of them, in turn."""
    turn = 0
    for case in (case for module in MODULES for case in module.cases()):
        some = [("", None)]
        if case.is_cut:
            more = list(cuts(case.version, is_all))
            if not is_all and not case.needs_cuts:
                turn += 1
                more = [more[turn % CUTS], more[(turn * 7 + 5) % CUTS]]
            some += more
        for how, cut in some:
            name = f"IPv{case.version}: {case.name}{how}"
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in names):
                frames = list(case.frames(cut))
                if cut is None or any(f.is_odd and f.more for f in frames):
                    yield name, frames


def pcap(frames):
    """With nanoseconds."""
    yield struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1)
    for number, frame in enumerate(frames):
        stamp = max(0, START * edge_lengths.SECOND + number * STEP - frame.late)
        seconds, fraction = divmod(stamp, edge_lengths.SECOND)
        size = len(frame.data)
        yield struct.pack("<IIII", seconds - frame.carried,
                          fraction + frame.carried * edge_lengths.SECOND, size,
                          size + frame.more) + frame.data


class Streams:
    """The numbers of streams as if a conversation were alone, so that only it fails."""

    def __init__(self):
        self.first = None

    def of(self, columns):
        if columns is None:
            return None
        numbers = [int(n) for n in columns[0].split(",")]
        if self.first is None:
            self.first = min(numbers)
        return (",".join(str(n - self.first) for n in numbers), *columns[1:])


def differing(expected, lines, objects, frames, start):
    """Texts: what is told otherwise of a conversation's frames, which begin at start."""
    ours, theirs = Streams(), Streams()
    for number, frame in enumerate(frames, start):
        line = expected.lines.get(number)
        got = ours.of(lines.get(number))
        want = theirs.of(line.columns() if line else None)
        told = objects.get(number, {})
        values = {n: told[n] for n in tshark.VALUES if told.get(n) is not None}
        if got != want or values != (line.values if line else {}):
            yield (f"frame {number}: tshark {want} {line and line.values}, tcpmill {got} {values}"
                   f"{', odd' if frame.is_odd else ''}: {frame.data[:200].hex()}"
                   f"{f' and {frame.more} bytes more' if frame.more else ''}")


def main():
    args = common.arguments(
        __doc__, cuts=dict(choices=("some", "all"), default="some",
                           help="all: the odd frames are cut at every byte"),
        keep=dict(help="a file to write the capture to"))
    checks = common.Checks("edges", args.verbose)
    if not shutil.which("tshark"):
        checks.skip("everything", "tshark is not there")
        return checks.finish()
    told = list(conversations(args.only or ("*",), args.cuts == "all"))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(args.keep or pathlib.Path(folder) / "edges.pcap")
        path.write_bytes(b"".join(pcap([f for _, frames in told for f in frames])))
        run = check.Run(checks, args.tcpmill)
        expected = known.Expected(tshark.read(path, cache=folder))
        lines, _ = compare.parse_lines(run.verdicts(path).text)
        objects, _ = compare.parse_json(run.verdicts("--json", path).text)
        start = 1
        for name, frames in told:
            texts = list(differing(expected, lines, objects, frames, start))
            checks.ok(name, not texts, check.first_of(texts))
            start += len(frames)
        if not args.only:
            check.capture(run, path, expected, ())
    checks.note(f"{len(told)} conversations, {start - 1} frames")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
