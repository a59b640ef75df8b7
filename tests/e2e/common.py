# SPDX-License-Identifier: BSD-3-Clause
"""What every end-to-end test needs: running programs, counting checks, reading tcpmill's answers.

Standard library only. A test script makes one Checks object, calls it from as many threads as it
likes and ends with sys.exit(checks.finish()), whose last line is "N passed, N failed, N skipped".
"""

import argparse
import concurrent.futures
import datetime
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

E2E = pathlib.Path(__file__).resolve().parent
REPO = E2E.parent.parent

# A sanitizer's report is a failure whatever the exit status says.
SANITIZER_REPORT = re.compile(
    rb"(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: ).*")


class Checks:
    """Counts what was checked; prints failures and skips as they come, passes only with -v."""

    def __init__(self, name, verbose=False):
        self.name = name
        self.verbose = verbose
        self.passed = self.failed = self.skipped = 0
        self._lock = threading.Lock()
        self._start = time.monotonic()

    def ok(self, what, condition, detail=""):
        """One check. Returns the condition, so that follow-up checks can depend on it."""
        condition = bool(condition)
        with self._lock:
            if condition:
                self.passed += 1
            else:
                self.failed += 1
            if not condition or self.verbose:
                word = "ok" if condition else "FAIL"
                tail = f": {detail}" if detail and not condition else ""
                print(f"{word} {self.name}: {what}{tail}", flush=True)
        return condition

    def equal(self, what, got, want):
        return self.ok(what, got == want, f"got {got!r}, want {want!r}")

    def skip(self, what, reason):
        with self._lock:
            self.skipped += 1
            print(f"SKIP {self.name}: {what}: {reason}", flush=True)

    def note(self, text):
        """A measured figure or a remark; no check."""
        with self._lock:
            print(f"# {self.name}: {text}", flush=True)

    def finish(self):
        """Prints the closing line; returns the exit status."""
        if self.passed + self.failed == 0 and self.skipped == 0:
            self.ok("something was checked", False)
        print(f"# {self.name}: {time.monotonic() - self._start:.1f} s")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


class Result:
    """How one command ended. rc < 0: killed by that signal; None: timed out (and was killed)."""

    def __init__(self, cmd, rc, out, err, seconds):
        self.cmd = [str(c) for c in cmd]
        self.rc = rc
        self.out = out
        self.err = err
        self.seconds = seconds

    @property
    def text(self):
        return self.out.decode(errors="replace")

    @property
    def errors(self):
        return self.err.decode(errors="replace")

    def sanitizer_report(self):
        found = SANITIZER_REPORT.search(self.err)
        return found.group(0).decode(errors="replace") if found else None

    def crashed(self):
        """A signal, a hang or a sanitizer's report."""
        return self.rc is None or self.rc < 0 or self.rc >= 128 or \
            self.sanitizer_report() is not None

    def __str__(self):
        rc = "timed out" if self.rc is None else f"exit status {self.rc}"
        found = SANITIZER_REPORT.search(self.err)
        if found:  # rare ones are not seen again: the stacks are all there is
            lines = self.err[found.start():].decode(errors="replace").splitlines()
            said = "\n".join(lines[:80])
        else:
            said = " | ".join(self.errors.strip().splitlines()[-3:])
        return f"{rc} from {' '.join(self.cmd)}: {said}"


def run(cmd, timeout=120, **kwargs):
    """Runs a command to its end, never longer than timeout seconds."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    cmd = [str(c) for c in cmd]
    start = time.monotonic()
    with subprocess.Popen(cmd, **kwargs) as child:
        try:
            out, err = child.communicate(timeout=timeout)
            rc = child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            rc = None
    return Result(cmd, rc, out or b"", err or b"", time.monotonic() - start)


def run_measured(cmd, timeout=600):
    """Like run(), but the answer also has max_rss in bytes and cpu_seconds. Output must be small."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        cmd = [str(c) for c in cmd]
        start = time.monotonic()
        child = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        killer = threading.Timer(timeout, child.kill)
        killer.start()
        _, status, usage = os.wait4(child.pid, 0)
        timed_out = not killer.is_alive()
        killer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        rc = None if timed_out and child.returncode == -9 else child.returncode
        result = Result(cmd, rc, out.read(), err.read(), seconds)
    result.max_rss = usage.ru_maxrss * 1024
    result.cpu_seconds = usage.ru_utime + usage.ru_stime
    return result


