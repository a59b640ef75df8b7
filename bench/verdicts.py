# SPDX-License-Identifier: BSD-3-Clause
"""`tcpmill verdicts`: a line a packet, and all of tshark's fields as JSON."""

import text
from kit import median
from process import Wrong, run, timed

TITLE = "Verdicts packet by packet"
NOTE = """Whole processes, start-up included, that print a line a packet to /dev/null; the lines are counted in a
run apart. 96-byte snaplen."""

ROUNDS = 3
PACKETS = 5 * 10**6
LIVE = (1000, 100 * 1000)
COMMANDS = {"verdicts": (), "verdicts --json": ("--json",)}


def command_line(program, trace, workers, options):
    return [program, "verdicts", "-q", *options, "--workers", workers, trace.path]


def check(program, trace, workers, options):
    """Raises Wrong unless there is a line for each TCP packet; not timed, for counting takes time too."""
    command = command_line(program, trace, workers, options)
    lines = int(run(["sh", "-c", '"$@" | wc -l', "sh", *command]).stdout)
    if lines != trace.tcp_packets:
        raise Wrong(f"{trace.path}: {lines:,} lines of verdicts, {trace.tcp_packets:,} TCP packets made")


def one(kit, program, trace, workers, options):
    command = command_line(program, trace, workers, options)
    return timed(kit.pin(command) if workers == 1 else command)


def measure(kit):
    rows = []
    programs = {"": kit.tcpmill, **({"before": kit.before} if kit.before else {})}
    packets = kit.packets(PACKETS)
    for live in LIVE[:1] if kit.quick else LIVE:
        with kit.trace(packets, live=live) as trace:
            for program in programs.values():
                for options in COMMANDS.values():
                    check(program, trace, kit.workers[-1], options)
            jobs = {(command, build, workers):
                    (lambda p=program, w=workers, c=command: one(kit, p, trace, w, COMMANDS[c]))
                    for command in COMMANDS for workers in kit.workers for build, program in programs.items()}
            results = kit.rounds(jobs, kit.nb_rounds(ROUNDS))
            rows += [{"live": live, "command": key[0], "build": key[1], "workers": key[2], **trace.facts(),
                      **results[key]} for key in jobs]
    return {"rows": rows}


def memory(rss):
    """It is looked at now and then: a program may be through before the first time."""
    return text.number(rss and rss / 1e6, 0)


def report(data):
    rows = [[text.count(row["live"]), row["command"] + (", before" if row["build"] else ""), row["workers"],
             text.rate(row["packets"], row["seconds"]), f"{median(row['seconds']) / row['packets'] * 1e9:.0f}",
             memory(median(row["rss"]))] for row in data["rows"]]
    header = ["live flows", "command", "workers", "Mpps (min-max)", "ns/packet", "peak RSS, MB"]
    return text.table(header, rows) + [""]
