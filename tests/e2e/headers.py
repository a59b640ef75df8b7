#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames with more TCP headers than are read: those are counted, in every account of a run.

Datagrams of sFlow and aggregated frames of IEEE 802.11, with numbers worked out by hand: of a
frame 32 headers are read (docs/definitions.md 1.4).
"""

import json
import struct
import sys

import common
import forge
from sets import run_cases

NOT_TCP = forge.tcp_frame(0)[:23] + b"\x11" + forge.tcp_frame(0)[24:]


def headers(first, nb):
    return [forge.tcp_frame(number) for number in range(first, first + nb)]


def fragments(number):
    """A header's first eight bytes and the rest, in a fragment each."""
    frame = forge.tcp_frame(number)
    for flags, part in ((0x2000, frame[34:42]), (1, frame[42:])):
        yield frame[:16] + struct.pack(">HHH", 20 + len(part), 77, flags) + frame[22:34] + part


def sampled_frames():
    """
    Headers: 40; 3; 1 that nobody quotes; 34 beside one that is not TCP; 33, of which the last one
    is made of fragments. Read are 32 + 3 + 1 + 32 + 32 = 100, of which 1 is not quoted; not read
    are 8 + 2 + 1 = 11.
    """
    head, tail = fragments(240)
    return [forge.sflow(headers(0, 40)), forge.sflow(headers(50, 3)), forge.tcp_frame(60),
            forge.sflow(headers(100, 9) + [NOT_TCP] + headers(109, 25)),
            forge.sflow([head] + headers(200, 32) + [tail])]


READ, QUOTED, UNREAD = 100, 99, 11
LINE = "TCP headers read 100 + 11 not read: packets have more than 32\n"


def replayed(bench):
    """The same for any number of workers, and in the footer; with a line for people."""
    path = bench.write("sflow.pcap", forge.Pcap(sampled_frames()).data)
    want = {"read": READ, "quoted": QUOTED, "unread": UNREAD}
    outputs = []
    for workers, chunk in ((1, "1MiB"), (2, "4KiB"), (7, "4KiB")):
        label = f"{workers} workers"
        output = bench.tmp / f"{workers}.arrow"
        result = bench.program.run([path], output, "--workers", workers, "--chunk-size", chunk)
        if not bench.checks.ok(f"{label}: runs", result.rc == 0 and result.summary, str(result)):
            continue
        bench.checks.equal(f"{label}: headers", result.summary["segments"], want)
        bench.checks.equal(f"{label}: packets tracked", result.summary["books"]["tracked"], 5)
        outputs.append(output.read_bytes())
    bench.checks.equal("the same bytes from all", len(set(outputs)), 1)
    books = bench.run("show", bench.tmp / "1.arrow", "--books").text.split()
    bench.checks.equal("the footer has it", books[books.index("unread") + 1:][:1], [str(UNREAD)])
    said = bench.run("run", path).text
    bench.checks.ok("the summary says it", LINE in said, said)
    few = bench.write("few.pcap", forge.Pcap([forge.sflow(headers(0, 32))]).data)
    said = bench.run("run", few).text
    bench.checks.ok("no word where all are read", "TCP headers read" not in said, said)


def in_the_air(bench):
    """40 packets in a frame that an access point sent, and 32 in another one."""
    path = bench.write("air.pcap", forge.Pcap(
        [forge.amsdu(headers(0, 40)), forge.amsdu(headers(50, 32))], link_type=forge.WIFI).data)
    bench.checks.equal("A-MSDU: headers", bench.summary("A-MSDU", [path]).get("segments"),
                       {"read": 64, "quoted": 0, "unread": 8})


def in_pieces(number, frame):
    """The packet in fragments, which fit into a port's buffers."""
    payload = frame[34:]
    for at in range(0, len(payload), 1400):
        part = payload[at:at + 1400]
        more = 0x2000 if at + len(part) < len(payload) else 0
        yield frame[:16] + struct.pack(">HHH", 20 + len(part), number, more | at // 8) + \
            frame[22:34] + part


def live(bench):
    """A port that reads a file, and two workers."""
    frames = [piece for i, frame in enumerate(sampled_frames()) for piece in in_pieces(i, frame)]
    path = bench.write("live.pcap", forge.Pcap(frames).data)
    words = ["run", "-i", f"net_pcap0,rx_pcap={path}", "-c", len(frames), "-s0", "--workers",
             "2"]
    result = bench.run(*words, "--json", timeout=60)
    if not bench.checks.ok("live: runs", result.rc == 0, str(result)):
        return
    bench.checks.equal("live: headers", json.loads(result.text)["segments"],
                       {"read": READ, "quoted": QUOTED, "unread": UNREAD, "dropped": 0})
    said = bench.run(*words, timeout=60).text
    bench.checks.ok("live: the summary says it", LINE in said, said)


CASES = (replayed, in_the_air, live)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("headers", args.verbose)
    return run_cases(args, checks, CASES, args.jobs)


if __name__ == "__main__":
    sys.exit(main())
