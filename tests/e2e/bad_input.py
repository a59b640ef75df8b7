#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Missing, damaged and absurd input, outputs that cannot be written, signals in the middle.

Each must end with the documented exit status and one clear line, keep every packet in front of the
damage, and leave no output that looks complete when it is not.
"""

import os
import pathlib
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import common
import forge

FAILED, USAGE, DAMAGED = 1, 2, 3
NOBODY = 65534
PACKETS = 6


class Bench:
    """What every case needs."""

    def __init__(self, checks, program, tmp):
        self.checks = checks
        self.program = program
        self.tmp = tmp
        self.output = tmp / "out.arrow"

    def write(self, name, data):
        path = self.tmp / name
        path.write_bytes(data)
        return path

    def run(self, inputs, *options):
        self.output.unlink(missing_ok=True)
        return self.program.run(inputs, self.output, "--workers", "2", *options)

    def said_once(self, label, result, *words):
        """One line of tcpmill's own on stderr that has all the words."""
        lines = [line for line in result.errors.splitlines()
                 if all(re.search(w, line) for w in words)]
        self.checks.ok(f"{label}: one clear line on stderr", len(lines) == 1 and
                       lines[0].startswith("tcpmill"), f"{words} in: {result.errors.strip()!r}")

    def refused(self, label, result, status, *words):
        """Nothing was done: exit status, message, no output file."""
        checks = self.checks
        checks.ok(f"{label}: exit status {status}", result.rc == status, str(result))
        checks.ok(f"{label}: no crash", not result.crashed(), str(result))
        checks.ok(f"{label}: no output", not self.output.exists())
        self.said_once(label, result, *words)

    def damaged(self, label, data, packets, status=DAMAGED):
        """The damage is reported with its place, the packets in front of it are kept."""
        checks = self.checks
        path = self.write(re.sub(r"\W+", "-", label) + ".cap", data)
        for chunk in ("4096", "1048576"):
            result = self.run([path], "--chunk-size", chunk)
            checks.ok(f"{label}: exit status {status}", result.rc == status, str(result))
            if result.summary is None:
                checks.ok(f"{label}: summary", False, str(result))
                continue
            checks.equal(f"{label}: packets kept", result.summary["packets"], packets)
            checks.equal(f"{label}: packets in the books",
                         sum(common.books_of(result.summary).values()), packets)
            checks.ok(f"{label}: output is there", self.output.exists())
            if status == DAMAGED:
                checks.equal(f"{label}: damage in the summary", len(result.summary["damage"]), 1)
                self.said_once(label, result, re.escape(path.name), r"byte [\d,]+")
        path.unlink()


def not_a_capture(bench):
    for label, data in (("empty file", b""), ("text file", b"This is no capture.\n" * 20),
                        ("one byte", b"\xd4"), ("zeros", bytes(4096))):
        path = bench.write(label.replace(" ", "-"), data)
        bench.refused(label, bench.run([path]), FAILED, re.escape(path.name))
    good = bench.write("good.pcap", forge.Pcap(forge.frames(PACKETS)).data)
    missing = bench.tmp / "missing.pcap"
    bench.refused("missing file", bench.run([missing]), FAILED, "missing.pcap",
                  "No such file")
    bench.refused("missing file after a good one", bench.run([good, missing]), FAILED,
                  "missing.pcap", "No such file")
    folder = bench.tmp / "folder"
    folder.mkdir()
    bench.refused("directory", bench.run([folder]), FAILED, "folder")


