#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A build with chosen drivers linked in needs libc alone, and answers as the other one does.

--static names a build with -Ddrivers=chosen. Each capture is run by both, through libpcap's filter
too; records are compared byte by byte. It also runs in a folder that holds nothing but itself, libc
and the capture.
"""

import os
import re
import shutil
import sys
import tempfile

import common
import identical

# What any Linux has that can start a program of its kind.
SYSTEM = re.compile(r"(libc|libm|ld-linux-x86-64)\.so\.\d+")
OPTIONS = ((), ("-f", "tcp port 80 or tcp port 443"))


def needed(program):
    """Names of the shared libraries that a program asks for itself."""
    return re.findall(r"\(NEEDED\)\s+Shared library: \[(.+)\]",
                      common.run(["readelf", "-d", program]).text)


def check_needed(checks, program):
    names = needed(program)
    checks.ok("asks for a C library", any(SYSTEM.fullmatch(n) for n in names), f"{names}")
    others = [n for n in names if not SYSTEM.fullmatch(n)]
    checks.equal("libraries beside the system's", others, [])


def check_capture(checks, programs, path, tmp):
    for options in OPTIONS:
        label = f"{path.name} {' '.join(options)}".strip()
        outputs = [tmp / f"{path.name}.{name}" for name in programs]
        results = [program.run([path], output, "--workers", "2", *options)
                   for program, output in zip(programs.values(), outputs)]
        for name, result in zip(programs, results):
            checks.ok(f"{label}: {name} runs", not result.crashed(), str(result))
        checks.equal(f"{label}: exit status", results[1].rc, results[0].rc)
        checks.equal(f"{label}: records are there", outputs[1].exists(), outputs[0].exists())
        if all(output.exists() for output in outputs):
            difference = identical.first_difference(*outputs)
            checks.ok(f"{label}: same bytes", difference is None, f"differs: {difference}")
        for output in outputs:
            output.unlink(missing_ok=True)


def check_alone(checks, program, capture, tmp):
    """In a folder as the root of all, with the C library and the loader copied there."""
    if os.geteuid() != 0:
        checks.skip("alone in a folder", "chroot needs root")
        return
    root = tmp / "root"
    for library in re.findall(r"(/\S+\.so\S*) \(", common.run(["ldd", program]).text):
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])
    shutil.copy(program, root / "tcpmill")
    shutil.copy(capture, root / "capture")
    result = common.run(["chroot", root, "/tcpmill", "run", "--json", "/capture"])
    summary = common.parse_object(result.out)
    if checks.ok("alone in a folder: runs", result.rc == 0 and summary, str(result)):
        checks.ok("alone in a folder: packets", summary["packets"] > 0, f"{summary['packets']}")


def main():
    args = common.arguments(__doc__, static=dict(default=common.REPO / "build-chosen/tcpmill",
                                                 help="build with -Ddrivers=chosen"))
    checks = common.Checks("linking", args.verbose)
    static = common.pathlib.Path(args.static).resolve()
    if not static.exists():
        sys.exit(f"{static}: not built (meson setup -Ddrivers=chosen builds it)")
    common.skip_without_captures(checks)
    programs = {"all": common.Tcpmill(args.tcpmill), "chosen": common.Tcpmill(static)}
    check_needed(checks, static)
    files = common.capture_files(args.only)
    with tempfile.TemporaryDirectory() as name:
        tmp = common.pathlib.Path(name)
        common.parallel(lambda f: check_capture(checks, programs, f, tmp), files, args.jobs)
        check_alone(checks, static, common.REPO / "datasets/kernel-loss.pcap", tmp)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
