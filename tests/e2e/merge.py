#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""--merge: several inputs as one, by time. Against mergecap, against the capture that was dealt out
to files, against orders worked out by hand."""

import collections
import os
import pathlib
import random
import resource
import shutil
import struct
import sys
import threading

import common
import forge
from sets import DAMAGED, OK, USAGE, pcap, run_cases

WAYS = (("--workers", "1", "--chunk-size", "4096"), ("--workers", "2"),
        ("--workers", "3", "--chunk-size", "1048576", "--delay-workers", "3"),
        ("--workers", "7", "--chunk-size", "5000", "--hash-key", "77"))


def order_of(bench, label, files, *options, status=OK):
    """The flows' numbers by frame, as made by forge.tcp_frame(number): source ports tell."""
    result = bench.run("verdicts", "--json", "-q", "--merge", *options, *files)
    bench.checks.ok(f"{label}: exit status {status}", result.rc == status, str(result))
    rows = common.parse_rows(result.text)
    bench.checks.equal(f"{label}: frames", [r["frame"] for r in rows],
                       list(range(1, len(rows) + 1)))
    return [r["sport"] - 40000 for r in rows]


def by_hand(bench):
    """Heads, ties, and times that go backwards (definitions 1.3)."""
    frame = forge.tcp_frame
    a = bench.write("a.pcap", pcap((10, frame(1)), (5, frame(2)), (20, frame(3)), (30, frame(4))))
    b = bench.write("b.pcap", pcap((7, frame(11)), (8, frame(12)), (20, frame(13)), (6, frame(14))))
    none = bench.write("none.pcap", pcap())
    for label, files, want in (
            # b's 7 and 8 are in front of a's 10, behind which 5 has to wait; 20 is a tie.
            ("a and b", (a, b), [11, 12, 1, 2, 3, 13, 14, 4]),
            ("b and a", (b, a), [11, 12, 1, 2, 13, 14, 3, 4]),
            ("one without packets", (none, a, none, b), [11, 12, 1, 2, 3, 13, 14, 4]),
            ("the same file twice", (a, a), [1, 2, 1, 2, 3, 3, 4, 4]),
            ("one file", (a,), [1, 2, 3, 4])):
        for way in WAYS[1:3]:
            bench.checks.equal(f"{label} {way}", order_of(bench, label, files, *way), want)
    bench.checks.equal("-c", order_of(bench, "-c", (a, b), "-c", "5"), [11, 12, 1, 2, 3])
    summary = bench.summary("-c in the summary", (a, b), "--merge", "-c", "5")
    bench.checks.equal("-c: packets of each, and of the link type",
                       ([(i["first_frame"], i["packets"]) for i in summary["inputs"]],
                        [t["packets"] for t in summary["link_types"]]), ([(3, 3), (1, 2)], [5]))
    around = bench.run("explain", "--merge", "--around", "6", a, b)
    bench.checks.ok("explain --merge --around: frame 6 is b's third", around.rc == OK and
                    "10.0.0.13:40013" in around.text, str(around))
    live = bench.run("run", "-i", "lo", "--merge")
    bench.checks.ok("-i and --merge", live.rc == USAGE and "--merge is for captures" in live.errors,
                    str(live))


def records_of(data):
    """Header and records of a little-endian pcap."""
    at, records = 24, []
    while at < len(data):
        end = at + 16 + struct.unpack_from("<I", data, at + 8)[0]
        records.append(data[at:end])
        at = end
    return data[:24], records


