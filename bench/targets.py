# SPDX-License-Identifier: BSD-3-Clause
"""What was aimed for and what became of it: the first table of RESULTS.md, and README's few lines."""

import re

import coldfile
import growth
import live
import peers
import startup
import stress
import text
from kit import REPO, median


class Target:
    """
    what, and the value wanted: at least (or, where least is false, at most) so many of a unit; got, a
    function of the store's data by section, is None where it was not measured.
    """

    def __init__(self, what, wanted, unit, got, least=True, digits=2):
        self.what = what
        self.wanted = wanted
        self.unit = unit
        self.got = got
        self.least = least
        self.digits = digits

    def value(self, number):
        return f"{number:,.{self.digits}f} {self.unit}".strip()

    def row(self, store):
        wanted = self.wanted(store) if callable(self.wanted) else self.wanted
        try:
            got = self.got(store)
        except (KeyError, StopIteration):
            got = None
        bound = ("≥ " if self.least else "≤ ") + ("?" if wanted is None else self.value(wanted))
        if got is None or wanted is None:
            return [self.what, bound, "–", "not measured"]
        over = got / wanted - 1 if self.least else 1 - got / wanted
        # A whole percent more than was reached says nothing about a target missed by less.
        verdict = f"met, {over * 100:.0f} % to spare" if over >= 0 else f"missed by {-over * 100:.1f} %"
        return [self.what, bound, self.value(got), verdict]


# ---- where the figures are ----

def sweep_row(store, live, size, workers):
    rows = [row for row in store["sweep"]["data"]["rows"]
            if row["live"] == live and row["size"] == size and "left_out" not in row and row["build"] == ""]
    return next(row for row in rows if row["workers"] == workers)


def sweep_mpps(store, live, size="96snap", workers=1):
    row = sweep_row(store, live, size, workers)
    return row["packets"] / median(row["seconds"]) / 1e6


def of_dd(store, live, size, workers=1):
    """The share of dd's rate, in percent."""
    row = sweep_row(store, live, size, workers)
    return median(row["dd"]) / median(row["seconds"]) * 100


def gain(store):
    """Two workers over the best run of one worker."""
    one = sweep_row(store, 10**5, "96snap", 1)
    return min(one["seconds"]) / median(sweep_row(store, 10**5, "96snap", 2)["seconds"])


def bytes_per_flow(row):
    return median(row["rss"]) / median(row["held"])


def stress_row(store, name, workers):
    return next(row for row in store["stress"]["data"]["rows"]
                if row["name"] == name and row.get("workers") == workers)


def flood_rate(store):
    row = stress_row(store, stress.FLOOD, 2)
    return median(row["flows_found"]) / median(row["seconds"]) / 1e6


def flood_bytes(store):
    row = stress_row(store, stress.FLOOD, 2)
    return median(row["rss"]) / row["flows"]


def stated_bytes(store):
    """What README says that a flow takes."""
    del store
    found = re.search(r"about ([\d,]+) bytes each", (REPO / "README.md").read_text())
    return int(found[1].replace(",", "")) if found else None


def startup_row(store):
    return store["startup"]["data"]["rows"][0]


# The slower the program, the more it does: the first of tshark's ways is the faster one.
RATIOS = (("tshark -q -z conv,tcp", 120, 170), ("tcptrace -n -l", 28, 40), ("argus", 17, 24), ("nfpcapd -y", 9, 13))
LIVE_PORT_MPPS = ((10, ""), (14.88, ": 10 Gbit/s"))
LIVE_MPPS = ((10**3, 18), (10**5, 14), (10**6, 8), (10**7, 5))

