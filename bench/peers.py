# SPDX-License-Identifier: BSD-3-Clause
"""Other programs on the same file in the same rounds, kept to one core and let loose on all."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import text
from kit import median
from machine import said_by
from peer_list import PEERS
from process import LeftOut, Wrong, run, say, timed

TITLE = "Beside other programs"
NOTE = """One generated trace for all, 96-byte snaplen, 5 K live flows, 200 packets a flow, classic pcap
with microseconds. Others: whole process, output thrown away or written to memory, first run apart to see
that it read every packet by its own count. tcpmill: full verdicts, records written, reading and writing,
as in every table here; its last rows are a trace of the same shape that is long
enough for a rate. `one core`: pinned to one; else all cores are there to be used."""

PACKETS = 10**6
PACKETS_LONG = 30 * 10**6
LIVE = 5000
OURS = "tcpmill, long trace"
QUICK = 10**4
PLACES = ("one core", "all cores")


def version(peer):
    return said_by("dpkg-query", "-W", "-f=${Version}", peer.packages[0])


def run_once(kit, peer, file, packets):
    """Whether it reads everything. Returns its remark; raises LeftOut with the reason if it does not."""
    with tempfile.TemporaryDirectory(dir=kit.folder) as folder:
        try:
            done = run(peer.command(file, packets, Path(folder)))
            read, remark = peer.counted(done, Path(folder))
        except Wrong as wrong:
            raise LeftOut(wrong.said) from wrong
    if read != packets:
        raise LeftOut(f"read {read:,} of {packets:,} packets")
    return remark


def run_timed(kit, peer, file, packets, pinned):
    with tempfile.TemporaryDirectory(dir=kit.folder) as folder:
        command = peer.command(file, packets, Path(folder))
        told = timed(kit.pin(command) if pinned else command)
    return {**told, "seconds": told[peer.clock], "wall": told["seconds"]}


def receive(kit, trace, pinned):
    """DPDK's own driver for captures: receives the file's packets and drops them."""
    answer = kit.ask("pmd", trace.path, pinned=pinned)
    if not answer["available"]:
        raise LeftOut(answer["why"])
    if answer["packets"] != trace.packets:
        raise LeftOut(f"received {answer['packets']:,} of {trace.packets:,} packets")
    return {"seconds": answer["rows"][0]["seconds"], "rss": None}


def consider(row, look, measured, able, unable):
    """Has a look at a peer, which may raise LeftOut, and puts its row where it belongs."""
    try:
        row["does"] = look()
        able.append((row, measured))
    except LeftOut as reason:
        say(f"{row['name']}: left out: {reason}")
        unable.append({**row, "left_out": str(reason)})


def look_for(kit, peer, file, packets):
    missing = next((word for word in peer.programs if not shutil.which(word)), None)
    if missing:
        raise LeftOut(f"{missing} is not installed (scripts/bench --install-peers)")
    return run_once(kit, peer, file, packets)


def present(kit, trace):
    """The peers that can be measured, as (row, function of pinned), and rows that say why not."""
    able, unable = [], []
    for peer in PEERS:
        nb = min(trace.packets, peer.packets)
        consider({"name": peer.name, "version": version(peer), "packets": nb},
                 lambda p=peer, n=nb: look_for(kit, p, trace.path, n),
                 lambda pinned, p=peer, n=nb: run_timed(kit, p, trace.path, n, pinned), able, unable)
    consider({"name": "DPDK net_pcap", "version": said_by("pkg-config", "--modversion", "libdpdk"),
              "packets": trace.packets},
             lambda: receive(kit, trace, True) and "receives, no analysis",
             lambda pinned: receive(kit, trace, pinned), able, unable)
    return able, unable


def rounds(kit, trace, long_trace):
    able, unable = present(kit, trace)
    for name, file in (("tcpmill", trace), (OURS, long_trace)):
        row = {"name": name, "version": "", "packets": file.packets, "does": "verdicts, records",
               "cores": len(kit.cpus)}
        able.append((row, lambda pinned, f=file: kit.run(f, 1 if pinned else len(kit.cpus))))
    jobs = {(row["name"], place): (lambda f=function, pinned=place == PLACES[0]: f(pinned))
            for row, function in able for place in PLACES}
    results = kit.rounds(jobs)
    return [{**row, **{place: results[row["name"], place] for place in PLACES}} for row, _ in able] + unable


def measure(kit):
    with contextlib.ExitStack() as stack:
        def make(packets):
            packets = min(packets, QUICK) if kit.quick else kit.packets(packets)
            return stack.enter_context(kit.trace(packets, live=min(LIVE, packets // 200), flows=packets // 200))

        return {"rows": rounds(kit, make(PACKETS), make(PACKETS_LONG))}


def mpps(row, place):
    """Millions of packets a second of a row of the store; None where it was left out."""
    seconds = median(row.get(place, {}).get("seconds"))
    return seconds and row["packets"] / seconds / 1e6


def find(data, name):
    return next((row for row in data["rows"] if row["name"] == name), {})


def ratio(data, name, place):
    """How many times as fast tcpmill's long trace is."""
    ours, theirs = mpps(find(data, OURS), place), mpps(find(data, name), place)
    return ours / theirs if ours and theirs else None


def line(data, row):
    cells = [row["name"], row["version"], row["does"], f"{row['packets']:,}"]
    for place in PLACES:
        cells += [text.spread(row[place]["seconds"]), f"{mpps(row, place):.2f}",
                  text.number(ratio(data, row["name"], place), 1) + " ×"]
    rss = median(row[PLACES[0]]["rss"])
    cpu = median(row[PLACES[0]].get("cpu"))
    return cells + [text.number(cpu, 2), "–" if rss is None else f"{rss / 1e6:,.0f}"]


def report(data):
    header = ["program", "version", "what it does", "packets"]
    for place in PLACES:
        header += [f"s, {place} (min-max)", "Mpps", "tcpmill is faster by"]
    rows = sorted(text.measured(data["rows"]), key=lambda row: mpps(row, PLACES[0]))
    lines = text.table(header + ["CPU, s", "peak RSS, MB"], [line(data, row) for row in rows]) + [""]
    return lines + text.left_out(data["rows"], lambda row: row["name"])
