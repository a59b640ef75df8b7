#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`tcpmill verdicts` against tshark 4.0.17 on made frames of every link type.

One pcapng with an interface for each link type has them all: a TCP packet in every wrapping that
tcpmill and tshark read, whole and cut short. Each frame must be tracked exactly when tshark sees
TCP in it, with the same payload length and ports.
"""

import collections
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import link_frames
import link_headers
import link_parts

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import common  # noqa: E402
import forge  # noqa: E402

FIELDS = ("frame.number", "tcp.srcport", "tcp.len", "frame.protocols")
SHOWN = 10
# tshark reads nothing of what these have in them when the snaplen cuts it; tcpmill does.
CUT_UNREAD = (226, 239)
# tshark gives up the whole file at a record that is cut in ERF's own headers, or empty.
ERF, ERF_HEADERS = 197, 36


class Case:
    """A frame of the capture; cut: bytes of it that are not captured."""

    __slots__ = ("link", "name", "frame", "cut")

    def __init__(self, link, name, frame, cut=0):
        self.link, self.name, self.frame, self.cut = link, name, frame, cut

    def __str__(self):
        cut = f", {self.cut} bytes cut" if self.cut else ""
        return f"link type {self.link}: {self.name}{cut}: {self.frame.hex()}"


def all_cases(cuts):
    """cuts: of each frame's end, bytes to leave out."""
    for link, name, frame in (*link_frames.frames(), *link_headers.frames()):
        for cut in cuts if link not in CUT_UNREAD else (0,):
            if cut == 0 or len(frame) - cut >= (ERF_HEADERS if link == ERF else 1):
                yield Case(link, name, frame, cut)


def pcapng(cases):
    links = sorted({case.link for case in cases})
    yield forge.section()
    yield from (forge.interface(link_type=link) for link in links)
    for number, case in enumerate(cases):
        size, present = len(case.frame), case.frame[:len(case.frame) - case.cut]
        stamp = (1_700_000_000 + number) * 1_000_000
        yield forge.block(6, struct.pack(
            "<IIIII", links.index(case.link), stamp >> 32, stamp & 0xffffffff, len(present),
            size) + present)


def ask_tshark(path):
    """Frame -> ([(source port, payload length) of each TCP layer], protocols)."""
    command = ["tshark", "-n", "-r", path, "-d", "tcp.port==1-65535,data", "-Y", "tcp.stream",
               "-T", "fields", "-E", "separator=/t"]
    for field in FIELDS:
        command += ["-e", field]
    with tempfile.TemporaryDirectory() as nobody:
        text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120,
                              env={"PATH": "/usr/bin:/bin", "WIRESHARK_CONFIG_DIR": nobody}).stdout
    answer = {}
    for line in text.splitlines():
        number, ports, sizes, protocols = line.split("\t")
        answer[int(number)] = (list(zip(map(int, ports.split(",")), map(int, sizes.split(",")))),
                               protocols)
    return answer


def ask_tcpmill(program, path):
    result = common.run([program, "verdicts", "--json", path], 60)
    if result.rc != 0:
        raise SystemExit(f"tcpmill verdicts: {result}")
    answer = collections.defaultdict(list)
    for line in result.text.splitlines():
        row = json.loads(line)
        answer[row["frame"]].append((row["sport"], row["len"]))
    return answer


def files_with_check_sequences():
    """What pcap and pcapng tell of the check sequence behind Ethernet, for packets of no length."""
    frame = link_parts.MACS + b"\x08\0" + link_parts.ip4(total=0) + b"abcd"
    for bits in (0x14000000, 0x20000000):
        yield f"pcap {bits:#x}", forge.Pcap([frame], link_type=1 | bits).data
    option = struct.pack("<HHB3xHH", 13, 1, 32, 0, 0)  # if_fcslen
    yield "pcapng", forge.section() + \
        forge.block(1, struct.pack("<HHI", 1, 0, 262144) + option) + forge.packet_block(frame)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("links", args.verbose)
    cases = list(all_cases((0, 5, 9, 10, 30, 60)))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "links.pcapng"
        path.write_bytes(b"".join(pcapng(cases)))
        want, got = ask_tshark(path), ask_tcpmill(args.tcpmill, path)
        for name, data in files_with_check_sequences():
            path.write_bytes(data)
            checks.equal(f"check sequences: {name}", ask_tcpmill(args.tcpmill, path)[1],
                         ask_tshark(path)[1][0])
    differing = collections.defaultdict(list)
    total = collections.Counter(case.link for case in cases)
    for number, case in enumerate(cases, 1):
        theirs, protocols = want.get(number, ([], ""))
        if theirs != got[number]:
            differing[case.link].append(
                f"\n    tshark {theirs} {protocols}, tcpmill {got[number]}: {case}")
    with_tcp = collections.Counter(cases[number - 1].link for number in want)
    for link in sorted(total):
        wrong = differing[link]
        checks.ok(f"link type {link}: {total[link]} frames, TCP in {with_tcp[link]} of them",
                  not wrong and with_tcp[link] > 0,
                  f"{len(wrong)} differ{''.join(wrong[:SHOWN])}")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