def wait_until(condition, seconds, interval=0.01):
    """Waits until condition() is true; the last answer. seconds: only a hang takes so long."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(interval)


def cpu_seconds(pid):
    """Of all its threads until now: what else the machine does meanwhile does not count."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def catches(pid, number):
    """True once a process has a handler for a signal, which before would just end it."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^SigCgt:\s*(\w+)", status, re.M)[1], 16) >> (number - 1) & 1


def has_read(pid, path):
    """True once a process has read a file to its end, with read()."""
    of = pathlib.Path(f"/proc/{pid}")
    try:
        places = [(of / "fdinfo" / fd.name).read_text() for fd in (of / "fd").iterdir()
                  if os.readlink(fd) == str(path)]
    except OSError:
        return False  # one that was closed meanwhile
    return any(re.search(rf"^pos:\s*{path.stat().st_size}$", at, re.M) for at in places)


class Tcpmill:
    """The program under test."""

    def __init__(self, path):
        self.path = pathlib.Path(path).resolve()

    def run(self, inputs, output, *options, timeout=120):
        """`tcpmill run`; .summary is the --json object or None."""
        cmd = [self.path, "run", "--json", *options, *inputs, "-w", output]
        result = run(cmd, timeout)
        result.summary = parse_object(result.out)
        return result

    def rows(self, arrow, timeout=120):
        """All rows of a file as a list of dictionaries, null as None."""
        result = run([self.path, "show", arrow, "--format", "json"], timeout)
        if result.rc != 0:
            raise RuntimeError(str(result))
        return parse_rows(result.text)

    def tsv(self, arrow, timeout=120):
        return run([self.path, "show", arrow, "--format", "tsv"], timeout)


def named_once(pairs):
    """An object of JSON, for json.loads(); what comes twice in it is an error."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(f"a name comes twice: {[name for name, _ in pairs]}")
    return value


def parse_object(data):
    try:
        value = json.loads(data, object_pairs_hook=named_once)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def parse_rows(text):
    """Rows as one JSON array, as an object with "rows", or one object a line."""
    text = text.strip()
    if not text:
        return []
    if text.startswith("["):
        return json.loads(text)
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    if len(rows) == 1 and isinstance(rows[0].get("rows"), list):
        return rows[0]["rows"]
    return rows


def books_of(summary):
    """The books without their total: reason -> frames."""
    return {k: v for k, v in summary.get("books", {}).items() if k != "frames"}


def to_ns(value):
    """A time as integer ns: an integer already, decimal seconds, or RFC 3339 text (UTC)."""
    if value is None or isinstance(value, int):
        return value
    text = str(value)
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    match = re.fullmatch(r"(-?)(\d+)\.(\d{1,9})", text)
    if match:
        ns = int(match[2]) * 10**9 + int(match[3].ljust(9, "0"))
        return -ns if match[1] else ns
    match = re.fullmatch(r"(\d+-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z| ?UTC|\+00:00)?",
                         text)
    if not match:
        raise ValueError(f"not a time: {text!r}")
    whole = datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    seconds = (whole - epoch) // datetime.timedelta(seconds=1)
    return seconds * 10**9 + int((match[3] or "0").ljust(9, "0"))


