#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`tcpmill verdicts` against tshark 4.0.17, packet for packet.

Every shared capture, the project's own, the generator's scenarios and unions of all of them made by
mergecap; or the files and folders on the command line. Each frame's line must be tshark's (stream,
verdicts in order, dup-ack number), each --json field too, and three workers with chunks of 4 KiB
must print the same bytes. The agreement is printed as tables: per capture, per verdict kind and
field, in total. A kind without a true case in the whole test fails it.

A difference is allowed only where known_differences.tsv has it (known.py says how): a capture, a
range of frames, a cause outside TCP analysis. An entry that is not needed any more fails the test.
For other captures there is --known FILE, and --allow-unread takes the frames that tcpmill does not
read as known and prints the lines for such a file.
"""

import functools
import pathlib
import shutil
import sys
import tempfile

import check
import known
import self_test
import table
import tshark
import unions

import common  # tests/e2e, by tshark

TSHARK = "4.0.17"
KNOWN = pathlib.Path(__file__).with_name("known_differences.tsv")
# A few captures on which our reading of tshark is compared with the oracle's own script.
ORACLE_SCRIPT_CAPTURES = (
    "hackeire-1.pcap", "sanders-tcp-dupack.pcapng", "tcptrace-fast-reuse.pcap",
    "pathspider-tfo-data-on-syn-official.pcap", "zeek-tcp-ssh-dups.pcap",
    "pcapplusplus-tcp-reassembly.pcap")


def check_oracle_script(checks, files):
    """Our reading of tshark is that of the oracle's script, byte for byte."""
    shared = common.captures_dir()
    script = shared.parent / "spec/oracle.sh" if shared else None
    files = [f for f in files if f.name in ORACLE_SCRIPT_CAPTURES]
    if not script or not script.exists() or not files:
        checks.skip("the oracle's script", "it is not there, or none of its captures is")
        return
    for path in files:
        result = common.run([script, "--transport", path])
        ours = "".join(line.text() + "\n" for line in tshark.read(path).lines)
        checks.ok(f"{path.name}: our reading of tshark is {script.name}'s",
                  result.rc == 0 and result.text == ours, str(result))


def folder_files(paths):
    """Files, and all captures below folders."""
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(f.resolve() for f in path.rglob("*")
                              if f.suffix in (".pcap", ".pcapng", ".cap"))
        else:
            yield path.resolve()


def input_files(checks, args, tmp):
    if args.captures:
        return list(folder_files(args.captures))
    common.skip_without_captures(checks)
    files = common.capture_files(args.only)
    if args.generator and not args.only:
        files += common.generated_captures(args.generator, tmp)
    elif not args.only:
        checks.skip("scenarios", "tcpmill-generate is not built")
    return files


def compare_files(run, args, files, entries):
    """Returns the captures that can be in unions: [(path, Answer)]."""
    def one(path):
        try:
            answer = tshark.read(path)
            mine = list(entries.get(path.name, ()))
            if args.allow_unread:
                mine += known.suggest(path.name, answer)
            expected = known.Expected(answer, mine, functools.partial(known.without, path, answer))
            result = check.capture(run, path, expected, mine, answer.damaged)
            return answer, mine, result
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            run.checks.ok(f"{path.name}: compared", False, repr(error))
            return None

    done = [(path, *found) for path, found in zip(files, common.parallel(one, files, args.jobs))
            if found]
    run.results += [(path.name, result) for path, _, _, result in done if result]
    for path, answer, mine, _ in done:
        for entry in known.suggest(path.name, answer):
            if args.allow_unread or not mine:
                run.checks.note("for --known: " + entry.line())
    return [(path, answer) for path, answer, mine, _ in done
            if unions.wanted(path, answer, mine)]


def check_unions(run, args, captures):
    with tempfile.TemporaryDirectory() as folder:
        maker, joined = unions.Maker(captures, folder), []
        try:
            joined += maker.make()
        except RuntimeError as error:
            # Not every foreign capture can be merged; ours can.
            if args.captures or args.only:
                run.checks.skip("unions", str(error))
            else:
                run.checks.ok("unions are made", False, str(error))
        compare_files(run, args, joined, {})
        if maker.all_links:
            out, parts = maker.all_links
            for options in ((), ("--json",)):
                run.checks.ok(
                    f"{out.name}: the {len(parts)} captures give the same {' '.join(options)}",
                    run.verdicts(*options, out).out == run.verdicts(*options, *parts).out)


def main():
    args = common.arguments(
        __doc__, captures=dict(flag="captures", nargs="*", help="files and folders"),
        self_test=dict(action="store_true", help="only plant differences and see them found"),
        known=dict(type=pathlib.Path, default=KNOWN, help="known differences"),
        allow_unread=dict(action="store_true", help="frames not read are known differences"),
        slow=dict(type=int, default=1, help="times longer time-outs, for sanitizers"))
    checks = common.Checks("oracle", args.verbose)
    self_test.run(checks)
    if args.self_test:
        return checks.finish()
    if not all(map(shutil.which, ("tshark", "mergecap", "editcap"))):
        checks.skip("everything", "tshark, mergecap or editcap is not installed")
        return checks.finish()
    version = common.run(["tshark", "--version"]).text.split("\n")[0]
    if f" {TSHARK} " not in version:
        checks.note(f"the verdicts are those of tshark {TSHARK}; this is {version}")
    run = check.Run(checks, args.tcpmill, args.slow)
    with tempfile.TemporaryDirectory() as tmp:
        files = input_files(checks, args, tmp)
        entries = known.read(args.known)
        if common.captures_dir() and not args.only and not args.captures:
            for name in entries.keys() - {f.name for f in files}:
                checks.ok(f"known difference in {name}: the capture exists", False)
        usable = compare_files(run, args, files, entries)
        check_unions(run, args, usable)
        check_oracle_script(checks, files)
    total = run.total()
    check.kinds(checks, total, not args.only and not args.captures)
    table.captures(run.results, total)
    table.parts(total)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
