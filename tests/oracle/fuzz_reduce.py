# SPDX-License-Identifier: BSD-3-Clause
"""The smallest part of a trace that still differs from tshark's answer."""

import struct
import time

SECONDS = 60  # to look for a smaller one


def read_pcap(path):
    """Header and records of a pcap file in this machine's byte order."""
    data = path.read_bytes()
    records, at = [], 24
    while at < len(data):
        end = at + 16 + struct.unpack_from("<I", data, at + 8)[0]
        records.append(data[at:end])
        at = end
    return data[:24], records


def key(record):
    """The addresses and ports of an Ethernet frame, in either direction; None: not to be told."""
    at, kind = 16 + 14, record[16 + 12:16 + 14]
    while kind in (b"\x81\x00", b"\x88\xa8"):
        at, kind = at + 4, record[at + 2:at + 4]
    start, size, tcp = (12, 4, 20) if kind == b"\x08\x00" else (8, 16, 40)
    ends = []
    for side in range(2):
        address = record[at + start + side * size:at + start + (side + 1) * size]
        port = record[at + tcp + 2 * side:at + tcp + 2 * side + 2]
        ends.append((address, port))
    return tuple(sorted(ends)) if len(ends[1][1]) == 2 else None


def smallest(path, frame, out, difference):
    """
    Writes it to out; the number of its frames. difference(path): the first frame that differs and
    how, or None if all agrees. frame: that of path; it stays the last one, and of what comes before
    it only its flow stays, if that does. None: a crash or a hang, which may need all.
    """
    def differs(some):
        out.write_bytes(head + b"".join(some))
        found = difference(out) if some else None
        return found is not None and found[0] == (None if frame is None else len(some))

    head, records = read_pcap(path)
    if frame is not None:
        records = records[:frame]
        flow = [r for r in records if key(r) == key(records[-1])]
        records = flow if differs(flow) else records
    deadline = time.monotonic() + SECONDS
    step, before = max(1, len(records) // 2), None
    while time.monotonic() < deadline and (step > 1 or before != len(records)):
        before, at = len(records), 0
        while at < len(records) and time.monotonic() < deadline:
            fewer = records[:at] + records[at + step:]
            if differs(fewer):
                records = fewer
            else:
                at += step
        step = max(1, step // 2)
    out.write_bytes(head + b"".join(records))
    return len(records)
