#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets that lie behind 4 GiB of a capture are read like any other: a sparse pcapng of 4.3 GB."""

import pathlib
import struct
import sys
import tempfile

import common

UNKNOWN = 0x0BAD0BAD  # a block type nobody defined: readers skip it
STEP = 16 << 20       # the largest block that is believed
SKIPPED = 257         # blocks: 4.3 GB


def section_and_interface(capture):
    """The blocks of a generated pcapng before its first packet, and those from there on."""
    at = 0
    while struct.unpack_from("<I", capture, at)[0] in (0x0A0D0D0A, 1):
        at += struct.unpack_from("<I", capture, at + 4)[0]
    return capture[:at], capture[at:]


def write_sparse(path, head, packets):
    with open(path, "wb") as out:
        out.write(head)
        for _ in range(SKIPPED):
            out.write(struct.pack("<II", UNKNOWN, STEP))
            out.seek(STEP - 12, 1)
            out.write(struct.pack("<I", STEP))
        out.write(packets)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("large_file", args.verbose)
    with tempfile.TemporaryDirectory() as where:
        small, large = pathlib.Path(where) / "small.pcapng", pathlib.Path(where) / "large.pcapng"
        made = common.run([args.generator, "scenario", "founding", "--format", "pcapng", "-o", small])
        checks.equal("the generator ran", made.rc, 0)
        write_sparse(large, *section_and_interface(small.read_bytes()))
        checks.ok("the file is over 4 GiB", large.stat().st_size > 1 << 32)
        rows = []
        for capture in (small, large):
            out = capture.with_suffix(".arrow")
            done = common.run([args.tcpmill, "run", "-q", capture, "-w", out])
            checks.equal(f"{capture.name}: exit status", done.rc, 0)
            shown = common.run([args.tcpmill, "show", out, "--format", "tsv"])
            rows.append(shown.out)
        checks.ok("the same records from both", rows[0] == rows[1] and rows[0].count(b"\n") == 2)
        cut = pathlib.Path(where) / "large.pcapng"
        with open(cut, "r+b") as file:
            file.truncate(large.stat().st_size - 10)
        done = common.run([args.tcpmill, "run", cut, "-q"])
        checks.equal("cut behind 4 GiB: exit status", done.rc, 3)
        checks.ok("cut behind 4 GiB: the offset is told", b"byte 43" in done.err, done.err)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
