#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Several captures as one: files in their order, folders by the time of the first packet, thousands
of small files with few descriptors."""

import gzip
import lzma
import os
import pathlib
import random
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

import bad_input
import common
import forge

OK, FAILED, USAGE, DAMAGED = 0, 1, 2, 3
START = 1_700_000_000  # forge's first second


def pcap(*packets, link_type=forge.ETHERNET):
    """A pcap of (seconds behind START, frame) pairs; seconds as text keeps every digit."""
    data = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, link_type)
    for stamp, packet in packets:
        ns = round(stamp * 10**9) if isinstance(stamp, float) else stamp * 10**9
        second, fraction = divmod(START * 10**9 + ns, 10**9)
        data += struct.pack("<IIII", second, fraction, len(packet), len(packet)) + packet
    return data


class Bench:
    def __init__(self, checks, program, tmp):
        self.checks = checks
        self.program = program
        self.tmp = tmp

    def write(self, name, data):
        path = self.tmp / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def run(self, *words, **kwargs):
        return common.run([self.program.path, *words], **kwargs)

    def summary(self, label, inputs, *options, status=OK):
        """The --json of a run that ends with the status, or an empty one."""
        result = self.program.run(inputs, self.tmp / "out.arrow", "--workers", "2", *options)
        self.checks.ok(f"{label}: exit status {status}", result.rc == status, str(result))
        return result.summary or {"inputs": [], "packets": None, "link_types": []}

    def names(self, label, inputs, *options, status=OK):
        """(name, first frame, packets) of every input of a run."""
        return [(pathlib.Path(i["path"]).name, i["first_frame"], i["packets"])
                for i in self.summary(label, inputs, *options, status=status)["inputs"]]


def folder_order(bench):
    """By the first packet's time, then by name; those without packets last; named files stay."""
    frame = forge.tcp_frame
    bench.write("set/a-last.pcap", pcap((30, frame(1)), (31, frame(1))))
    bench.write("set/z-first.pcap", pcap((10, frame(2))))
    bench.write("set/same-b.pcap", pcap((20, frame(3))))
    bench.write("set/same-a.pcap", pcap((20, frame(4))))
    # The first packet counts, not the earliest.
    bench.write("set/backwards.pcap", pcap((25, frame(5)), (1, frame(5))))
    bench.write("set/0-none.pcap", pcap())
    bench.write("set/capture.without.a.name", forge.Pcapng([frame(6)]).data)  # at second 0
    want = [("capture.without.a.name", 1, 1), ("z-first.pcap", 2, 1), ("same-a.pcap", 3, 1),
            ("same-b.pcap", 4, 1), ("backwards.pcap", 5, 2), ("a-last.pcap", 7, 2),
            ("0-none.pcap", 0, 0)]
    folder = bench.tmp / "set"
    bench.checks.equal("a folder's order", bench.names("a folder", [folder]), want)
    bench.checks.equal("a folder's order, with a slash",
                       bench.names("a folder/", [f"{folder}/"]), want)
    files = [folder / "a-last.pcap", folder / "z-first.pcap"]
    bench.checks.equal("files keep their order", [n for n, _, _ in bench.names("files", files)],
                       ["a-last.pcap", "z-first.pcap"])
    mixed = bench.names("file, folder, file", [files[0], folder, files[1]])
    bench.checks.equal("a folder between files", [n for n, _, _ in mixed],
                       ["a-last.pcap"] + [n for n, _, _ in want] + ["z-first.pcap"])
    by_name = bench.run("verdicts", *[folder / n for n, _, _ in want])
    bench.checks.equal("verdicts of a folder", bench.run("verdicts", folder).text, by_name.text)


