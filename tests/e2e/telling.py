#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""verdicts, its JSON and run --events with a few workers that pause at random: the same bytes as with
one worker. Short, for builds with sanitizers; verdicts.py and events.py ask for much more."""

import pathlib
import sys
import tempfile

import common

BUSY = ("--workers", "3", "--chunk-size", "4096")


def tell(program, path, kind, options, folder):
    """The bytes told, and the result that told them."""
    if kind == "events":
        out = pathlib.Path(folder) / "events.arrow"
        result = common.run([program, "run", "-q", path, "--events", out, *options], 600)
        return out.read_bytes() if out.exists() else b"", result
    extra = ["--json"] if kind == "json" else []
    result = common.run([program, "verdicts", "-q", *extra, *options, path], 600)
    return result.out, result


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("telling", args.verbose)
    with tempfile.TemporaryDirectory() as folder:
        bulk = pathlib.Path(folder) / "bulk.pcap"
        common.generate(args.generator, "bulk", "--packets", 30000, "--flows", 3000, "--loss", "1",
                        "--reorder", "1", "-o", bulk)
        files = common.capture_files(args.only) if args.only else []
        for path in [bulk, common.REPO / "datasets/kernel-loss.pcap", *files]:
            for kind in ("text", "json", "events"):
                wanted, result = tell(args.tcpmill, path, kind, ["--workers", "1"], folder)
                checks.ok(f"{path.name} {kind}: told", wanted and result.rc == 0, str(result))
                for seed in ("1", "2"):
                    got, result = tell(args.tcpmill, path, kind,
                                       [*BUSY, "--delay-workers", seed], folder)
                    checks.ok(f"{path.name} {kind}, 3 workers, delays {seed}: the same bytes",
                              got == wanted and result.rc == 0, str(result))
    sys.exit(checks.finish())


if __name__ == "__main__":
    main()
