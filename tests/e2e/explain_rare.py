#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `tcpmill explain` says of flows that are seldom seen: evicted ones, ones with more to tell
than can be looked up, and ones that ICMP errors and samples of sFlow quote."""

import struct
import sys

import common
import forge
from sets import run_cases, pcap

FIRST = "10.0.0.0:40000-192.0.2.1:80"  # forge's flow 0
WIDTH = 100


def explain(bench, *words):
    result = bench.run("explain", *words)
    bench.checks.ok(f"{words[1:]}: exit status 0, in {WIDTH} columns", result.rc == 0 and
                    all(len(line) <= WIDTH for line in result.text.splitlines()[:-1]),
                    str(result))
    return result


def told(result):
    """The sentences of a page, without its line breaks."""
    return " ".join(result.text.split())


def evicted(bench):
    """A table for 4,096 flows, and 20,000 that stay open: the first is given up, then seen anew."""
    frames = [forge.tcp_frame(0), forge.tcp_frame(0, reply=True)]
    frames += [forge.tcp_frame(i) for i in range(1, 20000)] + [forge.tcp_frame(0)]
    path = bench.write("crowd.pcap", forge.Pcap(frames).data)
    sentence = "Too many flows were open at once, so it was given up here: what came later " \
        "between these ends is another stream."
    page = explain(bench, path, "--stream", "0", "--max-flows", "1")
    bench.checks.ok("evicted: its frames are those before", "· frames 1–2 ·" in page.text,
                    page.text)
    bench.checks.ok("evicted: it says so", sentence in told(page), page.text)
    bench.checks.ok("evicted: no end is made up", "still open" not in page.text, page.text)
    both = explain(bench, path, "--flow", FIRST, "--max-flows", "1")
    bench.checks.ok("evicted: the stream that goes on is named", "The first of 2 flows between "
                    "these ends; --stream N shows another: 20000" in told(both), both.text)
    last = explain(bench, path, "--stream", "20000", "--max-flows", "1")
    bench.checks.ok("evicted: the other one is of the last frame", "· frame 20,002" in last.text and
                    FIRST.split("-", maxsplit=1)[0] in last.text and sentence not in told(last),
                    last.text)
    whole = explain(bench, path, "--stream", "0")
    bench.checks.ok("not evicted with room for all", "· frames 1–20,002 ·" in whole.text and
                    sentence not in told(whole), whole.text)


def much_to_tell(bench):
    """More rows than may each look at the whole flow: it says how far they look."""
    path = bench.write("many.pcap", forge.Pcap([forge.tcp_frame(0)] * 20000).data)
    # 200 million looks, divided by 19,999 duplicate ACKs.
    limit = "No row looks further ahead or back than 10,000 segments"
    page = explain(bench, path, "--all")
    bench.checks.ok("20,000 rows: it says how far they look", limit in told(page)[:1000],
                    page.text[:1000])
    bench.checks.equal("20,000 rows: all are there",
                       sum(line.lstrip().startswith("#") for line in page.text.splitlines()), 20000)
    for label, words in (("some", []), ("a place", ["--around", "15000"])):
        page = explain(bench, path, *words)
        bench.checks.ok(f"{label} of 20,000 rows: all of the flow is looked at",
                        "No row looks further" not in told(page), page.text[:500])
    path = bench.write("fewer.pcap", forge.Pcap([forge.tcp_frame(0)] * 14000).data)
    page = explain(bench, path, "--all")
    bench.checks.ok("14,000 rows: each may look at all", "No row looks further" not in told(page),
                    page.text[:500])


def in_icmp(frame):
    """An ICMP port unreachable from the way back, with the frame's IP header and 20 bytes."""
    quote = frame[14:54]
    icmp = struct.pack(">BBHI", 3, 3, 0, 0) + quote
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 7, 0, 64, 1, 0,
                     bytes((192, 0, 2, 99)), quote[12:16])
    return bytes(12) + b"\x08\x00" + ip + icmp


def quoted(bench):
    """Headers in ICMP errors and samples: counted, with the first place; no packets of the flow."""
    sent = forge.tcp_frame(1, forge.SYN)
    for name, wrap in (("icmp", in_icmp), ("sflow", lambda frame: forge.sflow([frame]))):
        path = bench.write(f"{name}.pcap", pcap((0, sent), (1, wrap(sent)), (2, sent),
                                                (3, wrap(sent))))
        page = explain(bench, path, "--stream", "0")
        bench.checks.ok(f"{name}: two quotes, the first in frame 2", "ICMP errors or samples of "
                        "sFlow quote 2 of its headers, the first in frame 2: see there why." in
                        told(page), page.text)
        bench.checks.ok(f"{name}: no rows of their own", "#2" not in page.text and "#4" not in
                        page.text, page.text)
        alone = bench.write(f"{name}-alone.pcap", pcap((0, wrap(sent))))
        result = bench.run("explain", alone)
        bench.checks.ok(f"{name} alone: one line", result.rc == 1 and result.errors == (
            f"tcpmill: {alone}: no packet of stream 0: frame 1 quotes one in an ICMP error or a "
            "sample of sFlow, that is all\n"), str(result))


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("explain_rare", args.verbose)
    return run_cases(args, checks, (evicted, much_to_tell, quoted), args.jobs)


if __name__ == "__main__":
    sys.exit(main())