def folder_content(bench):
    """Captures are found by content; the rest is passed over."""
    good = pcap((0, forge.tcp_frame(1)))
    bench.write("mixed/notes.txt", b"nothing to see\n")
    bench.write("mixed/empty", b"")
    bench.write("mixed/capture.bin", good)
    bench.write("mixed/.hidden.pcap", good)
    bench.write("mixed/sub/deeper.pcap", good)
    os.mkfifo(bench.tmp / "mixed/fifo.pcap")
    (bench.tmp / "mixed/dangling.pcap").symlink_to("nowhere")
    (bench.tmp / "mixed/loop.pcap").symlink_to("loop.pcap")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(bench.tmp / "mixed/socket.pcap"))
    (bench.tmp / "mixed/linked").symlink_to("sub/deeper.pcap")
    (bench.tmp / "mixed/linked-folder").symlink_to("sub")
    folder = bench.tmp / "mixed"
    output = folder / "out.arrow"
    for _ in range(2):  # the second time its own output lies there, and a .part
        result = bench.run("run", folder, "-w", output, timeout=30)
        bench.write("mixed/other.arrow.part", output.read_bytes()[:300])
        bench.checks.ok("a folder of all sorts", result.rc == OK, str(result))
        bench.checks.ok("files passed over are counted in one line", re.fullmatch(
            rf"tcpmill: {folder}: 2 captures; passed over 4 files that are none "
            r"\((notes\.txt|empty|dangling\.pcap|loop\.pcap) \.\.\.\)",
            result.errors.splitlines()[0]),
            result.errors)
    bench.checks.equal("the captures found",
                       sorted(n for n, _, _ in bench.names("all sorts", [folder])),
                       ["capture.bin", "linked"])
    quiet = bench.run("run", "-q", folder, "-w", output)
    bench.checks.ok("-q says nothing", quiet.rc == OK and not quiet.err, str(quiet))


# What can be said of files that are damaged before anything in them can be read: byte and words
# as counted by hand in folder_damaged().
BROKEN = {
    "cut.pcap": "cut short: expected a pcap header of 24 bytes at byte 0, got 20",
    "cut.pcapng": "cut short: expected a pcapng header of 28 bytes at byte 0, got 9",
    "cut.gz": "damaged at byte 12: gzip: cut short: expected more of the member, "
              "got the end of the input",
    "bad.gz": "damaged at byte 11: gzip: expected sound data, found: invalid block type",
    "cut-inside.gz": "cut short: expected a pcap header of 24 bytes in gzip, got 20",
    "cut.xz": "damaged at byte 20: xz: cut short: expected more of the stream, "
              "got the end of the input",
}


def make_broken(bench, folder):
    """The files of BROKEN; and good.pcap, whose packet comes before late.gz's."""
    good = pcap((0, forge.tcp_frame(1)), (5, forge.tcp_frame(1)))
    bench.write(f"{folder}/good.pcap", good)
    bench.write(f"{folder}/cut.pcap", good[:20])
    bench.write(f"{folder}/cut.pcapng", forge.Pcapng([forge.tcp_frame(1)]).data[:9])
    packed = gzip.compress(good, mtime=0)
    bench.write(f"{folder}/cut.gz", packed[:12])
    bench.write(f"{folder}/bad.gz", packed[:10] + b"\xff" * 20)  # deflate's block type 3
    bench.write(f"{folder}/cut-inside.gz", gzip.compress(good[:20]))
    bench.write(f"{folder}/cut.xz", lzma.compress(good)[:20])
    return good


def folder_damaged(bench):
    """What is damaged is told, -q or not, and the others are read; what is no capture is not."""
    good = make_broken(bench, "damaged")
    late = gzip.compress(pcap((9, forge.tcp_frame(1)), (9, forge.tcp_frame(2))), mtime=0)
    bench.write("damaged/late.gz", late[:-6])  # both packets are there, their checksum is not
    text = bench.write("damaged/text.gz", gzip.compress(b"a text that is longer than a header"))
    bench.write("damaged/none.gz", gzip.compress(b""))
    bench.write("damaged/twice.gz", gzip.compress(gzip.compress(good)))
    folder = bench.tmp / "damaged"
    told = {f"tcpmill: {folder / name}: {what}" for name, what in BROKEN.items()}
    for words in (["run"], ["run", "-q"], ["run", "-q", "--merge"], ["run", "-q", "--json"],
                  ["verdicts"], ["verdicts", "-q"], ["explain", "--stream", "0"]):
        result = bench.run(*words, folder)
        lines = result.errors.splitlines()
        label = f"damaged files in a folder: {' '.join(words)}"
        bench.checks.ok(f"{label}: exit status 3", result.rc == DAMAGED, str(result))
        bench.checks.equal(f"{label}: a line each",
                           {line for line in lines if "late" not in line and "damaged" in line
                            and "kept" not in line and "captures" not in line}, told)
        bench.checks.ok(f"{label}: the line of one that is cut later",
                        sum(f"{folder}/late.gz: damaged at byte 164 decompressed: " in line
                            for line in lines) == 1, result.errors)
        bench.checks.ok(f"{label}: what was kept", "kept everything before it: 4 packets, 2 flows "
                        "(exit status 3)" in lines[-1], result.errors)
        bench.checks.equal(f"{label}: what is no capture is counted, but with -q",
                           [line for line in lines if "passed over" in line],
                           [] if "-q" in words else [lines[0]])
        bench.checks.ok(f"{label}: one of the others is named", "-q" in words or re.search(
            r"passed over 3 files that are none \((text|none|twice)\.gz \.\.\.\)", lines[0]),
            result.errors)
    summary = bench.summary("damaged files in a folder", [folder], status=DAMAGED)
    bench.checks.equal("damaged files are inputs, behind those with packets",
                       [(pathlib.Path(i["path"]).name, i["packets"]) for i in summary["inputs"]],
                       [("good.pcap", 2), ("late.gz", 2)] + [(name, 0) for name in sorted(BROKEN)])
    footer = bench.run("show", bench.tmp / "out.arrow", "--books")
    bench.checks.ok("damaged files are in the footer", footer.rc == OK and
                    all(what in footer.text for what in BROKEN.values()), footer.text)
    one = bench.run("run", "-q", text, folder / "good.pcap")
    bench.checks.ok("named, it is refused", one.rc == FAILED and
                    "text.gz: not a capture: expected pcap or pcapng in gzip" in one.errors,
                    str(one))
    one = bench.run("run", "-q", folder / "cut.gz", folder / "good.pcap")
    bench.checks.ok("named, a file that is damaged from its start is no capture",
                    one.rc == FAILED and one.errors.splitlines() ==
                    [f"tcpmill: {folder}/cut.gz: {BROKEN['cut.gz']}"], str(one))


