# SPDX-License-Identifier: BSD-3-Clause
"""How many packets a second one worker takes from a port that another core keeps full."""

import text
from process import LeftOut

TITLE = "Live capture"
NOTE = """`tcpmill-bench live`: one core keeps a net_ring port full of 64-byte TCP frames of many live flows, in order;
another core takes them: `live` is the whole of `tcpmill run -i`, one worker, full verdicts; the others are
loops that do less, timed only while they have packets. Ticks are of the processor's time stamp counter. The feeder writes a frame,
and no more of an mbuf, into memory that the worker's core then fetches from it; a NIC's driver has to fill in the
mbuf's head, which is not in these figures. Feeder waited: the share of time in which it found the port full, so that the worker was the
limit. net_null makes no packets, only the mbufs."""

PACKETS = 20 * 10**6
FLOWS = (10**5, 1000, 10**6)
GOAL_FLOWS = 10**5


def measure(kit):
    if len(kit.cpus) < 2:
        raise LeftOut("needs a core for the feeder and one for the worker")
    flows = (1000,) if kit.quick else FLOWS
    return kit.ask("live", "--packets", kit.most or PACKETS, "--rounds", kit.nb_rounds(),
                   "--flows", ",".join(map(str, flows)))


def mpps(data, flows):
    """Of live capture; StopIteration where it was not measured."""
    return next(row["mpps"] for row in data["rows"] if row["consumer"] == "live" and row["flows"] == flows)


def report(data):
    rows = [[row["consumer"], row["what"], text.count(int(row["flows"])) if row["flows"] else "–",
             f"{row['mpps']:.2f} ({row['mpps_min']:.2f}-{row['mpps_max']:.2f})", f"{row['ns_per_packet']:.1f}",
             f"{row['ticks_per_packet']:.0f}", text.number(row["feeder_waited_percent"], 0)] for row in data["rows"]]
    header = ["", "what is done", "live flows", "Mpps (min-max)", "ns/packet", "ticks/packet", "feeder waited, %"]
    return text.table(header, rows) + [""]
