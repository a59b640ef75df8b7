# SPDX-License-Identifier: BSD-3-Clause
"""What a figure depends on besides the program's text: processor, caches, kernel, compiler, commit."""

import json
import os
import pathlib
import platform
import re
import subprocess

from kit import REPO


def said_by(*command):
    """What a program prints, or nothing when it cannot be asked."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def caches():
    sizes = []
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size, shared = ((index / name).read_text().strip()
                                     for name in ("level", "type", "size", "shared_cpu_list"))
        letter = {"Data": "d", "Instruction": "i"}.get(kind, "")
        whom = "" if shared == "0" else f" (CPUs {shared})"
        sizes.append(f"L{level}{letter} {size}{whom}")
    return ", ".join(sizes)


def describe():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    virtual = " (virtual machine)" if " hypervisor" in cpuinfo else ""
    pages = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    chosen = re.search(r"\[(\w+)\]", pages.read_text()) if pages.exists() else None
    return (f"{model[1] if model else platform.machine()}{virtual}, {os.cpu_count()} CPUs, {caches()}, "
            f"{int(memory[1]) / 2**20:.0f} GiB of memory, "
            f"transparent huge pages {chosen[1] if chosen else 'unknown'}, Linux {platform.release()}")


# What the program is made of; results that were written since do not make it another one.
SOURCES = ("src", "include", "datasets", "bench/*.c", "bench/*.h", "meson.build", "meson_options.txt")


def commit():
    head = said_by("git", "-C", str(REPO), "rev-parse", "--short", "HEAD")
    changed = said_by("git", "-C", str(REPO), "status", "--porcelain", "--untracked-files=no", "--", *SOURCES)
    return f"{head or 'unknown'}{' and changes' if changed else ''}"


def build(tcpmill):
    """How the program was built, as meson says of the folder it lies in."""
    try:
        options = json.loads(said_by("meson", "introspect", "--buildoptions", str(tcpmill.parent)))
        targets = json.loads(said_by("meson", "introspect", "--targets", str(tcpmill.parent)))
        values = {option["name"]: option["value"] for option in options}
        sources = next(target for target in targets if target["name"] == "tcpmill")["target_sources"]
        compiler = said_by(*sources[0]["compiler"], "--version").splitlines()[0]
    except (ValueError, LookupError, StopIteration):
        return "built in a way unknown"
    return f"{values['buildtype']}, {compiler}, -march={values['march']}"


def load():
    """Processes that wanted to run in the minute before."""
    return os.getloadavg()[0]