def folder_all_damaged(bench):
    """A folder of damaged captures alone, more of them than lines are kept; and one of one."""
    for i in range(20):
        bench.write(f"broken/{i:02}.gz", gzip.compress(pcap(), mtime=0)[:12])
    result = bench.run("run", "-q", bench.tmp / "broken")
    lines = result.errors.splitlines()
    bench.checks.ok("a folder of damaged captures", result.rc == DAMAGED and len(lines) == 18 and
                    lines[16] == "tcpmill: 4 more inputs are damaged" and
                    lines[17].endswith(": 0 packets, 0 flows (exit status 3)"), str(result))


def folder_unreadable(bench):
    """A file of a folder that cannot be read is an error, with and without -q."""
    good = pcap((0, forge.tcp_frame(1)))
    bench.write("mem/good.pcap", good)
    (bench.tmp / "mem/memory.pcap").symlink_to("/proc/self/mem")  # reading its page 0: EIO
    for words in (["run"], ["run", "-q"], ["verdicts", "-q"]):
        result = bench.run(*words, bench.tmp / "mem")
        bench.checks.ok(f"{words}: a file that cannot be read", result.rc == FAILED and
                        "memory.pcap: cannot " in result.errors and
                        "Input/output error" in result.errors, str(result))
    prefix = bad_input.as_nobody()
    if prefix is None:
        bench.checks.skip("a file without rights", "setpriv is not there")
        return
    bench.tmp.chmod(0o755)
    program = shutil.copy(bench.program.path, bench.tmp / "tcpmill")
    bench.write("rights/good.pcap", good)
    bench.write("rights/secret.pcap", good).chmod(0)
    for words in (["run"], ["run", "-q"]):
        result = common.run([*prefix, program, *words, bench.tmp / "rights"])
        bench.checks.ok(f"{words}: a file without rights", result.rc == FAILED and
                        "secret.pcap: cannot open: Permission denied" in result.errors,
                        str(result))


def folder_names(bench):
    """Names that nobody typed stay in their line, and tell a terminal nothing."""
    good = pcap((0, forge.tcp_frame(1)), (1, forge.tcp_frame(2)))
    folder = bench.write("names/whole.pcap", good).parent
    bench.write("names/cut\x1b[31m\n.pcap", good[:-5])
    bench.write("names/text\x1b[31m\n", b"nothing to see\n")
    result = bench.run("run", folder)
    lines = result.err.decode().splitlines()
    bench.checks.ok("names with control characters", result.rc == DAMAGED and
                    "(text\ufffd[31m\ufffd)" in lines[0] and
                    any("cut\ufffd[31m\ufffd.pcap: damaged at byte" in line for line in lines) and
                    all(line.startswith("tcpmill: ") for line in lines) and
                    b"\x1b" not in result.err, str(result))


