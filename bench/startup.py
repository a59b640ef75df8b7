# SPDX-License-Identifier: BSD-3-Clause
"""How long ten packets take: a whole process."""

import time

import text
from kit import REPO, median
from process import run

TITLE = "Start-up"
NOTE = "A capture of ten packets, the whole process from fork to exit, one worker, records written."

ROUNDS = 15
# Where a build with chosen drivers linked in may lie; --static names another.
STATIC = ("build-chosen/tcpmill",)


def static_build(kit):
    places = [kit.static] if kit.static else [REPO / place for place in STATIC]
    return next((place for place in places if place.exists()), None)


def whole(kit, program, trace):
    inside = kit.run(trace, 1, program=program)
    start = time.monotonic()
    run([program, "run", "-q", trace.path, "--workers", 1, "-w", kit.folder / "records.arrow"])
    seconds = time.monotonic() - start
    (kit.folder / "records.arrow").unlink()
    return {"seconds": seconds, "rss": inside["rss"]}


def measure(kit):
    programs = {"shared": kit.tcpmill, "static": static_build(kit)}
    with kit.trace(10, live=1, flows=1) as trace:
        jobs = {name: (lambda p=program: whole(kit, p, trace)) for name, program in programs.items() if program}
        results = kit.rounds(jobs, kit.nb_rounds(ROUNDS))
    rows = [{"name": name, "program_bytes": programs[name].stat().st_size, **results[name]} for name in jobs]
    return {"rows": rows, "no_static": programs["static"] is None}


def report(data):
    rows = [[row["name"], f"{row['program_bytes'] / 1e6:.1f}", text.spread(row["seconds"]),
             f"{median(row['rss']) / 1e6:.0f}"] for row in data["rows"]]
    lines = text.table(["build", "program, MB", "whole process, s (min-max)", "peak RSS, MB"], rows)
    if data["no_static"]:
        lines.append(f"\nNo static build was found ({', '.join(STATIC)}, or --static).")
    return lines + [""]
