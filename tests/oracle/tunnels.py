#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random encapsulations: `tcpmill verdicts` against tshark 4.0.17, frame by frame.

TCP conversations are put into tunnels, tags and link headers at random (wrap.py), several of them
around one another, with lengths that are wrong, options, and snapshots that end anywhere. Each
line of `tcpmill verdicts` must be tshark's. The seed is printed first; --seed gives the frames
again. What differs is listed with the wrappers around it, and the capture is kept in build/fuzz.
"""

import json
import os
import pathlib
import random
import shutil
import struct
import sys
import tempfile

import fuzz
import wrap

import common  # tests/e2e, by fuzz


def write(path, frames):
    """frames: (captured bytes, wire length)."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for i, (data, wire_len) in enumerate(frames):
            out.write(struct.pack("<IIII", 1763800000 + i // 1000, i % 1000 * 1000, len(data),
                                  wire_len) + data)


def make(rng, nb, depth):
    """(captured bytes, wire length), and the wrappers of each."""
    frames, names = [], []
    packets = wrap.conversations(rng)
    while len(frames) < nb:
        frame, layers = wrap.wrapped(rng, next(packets), rng.randrange(depth + 1))
        if len(frame) > 60000:
            continue
        wire_len = len(frame)
        if rng.randrange(8) == 0:
            frame += bytes(rng.randrange(8))
            wire_len = len(frame)
        if rng.randrange(8) == 0:
            frame = frame[:rng.randrange(len(frame) + 1)]
        frames.append((frame, wire_len))
        names.append(layers)
    return frames, names


def payloads_of_tshark(path):
    """frame -> payload length as tshark has it."""
    with tempfile.TemporaryDirectory() as empty:
        result = common.run(
            ["tshark", "-n", "-r", path, "-d", "tcp.port==1-65535,data", "-Y", "tcp.stream", "-T",
             "fields", "-e", "frame.number", "-e", "tcp.len"],
            env={**os.environ, "WIRESHARK_CONFIG_DIR": empty, "LC_ALL": "C.UTF-8"})
    rows = (line.split("\t") for line in result.text.splitlines())
    return {int(row[0]): int(row[1]) if row[1] else 0 for row in rows}


def payloads_of_tcpmill(tcpmill, path):
    result = common.run([tcpmill, "verdicts", "--json", path])
    rows = (json.loads(line) for line in result.text.splitlines())
    return {row["frame"]: row.get("len", 0) for row in rows}


def by_frame(lines):
    return {int(line.split("\t", 1)[0]): line for line in lines}


def compare(expected, told):
    """
    (frame, tshark's value, tcpmill's) where they differ. A frame that only one of the two reads
    may shift what is behind it: if there are such, only they are listed.
    """
    both = expected.keys() & told.keys()
    wrong = (expected.keys() | told.keys()) - both or [n for n in both if expected[n] != told[n]]
    return [(n, expected.get(n), told.get(n)) for n in sorted(wrong)]


def main():
    args = common.arguments(
        __doc__, seed=dict(type=int, help="of the frames; default: a random one"),
        frames=dict(type=int, default=5000, help="how many"),
        depth=dict(type=int, default=5, help="wrappers around a packet, about, at most"))
    checks = common.Checks("tunnels", args.verbose)
    seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
    checks.note(f"--seed {seed} --frames {args.frames}")
    if not shutil.which("tshark"):
        checks.skip("everything", "tshark is not there")
        return checks.finish()
    folder = pathlib.Path("build/fuzz")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"tunnels-{seed}.pcap"
    frames, names = make(random.Random(seed), args.frames, args.depth)
    write(path, frames)
    expected = fuzz.Expected(path, 300).lines
    result = common.run([args.tcpmill, "verdicts", path])
    checks.ok("tcpmill verdicts ends well", result.rc == 0, str(result))
    differences = compare(payloads_of_tshark(path), payloads_of_tcpmill(args.tcpmill, path))
    if not differences:
        differences = compare(by_frame(expected), by_frame(result.text.splitlines()))
    for number, theirs, ours in differences[:40]:
        data, wire_len = frames[number - 1]
        checks.note(f"frame {number}: tshark {theirs!r}, tcpmill {ours!r}, "
                    f"{len(data)} of {wire_len} bytes: {' < '.join(names[number - 1])}")
    checks.ok(f"{path}: every frame's line is tshark's", not differences,
              f"{len(differences)} of {args.frames} frames differ")
    checks.ok("most frames have TCP", len(expected) > args.frames / 2, len(expected))
    if not differences:
        path.unlink()
    kinds = {name for layers in names for name in layers}
    checks.note(f"{len(expected)} of {args.frames} frames with TCP, {len(kinds)} wrappers")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