def folder_long_name(bench):
    """A name may be longer than most lines: the words behind it are there all the same."""
    name = "/".join(["deep", *("d" * 250 for _ in range(8))])
    cut = bench.write(f"{name}/cut.pcap", pcap()[:20])
    for words in (["run"], ["run", "--merge"]):
        result = bench.run(*words, bench.tmp / name)
        bench.checks.ok(f"{words}: a name of {len(str(cut))} bytes", result.rc == DAMAGED and
                        result.errors.splitlines()[0] == f"tcpmill: {cut}: {BROKEN['cut.pcap']}",
                        str(result))
    result = bench.run("run", cut)
    bench.checks.ok("named, too", result.rc == FAILED and result.errors.splitlines() ==
                    [f"tcpmill: {cut}: {BROKEN['cut.pcap']}"], str(result))


def folder_refused(bench):
    """A folder without a capture, and one that cannot be read."""
    (bench.tmp / "empty").mkdir()
    bench.write("only-text/notes.txt", b"nothing to see\n")
    good = bench.write("good.pcap", pcap((0, forge.tcp_frame(1))))
    for name in ("empty", "only-text"):
        for command in ("run", "verdicts", "explain"):
            result = bench.run(command, good, bench.tmp / name)
            lines = result.errors.splitlines()
            bench.checks.ok(f"{command} {name}: one line", result.rc == FAILED and len(lines) == 1
                            and f"{name}: expected captures in the folder" in lines[0],
                            str(result))


def input_file(bench):
    """A flow that goes on from file to file is one, and is of the file of its first frame."""
    frame = forge.tcp_frame
    bench.write("parts/1.pcap", pcap((0, frame(1, forge.SYN)), (1, frame(2, forge.SYN))))
    bench.write("parts/2.pcap", pcap((2, frame(1)), (3, frame(3, forge.SYN))))
    bench.write("parts/3.pcap", pcap((4, frame(2)), (5, frame(1)), (6, frame(3))))
    bench.summary("flows across files", [bench.tmp / "parts"])
    rows = bench.program.rows(bench.tmp / "out.arrow")
    bench.checks.equal("flows across files: file, first and last frame, packets",
                       [(r["input_file"], r["first_frame"], r["last_frame"], r["o_pkts"])
                        for r in rows], [(0, 1, 6, 3), (0, 2, 5, 2), (1, 4, 7, 2)])


def show_files(bench):
    """A flow's page says which frame of which file it begins with, as far as the records do."""
    frame = forge.tcp_frame
    bench.write("pages/1.pcap", pcap((0, frame(1, forge.SYN)), (1, frame(2, forge.SYN))))
    bench.write("pages/2\x1b.pcap", pcap((2, frame(1)), (3, frame(3, forge.SYN))))
    folder, records = bench.tmp / "pages", bench.tmp / "pages.arrow"

    def line(stream, stdin=subprocess.DEVNULL):
        path = "-" if stdin != subprocess.DEVNULL else records
        result = bench.run("show", path, "--stream", stream, stdin=stdin)
        bench.checks.ok(f"show --stream {stream}: exit status 0", result.rc == OK, str(result))
        return [text for text in result.text.splitlines() if text.startswith("#")]

    bench.run("run", "-q", folder, "-w", records)
    bench.checks.equal("show: frame 2 is of the first file", line(1), ["#2 is 1.pcap #2"])
    bench.checks.equal("show: frame 4 is of the second file", line(2), ["#4 is 2\ufffd.pcap #2"])
    whole = bench.run("run", "-q", folder, "-w", "-")
    bench.write("stream.arrows", whole.out)
    with (bench.tmp / "stream.arrows").open("rb") as stdin:
        bench.checks.equal("show: a stream has no footer", line(2, stdin=stdin),
                           ["#4 is in 2\ufffd.pcap"])
    bench.run("run", "-q", "--merge", folder, "-w", records)
    bench.checks.equal("show: merged inputs have no ranges", line(2), ["#4 is in 2\ufffd.pcap"])
    bench.run("run", "-q", folder / "1.pcap", "-w", records)
    bench.checks.equal("show: of one file nothing is said", line(1), [])


