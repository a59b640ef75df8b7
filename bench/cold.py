#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How fast a capture is read that is not in the page cache, against dd of the same file.

Before each run the file's pages are dropped, and counted: a file that stays in memory (tmpfs, or one that
another process has mapped) ends the measurement. It is read once before, so that the memory for its pages
is at hand for every run alike: a virtual machine gives free memory back after some seconds, and gets it
page by page, which costs as much as reading. What the disk or its host keeps is out of reach: each round
begins with another program, so that it helps all alike.
"""

import argparse
import ctypes
import json
import mmap
import os
import statistics
import subprocess
import sys
import time

# Of a file's pages, so many may be left in memory: somebody may just have looked at its first one.
LEFT_MAX = 0.001


def resident(path):
    """The part of a file that is in the page cache, 0 to 1."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    size = os.path.getsize(path)
    pages = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    fd = os.open(path, os.O_RDONLY)
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    os.close(fd)
    if address == ctypes.c_void_p(-1).value or libc.mincore(address, size, pages) != 0:
        raise OSError(ctypes.get_errno(), "cannot tell which pages are in memory", path)
    libc.munmap(address, size)
    # Only the lowest bit of each byte means something.
    return sum(page & 1 for page in pages.raw) / len(pages)


def drop(path):
    """Reads the file and takes it out of the page cache; raises RuntimeError if it stays."""
    buffer = bytearray(1 << 20)
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    while os.readv(fd, [buffer]):
        pass
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    left = resident(path)
    if left > LEFT_MAX:
        raise RuntimeError(f"{path}: {left:.1%} of it stays in the page cache, so nothing can be cold")


def run_dd(path, *options):
    start = time.monotonic()
    subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M", *options], check=True, capture_output=True)
    seconds = time.monotonic() - start
    return seconds, seconds


def run_tcpmill(tcpmill, path, workers):
    """Seconds from the first byte read to the last record, and of the whole process."""
    start = time.monotonic()
    done = subprocess.run([str(tcpmill), "run", "--json", "--workers", str(workers), str(path)], check=True,
                          capture_output=True, text=True)
    whole = time.monotonic() - start
    summary = json.loads(done.stdout)
    if summary["bytes_file"] != os.path.getsize(path):
        raise RuntimeError(f"{path}: read {summary['bytes_file']} bytes of {os.path.getsize(path)}")
    return summary["read_seconds"] + summary["write_seconds"], whole


def measure(tcpmill, path, rounds, others=()):
    """One row a way to read: its name, seconds and whole_seconds of each round, bytes of the file.

    others: further builds of tcpmill, as (name, path), for a comparison in the same rounds. Raises
    RuntimeError if the file cannot be made cold, or is not read to its end.
    """
    nb_cpus = len(os.sched_getaffinity(0))
    jobs = {"dd bs=1M": lambda: run_dd(path), "dd bs=1M iflag=direct": lambda: run_dd(path, "iflag=direct")}
    for name, program in (("tcpmill", tcpmill), *others):
        for workers in sorted({1, nb_cpus}):
            jobs[f"{name}, {workers} worker" + "s" * (workers > 1)] = \
                lambda program=program, workers=workers: run_tcpmill(program, path, workers)
    times = {name: [] for name in jobs}
    names = list(jobs)
    for i in range(rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            drop(path)
            times[name].append(jobs[name]())
    return [{"name": name, "seconds": [t[0] for t in runs], "whole_seconds": [t[1] for t in runs],
             "bytes": os.path.getsize(path)} for name, runs in times.items()]


def of_best_dd(rows, name):
    """The rate of a row as a part of the better dd's: the median over the rounds of the ratio in each."""
    dd = [row["seconds"] for row in rows if row["name"].startswith("dd")]
    own = next(row["seconds"] for row in rows if row["name"] == name)
    return statistics.median(min(each) / mine for mine, *each in zip(own, *dd))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tcpmill", default="build/tcpmill")
    parser.add_argument("--before", help="another build, measured in the same rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("path", help="a capture on a disk, of 2 GB or so")
    args = parser.parse_args()
    try:
        rows = measure(args.tcpmill, args.path, args.rounds, [("before", args.before)] if args.before else [])
    except RuntimeError as error:
        sys.exit(f"cold.py: {error}")
    for row in rows:
        rates = [row["bytes"] / s / 1e9 for s in row["seconds"]]
        print(f"{row['name']:24} {statistics.median(rates):5.2f} GB/s ({min(rates):.2f}-{max(rates):.2f})"
              f"  {of_best_dd(rows, row['name']):4.0%} of the best dd"
              f"  whole process {statistics.median(row['whole_seconds']):.2f} s")


if __name__ == "__main__":
    main()