def as_pcapng(records, drops):
    """The same packets (ns) as pcapng in two sections of one interface each."""
    resolution = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
    data = b""
    for part in (records[:len(records) // 2], records[len(records) // 2:]):
        data += forge.section() + forge.block(1, struct.pack("<HHI", 1, 0, 0) + resolution)
        for record in part:
            second, fraction, caplen, length = struct.unpack_from("<IIII", record)
            ns = second * 10**9 + fraction
            data += forge.block(6, struct.pack("<IIIII", 0, ns >> 32, ns & 0xffffffff, caplen,
                                               length) + record[16:])
        data += forge.block(5, struct.pack("<IIIHHQI", 0, 0, 0, 5, 8, drops, 0))
    return data


def dealt(bench, generator):
    """A capture dealt out to files at random comes back whole, whatever the way of reading."""
    whole = bench.tmp / "whole.pcap"
    common.generate(generator, "bulk", "--packets", 60000, "--flows", 5000, "--loss", 2,
                    "--format", "pcap-ns", "-o", whole)
    header, records = records_of(whole.read_bytes())
    stamps = {record[:8] for record in records}
    bench.checks.equal("the generator's stamps are all different", len(stamps), len(records))
    dice = random.Random(8)
    dealt_to = [dice.randrange(5) if dice.random() < 0.7 else 2 for _ in records]
    files = []
    for i in range(5):
        mine = [r for r, to in zip(records, dealt_to) if to == i]
        data = as_pcapng(mine, 1000 + i) if i % 2 else header + b"".join(mine)
        files.append(bench.write(f"part{i}.cap", data))
    bench.summary("whole", [whole])
    want = bench.program.rows(bench.tmp / "out.arrow")
    for row in want:
        row["input_file"] = dealt_to[row["first_frame"] - 1]
    outputs = set()
    for way in WAYS:
        result = bench.program.run(files, bench.tmp / "merged.arrow", "--merge", *way)
        bench.checks.ok(f"dealt {way}: exit status", result.rc == OK, str(result))
        outputs.add((bench.tmp / "merged.arrow").read_bytes())
    bench.checks.equal("dealt: the same bytes in every way", len(outputs), 1)
    got = bench.program.rows(bench.tmp / "merged.arrow")
    bench.checks.ok("dealt: the records of the whole, with their files", got == want,
                    f"{len(got)} rows, {len(want)} wanted")
    # Two sections of two files; the footer counts each file's packets.
    bench.checks.equal("dealt: drops", result.summary.get("capture_drops"), 2 * (1001 + 1003))
    counts = collections.Counter(dealt_to)
    bench.checks.equal("dealt: first frame and packets of each",
                       [(i["first_frame"], i["packets"]) for i in result.summary["inputs"]],
                       [(dealt_to.index(i) + 1, counts[i]) for i in range(5)])
    pipes(bench, files)


def pipes(bench, files):
    """The same from pipes, whose writers take turns."""
    fifos = []
    for i, file in enumerate(files):
        fifo = bench.tmp / f"fifo{i}"
        os.mkfifo(fifo)
        fifos.append(fifo)
        threading.Thread(target=lambda to=fifo, data=file.read_bytes(): to.write_bytes(data),
                         daemon=True).start()
    result = bench.program.run(fifos, bench.tmp / "pipes.arrow", "--merge", "--workers", "2")
    bench.checks.ok("merged pipes: exit status", result.rc == OK, str(result))
    merged = bench.program.rows(bench.tmp / "merged.arrow")
    bench.checks.ok("merged pipes: the records of the files",
                    bench.program.rows(bench.tmp / "pipes.arrow") == merged)


def mergecap(bench):
    """Captures of all kinds, merged by mergecap and by us."""
    if shutil.which("mergecap") is None:
        bench.checks.skip("mergecap", "it is not there")
        return
    sets = (("hackeire-c2*", "zeek-tcp-ssh-dups*", "kernel-*"),
            ("wireshark-http*", "suricata-tls-*", "zeek-ipv6-http*", "sanders-*"),
            ("tcptrace-*", "pcapplusplus-nanosecs*", "zeek-mixed-vlan*"))
    for only in sets:
        files = common.capture_files(only)
        if len(files) < 2:
            bench.checks.skip(f"{only}", "captures are not there")
            continue
        merged = bench.tmp / "mergecap.pcapng"
        made = common.run(["mergecap", "-w", merged, *files])
        if not bench.checks.ok("mergecap runs", made.rc == 0, str(made)):
            continue
        ours = bench.run("verdicts", "-q", "--merge", *files)
        theirs = bench.run("verdicts", "-q", merged)
        bench.checks.ok(f"{len(files)} files {only}: as mergecap",
                        ours.rc == theirs.rc and ours.text and ours.text == theirs.text,
                        f"{ours}, {theirs}")


def scrambled(bench):
    """Times at random inside each file, no two equal: as mergecap."""
    if shutil.which("mergecap") is None:
        bench.checks.skip("scrambled", "mergecap is not there")
        return
    dice = random.Random(9)
    stamps = dice.sample(range(100000), 4000)
    files = [bench.write(f"s{i}.pcap", pcap(*[
        (stamp, forge.tcp_frame(dice.randrange(200), dice.choice((forge.ACK, forge.SYN))))
        for stamp in stamps[i::7]])) for i in range(7)]
    merged = bench.tmp / "merged.pcapng"
    made = common.run(["mergecap", "-w", merged, *files])
    bench.checks.ok("mergecap runs", made.rc == 0, str(made))
    theirs = bench.run("verdicts", "-q", "--json", merged)
    for way in WAYS[1:]:
        ours = bench.run("verdicts", "-q", "--json", "--merge", *way, *files)
        bench.checks.ok(f"scrambled {way}: as mergecap", ours.rc == OK and
                        ours.text.count("\n") == 4000 and ours.text == theirs.text,
                        f"{ours}, {theirs}")


def damage(bench):
    """Damage ends its input alone; its message comes, unless -c ends the run before it."""
    frame = forge.tcp_frame
    good = bench.write("good.pcap", pcap(*[(2 * i, frame(1)) for i in range(100)]))
    data = pcap(*[(2 * i + 1, frame(2)) for i in range(100)])
    size = (len(data) - 24) // 100
    cut = bench.write("cut.pcap", data[:24 + 50 * size + 20])
    lies = bytearray(data)
    struct.pack_into("<I", lies, 24 + 70 * size + 8, 0xffffffff)
    lies = bench.write("lies.pcap", bytes(lies))
    for way in WAYS[:2]:
        result = bench.program.run([cut, good, lies], bench.tmp / "out.arrow", "--merge", *way)
        summary = result.summary or {"packets": None, "damage": [], "inputs": []}
        bench.checks.equal(f"damage {way}: status, packets",
                           (result.rc, summary["packets"], [i["packets"] for i in
                                                            summary["inputs"]]),
                           (DAMAGED, 220, [50, 100, 70]))
        bench.checks.equal(f"damage {way}: in the order of time",
                           [(pathlib.Path(d["path"]).name, d["what"].split(":")[0])
                            for d in summary["damage"]],
                           [("cut.pcap", f"damaged at byte {24 + 50 * size}"),
                            ("lies.pcap", f"damaged at byte {24 + 70 * size}")])
        order = order_of(bench, f"damage {way}", [cut, good], *way, status=DAMAGED)
        bench.checks.equal(f"damage {way}: the good one goes on", order, [1, 2] * 50 + [1] * 50)
    # 50 of each: the 101st is good's, and then cut.pcap's next would be due.
    for nb, status in ((99, OK), (100, OK), (101, DAMAGED), (102, DAMAGED)):
        result = bench.run("verdicts", "-q", "--merge", "-c", str(nb), cut, good)
        bench.checks.ok(f"damage and -c {nb}", result.rc == status and
                        result.text.count("\n") == nb, str(result))


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def many(bench):
    """2,000 files that all overlap, 64 descriptors."""
    files = [bench.write(f"many/{i}.pcap", pcap(*[
        (i + 5000 * k, forge.tcp_frame(i % 500)) for k in range(3)])) for i in range(2000)]
    dice = random.Random(4)
    dice.shuffle(files)
    result = bench.run("verdicts", "--json", "-q", "--merge", "--workers", "2", *files,
                       preexec_fn=few_descriptors)
    bench.checks.ok("2,000 files, 64 descriptors: exit status", result.rc == OK, str(result))
    bench.checks.equal("2,000 files: by time",
                       [r["sport"] - 40000 for r in common.parse_rows(result.text)],
                       [i % 500 for _ in range(3) for i in range(2000)])


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("merge", args.verbose)
    common.skip_without_captures(checks)

    def dealt_out(bench):
        dealt(bench, args.generator)
    return run_cases(args, checks, (by_hand, dealt_out, mergecap, scrambled, damage, many),
                     args.jobs)


if __name__ == "__main__":
    sys.exit(main())
