#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compressed captures give the same records, byte for byte, as what was compressed.

Every small capture is compressed by each tool and in the ways that tools have: several members,
blocks, long windows. Also through pipes, damaged, and as bombs, which are long but not large.
"""

import bz2
import gzip
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading

import common
import forge

FAILED, DAMAGED, INTERRUPTED = 1, 3, 130
SMALL = 256 << 10
SUFFIXES = {"gzip": ".gz", "zstd": ".zst", "lz4": ".lz4", "xz": ".xz", "bzip2": ".bz2"}
WAYS = (("--workers", "1", "--chunk-size", "4096"), ("--workers", "3"))
SAME = ("packets", "bytes_wire", "bytes_captured", "flows", "books", "flags", "handshakes",
        "time_jumps", "first_ts", "last_ts")
PIPED = ("hackeire-1.pcap", "kernel-loss.pcapng", "pcapplusplus-nanosecs*")
# A bomb's memory: 6 MiB that any run has, a queue of blocks, and what a library keeps.
RSS_MAX = 72 << 20


def bgzf(data):
    """Members of 64 KiB that each say how long they are, and an empty one at the end."""
    out = b""
    for at in range(0, len(data), 65280):
        member = bytearray(gzip.compress(data[at:at + 65280], 6, mtime=0))
        member[3] |= 4
        extra = struct.pack("<HBBHH", 6, ord("B"), ord("C"), 2, len(member) + 8 - 1)
        out += bytes(member[:10]) + extra + bytes(member[10:])
    return out + bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def pbzip2(data):
    return b"".join(bz2.compress(data[at:at + 30000], 9) for at in range(0, len(data), 30000))


def zstd_frames(data):
    """Frames of parts, as of "cat a.zst b.zst"."""
    parts = [data[at:at + 50000] for at in range(0, len(data), 50000)]
    return b"".join(compress(("zstd", "-q", "-c"), part) for part in parts)


# The format's name, how it is made: a command for many files, or a function of bytes.
MAKERS = (
    ("gzip", ("gzip",)),
    ("gzip", ("gzip", "-1")),
    ("gzip", bgzf),
    ("zstd", ("zstd", "-q", "--rm")),
    ("zstd", ("zstd", "-q", "--rm", "-9", "--long=27")),
    ("zstd", zstd_frames),
    ("lz4", ("lz4", "-q", "-m", "--rm")),
    ("lz4", ("lz4", "-q", "-m", "--rm", "-B4", "-BD", "-BX")),
    ("xz", ("xz", "-1")),
    ("xz", ("xz", "-1", "-T2", "--block-size=32KiB")),
    ("bzip2", ("bzip2",)),
    ("bzip2", pbzip2),
)


def label_of(maker):
    return maker.__name__ if callable(maker) else " ".join(maker)


def compress(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def make_all(folder, files, form, maker):
    """The files, compressed under their own names: content tells what they are, not names."""
    folder.mkdir()
    for path in files:
        if callable(maker):
            (folder / path.name).write_bytes(maker(path.read_bytes()))
        else:
            shutil.copy(path, folder / path.name)
            (folder / path.name).chmod(0o600)
    if callable(maker):
        return
    subprocess.run([*maker, *(f.name for f in files)], cwd=folder, check=True,
                   stdin=subprocess.DEVNULL)
    for path in files:
        (folder / (path.name + SUFFIXES[form])).rename(folder / path.name)


def batches(path):
    """The records of an Arrow file: all but the schema with its metadata, and the footer."""
    data = path.read_bytes()
    start = 16 + int.from_bytes(data[12:16], "little")
    return data[start:-10 - int.from_bytes(data[-10:-6], "little")]


def run_in(args, folder, names, output, *options):
    """Paths are the same for all: only the format differs in the records' metadata."""
    result = common.run([args.tcpmill, "run", "--json", *options, *names, "-w", output],
                        120 * args.slow, cwd=folder)
    result.summary = common.parse_object(result.out)
    return result


