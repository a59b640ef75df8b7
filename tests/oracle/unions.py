# SPDX-License-Identifier: BSD-3-Clause
"""Captures joined by mergecap: many flows beside each other, stamps that jump, long streams of
numbers. A union's name says how it was made."""

import os
import pathlib
import re

import common
import oracle

MAX_BYTES = 4 << 20  # a capture larger than this is in no union
MAX_BYTES_MERGED = 300 << 10
START = 1_600_000_000 * 10**9  # where the captures of an aligned union begin
STEP = 7_001_003  # ns from the beginning of one to that of the next


def wanted(path, answer, entries):
    """Whole captures with TCP and common stamps, in which every frame agrees."""
    return bool(answer.lines and not answer.damaged and not entries
                and path.stat().st_size <= MAX_BYTES
                and re.fullmatch(r"\d{1,10}\.\d{9}", answer.lines[0].epoch)
                and oracle.DECIMAL_SECONDS.fullmatch(answer.lines[-1].epoch))


def tool(*arguments, cwd):
    result = common.run(arguments, cwd=cwd)
    if result.rc != 0:
        raise RuntimeError(str(result))


class Maker:
    """captures: [(path, Answer)], all wanted(). Names inside unions do not depend on the folder."""

    def __init__(self, captures, folder):
        self.folder = pathlib.Path(folder)
        self.captures = captures
        self.links = {}
        self.all_links = None  # the union of all, and what it is made of
        for i, (path, _) in enumerate(captures):
            self.links[path] = f"{i}-{path.name}"
            os.symlink(path, self.folder / self.links[path])

    def merge(self, name, captures, *options):
        out = self.folder / name
        tool("mergecap", *options, "-w", out.name, *(self.links[p] for p, _ in captures),
             cwd=self.folder)
        return out

    def aligned(self, name, captures, *options):
        """All begin at nearly the same time."""
        shifted = []
        for i, (path, answer) in enumerate(captures):
            delta = START + i * STEP - common.to_ns(answer.lines[0].epoch)
            shift = f"{'-' * (delta < 0)}{abs(delta) // 10**9}.{abs(delta) % 10**9:09}"
            link = "shifted-" + self.links[path]
            tool("editcap", "-F", "nsecpcap", "-t", shift, self.links[path], link,
                 cwd=self.folder)
            shifted.append((pathlib.Path(link), answer))
            self.links[shifted[-1][0]] = link
        return self.merge(name, shifted, *options)

    def make(self):
        """Yields the unions' paths."""
        ethernet = [c for c in self.captures if all(line.encap == 1 for line in c[1].lines)]
        # mergecap writes pcap only from files that pcap can hold, and not all pcapng files are.
        plain = [c for c in ethernet if not is_pcapng(c[0])]
        small = [c for c in plain if c[0].stat().st_size <= MAX_BYTES_MERGED]
        if len(plain) > 1:
            yield self.merge("union-appended-1.pcap", plain[0::2], "-a", "-F", "pcap")
            yield self.merge("union-appended-2.pcap", plain[1::2], "-a", "-F", "nsecpcap")
        if len(small) > 1:
            yield self.merge("union-by-time.pcap", small, "-F", "pcap")
            yield self.merge("union-latest-first.pcap", by_epoch(small), "-a", "-F", "nsecpcap")
            yield self.aligned("union-side-by-side.pcap", small, "-F", "nsecpcap")
        if small:
            yield self.merge("union-twice.pcap", small + small, "-a", "-F", "pcap")
        # Nor does it merge a file with interfaces of several link types.
        single = [c for c in self.captures if len({line.encap for line in c[1].lines}) == 1]
        if len(single) > len(plain):
            out = self.merge("union-all-links.pcapng", single, "-a", "-F", "pcapng")
            self.all_links = (out, [path for path, _ in single])
            yield out


def is_pcapng(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x0a\x0d\x0d\x0a"


def by_epoch(captures):
    """Latest first: each capture's stamps are before those of the one in front of it."""
    return sorted(captures, key=lambda c: -common.to_ns(c[1].lines[0].epoch))
