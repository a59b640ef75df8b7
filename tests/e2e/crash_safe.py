#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 in the middle of a run: what was committed to the .part is whole, readable by our own
reader and by polars, and is the beginning of what the full run writes. `tcpmill recover` makes a
whole file of it. Also at random moments: 20, or as many as --moments says."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import common
import polars

PACKETS = 4_000_000
# Flows end while the capture goes on, and batches are small: there is something to lose.
OPTIONS = ("--idle-timeout", "1", "--batch-rows", "500", "--workers", "2")


def wait_settled(part, deadline):
    """Waits until the .part has rows in it and has stopped growing."""
    last, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        size = part.stat().st_size if part.exists() else -1
        if size != last:
            last, since = size, time.monotonic()
        elif size > 64 * 1024 and time.monotonic() - since > 1.0:
            return
        time.sleep(0.02)


def feed(capture, fifo, limit, stop):
    """The first limit bytes, then silence, so that the run is caught in the middle."""
    with open(capture, "rb") as source, open(os.open(fifo, os.O_RDWR), "wb", 0) as pipe:
        while limit > 0 and not stop.is_set():
            data = source.read(min(limit, 1 << 16))
            limit -= len(data)
            while data:
                data = data[pipe.write(data):]
        stop.wait(120)


def killed_while_waiting(args, tmp, capture):
    """Killed when three quarters of the capture were read and everything due was written."""
    fifo, output = tmp / capture.name, tmp / "waiting.arrow"
    os.mkfifo(fifo)
    part = pathlib.Path(f"{output}.part")
    child = subprocess.Popen([args.tcpmill, "run", "-q", *OPTIONS, fifo, "-w", output],
                             stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    stop = threading.Event()
    threading.Thread(target=feed, daemon=True, args=(
        capture, fifo, capture.stat().st_size * 3 // 4, stop)).start()
    wait_settled(part, time.monotonic() + 60)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    stop.set()
    return output, part


def killed_while_writing(args, tmp, capture, number):
    """Killed at some moment after the first rows: in a file run at full speed."""
    output = tmp / f"writing-{number}.arrow"
    part = pathlib.Path(f"{output}.part")
    child = subprocess.Popen([args.tcpmill, "run", "-q", *OPTIONS, "--chunk-size", "65536",
                              "--delay-workers", str(number + 1), capture, "-w", output],
                             stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline and \
            (not part.exists() or part.stat().st_size < (1 + 7 * number) * 100_000):
        pass  # no sleep: the moment shall be near a write
    child.send_signal(signal.SIGKILL)
    child.communicate()
    return output, part


def check_part(checks, args, label, files, full):
    """What is left is readable and a prefix; returns the number of rows saved."""
    output, part = files
    if output.exists() and not part.exists():
        checks.note(f"{label}: the run had already ended")
        return 0
    if not checks.ok(f"{label}: a .part is left", part.exists()):
        return 0
    checks.ok(f"{label}: no finished output", not output.exists())
    shown = args.program.tsv(part)
    # All there is, and the word and the exit status of damaged input: the end is missing.
    if not checks.ok(f"{label}: show reads it", shown.rc == 3 and "unfinished" in shown.errors,
                     str(shown)):
        return 0
    lines = shown.text.splitlines()
    checks.ok(f"{label}: its rows are the beginning of the full run's",
              lines == full[:len(lines)],
              f"{len(lines)} lines; first other one: "
              f"{next((i for i, (a, b) in enumerate(zip(lines, full)) if a != b), None)}")
    # polars reads a file without a footer as what it is: a stream behind eight bytes of magic.
    stream = part.with_suffix(".arrows")
    with open(part, "rb") as source, open(stream, "wb") as target:
        if source.read(8)[:6] != b"ARROW1":
            source.seek(0)
        shutil.copyfileobj(source, target)
    try:
        nb_rows, _ = polars.columns(stream)
        checks.equal(f"{label}: rows that polars reads", nb_rows, len(lines) - 1)
    except RuntimeError as error:
        checks.ok(f"{label}: polars reads it", False, str(error))
    books = common.run([args.tcpmill, "show", part, "--books"])
    checks.ok(f"{label}: show --books does not crash", not books.crashed(), str(books))
    return len(lines) - 1


# ---- recovering -------------------------------------------------------------------------------


def recovered_metadata(args, file):
    """What the footer says of how the file came to be, as show tells it."""
    told = common.run([args.tcpmill, "show", file, "--books"])
    lines = told.text.splitlines()
    if told.rc != 0 or not lines or lines[0] != "recovered":
        return {"trouble": str(told)}
    return {line.split()[0]: line.split(None, 1)[1] for line in lines[1:]}


def check_recovered(checks, args, label, part, full=None):
    """recover makes a file of the .part with its batches, the first of the full run's, if given."""
    made = part.with_name(part.name.removesuffix(".part"))
    before = part.read_bytes()
    result = common.run([args.tcpmill, "recover", part])
    # No batch yet; not all of the schema; not even its beginning.
    if result.rc == 1 and any(why in result.errors for why in (
            "nothing can be saved", "cut inside the schema", "it has only")):
        return checks.ok(f"{label}: nothing is saved, nothing is made", not made.exists()) and 0
    if not checks.ok(f"{label}: recover", result.rc == 0 and result.err == b"", str(result)):
        return 0
    said = recovered_metadata(args, made)
    checks.ok(f"{label}: why", said.get("why") == "its end is missing" and
              said.get("from") == str(part), said)
    nb_bytes, nb_rows = (int(said.get(k, "0").replace(",", "")) for k in ("bytes", "rows"))
    data = made.read_bytes()
    checks.ok(f"{label}: the batches byte for byte", 0 < nb_bytes <= len(data) and
              data[:nb_bytes] == before[:nb_bytes] == (full or data)[:nb_bytes])
    checks.ok(f"{label}: nothing behind them but a footer", data[nb_bytes:nb_bytes + 8] ==
              b"\xff\xff\xff\xff\0\0\0\0" and data[-6:] == b"ARROW1")
    checks.ok(f"{label}: the .part stays", part.read_bytes() == before)
    again = common.run([args.tcpmill, "recover", part])
    checks.ok(f"{label}: not overwritten", again.rc == 1 and "not overwritten" in again.errors and
              made.read_bytes() == data, str(again))
    stream = common.run([args.tcpmill, "recover", part, "-w", "-"])
    checks.ok(f"{label}: no file named -", stream.rc == 2 and "stdout" in stream.errors,
              str(stream))
    return nb_rows


def check_recovered_rows(checks, args, label, made, nb_rows, full):
    """The same told by its rows: our own reader's, and polars' of a file with a footer."""
    shown = args.program.tsv(made)
    lines = shown.text.splitlines()
    checks.ok(f"{label}: show says that it was recovered", shown.rc == 0 and
              "recovered from a run that was cut off" in shown.errors, str(shown))
    checks.ok(f"{label}: {nb_rows} rows, the first of the full run's",
              len(lines) == nb_rows + 1 and lines == full[:len(lines)])
    try:
        checks.equal(f"{label}: rows that polars reads", polars.columns(made)[0], nb_rows)
    except RuntimeError as error:
        checks.ok(f"{label}: polars reads it", False, str(error))


def look(checks, args, label, output, full):
    """One table after the kill: none, whole, or a .part. Returns the rows recovered."""
    part = pathlib.Path(f"{output}.part")
    if output.exists():
        checks.ok(f"{label}: whole", output.read_bytes() == full and not part.exists())
        return None
    return check_recovered(checks, args, label, part, full) if part.exists() else None


def killed_at_random(checks, args, tmp, capture, nb):
    """kill -9 whenever: what is there is whole, or its beginning can be made so."""
    command = [args.tcpmill, "run", "-q", *OPTIONS, "--idle-timeout", "100ms"]
    if nb <= 20:
        command += ["--count", str(PACKETS // 4)]
    full = {}
    names = ("flows.arrow", "events.arrow")
    start = time.monotonic()
    result = common.run([*command, capture, "-w", tmp / names[0], "--events", tmp / names[1]])
    seconds = time.monotonic() - start
    if not checks.ok("at random: the whole run", result.rc == 0, str(result)):
        return
    for name in names:
        full[name] = (tmp / name).read_bytes()
    seed = random.randrange(1 << 32) if nb > 20 else 1
    moments = random.Random(seed)
    outcomes = {"no file": 0, "whole": 0, "recovered": 0, "nothing to save": 0}
    for number in range(nb):
        moment = moments.uniform(0, 1.05 * seconds)
        with tempfile.TemporaryDirectory(dir=tmp) as name:
            at = pathlib.Path(name)
            child = subprocess.Popen([*command, capture, "-w", at / names[0],
                                      "--events", at / names[1]], stdin=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            time.sleep(moment)
            child.kill()
            child.wait()
            label = f"at random, seed {seed}, {number}: killed after {moment:.3f} s"
            checks.ok(f"{label}: no other files", {f.name for f in at.iterdir()} <=
                      {n + s for n in names for s in ("", ".part")})
            for table in names:
                was_whole = (at / table).exists()
                rows = look(checks, args, f"{label}, {table}", at / table, full[table])
                outcomes["whole" if was_whole else "no file" if rows is None else
                         "recovered" if rows else "nothing to save"] += 1
    checks.note(f"at random: {nb} kills of a run of {seconds:.1f} s: {json.dumps(outcomes)}")
    checks.ok("at random: something was recovered", outcomes["recovered"] > 0, outcomes)


def cut_in_schema(checks, args, tmp, output):
    """A kill in the first milliseconds: there is nothing to save, and where it ends is told."""
    for length in (0, 5, 8, 16, 100, 1000):
        part = tmp / "cut.arrow.part"
        part.write_bytes(output.read_bytes()[:length])
        result = common.run([args.tcpmill, "recover", part])
        said = f"it has only {length} bytes" if length < 8 else f"it ends at byte {length}"
        checks.ok(f"cut at byte {length}: one line tells", result.rc == 1 and
                  result.errors.endswith(f"{said}\n") and result.errors.count("\n") == 1, str(result))
        checks.ok(f"cut at byte {length}: nothing is made", not (tmp / "cut.arrow").exists())


def main():
    args = common.arguments(__doc__, moments=dict(type=int, default=20, metavar="N",
                                                  help="kills at random moments; default 20"))
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks("crash_safe", args.verbose)
    trouble = polars.install()
    at = common.roomy_tmp(PACKETS * 250)
    if trouble or not args.generator or not at:
        checks.ok("polars, tcpmill-generate and room are there", False, trouble or "no")
        return checks.finish()
    with tempfile.TemporaryDirectory(dir=at) as name:
        tmp = pathlib.Path(name)
        (tmp / "whole").mkdir()
        capture = tmp / "whole" / "bulk.pcap"
        common.generate(args.generator, "bulk", "--packets", PACKETS, "--flows", PACKETS // 20,
                        "--loss", "5", "-o", capture)
        output = tmp / "full.arrow"
        result = args.program.run([capture], output, *OPTIONS, timeout=300)
        if not checks.ok("full run", result.rc == 0, str(result)):
            return checks.finish()
        full = args.program.tsv(output).text.splitlines()
        saved = check_part(checks, args, "killed while waiting",
                           killed_while_waiting(args, tmp, capture), full)
        checks.ok("killed while waiting: rows were saved", saved > 0)
        checks.note(f"{saved} of {len(full) - 1} rows saved")
        part = tmp / "waiting.arrow.part"
        nb_rows = check_recovered(checks, args, "killed while waiting", part)
        checks.equal("killed while waiting: recover saves all that show reads", nb_rows, saved)
        check_recovered_rows(checks, args, "killed while waiting, recovered",
                             tmp / "waiting.arrow", nb_rows, full)
        for number in range(3):
            check_part(checks, args, f"killed while writing, {number + 1}",
                       killed_while_writing(args, tmp, capture, number), full)
        cut_in_schema(checks, args, tmp, output)
        killed_at_random(checks, args, tmp, capture, args.moments)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
