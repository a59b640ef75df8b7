#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Input that is still being written: pipes with slow writers and writers that die, and files that
--follow waits for. What comes of it is what a plain run says of the whole file."""

import gzip
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import common
import forge
from sets import DAMAGED, FAILED, OK, USAGE, pcap, run_cases

# What --follow implies.
LIVE = ("--idle-timeout", "300", "--half-open-timeout", "30", "--closed-timeout", "5")
SOON = 60  # seconds a loaded machine may take for what takes a tenth of one


def sample(nb=60):
    """Frames of some flows, minutes apart now and then: the timeouts matter."""
    stamps, frames = [0], []
    for i in range(nb):
        flags = forge.SYN if i % 5 == 0 else forge.ACK
        frames.append(forge.tcp_frame(i % 7, flags, b"x" * (i % 3 * 50), reply=i % 4 == 3))
        stamps.append(stamps[-1] + (40 if i % 10 == 9 else 1))
    return list(zip(stamps, frames))


def sample_pcapng(nb=60):
    """The same kind of flows, with a block in the middle that is larger than a chunk."""
    data = forge.section() + forge.interface()
    for i, (_, frame) in enumerate(sample(nb)):
        if i == nb // 2:
            data += forge.block(0x0bad0bad, bytes(400000))
        data += forge.packet_block(frame, i)
    return data


def pieces(data, seed):
    """Cut at odd places: many of one byte, some of hundreds, one large."""
    dice = random.Random(seed)
    while data:
        size = dice.choice((1, 1, 2, 7, 16, 100, 333, 5000))
        size = max(size, len(data) // 200)
        yield data[:size]
        data = data[size:]


class Reader:
    """A tcpmill that runs beside the test; its lines are there as they come."""

    def __init__(self, bench, *words, stdin=subprocess.DEVNULL, **kwargs):
        self.child = subprocess.Popen([str(w) for w in (bench.program.path, *words)], stdin=stdin,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        self.lines, self.err = [], b""
        self.threads = [threading.Thread(target=self._take, daemon=True),
                        threading.Thread(target=self._take_errors, daemon=True)]
        for thread in self.threads:
            thread.start()

    def _take(self):
        for line in self.child.stdout:
            self.lines.append(line.decode())

    def _take_errors(self):
        self.err = self.child.stderr.read()

    def has_lines(self, nb):
        """Waits until there are nb lines, or it is too late."""
        deadline = time.monotonic() + SOON
        while len(self.lines) < nb and time.monotonic() < deadline and self.child.poll() is None:
            time.sleep(0.02)
        return len(self.lines)

    def waits_for(self, path):
        """Waits until it catches signals and has read the file to its end, and a little longer."""
        pid = self.child.pid
        common.wait_until(lambda: self.child.poll() is not None or
                          common.catches(pid, signal.SIGINT) and common.has_read(pid, path), SOON)
        time.sleep(0.5)

    def end(self, number=None):
        if number is not None:
            self.child.send_signal(number)
        try:
            self.child.wait(SOON)
        except subprocess.TimeoutExpired:
            self.child.kill()
        for thread in self.threads:
            thread.join(10)
        return common.Result(self.child.args, self.child.returncode,
                             "".join(self.lines).encode(), self.err, 0)


def rows_of(bench, path):
    """The rows without the name of the input."""
    return bench.program.rows(path)


# ---- pipes -----------------------------------------------------------------


def slow_writer(bench):
    """Every packet is told soon after it was written, whatever the number of workers."""
    records = sample(40)
    data = pcap(*records)
    starts = [24]
    for _, frame in records:
        starts.append(starts[-1] + 16 + len(frame))
    want = bench.run("verdicts", "-q", bench.write("whole.pcap", data)).text
    for workers in ("1", "2", "3"):
        reader = Reader(bench, "verdicts", "-q", "--workers", workers, "-", stdin=subprocess.PIPE)
        pipe = reader.child.stdin
        for upto in (1, 3, 20):
            # The next packet's first bytes, too: they are no reason to hold these back.
            at = 0 if upto == 1 else starts[before] + 9
            pipe.write(data[at:starts[upto] + 9])
            pipe.flush()
            bench.checks.equal(f"slow writer, {workers} workers: {upto} packets are told",
                               reader.has_lines(upto), upto)
            before = upto
        pipe.write(data[starts[20] + 9:])
        pipe.close()
        result = reader.end()
        bench.checks.ok(f"slow writer, {workers} workers: all", result.rc == OK and
                        result.text == want, str(result))


def odd_pieces(bench):
    """Writes that end anywhere, through a FIFO: the records of the file."""
    for name, data in (("a.pcap", pcap(*sample())), ("b.pcapng", sample_pcapng())):
        whole = bench.write(name, data)
        bench.checks.ok(f"{name}: runs", bench.program.run([whole], bench.tmp / "w.arrow").rc == OK)
        fifo = bench.tmp / f"{name}.fifo"
        os.mkfifo(fifo)

        def write(to=fifo, data=data):
            with open(to, "wb", buffering=0) as pipe:
                for piece in pieces(data, 3):
                    pipe.write(piece)
                    time.sleep(0.002)
        threading.Thread(target=write, daemon=True).start()
        result = bench.program.run([fifo], bench.tmp / "p.arrow", "--chunk-size", "4096")
        bench.checks.ok(f"{name} in pieces: exit status 0", result.rc == OK, str(result))
        bench.checks.ok(f"{name} in pieces: the records of the file", rows_of(
            bench, bench.tmp / "p.arrow") == rows_of(bench, bench.tmp / "w.arrow"))


def dead_writer(bench):
    """The writer ends inside a record: damage, and everything before it is kept."""
    data = pcap(*sample(20))
    for cut in (5, 40):
        reader = Reader(bench, "run", "--json", "-", "-w", bench.tmp / "out.arrow",
                        stdin=subprocess.PIPE)
        reader.child.stdin.write(data[:-cut])
        reader.child.stdin.flush()
        time.sleep(0.3)
        reader.child.stdin.close()
        result = reader.end()
        summary = common.parse_object(result.out) or {"packets": None}
        bench.checks.equal("a writer that dies: status, packets",
                           (result.rc, summary["packets"]), (DAMAGED, 19))
        bench.checks.ok("a writer that dies: told", "cut short" in result.errors, str(result))


def epochs(bench, generator):
    """More than an epoch of frames with flows that end: order and batches are those of the file."""
    whole = bench.tmp / "bulk.pcap"
    common.generate(generator, "bulk", "--packets", 1100000, "--flows", 20000, "-o", whole)
    options = ("--idle-timeout", "50ms", "--workers", "2")
    result = bench.program.run([whole], bench.tmp / "w.arrow", *options)
    bench.checks.ok("two epochs from a file", result.rc == OK, str(result))
    command = f'cat "{whole}" | "$0" run -q - -w - {" ".join(options)} > "{bench.tmp}/p.arrows"'
    piped = common.run(["bash", "-c", command, bench.program.path])
    bench.checks.ok("two epochs from a pipe", piped.rc == OK, str(piped))
    command = f'"$0" run -q <(cat "{whole}") -w "{bench.tmp}/s.arrow" {" ".join(options)}'
    piped = common.run(["bash", "-c", command, bench.program.path])
    bench.checks.ok("two epochs from <( )", piped.rc == OK, str(piped))
    want = bench.program.tsv(bench.tmp / "w.arrow").out
    bench.checks.ok("two epochs: some flows ended early", b"idle_timeout" in bench.run(
        "show", bench.tmp / "w.arrow", "--format", "tsv", "--columns", "end_reason").out)
    for name in ("p.arrows", "s.arrow"):
        bench.checks.ok(f"two epochs: {name} has the file's rows in their order",
                        bench.program.tsv(bench.tmp / name).out == want)


def tcpdump_pipe(bench):
    """A real writer, with -U and without."""
    if shutil.which("tcpdump") is None:
        bench.checks.skip("tcpdump", "it is not there")
        return
    whole = bench.write("whole.pcap", pcap(*sample()))
    want = bench.run("verdicts", "-q", whole).text
    for unbuffered in ("-U", ""):
        command = f'tcpdump -r "{whole}" {unbuffered} -w - 2>/dev/null | "$0" verdicts -q -'
        result = common.run(["bash", "-c", command, bench.program.path])
        bench.checks.ok(f"tcpdump {unbuffered}: the verdicts of the file", result.rc == OK and
                        result.text == want, str(result))


# ---- --follow --------------------------------------------------------------


def append(path, data, seed=0, pause=0.002):
    with open(path, "ab", buffering=0) as file:
        for piece in pieces(data, seed):
            file.write(piece)
            time.sleep(pause)


def follow_pieces(bench):
    """A file that grows in odd pieces from nothing: byte for byte the output of a plain run."""
    for name, data, way in (("a.pcap", pcap(*sample()), ("--workers", "1")),
                            ("b.pcapng", sample_pcapng(),
                             ("--workers", "3", "--chunk-size", "4096"))):
        path = bench.write(name, b"")
        reader = Reader(bench, "run", "--json", "--follow", "--follow-timeout", "8", *way, path,
                        "-w", bench.tmp / "f.arrow", "--events", bench.tmp / "f.events")
        append(path, data)
        result = reader.end()
        summary = common.parse_object(result.out) or {"packets": None}
        bench.checks.equal(f"{name} followed: status, packets", (result.rc, summary["packets"]),
                           (OK, 60))
        bench.run("run", "-q", *LIVE, path, "-w", bench.tmp / "w.arrow", "--events",
                  bench.tmp / "w.events")
        for kind in ("arrow", "events"):
            bench.checks.ok(f"{name} followed: {kind} as of a plain run",
                            (bench.tmp / f"f.{kind}").read_bytes() ==
                            (bench.tmp / f"w.{kind}").read_bytes())


def follow_soon(bench):
    """Verdicts come as the file grows; a file named before is read first; an interrupt ends it."""
    data = pcap(*sample(20))
    before = bench.write("before.pcap", data)
    path = bench.write("grows.pcap", data[:24])
    for number in (signal.SIGINT, signal.SIGTERM):
        path.write_bytes(data[:24])
        reader = Reader(bench, "verdicts", "--follow", "--workers", "2", before, path)
        bench.checks.equal("the first file is told at once", reader.has_lines(20), 20)
        append(path, data[24:-30])
        bench.checks.equal("what is appended is told", reader.has_lines(39), 39)
        time.sleep(0.3)
        result = reader.end(number)
        bench.checks.ok(f"signal {number} in the middle of a record: exit status 0, no damage",
                        result.rc == OK and "damage" not in result.errors and
                        "interrupted" not in result.errors and len(result.text.splitlines()) == 39,
                        str(result))


def follow_ends(bench):
    """-c; a timeout in the middle of a record; a signal: the records are whole."""
    data = pcap(*sample(20))
    path = bench.write("grows.pcap", data)
    output = bench.tmp / "out.arrow"
    result = bench.program.run([path], output, "--follow", "-c", "5")
    bench.checks.equal("--follow -c 5", (result.rc, result.summary and result.summary["packets"]),
                       (OK, 5))
    cut = bench.write("cut.pcap", data[:-10])
    result = bench.program.run([cut], output, "--follow", "--follow-timeout", "300ms")
    plain = bench.program.run([cut], bench.tmp / "plain.arrow", *LIVE)
    bench.checks.ok("a timeout in the middle of a record: as a plain run", result.rc == DAMAGED and
                    result.errors == plain.errors and
                    output.read_bytes() == (bench.tmp / "plain.arrow").read_bytes(), str(result))
    reader = Reader(bench, "run", "--json", "--follow", path, "-w", output)
    reader.waits_for(path)
    result = reader.end(signal.SIGINT)
    summary = common.parse_object(result.out) or {}
    bench.checks.equal("SIGINT: status, packets, interrupted", (
        result.rc, summary.get("packets"), summary.get("interrupted")), (OK, 20, False))
    bench.run("run", "-q", *LIVE, path, "-w", bench.tmp / "plain.arrow")
    bench.checks.ok("SIGINT: records as of a plain run",
                    output.read_bytes() == (bench.tmp / "plain.arrow").read_bytes())


def follow_trouble(bench):
    """The file shrinks, gives its name to another, or loses it: a message and exit status 3."""
    data = pcap(*sample(20))

    def shrink(path):
        os.truncate(path, 100)

    def replace(path):
        append(path, data[-60:])
        other = bench.write(f"{path.name}.new", data)
        time.sleep(0.2)
        os.rename(other, path)

    def rename(path):
        os.rename(path, f"{path}.1")
        time.sleep(0.3)
        append(f"{path}.1", data[-60:])  # its writer has it open still

    for change, nb, words in ((shrink, 19, "expected the file to grow, it has only 100 bytes"),
                              (replace, 20, "another file has this name now"),
                              (rename, 20, "deleted or renamed")):
        name = change.__name__
        path = bench.write(f"{name}.pcap", data[:-60])
        reader = Reader(bench, "verdicts", "-q", "--follow", path)
        bench.checks.equal(f"{name}: what is there is told", reader.has_lines(19), 19)
        change(path)
        result = reader.end()
        bench.checks.ok(f"{name}: exit status 3, and why", result.rc == DAMAGED and re.search(
            rf"{name}\.pcap: stopped at byte \d+: .*{words}", result.errors), str(result))
        bench.checks.equal(f"{name}: packets told", len(result.text.splitlines()), nb)


def follow_refused(bench):
    """What cannot be followed is said in one line."""
    good = bench.write("good.pcap", pcap(*sample(5)))
    packed = bench.write("packed.pcap.gz", gzip.compress(good.read_bytes()))
    text = bench.write("notes.txt", b"nothing that could be a capture\n")
    nothing = bench.write("nothing.pcap", b"")
    fifo = bench.tmp / "fifo"
    os.mkfifo(fifo)  # nobody writes to it, and nobody waits for that
    for words, status, why in (
            (["--follow", packed], USAGE, "gzip: what is compressed cannot be followed"),
            (["--follow", fifo], USAGE, "expected a file, found a pipe"),
            (["--follow", "-"], USAGE, "a pipe is waited for without"),
            (["--follow", "--merge", good, good], USAGE, "--follow and --merge"),
            (["--follow-timeout", "3", good], USAGE, "--follow-timeout is for --follow"),
            (["--follow", text], FAILED, "expected pcap 2.4 or pcapng"),
            (["--follow", bench.tmp / "missing"], FAILED, "No such file"),
            (["--follow", "--follow-timeout", "200ms", nothing], FAILED, "empty file"),
            (["-i", "lo", "--follow"], USAGE, "--follow is for captures")):
        for command in ("run", "verdicts"):
            if "-i" in words and command == "verdicts":
                continue
            result = bench.run(command, *words, timeout=SOON)
            bench.checks.ok(f"{command} {words}: exit status {status}", result.rc == status and
                            len(result.errors.splitlines()) == 1 and why in result.errors,
                            str(result))
    reader = Reader(bench, "run", "--follow", nothing, "-w", bench.tmp / "out.arrow")
    reader.waits_for(nothing)
    result = reader.end(signal.SIGINT)
    bench.checks.ok("interrupted before there is a header", result.rc == FAILED and
                    "empty file" in result.errors, str(result))


def follow_tcpdump(bench):
    """tcpdump -U writes a file; what it has written is told, and in the end all of it."""
    if shutil.which("tcpdump") is None:
        bench.checks.skip("tcpdump", "it is not there")
        return
    whole = bench.write("whole.pcap", pcap(*sample()))
    grows = bench.write("grows.pcap", b"")
    os.chmod(bench.tmp, 0o777)
    reader = Reader(bench, "verdicts", "-q", "--follow", grows)
    fifo = bench.tmp / "fifo"
    os.mkfifo(fifo)
    writer = subprocess.Popen(["tcpdump", "-Z", "root", "-r", fifo, "-U", "-w", grows],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    data = whole.read_bytes()
    with open(fifo, "wb", buffering=0) as pipe:
        pipe.write(data[:2000])
        nb = sum(1 for _ in bench.run("verdicts", "-q", bench.write(
            "part.pcap", data[:2000])).text.splitlines())
        bench.checks.equal("tcpdump -U: what was written is told", reader.has_lines(nb), nb)
        pipe.write(data[2000:])
    writer.wait(SOON)
    want = bench.run("verdicts", "-q", *LIVE, whole).text
    reader.has_lines(len(want.splitlines()))
    result = reader.end(signal.SIGINT)
    bench.checks.ok("tcpdump -U: all of it", result.rc == OK and result.text == want, str(result))


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("waiting", args.verbose)

    def epochs_case(bench):
        epochs(bench, args.generator)
    # They wait more than they work.
    return run_cases(args, checks, (
        epochs_case, slow_writer, odd_pieces, dead_writer, tcpdump_pipe, follow_pieces, follow_soon,
        follow_ends, follow_trouble, follow_refused, follow_tcpdump), 2 * args.jobs)


if __name__ == "__main__":
    sys.exit(main())
