#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs/record-format.md lists the columns the program writes; --write brings it up to date."""

import pathlib
import sys
import tempfile

import common

DOC = common.REPO / "docs" / "record-format.md"
HEAD = """# The flow record

One row per TCP flow, in an Apache Arrow IPC file (`.arrow`, also called Feather v2) whose buffers are LZ4 frames; on stdout an
Arrow stream. Rules: lower snake case; the unit is in the name unless it is a plain count; times in ns as int64; counts are signed,
and stay at their end instead of wrapping; null means not observed, never 0 or -1; enums are dictionary(int8, utf8) with every
value listed before the first row. Columns are only ever added at the end. `o_` is orig, the side that called, `r_` resp.
Exact meanings: `definitions.md`. Each column's help, unit and its name in Zeek, IPFIX and ECS are in the file itself
(`tcpmill show FILE --schema`). Order of rows: definitions 1.6.

Metadata of the schema: `program`, `schema_version`, `inputs`, `options` (those that change answers). Metadata of the footer: `books`,
`segments` (TCP headers) and `datagrams` (of IP fragments), `inputs` with first frames and packets, `link_types`, `tunnels` (flows in
each), `damage`, `lists_cut`, `holes_cut`, `evicted`. In the books, `frames` is the sum of the others.

A run that was cut off leaves `FILE.part`: the same without a footer. `tcpmill recover FILE.part [-w FILE]` makes a whole file of it: every whole
record batch is checked and copied byte for byte (for the same input and options they are the first of those of a run that ends), and the
footer has one entry, `recovered`: `from`, `batches`, `rows`, `bytes` (of the source, to the end of the last batch saved) and `why`. It has no
books: nobody knows them. FILE.part stays; no file is ever overwritten; the new one has its name only when it is whole and on the disk. Exit
status: 0 recovered, 3 recovered up to damaged data (said on stderr), 1 nothing could be saved, FILE is whole, or it cannot be read or
written, 2 usage.

Readers of these files treat them as hostile: every offset, length, count and index of a file is checked before it is used; memory grows with the
bytes that are there (an LZ4 frame to at most 255 times its length, no byte of a batch in two buffers), not with what a length claims; what
makes no sense ends the reading with the place of the damage, and exit status 3.

A long flow of live capture has several records, all but the last with `end_reason` `active_timeout`: definitions 2.6.

Live capture: `inputs` are the ports as typed, and the schema also has `capture`: of each port its `source` (kernel or dpdk), `driver`,
`clock` (whose time stamps: kernel, hardware, file, or ours, one a burst), `link_type`, `snaplen`, `promiscuous`, `queues`, and
`dealt_by` rss, exchange or one_worker, `affine` and `why` not. The footer is about the time since the file was opened: `interval`; `books`, where `exchange` are
packets dropped between two workers; `offered`, the sum of what was `received` and of what was dropped in front of the workers (`not_read`
waits in a queue; it is below 0 while a port's counter lags); `drops` by place (`records` and `disk` are records, the others packets);
`segments`, TCP headers that were `read`, of them `quoted`, and beside them `unread` and `dropped` (definitions 9.2);
`datagrams` of fragments (`incomplete` is how many wait); `holes_cut`; `evicted` flows by class; `ports` with their counters. `tcpmill show FILE --books` prints it.

"""

EVENTS = """
# The events table

`tcpmill run --events FILE` writes a row for each verdict on a packet, `--only LIST` the rows of some verdicts. A packet with two
verdicts has two rows, so the rows of a stream, verdict and direction are as many as its flow record counts. Order of rows: definitions
1.7. `src` and `dst` are orig and resp as in the flow record, so that the tables join by `stream`; `direction` says who sent the packet.
Metadata as above; `only` in the schema's if verdicts were chosen, `events` (the number of rows) in the footer's.

"""


def table(rows):
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def schema(tcpmill, option):
    """(name, type, unit, help) of every column, as the file says that the option writes."""
    with tempfile.TemporaryDirectory() as where:
        out = pathlib.Path(where) / "table.arrow"
        capture = common.REPO / "datasets" / "kernel-loss.pcap"
        common.run([tcpmill, "run", "-q", capture, option, out])
        text = common.run([tcpmill, "show", out, "--schema", "--width=0"]).out.decode()
    lines = text.splitlines()
    starts = [lines[0].index(word) for word in ("column", "type", "unit", "help")]
    rows = []
    for line in lines[1:]:
        if not line.strip():
            break
        cells = [line[a:b].strip() for a, b in zip(starts, starts[1:] + [None])]
        rows.append(tuple(cell.replace("|", "\\|") for cell in cells))
    return rows


def main():
    args = common.arguments(__doc__, write={"action": "store_true", "help": "write the file"})
    checks = common.Checks("docs", args.verbose)
    wanted = HEAD + table(schema(args.tcpmill, "-w"))
    wanted += EVENTS + table(schema(args.tcpmill, "--events"))
    if args.write:
        DOC.write_text(wanted)
    checks.ok("docs/record-format.md matches the program", DOC.read_text() == wanted,
              "run tests/e2e/docs.py --write")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
