# SPDX-License-Identifier: BSD-3-Clause
"""Two kernels and a wire between them, what can be watched on it, and the programs that watch.

    namespace a: v0  -----veth-----  v0 :namespace b     tcpdump and tcpmill watch b's end

Everything lives in a PID, mount and network namespace of the test's own (enter()): when the test
ends, however it ends, the kernel ends its processes and takes back interfaces, mounts and files of
/run, and tests beside each other do not meet.

All traffic is made on one CPU: only then do two sockets of the kernel see its packets in the same
order, and records can be compared exactly.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import common
from common import wait_until

INSIDE = "TCPMILL_LIVE_INSIDE"
ADDRESS4 = {"a": "10.80.0.1", "b": "10.80.0.2"}
ADDRESS6 = {"a": "fd80::1", "b": "fd80::2"}
VLAN_ADDRESS = {"a": "10.80.7.1", "b": "10.80.7.2"}
WIRE = "v0"   # of the kernels that talk
FLOOD = "f0"  # a wire on which nobody lives
MARK = b"tcpmill live test: nothing follows"
TOOLS = common.REPO / "build/tools"  # where scripts/setup unpacks what it does not install
TRAFFIC = common.E2E / "live_traffic.py"
TRAFFIC_CPU = 0
SO_TIMESTAMPNS = 35


def tool(name):
    """Path of a program, or None."""
    for folder in ("usr/sbin", "usr/bin"):
        if (TOOLS / folder / name).exists():
            return TOOLS / folder / name
    return shutil.which(name)


def enter():
    """
    Goes on in namespaces of this program's own, as their first process, and does not come back
    from outside. Returns None inside, or why it cannot be.
    """
    if os.environ.get(INSIDE):
        for folder in ("/run/netns", "/run/dpdk"):
            os.makedirs(folder, exist_ok=True)
            quiet("mount", "-t", "tmpfs", "none", folder)
        quiet("ip", "link", "set", "lo", "up")
        return None
    if os.geteuid() != 0:
        return "needs root"
    for name in ("unshare", "ip", "sysctl", "nft", "ethtool", "tcpdump", "taskset"):
        if not tool(name):
            return f"needs {name} (scripts/setup installs it)"
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    tried = common.run([*command, "ip", "link", "add", "v1", "type", "veth", "peer", "name", "v2"])
    if tried.rc != 0:
        return f"no network namespaces: {tried}"
    os.environ[INSIDE] = "1"
    os.execvp("unshare", [*command, sys.executable, *sys.argv])


def quiet(*command):
    """Runs a command that has to succeed."""
    result = common.run(command)
    if result.rc != 0:
        raise RuntimeError(str(result))
    return result.text


def inside(name, *command):
    return quiet("ip", "netns", "exec", name, *command)


class Child:
    """A program under way in a namespace, its output in files."""

    all = []

    def __init__(self, name, command, folder, cpu=None, **kwargs):
        at = folder / f"child-{len(Child.all)}"
        self.out_path, self.err_path = at.with_suffix(".out"), at.with_suffix(".err")
        self.command = [str(c) for c in command]
        pinned = ["taskset", "-c", str(cpu)] if cpu is not None else []
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            kwargs.setdefault("stdout", out)
            # Both `ip netns exec` and taskset become the program: the pid is its own.
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", name, *pinned, *self.command],
                stdin=subprocess.DEVNULL, stderr=err, **kwargs)
        self.pid = self.process.pid
        self.start = time.monotonic()
        Child.all.append(self)

    @property
    def out(self):
        return self.out_path.read_bytes()

    @property
    def err(self):
        return self.err_path.read_text(errors="replace")

    def says(self, text, seconds=20):
        """Waits for words on stderr or stdout."""
        def said():
            return text in self.err or text.encode() in self.out or self.process.poll() is not None
        wait_until(said, seconds)
        if text not in self.err and text.encode() not in self.out:
            raise RuntimeError(f"{' '.join(self.command)}: did not say '{text}': {self.err[-500:]}")
        return self

    def end(self, number=signal.SIGINT, seconds=30):
        """Sends a signal, if any, and waits; killed when it takes too long, with rc None."""
        if number and self.process.poll() is None:
            self.process.send_signal(number)
        try:
            rc = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            rc = None
        return common.Result(self.command, rc, self.out, self.err.encode(),
                             time.monotonic() - self.start)

    def succeed(self, seconds=60):
        result = self.end(None, seconds)
        if result.rc != 0:
            raise RuntimeError(str(result))
        return result

    @classmethod
    def end_all(cls):
        for child in cls.all:
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()


class Net:
    """with Net(folder) as net: namespaces a and b and a wire between them."""

    SYSCTLS = ("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
               "net.ipv6.conf.default.router_solicitations=0",
               "net.ipv6.conf.default.addr_gen_mode=1", "net.ipv6.conf.default.accept_ra=0",
               "net.ipv6.conf.default.mldv2_unsolicited_report_interval=1",
               "net.ipv4.ip_local_port_range=10240 60999", "net.ipv4.tcp_no_metrics_save=1")

    def __init__(self, folder):
        self.folder = folder
        self.vlan_is = self.servers = None
        self.exact_times = False
        # As long as any socket asks for time stamps the kernel takes one for each packet, for all
        # who watch; else each of them reads the clock for itself, some us later.
        self.stamps = socket.socket(type=socket.SOCK_DGRAM)
        self.stamps.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def __enter__(self):
        for name in "ab":
            quiet("ip", "netns", "add", name)
            inside(name, "sysctl", "-q", "-w", *self.SYSCTLS)
            inside(name, "ip", "link", "set", "lo", "up")
        self.add_wire(WIRE)
        for name in "ab":
            for address, length in ((ADDRESS4, 24), (ADDRESS6, 64)):
                inside(name, "ip", "address", "add", f"{address[name]}/{length}", "dev", WIRE)
            self.add_neighbours(name, WIRE, ADDRESS4, ADDRESS6)
            # Interfaces to come shall be silent.
            inside(name, "sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1")
        return self

    def __exit__(self, *_):
        Child.end_all()
        self.stamps.close()
        for name in "ab":
            common.run(["ip", "netns", "del", name])

    @staticmethod
    def add_wire(name):
        """A veth pair with one end in each namespace."""
        quiet("ip", "-n", "a", "link", "add", name, "type", "veth", "peer", "name", name, "netns",
              "b")
        for side in "ab":
            quiet("ip", "-n", side, "link", "set", name, "up")

    @staticmethod
    def no_offloads(name):
        """Frames as on a real wire."""
        for side in "ab":
            inside(side, "ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro",
                   "off")

    @staticmethod
    def add_neighbours(name, interface, *addresses):
        """So that nobody asks for a MAC address: only our own traffic shall be on the wire."""
        other = "b" if name == "a" else "a"
        link, = json.loads(quiet("ip", "-n", other, "-j", "link", "show", interface))
        for address in addresses:
            quiet("ip", "-n", name, "neighbour", "replace", address[other], "lladdr",
                  link["address"], "dev", interface, "nud", "permanent")

    def add_vlan(self):
        """VLAN 7 on the wire: the kernel's sub-interface, or one of live_traffic.py's making."""
        for name in "ab":
            made = common.run(["ip", "-n", name, "link", "add", "link", WIRE, "name", "v7", "type",
                               "vlan", "id", "7"])
            self.vlan_is = "the kernel's" if made.rc == 0 else "a TAP, tags put on in user space"
            if made.rc != 0:
                self.traffic(name, "vlan", WIRE, "v7", 7).says("ready")
            quiet("ip", "-n", name, "link", "set", "v7", "up")
            inside(name, "ip", "address", "add", f"{VLAN_ADDRESS[name]}/24", "dev", "v7")
        for name in "ab":
            self.add_neighbours(name, "v7", VLAN_ADDRESS)

    def add_chain(self, name, hook, *rules):
        """nft: rules for the packets at a hook of a namespace."""
        inside(name, "nft", f"add table inet {hook}")
        inside(name, "nft", f"add chain inet {hook} c {{ type filter hook {hook} priority 0; }}")
        for rule in rules:
            inside(name, "nft", f"add rule inet {hook} c {rule}")

    def start(self, name, *command, cpu=None, **kwargs):
        return Child(name, command, self.folder, cpu, **kwargs)

    def traffic(self, name, *arguments):
        """live_traffic.py, on the CPU that makes all traffic."""
        return self.start(name, sys.executable, TRAFFIC, *arguments, cpu=TRAFFIC_CPU)

    def flood(self, kind, seconds=2, rate=0):
        """Frames sent into the wire on which nobody lives. Returns how many."""
        child = self.traffic("a", "flood", FLOOD, kind, seconds, rate)
        return int(child.succeed().out.split()[1])

    def mark(self, name="a", interface=WIRE):
        """The last packet of a recording."""
        self.traffic(name, "mark", interface, MARK.decode()).succeed()

    def drop_stamps(self, name, interface):
        """So that all who watch see the same times. False where the kernel does not know how."""
        child = self.traffic(name, "stamps", interface)
        wait_until(lambda: child.out or child.process.poll() is not None, 20)
        return bool(child.out)


def main(name, description, cases, soak=None):
    """A test program: the cases, or those of --only, or the long one; its exit status."""
    extra = dict(soak=dict(type=float, default=0, metavar="SECONDS",
                           help="only the long run")) if soak else {}
    args = common.arguments(description, **extra)
    checks = common.Checks(name, args.verbose)
    reason = enter()
    if reason:
        checks.skip("live capture", reason)
        return checks.finish()
    for wanted in args.only or []:
        if wanted not in [case.__name__ for case in cases]:
            sys.exit(f"no case '{wanted}'")
    with tempfile.TemporaryDirectory(dir=common.roomy_tmp(1 << 30)) as folder, \
            Net(pathlib.Path(folder)) as net:
        os.chmod(folder, 0o755)  # -Z NOBODY must reach what is in it
        net.add_wire(FLOOD)
        for case in [soak] if soak and args.soak else cases:
            if not args.only or case.__name__ in args.only:
                start = time.monotonic()
                try:
                    case(checks, args, net)
                except (RuntimeError, OSError) as error:
                    checks.ok(f"{case.__name__}: goes to its end", False, f"{error}\n" + "".join(
                        f"{' '.join(child.command)[:100]}: {child.err[-500:]}\n"
                        for child in Child.all if child.err))
                checks.note(f"{case.__name__}: {time.monotonic() - start:.1f} s")
    return checks.finish()
