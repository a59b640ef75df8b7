# SPDX-License-Identifier: BSD-3-Clause
"""The programs to compare with: how each is run, and how it is told that it read every packet.

Run as a program, prints the Debian packages they are in; scripts/bench --install-peers takes them from here.
"""

import re

from process import run

TSHARK_FIELDS = ["frame.number", "tcp.stream", "tcp.analysis.flags", "tcp.analysis.retransmission",
                 "tcp.analysis.out_of_order", "tcp.analysis.duplicate_ack_num", "tcp.analysis.lost_segment",
                 "tcp.analysis.ack_rtt"]


class Peer:
    """
    name; packages, the first of them with the program; programs that must be there; command, a function of
    file, packets and a folder for what it writes; counted, a function of the finished process and that
    folder, which tells how many packets it read and what it does with them; packets, at most so many; clock,
    what counts as its time: seconds, or cpu where it waits without need.
    """

    def __init__(self, name, packages, programs, command, counted, packets=10**6, clock="seconds"):
        self.name = name
        self.packages = packages
        self.programs = programs
        self.command = command
        self.counted = counted
        self.packets = packets
        self.clock = clock


def first(pattern, text):
    """The number that the pattern finds; -1, which is never right, without one."""
    found = re.search(pattern, text, re.M)
    return int(found[1]) if found else -1


def tshark_conversations(done, folder):
    """The frames of all conversations: the sixth of the columns behind the addresses."""
    del folder
    frames = re.findall(r"<->\s+\S+\s+\d+ \d+ \w+\s+\d+ \d+ \w+\s+(\d+) ", done.stdout)
    return sum(map(int, frames)), "totals per connection"


def tshark_fields(done, folder):
    del folder
    return done.stdout.count("\n"), "verdicts per packet"


def tcptrace(done, folder):
    del folder
    return first(r"^(\d+) packets seen", done.stdout), "statistics per connection"


def nfpcapd(done, folder):
    del folder
    return first(r"Total: Processed: (\d+)", done.stdout + done.stderr), "flow records, no TCP analysis"


def argus(done, folder):
    del done
    counts = run(["racount", "-r", folder / "argus.out"]).stdout
    read = first(r"^\s*sum\s+\d+\s+(\d+)", counts)
    return read, "flow records with TCP counters (CPU time: it waits for whole seconds)"


def ndpi(done, folder):
    del folder
    read = first(r"of (\d+) packets total", done.stdout)
    looked_at = first(r"IP packets:\s+(\d+)", done.stdout)
    whole = "" if looked_at == read else f"; passes over {read - looked_at:,} truncated packets"
    return read, f"application protocols{whole}"


PEERS = (
    Peer("tshark -q -z conv,tcp", ["tshark"], ["tshark"],
         lambda file, packets, folder: ["tshark", "-n", "-c", packets, "-r", file, "-q", "-z", "conv,tcp"],
         tshark_conversations),
    Peer("tshark -T fields", ["tshark"], ["tshark"],
         lambda file, packets, folder: ["tshark", "-n", "-c", packets, "-r", file, "-T", "fields",
                                        *(word for field in TSHARK_FIELDS for word in ("-e", field))],
         tshark_fields, packets=500 * 1000),
    Peer("tcptrace -n -l", ["tcptrace"], ["tcptrace"],
         lambda file, packets, folder: ["tcptrace", "-n", "-l", file],
         tcptrace),
    Peer("nfpcapd -y", ["nfdump"], ["nfpcapd"],
         lambda file, packets, folder: ["nfpcapd", "-r", file, "-w", folder, "-y"],
         nfpcapd),
    Peer("argus", ["argus-server", "argus-client"], ["argus", "racount"],
         lambda file, packets, folder: ["argus", "-r", file, "-w", folder / "argus.out"],
         argus, clock="cpu"),  # it ends at whole seconds only, however little there is to do
    Peer("ndpiReader", ["libndpi-bin"], ["ndpiReader"],
         lambda file, packets, folder: ["ndpiReader", "-i", file],
         ndpi),
)

if __name__ == "__main__":
    print("\n".join(sorted({package for peer in PEERS for package in peer.packages})))
