# SPDX-License-Identifier: BSD-3-Clause
"""A capture in each compressed form, beside the form's own tool that only decompresses it."""

import shutil
import subprocess

import text
from kit import Trace, median
from process import LeftOut, Wrong, say, timed

TITLE = "Compressed captures"
NOTE = """The same capture, small packets, as it is and compressed; records written. MB are of the capture,
decompressed. The tool decompresses to /dev/null (`cat` where nothing is compressed); its seconds are of
the whole process, tcpmill's from the first byte read to the last record. One worker alone is kept to one
core, together with the thread that decompresses; more have all cores. RSS is the most memory of the whole
process; tcpmill's has the flows and records in it, so compare it with the first row's."""

ROUNDS = 3
PACKETS = 10**6
# name, how it is made, what the tool does
FORMS = (
    ("none", None, ("cat",)),
    ("gzip -6", ("gzip", "-6", "-c"), ("gzip", "-dc")),
    ("zstd -3", ("zstd", "-q", "-3", "-c"), ("zstd", "-q", "-dc")),
    ("zstd -3 --long=27", ("zstd", "-q", "-3", "--long=27", "-c"), ("zstd", "-q", "-dc")),
    ("lz4", ("lz4", "-q", "-c"), ("lz4", "-q", "-dc")),
    ("xz -1", ("xz", "-1", "-c"), ("xz", "-dc", "-T1")),
    ("xz -1, blocks of 4 MiB", ("xz", "-1", "-T0", "--block-size=4MiB", "-c"), ("xz", "-dc", "-T0")),
    ("bzip2 -9", ("bzip2", "-9", "-c"), ("bzip2", "-dc")),
)


def make(kit, trace, name, making):
    """The trace in that form: the same packets in another file."""
    if making is None:
        return trace
    if not shutil.which(making[0]):
        raise LeftOut(f"{making[0]} is not installed")
    path = kit.folder / "compressed"
    with open(path, "wb") as out:
        done = subprocess.run([*making, trace.path], stdout=out, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Wrong(f"{' '.join(making)}: exit status {done.returncode}")
    say(f"{name}: {path.stat().st_size:,} of {trace.file_bytes:,} bytes")
    return Trace(path, trace.packets, trace.tcp_packets, trace.flows)


def one(kit, trace, form):
    name, making, tool = form
    packed = make(kit, trace, name, making)
    jobs = {"tool": lambda: timed([*tool, packed.path])}
    for workers in kit.workers:
        jobs[workers] = lambda w=workers: kit.run(packed, w)
    results = kit.rounds(jobs, kit.nb_rounds(ROUNDS))
    return [{"name": name, "tool_name": " ".join(tool), "workers": workers, **trace.facts(),
             "packed_bytes": packed.file_bytes, "tool": results["tool"], **results[workers]} for workers in kit.workers]


def measure(kit):
    rows = []
    with kit.trace(kit.packets(PACKETS), live=1000) as trace:
        for form in FORMS:
            try:
                rows += one(kit, trace, form)
            except LeftOut as reason:
                rows.append({"name": form[0], "left_out": str(reason)})
    (kit.folder / "compressed").unlink(missing_ok=True)
    return {"rows": rows}


def line(row):
    size = row["file_bytes"]
    return [row["name"], row["workers"], f"{row['packed_bytes'] / 1e6:.0f}", text.rate(size, row["seconds"]),
            text.rate(row["packets"], row["seconds"]), row["tool_name"], text.rate(size, row["tool"]["seconds"]),
            f"{median(row['rss']) / 1e6:.0f}", text.per(median(row["tool"]["rss"]), 1, 1e-6)]


def report(data):
    header = ["compressed by", "workers", "MB", "tcpmill MB/s (min-max)", "Mpps (min-max)", "the tool", "its MB/s (min-max)",
              "RSS, MB", "its RSS, MB"]
    rows = text.measured(data["rows"])
    return text.table(header, map(line, rows)) + [""] + text.left_out(data["rows"], lambda row: row["name"])
