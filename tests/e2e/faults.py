#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Faults, one at a time: every write, read, open, close, rename and thread of a small run fails
once, and so does memory at some calls (--all: at every call). Whatever happens: no crash, no hang,
no exit status 0 unless everything is there, no file that looks whole and is not, nothing left
under another name, and at least one line that says what was wrong.

tests/support/faults.c is preloaded; stdout is closed, full or left by its reader besides."""

import gzip
import lzma
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile

import common
import forge
import sets

TIMEOUT = 60  # a hang, on a busy machine too
# Rows are written while the capture is read, in several batches.
RUN = ("--idle-timeout", "1", "--batch-rows", "40", "--chunk-size", "65536", "--hash-key", "1")
NB_MEMORY = 50  # calls of malloc() that fail without --all
ERRORS = {
    "write": ("ENOSPC", "EIO", "short", "EINTR"),
    "read": ("EIO", "short", "EINTR"),
    "open": ("EMFILE", "EACCES"),
    "close": ("EIO", "ENOSPC"),
    "sync": ("EIO", "ENOSPC"),
    "rename": ("ENOSPC", "EACCES"),
    "truncate": ("EIO",),
    "thread": ("EAGAIN",),
    "pin": ("EINVAL",),
    "map": ("ENOMEM",),
    "alloc": ("ENOMEM",),
}
HARMLESS = ("short", "EINTR")  # every caller has to go on


class Job:
    """A command, the files it makes, and what they hold when all goes well."""

    def __init__(self, name, words, outputs=(), inputs=(), told=None):
        self.name = name
        self.words = [str(word) for word in words]
        self.outputs = outputs  # names in the folder where it runs
        self.inputs = inputs    # files copied there before
        self.told = told or (lambda out: out)  # the part of stdout that is always the same


class Bed:
    def __init__(self, args, checks, tmp):
        self.args = args
        self.checks = checks
        self.tmp = tmp
        self.library = args.tcpmill.parent / "tests/libtcpmill-faults.so"
        self.capture = tmp / "small.pcap"
        common.generate(args.generator, "bulk", "--packets", 2000, "--flows", 100, "--loss", 5,
                        "-o", self.capture)

    def run(self, job, fault=None, **streams):
        """Runs job in a folder of its own; the answer also has .files, .calls and .fired."""
        with tempfile.TemporaryDirectory(dir=self.tmp) as name:
            at = pathlib.Path(name)
            for file in job.inputs:
                shutil.copy(file, at)
            log = self.tmp / f"{at.name}.log"
            env = dict(os.environ, LD_PRELOAD=str(self.library), FAULTS_LOG=str(log))
            if fault:
                env["FAULTS"] = fault
            # A file: a pipe is not made to fail.
            with open(self.tmp / f"{at.name}.out", "w+b") as out:
                streams.setdefault("stdout", out)
                result = common.run([self.args.tcpmill, *job.words], TIMEOUT, cwd=at, env=env,
                                    **streams)
                out.seek(0)
                result.out = out.read()
            os.unlink(out.name)
            result.files = {f.name: f.read_bytes() for f in at.iterdir()
                            if f.name not in (i.name for i in job.inputs)}
        result.calls = {}
        if log.exists():  # not when the process was killed
            result.calls = {k: int(v) for k, v in
                            (line.split() for line in log.read_text().splitlines())}
            log.unlink()
        result.fired = result.calls.get("fired")
        return result


def table_of(part):
    """The committed bytes of a .part: as long as a message follows the other."""
    at = 8
    while part[at:at + 4] == b"\xff\xff\xff\xff":
        size = int.from_bytes(part[at + 4:at + 8], "little")
        # Message.bodyLength: found by the program's own reader in crash_safe.py; here the
        # comparison with the whole file is what counts.
        if size == 0:
            break
        at += 8 + size
        while at < len(part) and part[at:at + 4] != b"\xff\xff\xff\xff":
            at += 8
    return part[:min(at, len(part))]


def check_files(job, result, good):
    """What is wrong with the files, or None."""
    for name, data in result.files.items():
        if name in good.files:
            # A capture that cannot be read to its end is a damaged one: the footer says so.
            if data != good.files[name] and not (result.rc == 3 and b"read error" in data):
                return f"{name} looks whole and is not"
        elif name.removesuffix(".part") in job.outputs and name.endswith(".part"):
            whole = good.files[name.removesuffix(".part")]
            kept = data.rstrip(b"\0")
            if not whole.startswith(table_of(data)) and not whole.startswith(kept):
                return f"{name} has other bytes than the whole file"
        else:
            return f"{name} is left behind"
    return None


def trouble_of(job, fault, result, good):
    """Which promise was broken, or None."""
    if result.crashed():
        return f"crashed or hung: {result}"
    if result.rc == 0 and job.told(result.out) != job.told(good.out):
        return "exit status 0, but stdout is another"
    if result.rc == 0 and set(result.files) != set(good.files):
        return f"exit status 0, but there is {sorted(result.files)}"
    if result.rc != 0 and "tcpmill" not in result.errors:
        return f"exit status {result.rc} and no word: {result.errors!r}"
    if result.rc != 0 and fault.split(":")[-1] in HARMLESS:
        return f"could have gone on: {result}"
    return check_files(job, result, good)


def faults_of(job, good, kinds, every):
    """The faults to try, from the numbers of calls of a run without any."""
    faults = []
    for kind in kinds:
        numbers = range(1, good.calls[kind] + 1)
        if kind == "alloc" and not every:
            numbers = random.Random(job.name).sample(numbers, min(NB_MEMORY, len(numbers)))
        first, *others = ERRORS[kind]
        for n in numbers:
            faults.append(f"{kind}:{n}:{first}")
            if every:
                faults += [f"{kind}:{n}:{error}" for error in others]
            elif others:
                faults.append(f"{kind}:{n}:{others[n % len(others)]}")
            if n % (1 if every and kind != "alloc" else 4) == 0:
                faults.append(f"{kind}:{n}+:{first}")
    return faults


def try_faults(bed, job, kinds):
    good = bed.run(job)
    again = bed.run(job)
    if not bed.checks.ok(f"{job.name}: runs without faults", good.rc == 0 and good.calls and not good.fired and
                         sorted(good.files) == sorted(job.outputs), str(good)) or \
            not bed.checks.ok(f"{job.name}: twice the same", good.files == again.files and
                              job.told(good.out) == job.told(again.out)):
        return
    faults = faults_of(job, good, kinds, bed.args.all)
    survived = []

    def attempt(fault):
        result = bed.run(job, fault)
        trouble = trouble_of(job, fault, result, good)
        bed.checks.ok(f"{job.name}, {fault}", trouble is None, trouble or "")
        survived.append((fault.split(":")[0], result.rc, result.fired))

    common.parallel(attempt, faults, bed.args.jobs)
    for kind in kinds:
        of_kind = [(rc, fired) for k, rc, fired in survived if k == kind]
        if of_kind:
            bed.checks.note(f"{job.name}: {kind}: {len(of_kind)} faults, "
                            f"{sum(rc != 0 for rc, _ in of_kind)} ended the run")
    for kind in set(kinds) & {"write", "rename"}:
        if good.calls[kind]:
            bed.checks.ok(f"{job.name}: {kind}: faults did end runs", any(
                rc != 0 and fired for k, rc, fired in survived if k == kind))


def same_summary(out):
    """--json without what differs from run to run."""
    summary = common.parse_object(out)
    if summary is None:
        return out
    return {k: v for k, v in summary.items()
            if k not in ("workers", "startup_seconds", "read_seconds", "write_seconds",
                         "peak_rss_bytes")}


def make_folder(tmp):
    """Captures whose order by name is not that by time: who cannot look inside must not guess."""
    folder = tmp / "folder"
    folder.mkdir()
    for name, second, pack in (("a.gz", 2, gzip.compress), ("b.xz", 0, lzma.compress),
                               ("c", 1, bytes)):
        (folder / name).write_bytes(pack(sets.pcap((second, forge.tcp_frame(second + 1)))))
    return folder


def jobs_of(bed):
    """Every command, and which calls may fail in it."""
    run = ["run", "--json", *RUN, bed.capture]
    files = ["-w", "flows.arrow", "--events", "events.arrow"]
    cut = bed.tmp / "cut.arrow.part"
    whole = bed.run(Job("whole", [*run, "--workers", "1", *files])).files
    cut.write_bytes(whole["flows.arrow"][:len(whole["flows.arrow"]) * 3 // 4])
    packed = bed.tmp / "small.pcap.gz"
    packed.write_bytes(gzip.compress(bed.capture.read_bytes()))
    folder = make_folder(bed.tmp)
    table = bed.tmp / "table.arrow"
    table.write_bytes(whole["flows.arrow"])
    every = ("write", "read", "open", "close", "rename", "truncate", "thread", "pin", "map",
             "alloc")
    reading = ("read", "open", "close", "alloc")
    return [
        (Job("run", [*run, "--workers", "1", *files], ("flows.arrow", "events.arrow"),
             told=same_summary), every),
        (Job("run, two workers", [*run, "--workers", "2", *files],
             ("flows.arrow", "events.arrow"), told=same_summary),
         every if bed.args.all else ("write", "rename", "thread", "pin")),
        (Job("compressed", ["run", "--json", *RUN, packed, "--workers", "1", *files],
             ("flows.arrow", "events.arrow"), told=same_summary),
         ("read", "open", "thread", "alloc")),
        (Job("folder", ["run", "--json", *RUN, folder, "--workers", "1", *files],
             ("flows.arrow", "events.arrow"), told=same_summary),
         ("read", "open", "alloc") if bed.args.all else ("open",)),
        (Job("stream", ["run", "-q", *RUN, bed.capture, "--workers", "1", "-w", "-"]),
         ("write",)),
        (Job("verdicts", ["verdicts", "--workers", "1", bed.capture]), ("read", "thread", "alloc")),
        (Job("explain", ["explain", bed.capture]), ("read", "alloc")),
        (Job("show", ["show", "table.arrow", "--format", "json"], inputs=[table]), reading),
        (Job("show by", ["show", "table.arrow", "--by", "dst_port", "--sort", "flows"],
             inputs=[table]), reading),
        (Job("recover", ["recover", "cut.arrow.part"], ("cut.arrow",), [cut]),
         ("write", "sync", "rename", "read", "open", "close", "alloc")),
    ]


def try_pipes(bed):
    """Whoever waits for more of a pipe is told that the run has failed."""
    data = bed.capture.read_bytes()
    for name, head in (("plain", data[:1000]), ("gzip", gzip.compress(data)[:10000])):
        fifo = bed.tmp / name
        os.mkfifo(fifo)
        job = Job(f"pipe, {name}", ["run", fifo, "--workers", "2"])
        # The third thread is the second worker's, behind the merger's and the first worker's, or
        # it decompresses.
        for fault in ("pin:2:EINVAL", "thread:3:EAGAIN"):
            pipe = os.open(fifo, os.O_RDWR)
            os.write(pipe, head)
            result = bed.run(job, fault)
            os.close(pipe)
            bed.checks.ok(f"{job.name}, {fault}: ends", result.rc == 1 and
                          result.errors.startswith("tcpmill: "), str(result))


# ---- live capture -----------------------------------------------------------------------------


def rows_in(bed, result, suffix):
    """Rows of the files with this suffix, read by `tcpmill show`; None if one cannot be read."""
    nb = 0
    for name, data in result.files.items():
        if not name.endswith(suffix):
            continue
        file = bed.tmp / f"live-{id(result)}{suffix}"
        file.write_bytes(data)
        shown = common.run([bed.args.tcpmill, "show", file, "--format", "tsv"])
        file.unlink()
        # A .part may be whole, too: then it is its name that it could not get.
        if shown.rc != 0 and (suffix != ".part" or shown.rc != 3):
            return None
        nb += len(shown.text.splitlines()) - 1
    return nb


def live_trouble(bed, fault, result, nb_rows):
    """Which promise was broken by the writer of live capture, or None. It may go on, with losses."""
    summary = common.parse_object(result.out)
    if result.crashed():
        return f"crashed or hung: {result}"
    if result.rc != 0 and "tcpmill" not in result.errors:
        return f"exit status {result.rc} and no word"
    others = [n for n in result.files if not n.endswith((".arrow", ".arrow.part"))]
    if others:
        return f"{others} are left behind"
    whole, parts = rows_in(bed, result, ".arrow"), rows_in(bed, result, ".part")
    if whole is None or parts is None:
        return f"a file cannot be read: {sorted(result.files)}"
    if result.rc == 0 and (whole != nb_rows or parts):
        return f"exit status 0 with {whole} rows of {nb_rows}"
    if result.rc != 0 and fault.split(":")[-1] in HARMLESS:
        return f"could have gone on: {result}"
    if summary is not None and summary.get("drops"):
        lost = summary["drops"]["disk"] + summary["drops"]["records"]
        if whole + parts + lost < nb_rows:
            return f"{whole} + {parts} rows and {lost} told as lost, of {nb_rows}"
    return None


def try_live(bed):
    """Rotation: each file is written, synced, closed and renamed; each of that fails once."""
    job = Job("live", ["run", "--json", "-i", f"net_pcap0,rx_pcap={bed.capture}", "-c", "2000",
                       "--workers", "1", "--batch-rows", "20", "--rotate", "50kB", "-w",
                       "live-%s.arrow"])
    good = bed.run(job)
    summary = common.parse_object(good.out)
    if not bed.checks.ok("live: runs without faults", good.rc == 0 and summary and good.calls,
                         str(good)):
        return
    nb_rows = summary["records"]
    bed.checks.ok("live: several files", len(good.files) >= 3 and
                  rows_in(bed, good, ".arrow") == nb_rows, sorted(good.files))
    faults = []
    for kind in ("write", "sync", "rename", "close", "open"):
        step = 1 if bed.args.all or kind != "write" else 7
        for n in range(1, good.calls[kind] + 1, step):
            faults += [f"{kind}:{n}:{error}" for error in
                       (ERRORS[kind] if bed.args.all else ERRORS[kind][:1])]
            faults += [f"{kind}:{n}:{HARMLESS[n % 2]}"] if kind == "write" else []
    ended = []

    def attempt(fault):
        result = bed.run(job, fault)
        ended.append(result.rc)
        trouble = live_trouble(bed, fault, result, nb_rows)
        bed.checks.ok(f"live, {fault}", trouble is None, trouble or "")

    common.parallel(attempt, faults, bed.args.jobs)
    bed.checks.note(f"live: {len(faults)} faults, {sum(rc != 0 for rc in ended)} told by the exit "
                    "status")
    bed.checks.ok("live: faults are told by the exit status", any(rc == 1 for rc in ended))


# ---- stdout -----------------------------------------------------------------------------------


def broken_stdouts():
    """name -> what to give as stdout; the pipe's reader is gone before the program starts."""
    reader, writer = os.pipe()
    os.close(reader)
    return {"full": open("/dev/full", "wb"), "gone": os.fdopen(writer, "wb")}