def as_nobody():
    """A command prefix that gives up root, or None where that cannot be."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        return None
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def rights(bench):
    """What an ordinary user may not read or write."""
    prefix = as_nobody()
    if prefix is None:
        bench.checks.skip("unreadable and unwritable files", "setpriv is not there")
        return
    with tempfile.TemporaryDirectory() as name:
        home = pathlib.Path(name)
        home.chmod(0o755)
        program = shutil.copy(bench.program.path, home / "tcpmill")
        good = home / "good.pcap"
        good.write_bytes(forge.Pcap(forge.frames(PACKETS)).data)
        good.chmod(0o644)
        secret = home / "secret.pcap"
        secret.write_bytes(good.read_bytes())
        secret.chmod(0)
        locked = home / "locked"
        locked.mkdir(mode=0o555)
        spool = home / "spool"
        spool.mkdir()
        spool.chmod(0o777)

        def as_user(label, capture, output, *words):
            result = common.run([*prefix, program, "run", capture, "-w", output])
            bench.refused(label, result, FAILED, *words)

        as_user("unreadable file", secret, spool / "a.arrow", "secret.pcap", "Permission denied")
        as_user("unwritable folder", good, locked / "a.arrow", "locked", "Permission denied")
        # Not as root: a program that renames onto its output would replace the device.
        as_user("-w /dev/full", good, "/dev/full", "/dev/full")
        result = common.run([*prefix, program, "run", "-q", good, "-w", spool / "b.arrow"])
        bench.checks.ok("an ordinary user can run it", result.rc == 0, str(result))


def cuts(bench):
    """Cut at every kind of place, in each format."""
    packets = forge.frames(PACKETS, b"x" * 10)
    for label, capture, header in (
            ("pcap", forge.Pcap(packets), 16),
            ("pcap ns, big-endian", forge.Pcap(packets, ">", nano=True), 16),
            ("pcapng", forge.Pcapng(packets), 28),
            ("pcapng, big-endian", forge.Pcapng(packets, ">"), 28)):
        first = capture.offsets[0]
        for cut in (4, 8, 11, 12, 20, 23):
            # With its byte-order magic a pcapng is known to be one, and then it is a damaged one.
            if header == 28 and cut >= 12:
                bench.damaged(f"{label} cut at byte {cut} of its header", capture.data[:cut], 0)
                continue
            path = bench.write("header-cut", capture.data[:cut])
            bench.refused(f"{label} cut at byte {cut} of its header", bench.run([path]), FAILED,
                          "header-cut")
        bench.damaged(f"{label} with no packet", capture.data[:first], 0, status=0)
        for k in (0, PACKETS - 1):
            start, end = capture.offsets[k], capture.offsets[k + 1]
            for cut in (start + 1, start + 4, start + header - 1, start + header,
                        start + header + 1, end - 1):
                bench.damaged(f"{label} cut at byte {cut}, in packet {k + 1}",
                              capture.data[:cut], k)
            bench.damaged(f"{label} cut behind packet {k + 1}", capture.data[:end], k + 1,
                          status=0)
    capture = forge.Pcapng(packets)
    for cut in (capture.header_ends[0] + 1, capture.header_ends[0] + 9,
                capture.header_ends[1] - 1):
        bench.damaged(f"pcapng cut at byte {cut}, in the interface block", capture.data[:cut], 0)


def many_cuts(bench):
    """Cut and absurd far into the file, where small chunks have begun and ended."""
    packets = forge.frames(300, b"y" * 100)
    for label, capture in (("long pcap", forge.Pcap(packets)),
                           ("long pcapng", forge.Pcapng(packets))):
        at = capture.offsets[250]
        bench.damaged(f"{label} cut", capture.data[:at + 50], 250)
        noise = capture.data[:at] + b"\xff" * 400
        bench.damaged(f"{label} with 400 bytes of ff", noise, 250)


def absurd_pcap(bench):
    packets = forge.frames(PACKETS)
    for order in "<>":
        capture = forge.Pcap(packets, order)
        for caplen in (0xffffffff, 0x80000000, 0x7fffffff, 262145, 5000):
            bench.damaged(f"pcap {order} captured length {caplen:#x}",
                          capture.with_lengths(3, caplen, caplen), 3)
        bench.damaged(f"pcap {order} captured more than was on the wire",
                      capture.with_lengths(3, 54, 20), PACKETS, status=0)
        bench.damaged(f"pcap {order} a captured length of 0", forge.Pcap(
            packets[:3] + [b""] + packets[3:], order).data, PACKETS + 1, status=0)


def absurd_pcapng(bench):
    packets = forge.frames(PACKETS)
    head = forge.section() + forge.interface()
    before = b"".join(forge.packet_block(p, i) for i, p in enumerate(packets[:3]))
    after = forge.packet_block(packets[3], 3)
    size = len(after)
    for label, bad in (
            ("block length 0", forge.packet_block(packets[3], total=0)),
            ("block length 1", forge.packet_block(packets[3], total=1)),
            ("block length 8", forge.packet_block(packets[3], total=8)),
            ("block length 12", forge.packet_block(packets[3], total=12)),
            ("block length not a multiple of 4", forge.packet_block(packets[3], total=size - 3)),
            ("block length 3 GB", forge.packet_block(packets[3], total=3 << 30)),
            ("block length 4 GB - 1", forge.packet_block(packets[3], total=0xffffffff)),
            ("trailing length differs", forge.packet_block(packets[3], trailer=size + 4)),
            ("trailing length 0", forge.packet_block(packets[3], trailer=0)),
            ("captured length past the block", forge.packet_block(packets[3], caplen=1000)),
            ("captured length 4 GB - 1", forge.packet_block(packets[3], caplen=0xffffffff)),
            ("interface that is not there", forge.packet_block(packets[3], interface_id=7)),
            ("section with a wrong byte-order magic",
             forge.block(0x0a0d0d0a, struct.pack("<IHHq", 0x12345678, 1, 0, -1))),
            ("section of version 9",
             forge.block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 9, 0, -1))),
            ("interface block too short", forge.block(1, b"\1\0\0\0"))):
        bench.damaged(f"pcapng {label}", head + before + bad + after, 3)
    bench.damaged("pcapng packet before any interface", forge.section() + after, 0)
    unknown = forge.block(0x0bad0bad, b"whatever this is")
    bench.damaged("pcapng block of unknown type", head + before + unknown + after, 4, status=0)


def others_go_on(bench):
    """A damaged file among good ones: the others are read all the same."""
    good = forge.Pcap(forge.frames(PACKETS))
    first = bench.write("damaged.pcap", good.data[:-1])
    second = bench.write("whole.pcap", good.data)
    result = bench.run([first, second])
    bench.checks.ok("damaged, then good: exit status 3", result.rc == DAMAGED, str(result))
    if result.summary:
        bench.checks.equal("damaged, then good: packets", result.summary["packets"],
                           2 * PACKETS - 1)


def unknown_link_type(bench):
    path = bench.write("user0.pcap", forge.Pcap(forge.frames(PACKETS),
                                                link_type=forge.USER0).data)
    result = bench.run([path])
    bench.checks.ok("unknown link type: no crash", not result.crashed(), str(result))
    bench.checks.ok("unknown link type: exit status 0", result.rc == 0, str(result))
    if result.summary:
        bench.checks.equal("unknown link type: in the books",
                           result.summary["books"]["link_unknown"], PACKETS)
    bench.said_once("unknown link type", result, "(?i)link type", "USER0|147")


def outputs(bench):
    """Outputs that cannot be written."""
    good = bench.write("good.pcap", forge.Pcap(forge.frames(PACKETS)).data)
    program = bench.program.path
    nowhere = bench.tmp / "no-such-folder/out.arrow"
    bench.refused("output in a missing folder",
                  common.run([program, "run", good, "-w", nowhere]), FAILED, "no-such-folder",
                  "No such file")
    events = bench.tmp / "events.arrow"
    result = common.run([program, "run", good, "-w", nowhere, "--events", events])
    bench.refused("output in a missing folder, with events", result, FAILED, "no-such-folder")
    bench.checks.equal("no empty events are left behind", list(bench.tmp.glob("events*")), [])
    folder = bench.tmp / "is-a-folder"
    folder.mkdir()
    result = common.run([program, "run", good, "-w", folder])
    bench.refused("output is a folder", result, FAILED, "is-a-folder")
    bench.output.unlink(missing_ok=True)
    with open("/dev/full", "wb") as full:
        result = common.run([program, "run", good, "-w", "-"], stdout=full)
    bench.refused("full disk behind stdout", result, FAILED, "No space left")

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    result = common.run([program, "run", good, "-w", bench.output], preexec_fn=small_files)
    bench.refused("output that may not grow", result, FAILED, "out.arrow", "File too large")
    full_disk(bench, good)


def full_disk(bench, good):
    """A real file system of 16 KiB, where this process may mount one."""
    place = bench.tmp / "small-disk"
    place.mkdir()
    mounted = common.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", place])
    if mounted.rc != 0:
        bench.checks.skip("full disk", "mounting a small one needs root")
        return
    try:
        result = common.run([bench.program.path, "run", good, "-w", place / "out.arrow"])
        bench.refused("full disk", result, FAILED, "out.arrow", "No space left")
        bench.checks.ok("full disk: no finished output", not (place / "out.arrow").exists())
    finally:
        common.run(["umount", place])


def terminal(bench):
    good = bench.write("good.pcap", forge.Pcap(forge.frames(PACKETS)).data)
    main, other = pty.openpty()
    result = common.run([bench.program.path, "run", good, "-w", "-"], stdout=other)
    os.close(other)
    os.close(main)
    bench.refused("-w - to a terminal", result, USAGE, "terminal")


def closed_pipe(bench):
    """EPIPE is an error for run: its output is not whole."""
    good = bench.write("good.pcap", forge.Pcap(forge.frames(2000)).data)
    reader, writer = os.pipe()
    os.close(reader)
    result = common.run([bench.program.path, "run", good, "-w", "-"], stdout=writer)
    os.close(writer)
    bench.refused("closed pipe", result, FAILED, "Broken pipe|closed")
    arrow = bench.tmp / "show.arrow"
    bench.program.run([good], arrow)
    reader, writer = os.pipe()
    os.close(reader)
    result = common.run([bench.program.path, "show", arrow, "--format", "tsv"], stdout=writer)
    os.close(writer)
    bench.checks.ok("closed pipe: show ends quietly",
                    result.rc in (0, -signal.SIGPIPE, 128 + signal.SIGPIPE) and not result.err,
                    str(result))


def has_few_rights(bench, pid):
    """In the middle of a run every thread has the filter: mode 2 is that of seccomp filters."""
    program = bench.program.path.read_bytes()
    if b"__asan_init" in program or b"__tsan_init" in program:
        bench.checks.skip("rights given up", "not with sanitizers")
        return
    lines = ("Seccomp:\t2\n", "NoNewPrivs:\t1\n")
    told = []

    def have():
        told[:] = [(t / "status").read_text() for t in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        return len(told) >= 3 and all(line in t for line in lines for t in told)
    common.wait_until(have, 30)
    bench.checks.ok("several threads run", len(told) >= 3, len(told))
    for line in lines:
        bench.checks.ok(f"every thread has {line.strip()}", all(line in t for t in told), told)


def keeps_to_cpus(bench, pid):
    """Each worker has one CPU, in turn; all others have what the program has."""
    usable = sorted(os.sched_getaffinity(0))
    tasks = {int(task.name): (task / "comm").read_text().strip()
             for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}
    places = {name: sorted(sorted(os.sched_getaffinity(task)) for task, comm in tasks.items()
                           if comm == name) for name in set(tasks.values())}
    workers = places.pop("tcpmill-worker", [])
    bench.checks.equal("each worker has a CPU", workers, sorted([usable[n % len(usable)]]
                                                                for n in range(3)))
    bench.checks.ok("all others may run anywhere",
                    all(cpus == usable for some in places.values() for cpus in some), places)


def interrupted(bench):
    """A run waiting for more input: signals end it, and what was written stays as .part."""
    capture = forge.Pcap(forge.frames(2000))
    for number in (signal.SIGINT, signal.SIGTERM):
        name = signal.Signals(number).name
        fifo = bench.tmp / f"{name}.pcap"
        os.mkfifo(fifo)
        bench.output.unlink(missing_ok=True)
        part = pathlib.Path(f"{bench.output}.part")
        part.unlink(missing_ok=True)
        child = subprocess.Popen([bench.program.path, "run", fifo, "-w", bench.output,
                                  "--workers", "3"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stop = threading.Event()
        feeder = threading.Thread(target=feed, args=(fifo, capture.data[:-10], stop),
                                  daemon=True)
        feeder.start()
        deadline = time.monotonic() + 20
        while not part.exists() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        if number == signal.SIGINT:
            has_few_rights(bench, child.pid)
            keeps_to_cpus(bench, child.pid)
        child.send_signal(number)
        try:
            out, err = child.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
        stop.set()
        result = common.Result(["run", fifo], child.returncode, out, err, 0)
        bench.checks.ok(f"{name}: exit status 130", result.rc == 130, str(result))
        bench.checks.ok(f"{name}: is not told as damage", b"damaged" not in err, str(result))
        bench.checks.ok(f"{name}: .part is kept", part.exists())
        bench.checks.ok(f"{name}: no finished output", not bench.output.exists())
        bench.checks.ok(f"{name}: no sanitizer report", not result.sanitizer_report(), str(result))
        part.unlink(missing_ok=True)


def feed(fifo, data, stop):
    """Writes data and keeps the pipe open until told to stop. Does not wait for a reader."""
    with open(os.open(fifo, os.O_RDWR), "wb", buffering=0) as pipe:
        while data:
            data = data[pipe.write(data[:4096]):]
        stop.wait(60)


def words_about_streams(bench):
    """Standard input and output have one name, and what cannot be written one form."""
    pcap = forge.Pcap(forge.frames(PACKETS)).data
    path = bench.write("streams.pcap", pcap)
    run = bench.run([path])
    bench.checks.ok("streams: records", run.rc == 0, str(run))
    records = bench.output.read_bytes()
    part = bench.write("whole.arrow.part", records[:-200])
    program = bench.program.path
    for label, words, data, status, said in (
            ("no capture", ["run", "-"], b"no capture", FAILED, "stdin: not a capture: "),
            ("no capture", ["verdicts", "-"], b"", FAILED, "stdin: expected a capture, "),
            ("no capture", ["explain", "-"], b"no capture", FAILED, "stdin: not a capture: "),
            ("damage", ["run", "-q", "-"], pcap[:-1], DAMAGED, "stdin: damaged at byte "),
            ("no records", ["show", "-"], pcap, FAILED, "stdin: "),
            ("cut records", ["show", "-"], records[:-200], DAMAGED, "stdin: ")):
        with bench.write("stdin", data).open("rb") as stdin:
            result = common.run([program, *words], stdin=stdin)
        first = (result.errors.splitlines() or [""])[0]
        bench.checks.ok(f"{' '.join(words)}: {label}: stdin is called stdin", result.rc == status
                        and first.startswith(f"tcpmill: {said}"), str(result))
    with path.open("rb") as stdin:
        told = common.run([program, "run", "-"], stdin=stdin)
    bench.checks.ok("the summary calls it stdin", told.text.startswith("stdin \u00b7 pcap"),
                    told.text)
    full = "cannot write: No space left on device"
    for words, said in (
            (["run", path], f"stdout: {full}"), (["run", "--json", path], f"stdout: {full}"),
            (["run", "-q", path, "-w", "-"], f"stdout: {full}"),
            (["run", "-q", path, "--events", "-"], f"stdout: {full}"),
            (["verdicts", path], f"stdout: {full}"), (["explain", path], f"stdout: {full}"),
            (["show", bench.output], f"stdout: {full}"),
            (["show", bench.output, "--format", "csv"], f"stdout: {full}"),
            (["show", bench.output, "--stream", "0"], f"stdout: {full}"),
            (["show", bench.output, "--schema"], f"stdout: {full}"),
            (["recover", part, "-w", bench.tmp / "again.arrow"],
             f"{bench.tmp}/again.arrow is recovered, but stdout: {full}"),
            (["--help"], f"stdout: {full}"), (["--version"], f"stdout: {full}"),
            (["run", "--help"], f"stdout: {full}")):
        with open("/dev/full", "wb") as device:
            result = common.run([program, *words], stdout=device)
        bench.checks.ok(f"a full stdout: {' '.join(map(str, words))}", result.rc == FAILED and
                        result.errors.splitlines()[-1:] == [f"tcpmill: {said}"], str(result))
    for words in (["run", path, "-w", "/proc/t.arrow"], ["run", path, "--events", "/proc/t.arrow"],
                  ["recover", part, "-w", "/proc/t.arrow"]):
        result = common.run([program, *words])
        bench.checks.ok(f"no place to write: {words[0]} {words[-2]}", result.rc == FAILED and
                        re.fullmatch(r"tcpmill: /proc/t\.arrow\S*: cannot write: [A-Z][^:]*\n",
                                     result.errors), str(result))


CASES = (not_a_capture, words_about_streams, rights, cuts, many_cuts, absurd_pcap, absurd_pcapng,
         others_go_on, unknown_link_type, outputs, terminal, closed_pipe, interrupted)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("bad_input", args.verbose)
    program = common.Tcpmill(args.tcpmill)

    def one(case):
        with tempfile.TemporaryDirectory() as name:
            try:
                case(Bench(checks, program, pathlib.Path(name)))
            except (OSError, KeyError, TypeError) as error:
                checks.ok(f"{case.__name__}: runs to its end", False, repr(error))
    common.parallel(one, CASES, args.jobs)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