def explain_files(bench):
    """Frame numbers run on; explain says which numbers they are in their files."""
    frame = forge.tcp_frame
    bench.write("told/1.pcap", pcap((0, frame(1)), (1, frame(2, forge.SYN))))
    bench.write("told/2.pcap", pcap((2, frame(1)), (3, frame(1)), (4, frame(2)), (5, frame(1))))
    bench.write("told/3.pcap", pcap((6, frame(1)), (7, frame(2)), (8, frame(1))))
    folder = bench.tmp / "told"
    result = bench.run("explain", "--around", "8", folder)
    bench.checks.ok("explain: frame 8 is of the second flow, and where its frames are",
                    result.rc == OK and "10.0.0.2:40002" in result.text and
                    "\n#2 is 1.pcap #2, #3 is 2.pcap #1, #7 is 3.pcap #1\n" in result.text,
                    str(result) + result.text)
    for words in ([folder / "1.pcap"], ["--merge", folder]):
        result = bench.run("explain", "--stream", "0", *words)
        bench.checks.ok(f"explain: no such line {words[:1]}", result.rc == OK and
                        "pcap #" not in result.text, str(result))


def make_many(bench, nb):
    """nb files with three frames of 500 flows, each later than the one before, names at random."""
    names = random.Random(6).sample(range(nb), nb)
    for i, name in enumerate(names):
        bench.write(f"many/{name:05}.pcap", pcap(*[
            (i + k / 4, forge.tcp_frame(i % 500, forge.SYN if i < 500 and k == 0 else forge.ACK))
            for k in range(3)]))
    return [f"{name:05}.pcap" for name in names]


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def many_files(bench):
    """3,000 files with 64 descriptors, in the time of as many small files."""
    names = make_many(bench, 3000)
    result = bench.run("run", "--json", "--workers", "2", bench.tmp / "many",
                       "-w", bench.tmp / "out.arrow", preexec_fn=few_descriptors)
    bench.checks.ok("3,000 files, 64 descriptors: exit status 0", result.rc == OK, str(result))
    summary = common.parse_object(result.out) or {"inputs": []}
    bench.checks.equal("3,000 files: their order",
                       [pathlib.Path(i["path"]).name for i in summary["inputs"]], names)
    bench.checks.equal("3,000 files: first frames", [i["first_frame"] for i in summary["inputs"]],
                       [1 + 3 * i for i in range(3000)])
    rows = bench.program.rows(bench.tmp / "out.arrow")
    bench.checks.equal("3,000 files: flows", len(rows), 500)
    bench.checks.equal("3,000 files: packets of each", {r["o_pkts"] for r in rows}, {18})
    books = bench.run("show", bench.tmp / "out.arrow", "--books")
    bench.checks.ok("3,000 files: the books", books.rc == OK and "9,000" in books.text, str(books))


def many_interfaces(bench):
    """A quarter of a million interfaces of many link types: no work that grows with the square."""
    data = forge.section()
    blocks = [forge.interface(link_type=200 + i % 20000) for i in range(20000)]
    data += b"".join(blocks) * 12 + forge.interface()
    data += forge.packet_block(forge.tcp_frame(1), interface_id=240000)
    path = bench.write("interfaces.pcapng", data)
    result = common.run_measured([bench.program.path, "run", "--json", path, "-w",
                                  bench.tmp / "out.arrow"])
    bench.checks.ok("240,001 interfaces: read in time", result.rc == OK and
                    result.cpu_seconds < 10, f"{result}; {result.cpu_seconds} s of CPU")
    types = (common.parse_object(result.out) or {"link_types": []})["link_types"]
    bench.checks.equal("240,001 interfaces: link types", len(types), 20001)
    bench.checks.equal("240,001 interfaces: the one with packets",
                       [t["link_type"] for t in types if t["packets"]], [1])


def run_cases(args, checks, cases, jobs):
    """Each case has a bench with a folder of its own; one that does not end well has failed."""
    program = common.Tcpmill(args.tcpmill)

    def one(case):
        with tempfile.TemporaryDirectory() as name:
            try:
                case(Bench(checks, program, pathlib.Path(name)))
            except (OSError, KeyError, TypeError, IndexError, RuntimeError) as error:
                checks.ok(f"{case.__name__}: runs to its end", False, repr(error))
    common.parallel(one, cases, jobs)
    return checks.finish()


CASES = (folder_order, folder_content, folder_damaged, folder_all_damaged, folder_unreadable,
         folder_names, folder_long_name, folder_refused, input_file, show_files, explain_files,
         many_files, many_interfaces)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("sets", args.verbose)
    return run_cases(args, checks, CASES, args.jobs)


if __name__ == "__main__":
    sys.exit(main())
