#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""--max-memory holds for what captures take to be read: windows of compressed ones, the lanes of
--merge, fragments. What does not fit is refused with the amount that would do, and that does."""

import re
import struct
import subprocess
import sys
import tempfile

import common
from memory import CONSTANT, FLOWS, HOLES, LISTS, MEMORY

GIVEN = 64 << 20
NEEDS = re.compile(r"needs (\d+) MiB of memory, there are (\d+) for it: --max-memory (\d+)MiB "
                   r"would do$")
OVERLAP = re.compile(r"--merge: the captures that overlap need more than \d+ MiB of memory: "
                     r"--max-memory (\d+)MiB would do$")
PCAP_HEADER = struct.pack("<IHHQII", 0xa1b2c3d4, 2, 4, 0, 262144, 1)
LANES = 500


def run(args, tmp, inputs, memory, *options):
    cmd = [args.tcpmill, "run", "--json", "--max-memory", memory, *options, *inputs, "-w",
           tmp / "out.arrow"]
    result = common.run_measured(cmd, 60 * args.slow)
    result.summary = common.parse_object(result.out) if result.out else None
    return result


def check_rss(checks, args, label, result):
    if args.slow == 1:
        checks.ok(f"{label}: memory", result.max_rss < GIVEN + CONSTANT,
                  f"{result.max_rss >> 20} MiB")
    checks.note(f"{label}: {result.max_rss >> 20} MiB, {result.seconds:.1f} s")


def compress(path, tool, to):
    """As a pipe: the header does not say how long the content is, so the window is what it is.
    A child counts the memory that this process has when it forks: no file is kept in it."""
    with open(path, "rb") as file, open(to, "wb") as out:
        subprocess.run(tool, stdin=file, stdout=out, check=True)


def step_below(mib):
    """What is offered: powers of two, and three steps between them."""
    power = 1 << (mib.bit_length() - 1)
    return mib - power // 4 if mib > power else mib - power // 8


def check_windows(checks, args, tmp, capture, rows):
    """A window of 128 MiB, a dictionary of 64 MiB: refused, with what would do."""
    for tool, least in ((("zstd", "-q", "--long=27"), 128), (("xz", "-T2", "--lzma2=preset=0,dict=64MiB"), 64)):
        label, path = " ".join(tool), tmp / "window"
        compress(capture, tool, path)
        result = run(args, tmp, [path], MEMORY)
        said = NEEDS.search(result.errors.strip())
        if not checks.ok(f"{label}: refused in one line", result.rc == 1 and said and
                         result.errors.count("\n") == 1, str(result)):
            continue
        checks.ok(f"{label}: nothing was written", not (tmp / "out.arrow").exists() and
                  not (tmp / "out.arrow.part").exists())
        needs, there, enough = (int(n) for n in said.groups())
        checks.ok(f"{label}: {needs} MiB", least <= needs < least + 4 and there < 16)
        checks.equal(f"{label}: {step_below(enough)} MiB would not do",
                     run(args, tmp, [path], f"{step_below(enough)}MiB").rc, 1)
        result = run(args, tmp, [path], f"{enough}MiB")
        checks.ok(f"{label}: {enough} MiB do", result.rc == 0, str(result))
        checks.ok(f"{label}: the same rows", args.program.tsv(tmp / "out.arrow").out == rows)
        (tmp / "out.arrow").unlink(missing_ok=True)


def check_threads(checks, args, tmp):
    """Blocks of 96 MiB, of which the library decompresses one a thread where it may."""
    path, plain = tmp / "blocks", tmp / "zeros"
    record = struct.pack("<IIII", 0, 0, 65520, 65520) + bytes(65520)
    with open(plain, "wb") as file:
        file.write(PCAP_HEADER)
        for _ in range(48):
            file.write(record * 64)
    compress(plain, ("xz", "-0", "-T2", "--block-size=96MiB"), path)
    plain.unlink()
    result = run(args, tmp, [path], MEMORY)
    checks.ok("xz -T: runs", result.rc == 0 and result.summary["packets"] == 3072, str(result))
    check_rss(checks, args, "xz -T", result)


def deal_out(capture, folder):
    """The packets of a pcap file, one each to many: all overlap."""
    data, at, parts = capture.read_bytes(), 24, [[] for _ in range(LANES)]
    folder.mkdir()
    for i in range(10 ** 9):
        if at == len(data):
            break
        end = at + 16 + struct.unpack_from("<I", data, at + 8)[0]
        parts[i % LANES].append(data[at:end])
        at = end
    paths = [folder / f"{i:03}.pcap" for i in range(LANES)]
    for path, part in zip(paths, parts):
        path.write_bytes(data[:24] + b"".join(part))
    return paths


def check_lanes(checks, args, tmp, capture):
    label, paths = f"--merge of {LANES}", deal_out(capture, tmp / "lanes")
    result = run(args, tmp, paths, "1GiB", "--merge")
    want = args.program.tsv(tmp / "out.arrow").out if result.rc == 0 else None
    result = run(args, tmp, paths, MEMORY, "--merge")
    if checks.ok(f"{label}: runs", result.rc == 0, str(result)):
        check_rss(checks, args, label, result)
        checks.ok(f"{label}: the same rows", args.program.tsv(tmp / "out.arrow").out == want)


def check_large_packets(checks, args, tmp):
    """Each input is one packet of 250 KB, all of the same time: their heads are 120 MB."""
    label, paths = "--merge of large packets", [tmp / f"{i}.large" for i in range(LANES)]
    for path in paths:
        with open(path, "wb") as file:
            for second in (1, 2):
                file.write((PCAP_HEADER if second == 1 else b"") +
                           struct.pack("<IIII", second, 0, 250000, 250000))
                file.seek(250000, 1)
            file.truncate()
    result = run(args, tmp, paths, MEMORY, "--merge")
    said = OVERLAP.search(result.errors.strip())
    if not checks.ok(f"{label}: refused in one line", result.rc == 1 and said and
                     result.errors.count("\n") == 1, str(result)):
        return
    check_rss(checks, args, label, result)
    result = run(args, tmp, paths, f"{said[1]}MiB", "--merge")
    checks.ok(f"{label}: {said[1]} MiB do", result.rc == 0 and
              result.summary["packets"] == 2 * LANES, str(result))
    for path in paths:
        path.unlink()


def check_fragments(checks, args, tmp):
    """Flows that nearly fill their share (28 of 64 MiB, 448 bytes each) live through a flood."""
    flood, many, flows = tmp / "flood.pcap", tmp / "many.pcap", 55_000
    common.generate(args.generator, "attack", "fragments", "--packets", 50_000, "-o", flood)
    common.generate(args.generator, "bulk", "--packets", 4 * flows, "--flows", flows, "--live",
                    flows, "-o", many)
    result = run(args, tmp, [flood, many, flood], MEMORY)
    if not checks.ok("fragments: runs", result.rc == 0, str(result)):
        return
    summary = result.summary
    checks.ok("fragments: some are given up", summary["datagrams"]["given_up"] > 10_000,
              summary["datagrams"])
    checks.equal("fragments: no flow is", [summary[k] for k in (LISTS, HOLES, FLOWS)], [0, 0, 0])
    checks.ok("fragments: the flows are there", summary["flows"] >= flows)
    check_rss(checks, args, "fragments", result)


def main():
    args = common.arguments(__doc__, slow=dict(type=int, default=1))
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks("input_memory", args.verbose)
    at = common.roomy_tmp(500 << 20)
    with tempfile.TemporaryDirectory(dir=at) as name:
        tmp = common.pathlib.Path(name)
        capture = tmp / "bulk.pcap"
        common.generate(args.generator, "bulk", "--packets", 50_000, "--flows", 500, "-o", capture)
        run(args, tmp, [capture], MEMORY)
        rows = args.program.tsv(tmp / "out.arrow").out
        (tmp / "out.arrow").unlink()
        check_windows(checks, args, tmp, capture, rows)
        check_threads(checks, args, tmp)
        check_lanes(checks, args, tmp, capture)
        check_large_packets(checks, args, tmp)
        check_fragments(checks, args, tmp)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