def without_damage(checks, args, tmp, files):
    """The captures that pcap's and pcapng's own readers read to their end, and their run."""
    folder = tmp / "plain"
    folder.mkdir()
    for path in files:
        shutil.copy(path, folder / path.name)
    names = [f.name for f in files]
    result = run_in(args, folder, names, tmp / "plain.arrow")
    if not checks.ok("plain: runs", result.rc in (0, DAMAGED) and result.summary, str(result)):
        return [], None
    damaged = {d["path"] for d in result.summary["damage"]}
    good = [f for f, i in zip(files, result.summary["inputs"])
            if i["format"].startswith("pcap") and f.name not in damaged]
    checks.ok("plain: most captures", len(good) > 0.8 * len(files), f"{len(good)}")
    result = run_in(args, folder, [f.name for f in good], tmp / "plain.arrow")
    checks.ok("plain: whole", result.rc == 0, str(result))
    return good, result


def check_maker(checks, args, tmp, what):
    (form, maker), files, plain = what
    label = label_of(maker)
    with tempfile.TemporaryDirectory(dir=tmp) as name:
        folder = pathlib.Path(name) / "in"
        try:
            make_all(folder, files, form, maker)
        except (OSError, subprocess.CalledProcessError) as error:
            checks.skip(label, f"cannot be made here: {error}")
            return
        output = pathlib.Path(name) / "out.arrow"
        for way in WAYS:
            result = run_in(args, folder, [f.name for f in files], output, *way)
            full = f"{label}, {' '.join(way)}"
            if not checks.ok(f"{full}: runs", result.rc == 0, str(result)):
                continue
            checks.ok(f"{full}: same records", batches(output) == batches(tmp / "plain.arrow"))
            for key in SAME:
                checks.equal(f"{full}: {key}", result.summary[key], plain.summary[key])
            checks.equal(f"{full}: formats", [i["format"] for i in result.summary["inputs"]],
                         [f"{i['format']}, {form}" for i in plain.summary["inputs"]])
            checks.equal(f"{full}: bytes of the inputs", result.summary["bytes_input"],
                         sum((folder / f.name).stat().st_size for f in files))


def check_pipes(checks, args, tmp):
    """Standard input and FIFOs, in small pieces."""
    for path, (form, suffix) in zip(common.capture_files(PIPED) * 2, SUFFIXES.items()):
        data = compress((form, "-c"), path.read_bytes())
        plain = tmp / "piped.arrow"
        args.program.run([path], plain)
        for name in ("-", str(tmp / ("fifo" + suffix))):
            output = tmp / ("pipe" + suffix)
            if name != "-":
                os.mkfifo(name)
            child = subprocess.Popen([args.tcpmill, "run", "-q", name, "-w", output],
                                     stdin=subprocess.PIPE)
            with child.stdin if name == "-" else open(name, "wb") as pipe:
                for at in range(0, len(data), 1000):
                    pipe.write(data[at:at + 1000])
                    pipe.flush()
            if name != "-":
                child.stdin.close()
            checks.equal(f"{path.name} as {form} from {name}: exit status",
                         child.wait(60 * args.slow), 0)
            checks.ok(f"{path.name} as {form} from {name}: same records",
                      batches(output) == batches(plain))


def zeros_pcap(nb, caplen):
    """Records of 0 bytes, or of caplen of them."""
    return (struct.pack("<IIII", 0, 0, caplen, caplen) + bytes(caplen)) * nb


def check_damage(checks, args, tmp, form):
    """Cut short, a bad byte, and something behind: exit status 3, one line, all before it kept."""
    header = struct.pack("<IHHQII", 0xa1b2c3d4, 2, 4, 0, 65535, 1)
    noise = random.Random(17)
    records = b"".join(struct.pack("<IIII", i, 0, 200, 200) + noise.randbytes(200)
                       for i in range(3000))
    small_blocks = {"lz4": ["-B4"], "bzip2": ["-1"]}.get(form, [])
    data = compress((form, "-q", "-c", *small_blocks), header + records)
    middle = len(data) // 2
    cases = {"cut short": (data[:middle], "cut short: expected more of the"),
             "a bad byte": (data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1:], ""),
             "something behind": (data + b"garbage", "or the end, found 67617262")}
    for what, (image, words) in cases.items():
        path, output = tmp / f"damaged.{form}", tmp / f"damaged.{form}.arrow"
        path.write_bytes(image)
        result = args.program.run([path], output)
        label = f"{form}, {what}"
        if not checks.ok(f"{label}: exit status", result.rc == DAMAGED, str(result)):
            continue
        packets = result.summary["packets"]
        said = [line for line in result.errors.splitlines() if " damaged at byte " in line]
        checks.ok(f"{label}: one line with both places", len(said) == 1 and words in said[0] and
                  "expected" in said[0] and "decompressed" in said[0], result.errors)
        least = 3000 if what == "something behind" else 900
        checks.ok(f"{label}: what came before is kept", least <= packets <= 3000, f"{packets}")
        checks.equal(f"{label}: damage in --json", len(result.summary["damage"]), 1)


