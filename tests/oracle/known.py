# SPDX-License-Identifier: BSD-3-Clause
"""Known differences from tshark: where they are, of which kind, why; and what remains to compare.

known_differences.tsv has one a line: capture, FIRST-LAST frame, kind, cause. The kinds are only
what lies outside TCP analysis:

link, tunnel
    tshark sees TCP in frames of this kind and tcpmill does not read them. tshark is asked again
    about the capture without them (editcap), and that answer is expected: nothing else may differ.

Both ends of the range must be frames that need the entry, else it is stale.
"""

import collections
import pathlib
import tempfile

import tshark

import common  # tests/e2e, by tshark

UNREAD = ("link", "tunnel")


class Entry:
    """One line of known_differences.tsv."""

    def __init__(self, capture, frames, kind, cause):
        if kind not in UNREAD:
            raise ValueError(f"{capture}: {kind}: not an accepted kind of difference")
        if not cause.strip():
            raise ValueError(f"{capture}: {kind}: no cause")
        self.capture, self.kind, self.cause = capture, kind, cause
        self.first, self.last = (int(n) for n in frames.split("-"))

    def covers(self, frame):
        return self.first <= frame <= self.last

    def line(self):
        return "\t".join((self.capture, f"{self.first}-{self.last}", self.kind, self.cause))

    def __str__(self):
        return f"{self.capture} {self.first}-{self.last} {self.kind}"


def read(path):
    """capture -> entries."""
    entries = collections.defaultdict(list)
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            entry = Entry(*line.split("\t"))
            entries[entry.capture].append(entry)
    return entries


def suggest(capture, answer):
    """Entries for all frames of unread kinds in this answer."""
    for kind in UNREAD:
        frames = [line.frame for line in answer.lines if line.kind == kind]
        if frames:
            yield Entry(capture, f"{frames[0]}-{frames[-1]}", kind, "not read yet")


class Expected:
    """
    What tcpmill must say. lines: frame -> line; unread: frame -> (line, entry) of what it does not
    read.
    """

    def __init__(self, answer, entries=(), reduce=None):
        """reduce(ranges): tshark's answer for the capture without these frames."""
        self.unread = {}
        for line in answer.lines:
            for entry in entries:
                if entry.covers(line.frame) and entry.kind == line.kind:
                    self.unread[line.frame] = (line, entry)
        frames = [line.frame for line in answer.lines]
        if self.unread:
            answer = reduce(ranges(self.unread.keys(), frames))
        self.lines = {line.frame: line for line in answer.lines}
        if self.lines.keys() != set(frames) - self.unread.keys():
            raise ValueError("without the frames that are not read, tshark sees other frames")


def without(path, answer, cut):
    """tshark's answer for a capture without some ranges of frames, in the numbers of the whole."""
    if answer.damaged or answer.no_packet:
        raise ValueError("editcap and tshark would number the frames differently")
    with tempfile.TemporaryDirectory() as folder:
        # editcap takes 512 ranges; the last ones first, so that the others keep their numbers.
        for end in range(len(cut), 0, -500):
            out = pathlib.Path(folder) / f"up-to-{end}"
            result = common.run(["editcap", path, out,
                                 *(f"{a}-{b}" for a, b in cut[max(end - 500, 0):end])])
            if result.rc != 0:
                raise RuntimeError(str(result))
            path = out
        return tshark.read(path, cut=cut)


def ranges(frames, all_frames):
    """(first, last) of runs of frames that none of the others interrupts. Both ascend."""
    wanted, runs, go_on = set(frames), [], False
    for frame in all_frames:
        if frame in wanted and go_on:
            runs[-1] = (runs[-1][0], frame)
        elif frame in wanted:
            runs.append((frame, frame))
        go_on = frame in wanted
    return runs


def stale(entries, expected):
    """Texts: entries that are not needed, or not for all of their range."""
    for entry in entries:
        for frame in sorted({entry.first, entry.last} - expected.unread.keys()):
            yield f"known difference {entry}: frame {frame} does not need it"
