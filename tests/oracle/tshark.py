# SPDX-License-Identifier: BSD-3-Clause
"""What tshark 4.0.17 says of every TCP frame: what `tcpmill verdicts` must print, and its --json.

The question is the one of tests/e2e/oracle.py, so that a capture is asked once for both. Every
TCP port is decoded as plain data, so that no application dissector has a say, and nobody's
personal preferences are read.
"""

import bisect
import hashlib
import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import oracle  # noqa: E402

# In the order in which a frame's verdicts are told.
VERDICTS = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
            "lost_segment", "ack_lost_segment", "window_update", "window_full", "keep_alive",
            "keep_alive_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack",
            "reused_ports", "duplicate_ack", "tfo_syn", "tfo_ack", "tfo_ignored")

# The fields of `verdicts --json` and where tshark has them.
VALUES = {name: "tcp.analysis." + name for name in (
    "rto", "rto_frame", "acks_frame", "ack_rtt", "initial_rtt", "bytes_in_flight",
    "push_bytes_sent", "duplicate_ack_frame")} | {"completeness": "tcp.completeness"}
TIMES = ("rto", "ack_rtt", "initial_rtt")
FRAMES = ("rto_frame", "acks_frame", "duplicate_ack_frame")



class Line:
    """
    What is told of one frame. streams: one number for each TCP layer; dup_ack: its number, or "";
    values: --json fields, a number each, or tshark's text where that is none or a time; kind: what
    keeps tcpmill from reading the frame, or None; encap, epoch: its link type and stamp.
    """

    __slots__ = ("frame", "streams", "verdicts", "dup_ack", "values", "kind", "encap", "epoch")

    def columns(self):
        """What follows the frame's number in its line."""
        return ",".join(map(str, self.streams)), ",".join(self.verdicts), self.dup_ack

    def text(self):
        return "\t".join((str(self.frame), *self.columns()))


class Answer:
    """
    lines: of frames with TCP, in order; damaged: tshark's complaint or None; no_packet: tshark's
    numbers of blocks that it lists as frames.
    """

    def __init__(self, rows, damaged=None, cut=()):
        """cut: ascending (first, last) frames of the whole capture that tshark was not given."""
        self.damaged = damaged
        self.lines = []
        self.no_packet = []
        self._cut = cut
        for row in rows:
            value = dict(zip(oracle.FIELDS, row.split("\t")))
            # Besides packets there are blocks that tshark lists as frames.
            if not value["frame.encap_type"]:
                self.no_packet.append(int(value["frame.number"]))
            elif value["tcp.stream"]:
                self.lines.append(self._line(value))

    def _number(self, frame):
        """tcpmill's number of a frame (definitions 1.1), in the whole capture."""
        frame -= bisect.bisect_left(self.no_packet, frame)
        for first, last in self._cut:
            if frame >= first:
                frame += last - first + 1
        return frame

    def _line(self, value):
        many = {k: v.split(",") if v else [] for k, v in value.items()}
        line = Line()
        line.frame = self._number(int(value["frame.number"]))
        line.encap = int(value["frame.encap_type"])
        line.epoch = value["frame.time_epoch"]
        line.streams = tuple(int(s) for s in many["tcp.stream"])
        line.verdicts = verdicts(many)
        line.dup_ack = value["tcp.analysis.duplicate_ack_num"]
        line.values = {name: self._value(name, value[field])
                       for name, field in VALUES.items() if value[field]}
        fragment = oracle.outer_is_fragment(value["frame.protocols"], many)
        line.kind = oracle.frame_kind(value["frame.protocols"], fragment)
        return line

    def _value(self, name, text):
        if name in TIMES:
            return seconds(text)
        if not re.fullmatch(r"\d+|0x[0-9a-fA-F]+", text):
            return text
        number = int(text, 0)
        return self._number(number) if name in FRAMES else number


def seconds(text):
    """
    A time as tcpmill prints it. tshark computes with seconds and nanoseconds apart, and prints
    nanoseconds of a second or more as they are (a capture's stamps can be so): the sum is meant.
    """
    match = re.fullmatch(r"(\d+)\.(\d{10})", text)
    if not match:
        return text
    total = int(match[1]) * 1_000_000_000 + int(match[2])
    return f"{total // 1_000_000_000}.{total % 1_000_000_000:09}"


def verdicts(many):
    """Names, each as often as it applies."""
    count = {v: len(many["tcp.analysis." + v]) for v in VERDICTS}
    # tshark marks fast and spurious ones retransmission too, and prints duplicate_ack twice.
    count["retransmission"] -= count["fast_retransmission"] + count["spurious_retransmission"]
    count["duplicate_ack"] = (count["duplicate_ack"] + 1) // 2
    return tuple(v for v in VERDICTS for _ in range(count[v]))


def read(path, cut=(), cache=None):
    """tshark's answer to a capture; cut: see Answer."""
    path = pathlib.Path(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rows = oracle.ask(path, digest, cache, oracle.FIELDS, [])
    # Its complaints lie beside the answer.
    damaged = oracle.ask(path, digest, cache, oracle.FIELDS, [], errors=True)
    return Answer(rows, damaged[-1] if damaged else None, cut)
