# SPDX-License-Identifier: BSD-3-Clause
"""What every section of the benchmark uses: traces, one checked run of each program, rounds in turn."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import tempfile

from process import LeftOut, Wrong, forked, run, say

REPO = pathlib.Path(__file__).resolve().parent.parent

# Bytes that a packet takes in a trace, its record header included; an upper bound, for the room it needs.
RECORD_BYTES = {"96snap": 101, "full": 520, "1500": 1535, "small": 77}
TRACE_BYTES_MAX = 5 * 10**9
# Upper bounds of what a flow takes, for the same reason: in memory and in the file of records.
FLOW_BYTES = 1100
RECORD_OUT_BYTES = 250
# What must be left of the memory for everybody else.
SPARE_BYTES = 10**9

QUICK_PACKETS = 50000
# So many make the rest of a program's memory small beside them, and its memory over flows a figure.
ENOUGH_FLOWS = 5 * 10**5


class Trace:
    """A capture and what is in it, as its maker says; what nobody knows is None."""

    def __init__(self, path, packets, tcp_packets=None, flows=None):
        self.path = str(path)
        self.packets = packets
        self.tcp_packets = tcp_packets
        self.flows = flows
        self.file_bytes = os.path.getsize(path)

    def facts(self):
        return {"packets": self.packets, "flows": self.flows, "file_bytes": self.file_bytes}


def tick_ns(live):
    """Mean time between packets: a microsecond, or less so that each live flow has a packet every tenth of a second."""
    return max(1, min(1000, 100_000_000 // live))


class Kit:
    """The programs, sizes and rounds of one benchmark, and a folder in memory that ends with it."""

    def __init__(self, args):
        self.tcpmill = pathlib.Path(args.tcpmill).resolve()
        self.generator = pathlib.Path(args.generator).resolve()
        self.tool = pathlib.Path(args.tool).resolve()
        self.static = pathlib.Path(args.static).resolve() if args.static else None
        self.before = pathlib.Path(args.before).resolve() if args.before else None
        self.quick = args.quick
        self.most = args.packets or (QUICK_PACKETS if args.quick else None)
        self.asked_rounds = args.rounds or (1 if args.quick else None)
        self.cpus = sorted(os.sched_getaffinity(0))
        self.workers = sorted({1, min(2, len(self.cpus)), len(self.cpus)})
        # In memory, and for what is to be read from a disk.
        self._folders = [tempfile.TemporaryDirectory(prefix="tcpmill-bench-", dir=at) for at in (args.dir, args.disk)]
        self.folder, self.disk = (pathlib.Path(folder.name) for folder in self._folders)
        self._nb_traces = 0
        for program in (self.tcpmill, self.generator, self.before):
            if program and not program.exists():
                raise Wrong(f"{program}: not built (scripts/bench builds it)")

    def close(self):
        for folder in self._folders:
            folder.cleanup()

    # ---- traces ----

    def packets(self, nb, size="96snap", bytes_max=TRACE_BYTES_MAX):
        """As many as asked for, at most as many as fit the largest trace and --packets allows."""
        nb = min(nb, bytes_max // RECORD_BYTES[size])
        return min(nb, self.most) if self.most else nb

    def need(self, file_bytes, flows, folder):
        """Raises LeftOut unless a trace in the folder, its flows and its records in memory have room."""
        records = flows * RECORD_OUT_BYTES
        for place, wanted in ((folder, file_bytes), (self.folder, (folder == self.folder) * file_bytes + records)):
            free = shutil.disk_usage(place).free
            if wanted > free:
                raise LeftOut(f"needs {wanted / 1e9:.1f} GB in {place.parent}, {free / 1e9:.1f} are free")
        needed = (folder == self.folder) * file_bytes + records + flows * FLOW_BYTES + SPARE_BYTES
        meminfo = pathlib.Path("/proc/meminfo").read_text()
        available = int(re.search(r"MemAvailable:\s*(\d+)", meminfo)[1]) * 1024
        if needed > available:
            raise LeftOut(f"needs {needed / 1e9:.1f} GB of memory, {available / 1e9:.1f} are available")

    def _path(self, folder):
        self._nb_traces += 1
        return folder / f"{self._nb_traces}.pcap"

    @contextlib.contextmanager
    def trace(self, packets, *options, live=1000, flows=None, size="96snap", folder=None):
        """A trace by tcpmill-generate bulk, gone at the end of the block; folder: not in memory but there."""
        flows = flows or max(live, packets // 200)
        folder = folder or self.folder
        self.need(packets * RECORD_BYTES[size], flows, folder)
        path = self._path(folder)
        command = [self.generator, "bulk", "--packets", packets, "--flows", flows, "--live", live,
                   "--size", size, "--seed", 1, "--tick", tick_ns(live), *options, "-o", path]
        try:
            try:
                made = run(command)
            except Wrong as wrong:
                raise LeftOut(wrong.said) from wrong  # an option that this generator does not know
            counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", made.stderr)}
            say(f"made {counts['packets']:,} packets, {counts['flows']:,} flows, {live:,} at once, {size}")
            yield Trace(path, counts["packets"], counts["tcp_packets"], counts["flows"])
        finally:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def shape(self, shape, packets, *options, flows_max):
        """A trace by tcpmill-bench trace; flows_max of them at most, for the room they need."""
        path = self._path(self.folder)
        self.need(packets * RECORD_BYTES["96snap"], flows_max, self.folder)
        try:
            counts = self.ask("trace", shape, "--packets", packets, *options, "-o", path)
            say(f"made {shape}: {counts['packets']:,} packets, {counts['flows']:,} flows")
            yield Trace(path, counts["packets"], counts["tcp_packets"], counts["flows"])
        finally:
            path.unlink(missing_ok=True)

    # ---- programs ----

    def pin(self, command):
        """On one core: the last, for the first has the interrupts."""
        return ["taskset", "-c", self.cpus[-1], *command]

    def ask(self, *arguments, pinned=False):
        """What tcpmill-bench answers, as an object."""
        if not self.tool.exists():
            raise LeftOut(f"{self.tool.name} is not built")
        command = [self.tool, *arguments, "--json"]
        try:
            done = run(self.pin(command) if pinned else command)
        except Wrong as wrong:
            raise LeftOut(wrong.said) from wrong
        return answered(command, done.stdout)

    def run(self, trace, workers, *options, program=None, records=True, may_end_early=False):
        """
        One `tcpmill run` with records, its counts checked. One worker is kept to one core, with the
        threads that write. seconds is from the first read to the last byte written.
        """
        out = self.folder / "records.arrow"
        command = [program or self.tcpmill, "run", trace.path, "--workers", workers, "--json", *options]
        if records:
            command += ["-w", out]
        command = forked(self.pin(command) if workers == 1 else command)
        summary = answered(command, run(command).stdout)
        out.unlink(missing_ok=True)
        self.check(trace, summary, records and not may_end_early)
        held = sum(worker["max_live_flows"] for worker in summary["workers"])
        return {
            "seconds": summary["read_seconds"] + summary["write_seconds"],
            "startup": summary["startup_seconds"],
            "rss": summary["peak_rss_bytes"],
            "held": held,
            "flow_bytes": sum(worker["flow_bytes"] for worker in summary["workers"]),
            "records": summary["records"],
            "record_bytes": summary["record_bytes"],
            "flows_found": summary["flows"],
            "anomalous_flows": summary["anomalous_flows"],
            "evicted": summary["evicted"],
            "lists_cut": summary.get("lists_cut", 0),  # what another build may not know
            "holes_cut": summary.get("holes_cut", 0),
        }

    @staticmethod
    def check(trace, summary, records):
        """Raises Wrong unless a summary counts what the trace's maker wrote."""
        pairs = [("packets", summary["packets"], trace.packets),
                 ("TCP packets", summary["books"]["tracked"], trace.tcp_packets),
                 ("flows", summary["flows"], trace.flows)]
        if records:
            pairs.append(("records", summary["records"], trace.flows))
        for what, got, wanted in pairs:
            if wanted is not None and got != wanted:
                raise Wrong(f"{trace.path}: {got:,} {what} counted, {wanted:,} made")

    def dd(self, trace):
        """`dd bs=1M` of the file to nowhere, by its own clock."""
        done = run(["dd", f"if={trace.path}", "of=/dev/null", "bs=1M"])
        told = re.search(r"^(\d+) bytes.* copied, ([\d.e-]+) s", done.stderr, re.M)
        if not told or int(told[1]) != trace.file_bytes:
            raise Wrong(f"{trace.path}: dd read {told and told[1]} of {trace.file_bytes} bytes")
        return {"seconds": float(told[2])}

    def walk(self, trace):
        """Walk and parse alone, one core; None where it cannot be measured."""
        try:
            answer = self.ask("floor", trace.path, "--rounds", 1, pinned=True)
        except LeftOut as reason:
            return {"seconds": None, "why": str(reason)}
        if answer["packets"] != trace.packets:
            raise Wrong(f"{trace.path}: floor walked {answer['packets']:,} of {trace.packets:,} packets")
        return {"seconds": next(row["seconds"] for row in answer["rows"] if row["what"] == "walk+parse")}

    def nb_rounds(self, usual=None):
        """As many as were asked for, else as many as are usual in a section, else five."""
        return self.asked_rounds or usual or 5

    def rounds(self, jobs, nb=None):
        """
        {name: function} each once a round, every other round backwards, so that a machine whose speed
        drifts drifts for all. Returns {name: {key: [value of each round]}}.
        """
        results = {}
        for nth in range(nb or self.nb_rounds()):
            names = list(jobs) if nth % 2 == 0 else list(jobs)[::-1]
            for name in names:
                for key, value in jobs[name]().items():
                    results.setdefault(name, {}).setdefault(key, []).append(value)
        return {name: results[name] for name in jobs}


def answered(command, text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise Wrong(f"{' '.join(map(str, command))}: no JSON but '{text[:60]}'") from error


def median(values):
    """Of what was measured; None when nothing was."""
    values = [value for value in values or [] if value is not None]
    return statistics.median(values) if values else None