def arguments(description, **extra):
    """
    The options all tests share; extra: name=dict(add_argument's keywords), flag: its first one.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--tcpmill", default=REPO / "build/tcpmill", help="program under test")
    parser.add_argument("--generator", help="tcpmill-generate (default: beside the program)")
    parser.add_argument("--only", nargs="+", metavar="GLOB", help="captures with these names")
    # Tests wait for pipes, disks and each other: more jobs than cores.
    parser.add_argument("--jobs", type=int, default=min(2 * (os.cpu_count() or 1), 8))
    parser.add_argument("-v", "--verbose", action="store_true", help="print passed checks too")
    for name, keywords in extra.items():
        parser.add_argument(keywords.pop("flag", "--" + name.replace("_", "-")), **keywords)
    args = parser.parse_args()
    args.tcpmill = pathlib.Path(args.tcpmill).resolve()
    if not args.tcpmill.exists():
        sys.exit(f"{args.tcpmill}: not built (scripts/test builds it)")
    args.generator = find_generator(args)
    return args


def find_generator(args):
    if args.generator:
        return pathlib.Path(args.generator).resolve()
    name = "tcpmill-generate"
    for at in (args.tcpmill.parent / "datasets" / name, REPO / "build/datasets" / name):
        if at.exists():
            return at
    return None


def captures_dir():
    """Where the shared captures are, or None."""
    named = os.environ.get("TCPMILL_CAPTURES")
    at = pathlib.Path(named) if named else REPO.parent / "shared/captures"
    return at.resolve() if at.is_dir() else None


def capture_files(only=None, datasets=True):
    """Shared captures, then the project's own."""
    files = []
    shared = captures_dir()
    for folder in [shared] if shared else []:
        files += sorted(f for f in folder.iterdir() if f.suffix in (".pcap", ".pcapng"))
    if datasets:
        files += sorted(f for f in (REPO / "datasets").rglob("*")
                        if f.suffix in (".pcap", ".pcapng"))
    if only:
        files = [f for f in files if any(fnmatch.fnmatch(f.name, g) for g in only)]
    return files


def skip_without_captures(checks):
    if captures_dir() is None:
        checks.skip("shared captures",
                    "../shared/captures is not there (TCPMILL_CAPTURES names another place)")


def roomy_tmp(need_bytes):
    """A folder for large files: /dev/shm where it has the room, else the usual place, else None."""
    for at in ("/dev/shm", tempfile.gettempdir()):
        try:
            if os.access(at, os.W_OK) and shutil.disk_usage(at).free > need_bytes:
                return at
        except OSError:
            continue
    return None


def parallel(function, items, jobs):
    """function(item) for all items; an exception in one is raised at the end."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        return list(pool.map(function, items))


def generate(generator, *arguments_, timeout=600):
    """Runs the generator; returns the key=value counts it prints on stderr."""
    result = run([generator, *arguments_], timeout)
    if result.rc != 0:
        raise RuntimeError(str(result))
    return {k: int(v) for k, v in re.findall(r"([a-z_]+)=(\d+)\b", result.errors)}


LINKS = ("vlan", "qinq", "mpls", "pppoe", "llc-snap", "sll", "sll2", "raw", "null", "null-be",
         "loop", "ppp")
FORMATS = ("pcap-ns", "pcap-be", "pcap-ns-be", "pcap-modified", "pcapng", "pcapng-be",
           "pcapng-multi")


def generated_captures(generator, folder):
    """Every scenario of the generator, and one of them in every link type and file format."""
    files = []

    def add(name, scenario, *wrapping):
        file = pathlib.Path(folder) / f"scenario-{name}"
        generate(generator, "scenario", scenario, *wrapping, "-o", file)
        files.append(file)

    for line in run([generator, "list"]).text.splitlines():
        add(f"{line.split()[0]}.pcap", line.split()[0])
    for link in LINKS:
        add(f"several-flows-{link}.pcap", "several-flows", "--link", link)
    for form in FORMATS:
        add(f"several-flows-as-{form}.pcap{'ng' * form.startswith('pcapng')}", "several-flows",
            "--format", form)
    return files
