#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run --events: which command lines are refused, and what is left of a run that did not reach its
end because it was interrupted or killed, or could not write."""

import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

import common
from events import TOLD, Bench


def refused(bench):
    """Command lines that are wrong: exit status 2, one line, nothing written."""
    path = bench.dup_acks(5)
    there = bench.tmp / "there.arrow"
    there.write_bytes(b"precious")
    (bench.tmp / "link.arrow").symlink_to(there)
    os.link(there, bench.tmp / "other-name.arrow")
    part = bench.tmp / "capture.part"
    part.write_bytes(path.read_bytes())
    folder = bench.tmp.name
    new = bench.tmp / "new.arrow"
    same = bench.tmp / ".." / folder / "new.arrow"
    for words, said in (
            ([path, "--events", ""], "file name"),
            ([path, "--only", "zero_window"], "--events"),
            ([path, "--events", new, "--only", "zero_windw"], "is it 'zero_window'?"),
            ([path, "--events", new, "--only", "retransmission,dup_ack"], "'dup_ack'"),
            ([path, "--events", new, "--only", "nonsense"], "no verdict 'nonsense'"),
            ([path, "--events", new, "--only", ""], "no verdict ''"),
            ([path, "--events", new, "--only", "zero_window,,window_full"], "no verdict ''"),
            ([path, "--events", new, "--only"], "value"),
            ([path, "--events", path], "overwrite an input"),
            ([path, part, "--events", bench.tmp / "capture"], "overwrite an input"),
            ([path, "-w", new, "--events", new], "overwrite"),
            ([path, "-w", new, "--events", same], "overwrite"),
            ([path, "-w", there, "--events", bench.tmp / "link.arrow"], "overwrite"),
            ([path, "-w", there, "--events", bench.tmp / "other-name.arrow"], "overwrite"),
            ([path, "-w", new, "--events", f"{new}.part"], "overwrite"),
            ([path, "-w", f"{new}.part", "--events", new], "overwrite"),
            ([path, "-w", "-", "--events", "-"], "stdout")):
        label = " ".join(str(w).replace(str(bench.tmp), "") for w in words)
        result = common.run([bench.program.path, "run", *words])
        bench.checks.ok(f"'{label}': exit status 2", result.rc == 2, str(result))
        bench.checks.ok(f"'{label}': one line that says {said!r}",
                        len(result.errors.strip().splitlines()) == 1 and said in result.errors
                        and not result.out, result.errors)
        bench.checks.ok(f"'{label}': nothing written", there.read_bytes() == b"precious" and
                        not any(bench.tmp.glob("new.arrow*")) and
                        part.read_bytes() == path.read_bytes())
    devices = common.run([bench.program.path, "run", path, "-w", "/dev/null", "--events",
                          "/dev/null"])
    bench.checks.ok("/dev/null takes both tables", devices.rc == 0, str(devices))
    text = common.run([bench.program.path, "run", "--help"]).text
    words = set(text.replace(",", " ").replace(".", " ").split())
    bench.checks.equal("run --help: names every verdict", set(TOLD) - words, set())


# ---- runs that do not reach their end --------------------------------------


def start(bench, name, *options):
    """A run that waits for more of its input, of which all complete batches are written."""
    fifo, events = bench.tmp / f"{name}.pcap", bench.tmp / f"{name}.arrow"
    os.mkfifo(fifo)
    data = bench.dup_acks(2000).read_bytes()
    child = subprocess.Popen([bench.program.path, "run", *options, "--chunk-size", "4096",
                              "--batch-rows", "100", fifo, "--events", events],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    stop = threading.Event()
    threading.Thread(target=feed, args=(fifo, data, stop), daemon=True).start()
    part = pathlib.Path(f"{events}.part")
    deadline = time.monotonic() + 30
    # The last chunk waits for its end: of 2,000 rows some 1,900 are there.
    while child.poll() is None and time.monotonic() < deadline and nb_rows(bench, part) < 1500:
        time.sleep(0.1)
    return child, events, part, stop


def feed(fifo, data, stop):
    with open(os.open(fifo, os.O_RDWR), "wb", buffering=0) as pipe:
        while data:
            data = data[pipe.write(data[:4096]):]
        stop.wait(60)


def nb_rows(bench, part):
    return max(len(bench.program.tsv(part).text.splitlines()) - 1, 0) if part.exists() else 0


def cut_off(bench):
    """Interrupted or killed: the .part stays, readable, the beginning of the whole."""
    whole = bench.tmp / "whole.arrow"
    bench.run([bench.dup_acks(2000)], whole)
    want = bench.program.tsv(whole).text.splitlines()
    for number in (signal.SIGINT, signal.SIGKILL):
        name = signal.Signals(number).name
        flows = bench.tmp / f"{name}.flows"
        child, events, part, stop = start(bench, name, "-w", flows)
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
        stop.set()
        result = common.Result(["run", name], child.returncode, out, err, 0)
        ended = result.rc == (130 if number == signal.SIGINT else -signal.SIGKILL)
        bench.checks.ok(f"{name}: ends the run", ended, str(result))
        bench.checks.ok(f"{name}: a .part and no finished table", part.exists() and
                        not events.exists())
        left = bench.program.tsv(part)
        lines = left.text.splitlines()
        bench.checks.ok(f"{name}: show says that it is unfinished", left.rc == 3 and
                        "unfinished" in left.errors, str(left))
        bench.checks.ok(f"{name}: its rows are the beginning of the whole",
                        len(lines) > 1500 and lines == want[:len(lines)], f"{len(lines)} lines")
        if number == signal.SIGINT:
            bench.checks.ok("SIGINT: says where the events are", str(part) in result.errors and
                            f"Kept {part} · " in result.text, str(result))
            # What had been read is there to the last row, batch full or not.
            told = common.run([bench.program.path, "show", f"{flows}.part", "--format", "json"])
            bench.checks.equal("SIGINT: rows of all packets read", len(lines) - 1, sum(
                row["o_duplicate_ack"] for row in common.parse_rows(told.text)))


def cannot_write(bench):
    """Exit status 1 and a line with the file's name; no table looks whole."""
    path = bench.dup_acks(20000)
    program = bench.program.path

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    # Batches are written while the input is read, and what is left behind it.
    for label, options in (("while reading", ("--batch-rows", "100")), ("at the end", ())):
        events = bench.tmp / f"small {label}.arrow"
        result = common.run([program, "run", path, "--events", events, *options],
                            preexec_fn=limit)
        bench.checks.equal(f"disk full {label}: exit status 1, one line",
                           (result.rc, result.errors.splitlines()),
                           (1, [f"tcpmill: {events}.part: cannot write: File too large"]))
        bench.checks.ok(f"disk full {label}: no finished table", not events.exists())
    missing = bench.tmp / "no-such-folder/events.arrow"
    result = common.run([program, "run", path, "--events", missing])
    bench.checks.ok("missing folder: exit status 1, one line", result.rc == 1 and
                    "no-such-folder" in result.errors and
                    len(result.errors.strip().splitlines()) == 1, str(result))
    reader, writer = os.pipe()
    os.close(reader)
    result = common.run([program, "run", path, "--events", "-"], stdout=writer)
    os.close(writer)
    bench.checks.ok("closed pipe: exit status 1", result.rc == 1 and
                    "Broken pipe" in result.errors, str(result))


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("events_trouble", args.verbose)
    for case in (refused, cut_off, cannot_write):
        with tempfile.TemporaryDirectory() as name:
            case(Bench(checks, args, pathlib.Path(name)))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