TARGETS = [
    *(Target(f"times as fast as {name}, {place}", wanted, "×",
             lambda store, n=name, p=place: peers.ratio(store["peers"]["data"], n, p), digits=1)
      for place, nth in zip(peers.PLACES, (1, 2)) for name, wanted in ((r[0], r[nth]) for r in RATIOS)),
    *(Target(f"{text.count(live)} live flows, one core", wanted, "Mpps",
             lambda store, n=live: sweep_mpps(store, n)) for live, wanted in LIVE_MPPS),
    Target("1,500-byte packets, one core, of `dd bs=1M`", 75, "%", lambda s: of_dd(s, 1000, "1500"), digits=0),
    Target("450-byte packets, one core, of `dd bs=1M`", 60, "%", lambda s: of_dd(s, 1000, "full"), digits=0),
    Target("1,500-byte packets, two workers, of one dd", 90, "%", lambda s: of_dd(s, 1000, "1500", 2), digits=0),
    Target("450-byte packets, two workers, of one dd", 90, "%", lambda s: of_dd(s, 1000, "full", 2), digits=0),
    Target("100 K live flows, two workers", 20, "Mpps", lambda s: sweep_mpps(s, 10**5, workers=2)),
    Target("100 K live flows, two workers over the best run of one", 1.45, "×", gain),
    *(Target(f"live, 64-byte packets, {text.count(live.GOAL_FLOWS)} flows, one core{why}", wanted, "Mpps",
             lambda s: live.mpps(s["live"]["data"], live.GOAL_FLOWS)) for wanted, why in LIVE_PORT_MPPS),
    Target("SYN flood of 10 M flows, two workers", 2, "M flows/s", flood_rate),
    Target("SYN flood, all memory over `--max-flows`; README states the limit", stated_bytes, "bytes",
           flood_bytes, least=False, digits=0),
    Target("all memory a flow, 10 M live, no anomalies", 320, "bytes",
           lambda s: bytes_per_flow(sweep_row(s, 10**7, "96snap", 1)), least=False, digits=0),
    Target("all memory a flow, 1 M live, loss in every flow", 1024, "bytes",
           lambda s: bytes_per_flow(stress_row(s, stress.TROUBLED, 1)), least=False, digits=0),
    Target("ten packets, whole process", 0.05, "s",
           lambda s: median(startup_row(s)["seconds"]), least=False, digits=3),
    Target("cold 2 GB file, of the best `dd`", 90, "%", lambda s: coldfile.of_dd(s["cold"]["data"]), digits=0),
    Target("cost of a packet at 100 M packets over 1 M, fixed flows", 1.1, "×",
           lambda s: growth.ratio(s["growth"]["data"], 0), least=False),
    Target("cost of a packet at 100 M packets over 1 M, new flows", 1.1, "×",
           lambda s: growth.ratio(s["growth"]["data"], 1), least=False),
]


def report(store):
    return text.table(["what", "target", "measured", ""], [target.row(store) for target in TARGETS])


# ---- README ----

def cell(function, form):
    """form of what the function finds in the store; a dash where it was not measured."""
    try:
        value = function()
    except (KeyError, StopIteration):
        value = None
    return "–" if value is None else form.format(value)


def readme(store, entry):
    """The few lines of README: a picture and a table."""
    rows = []
    for flows, _ in LIVE_MPPS:
        rows.append([f"{text.count(flows)} live flows, 96 bytes of each packet",
                     *(cell(lambda n=flows, w=workers: sweep_mpps(store, n, workers=w), "{:.1f} Mpps")
                       for workers in (1, 2))])
    rows.append([f"live from a port, 64-byte packets, {text.count(live.GOAL_FLOWS)} flows",
                 cell(lambda: live.mpps(store["live"]["data"], live.GOAL_FLOWS), "{:.1f} Mpps"), "–"])
    rows.append(["whole packets of 450 bytes on average",
                 *(cell(lambda w=workers: gigabytes(store, "full", w), "{:.1f} GB/s") for workers in (1, 2))])
    rows.append(["the same, of what `dd bs=1M` reads",
                 *(cell(lambda w=workers: of_dd(store, 1000, "full", w), "{:.0f} %") for workers in (1, 2))])
    for name, *_ in RATIOS:
        rows.append([f"times as fast as `{name}`",
                     *(cell(lambda n=name, p=place: peers.ratio(store["peers"]["data"], n, p), "{:.0f} ×")
                       for place in peers.PLACES)])
    return ["![Packets a second: other programs on one core, and tcpmill as live flows grow](docs/speed.svg)", "",
            *text.table(["full verdicts, records written", "one core", "two cores"], rows), "",
            "The other programs read a shorter trace of the same shape, and their time is a whole process's; "
            "tcpmill's is from the first read to the last byte written.", "",
            f"`scripts/bench` measured this on {entry['machine'].partition(', Linux')[0]}.",
            "`bench/RESULTS.md` has the rest: targets, stress shapes, memory, the cost of each room, cold files."]


def gigabytes(store, size, workers):
    row = sweep_row(store, 1000, size, workers)
    return row["file_bytes"] / median(row["seconds"]) / 1e9
