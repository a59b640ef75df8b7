# SPDX-License-Identifier: BSD-3-Clause
"""Running programs for the benchmark: to their end, with what they said, or timed and thrown away.

A program that fails or counts wrong raises Wrong, which ends the benchmark: its time would mean
nothing. What this machine cannot do (no room, no such tool) raises LeftOut with the reason, which is
printed in place of the figure.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time

TIMEOUT = 1200     # seconds; no single program takes nearly that long
LOOK_EVERY = 0.02  # seconds, at the memory of a program that runs


class Wrong(Exception):
    """A program failed or counted wrong; said is the last line of its own, where it failed."""

    def __init__(self, text, said=None):
        super().__init__(text)
        self.said = said or text


class LeftOut(Exception):
    """Cannot be measured here; the text says why."""


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


def words(command):
    return [str(word) for word in command]


def failed(command, status, errors):
    return Wrong(f"{' '.join(command)}: exit status {status}: {last_line(errors)}", last_line(errors))


def forked(command):
    """
    The command as the child of a small shell. The kernel counts towards a process's peak memory what the
    program that started it held at that time: a shell's is nothing, Python's is not.
    """
    return ["sh", "-c", '"$@"; exit $?', "sh", *command]


def run(command):
    """The finished process, its output as text; one that fails raises Wrong with the last line it said."""
    command = words(command)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Wrong(f"{' '.join(command)}: {error}") from error
    if done.returncode != 0:
        raise failed(command, done.returncode, done.stderr)
    return done


def peak_rss(pid):
    """Bytes, so far; of this program alone, unlike the figure that wait() gives."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            told = re.search(r"VmHWM:\s*(\d+) kB", status.read())
    except OSError:
        return 0
    return int(told[1]) * 1024 if told else 0


def watch(child, start):
    """Waits for the end. Returns its status, its use of resources and the most memory it had."""
    most = [0]
    ended = threading.Event()

    def look():
        while not ended.wait(LOOK_EVERY):
            most[0] = max(most[0], peak_rss(child.pid))
            if time.monotonic() - start > TIMEOUT:
                child.kill()

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        child.kill()
        raise
    finally:
        ended.set()
    return status, usage, most[0]


def timed(command):
    """Runs to the end with all output thrown away. Returns seconds, of them on a core, and peak RSS in bytes."""
    command = words(command)
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        status, usage, rss = watch(child, start)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            raise failed(command, child.returncode, errors.read().decode(errors="replace"))
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "rss": rss or None}