def try_stdout(bed, job):
    """What cannot be said on stdout must not end with 0; a reader that left may have had enough."""
    for name, stream in broken_stdouts().items():
        with stream:
            result = bed.run(job, stdout=stream)
        what = f"{job.name}: stdout {name}"
        had_enough = name == "gone" and job.words[0] in ("show", "explain", "verdicts")
        bed.checks.ok(what, not result.crashed() and (result.rc == 1 or
                                                      had_enough and result.rc == 0), str(result))
        bed.checks.ok(f"{what}: says so", result.rc == 0 or "tcpmill" in result.errors,
                      result.errors)
    # Closed by whoever started it: then the next file that is opened gets its number.
    result = bed.run(Job(job.name, job.words, job.outputs, job.inputs),
                     preexec_fn=lambda: os.close(1))
    bed.checks.ok(f"{job.name}: stdout closed", not result.crashed() and result.rc == 1,
                  str(result))
    for file in result.files:
        bed.checks.ok(f"{job.name}: stdout closed: {file} is not mixed with text",
                      b"{" not in result.files[file][:8])


def main():
    args = common.arguments(__doc__, all=dict(action="store_true",
                                              help="memory fails at every call (minutes)"))
    checks = common.Checks("faults", args.verbose)
    library = args.tcpmill.parent / "tests/libtcpmill-faults.so"
    if not args.generator or not library.exists():
        checks.skip("all", "tcpmill-generate or libtcpmill-faults.so is not built")
        return checks.finish()
    with tempfile.TemporaryDirectory(dir=common.roomy_tmp(1 << 28)) as name:
        bed = Bed(args, checks, pathlib.Path(name))
        for job, kinds in jobs_of(bed):
            if args.only and not any(o in job.name for o in args.only):
                continue
            try_faults(bed, job, kinds)
            if job.name != "run, two workers":
                try_stdout(bed, job)
        if not args.only or "pipe" in args.only:
            try_pipes(bed)
        if not args.only or "live" in args.only:
            try_live(bed)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