def check_xz_threads(checks, args, tmp):
    """A damaged block of xz gives the same records with one CPU and with all, run for run."""
    header = struct.pack("<IHHQII", 0xa1b2c3d4, 2, 4, 0, 65535, 1)
    records = b"".join(struct.pack("<IIII", i, 0, 54, 54) + forge.tcp_frame(i % 9)
                       for i in range(20000))
    data = compress(("xz", "-1", "-c", "-T2", "--block-size=200KiB"), header + records)
    cpus = os.sched_getaffinity(0)
    for what, at in (("middle", len(data) // 2), ("third", len(data) // 3)):
        path = tmp / f"blocks-{what}.xz"
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:])
        seen = set()
        for i in range(6):
            output = tmp / f"blocks-{i}.arrow"
            some = cpus if i % 3 else {min(cpus)}
            result = common.run([args.tcpmill, "run", "--json", path, "-w", output],
                                preexec_fn=lambda: os.sched_setaffinity(0, some))
            summary = common.parse_object(result.out) or {}
            seen.add((result.rc, summary.get("packets"), summary.get("bytes_input"),
                      str(summary.get("damage")), output.read_bytes()))
        checks.ok(f"xz, a block damaged in the {what}: six runs are one, and say so",
                  len(seen) == 1 and min(seen)[0] == DAMAGED and 0 < min(seen)[1] < 20000 and
                  "damaged at byte" in min(seen)[3], str([s[:4] for s in seen]))


def peak_rss(pid):
    """Bytes so far; wait() would tell what Python had when it made the process, if that is more."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) << 10


def check_bomb(checks, args, tmp, form):
    """Ten gigabytes in a few megabytes: memory stays as it is, and an interrupt ends it at once."""
    header = struct.pack("<IHHQII", 0xa1b2c3d4, 2, 4, 0, 65535, 1)
    part = compress((form, "-c"), zeros_pcap(512, 65520))
    path = tmp / f"bomb.{form}"
    with open(path, "wb") as file:
        file.write(compress((form, "-c"), header))
        for _ in range(10 * (1 << 30) // (512 * 65536)):
            file.write(part)
    checks.ok(f"{form} bomb: is small", path.stat().st_size < 64 << 20)
    child = subprocess.Popen([args.tcpmill, "run", "--json", path], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    killer = threading.Timer(60 * args.slow, child.kill)
    killer.start()
    # Half a second's work of some ten at least, however long that takes.
    common.wait_until(lambda: common.cpu_seconds(child.pid) > 0.5 * args.slow, 60 * args.slow)
    rss, before = peak_rss(child.pid), common.cpu_seconds(child.pid)
    child.send_signal(signal.SIGINT)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    killer.cancel()
    summary = common.parse_object(out)
    checks.equal(f"{form} bomb: exit status", child.returncode, INTERRUPTED)
    spent = usage.ru_utime + usage.ru_stime - before
    checks.ok(f"{form} bomb: ends soon", spent < 1.5 * args.slow, f"{spent:.2f} s of CPU")
    checks.ok(f"{form} bomb: was at it", summary and summary["packets"] > 0, f"{out[:200]}")
    checks.ok(f"{form} bomb: memory", 0 < rss < RSS_MAX or args.slow > 1, f"{rss >> 20} MiB")
    path.unlink()


def main():
    args = common.arguments(__doc__, slow=dict(type=int, default=1))
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks("compressed", args.verbose)
    common.skip_without_captures(checks)
    with tempfile.TemporaryDirectory() as name:
        tmp = pathlib.Path(name)
        files = {f.name: f for f in common.capture_files(args.only) if f.stat().st_size < SMALL}
        good, plain = without_damage(checks, args, tmp, list(files.values()))
        common.parallel(lambda maker: check_maker(checks, args, tmp, (maker, good, plain)),
                        MAKERS if good else (), args.jobs)
        if not args.only:
            check_pipes(checks, args, tmp)
            check_xz_threads(checks, args, tmp)
            common.parallel(lambda form: check_damage(checks, args, tmp, form), SUFFIXES,
                            args.jobs)
            common.parallel(lambda form: check_bomb(checks, args, tmp, form), SUFFIXES, args.jobs)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
