# SPDX-License-Identifier: BSD-3-Clause
"""Two kernels and a lossy road between them that knows what it did.

Two network namespaces, each with one TAP; this process carries the frames from one to the other,
late, and drops or holds back what a Plan says. It writes what passes at its two ends (near, far) as
captures, one more of the near end with packets left out, and a Truth for each direction.

    sender -> [near end] -> drop, hold back -> [far end] -> receiver

So for data from near to far the near end is before the trouble and the far end is behind it; for
data from far to near it is the other way round. Records bear the time at which a packet was due,
not when this process came to it: a busy machine changes neither their order nor their distances.
"""

import fcntl
import heapq
import os
import select
import shutil
import struct
import subprocess
import time

from oracle import ACK, FIN, RST, SYN

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
PORT = 5001
ADDRESS = ("10.79.0.1", "10.79.0.2")
SNAPLEN = 96  # all headers
NEAR, FAR = 0, 1

# The far program takes what it is sent, then sends as much; both close.
FAR_PROGRAM = """
import socket, sys
size, buffer = int(sys.argv[1]), int(sys.argv[2])
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
server.bind((sys.argv[3], int(sys.argv[4])))
server.listen()
print("ready", flush=True)
s, _ = server.accept()
got = 0
while got < size:
    got += len(s.recv(65536))
s.sendall(b"bytes that this project made for itself\\n" * (size // 40))
s.close()
"""
NEAR_PROGRAM = """
import socket, sys
size, buffer = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
s.connect((sys.argv[3], int(sys.argv[4])))
s.sendall(b"bytes that this project made for itself\\n" * (size // 40))
got = 0
while True:
    data = s.recv(65536)
    if not data:
        break
    got += len(data)
s.close()
sys.exit(got != size)
"""


def reason_not_to():
    """Why there can be no namespaces here; None if there can."""
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("ip") or not shutil.which("sysctl"):
        return "needs iproute2 and sysctl"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "needs /dev/net/tun"
    name = f"tcpmill{os.getpid()}t"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode != 0:
        return f"no network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


class Plan:
    """What happens to packets on the way."""

    delay_ns = 10_000_000
    delay_later_ns = None   # from the first data on, where it differs
    hold_ns = 4_000_000     # extra time of packets held back
    timestamps = True
    size = 1_200_000        # bytes each way; a multiple of 40
    buffer = 65536          # receiver's: limits what is under way, and so the holes at a time

    def is_dropped(self, packet, copy):
        return False

    def is_held(self, packet):
        """Asked of new data only: a copy that is held back would be a resend and late at once."""
        return False

    def is_leaked(self, packet):
        return False


class Packet:
    """
    A frame under way. start: its data's offset in its direction's stream; acked: how much of the
    other direction's it acknowledges.
    """

    def __init__(self, frame, origin):
        self.frame, self.origin = frame, origin
        self.is_tcp = frame[12:14] == b"\x08\x00" and frame[23] == 6
        self.len = self.start = self.acked = self.flags = 0
        if self.is_tcp:
            at = 14 + (frame[14] & 15) * 4
            total, = struct.unpack_from("!H", frame, 16)
            self.seq, self.ack, offset, self.flags = struct.unpack_from("!IIBB", frame, at + 4)
            self.len = total - (at - 14) - (offset >> 4) * 4

    def is_spared(self):
        return not self.is_tcp or self.flags & (SYN | FIN | RST)


class Truth:
    """What became of one direction's data, in bytes unless it says otherwise."""

    def __init__(self, size):
        self.isn = None
        self.copies = {}                 # offset -> packets that began there
        self.sent, self.passed = bytearray(size), bytearray(size)
        self.arrived, self.written = bytearray(size), bytearray(size)
        self.hi = 0
        self.data_packets = 0
        self.sent_again = 0              # passed the near side of the trouble before
        self.arrived_again = 0           # passed the far side of it before
        self.dropped_needed = 0          # dropped while no copy had come through
        self.dropped_packets = self.dropped_acks = 0
        self.repaired = 0                # came, after what is behind them, by a resend
        self.overtaken = 0               # packets that came by themselves, but late
        self.leaked_packets = self.leaked_again = 0

    def locate(self, packet, other):
        """Number of packets that began at the same place, this one included."""
        if packet.flags & SYN:
            self.isn = packet.seq
        packet.start = (packet.seq - self.isn - 1) & 0xFFFFFFFF
        if packet.flags & ACK:
            packet.acked = (packet.ack - other.isn - 1) & 0xFFFFFFFF
        if packet.len:
            self.copies[packet.start] = self.copies.get(packet.start, 0) + 1
        return self.copies.get(packet.start, 1)

    @staticmethod
    def mark(array, start, end):
        """Marks [start, end); how much of it was new."""
        new = array.count(0, start, end)
        array[start:end] = b"\1" * (end - start)
        return new

    def leave(self, packet):
        """True if none of its data was sent before."""
        self.data_packets += packet.len > 0
        again = packet.len - self.mark(self.sent, packet.start, packet.start + packet.len)
        self.sent_again += again
        return again == 0

    def drop(self, packet):
        self.dropped_packets += packet.len > 0
        self.dropped_acks += packet.len == 0
        self.dropped_needed += self.passed.count(0, packet.start, packet.start + packet.len)

    def arrive(self, packet, was_held):
        if packet.len == 0:
            return
        end = packet.start + packet.len
        late = self.arrived.count(0, packet.start, min(end, self.hi)) if packet.start < self.hi \
            else 0
        self.arrived_again += packet.len - self.mark(self.arrived, packet.start, end)
        if was_held:
            self.overtaken += late > 0
        else:
            self.repaired += late
        self.hi = max(self.hi, end)

    def write(self, packet, is_leaked):
        """The leaky capture."""
        end = packet.start + packet.len
        self.leaked_packets += is_leaked
        if not is_leaked:
            self.mark(self.written, packet.start, end)
        elif packet.len:
            self.leaked_again += packet.len - self.written.count(0, packet.start, end)


class CaptureFile:
    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAPLEN, 1))

    def write(self, ts, frame):
        kept = frame[:SNAPLEN]
        self.file.write(struct.pack("<IIII", ts // 10**9, ts % 10**9, len(kept), len(frame)) + kept)


class Relay:
    """with Relay() as relay: relay.carry(plan, folder)"""

    def __enter__(self):
        self.names = [f"tcpmill{os.getpid()}{letter}" for letter in "nf"]
        self.taps, self.children, self.made = [], [], []
        try:
            for name, address in zip(self.names, ADDRESS):
                self.set_up(name, address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def set_up(self, name, address):
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.made.append(name)
        # No IPv6, so that nothing but our own traffic is on the wire.
        self.inside(name, "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1")
        # A TAP without a vnet header offers no offloads: what comes out are the packets of a wire.
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        self.taps.append(tap)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TAP | IFF_NO_PI))
        subprocess.run(["ip", "link", "set", name, "netns", name], check=True)
        subprocess.run(["ip", "-n", name, "address", "add", f"{address}/24", "dev", name],
                       check=True)
        subprocess.run(["ip", "-n", name, "link", "set", name, "up"], check=True)

    def __exit__(self, *_):
        self.end_children()
        for tap in self.taps:
            os.close(tap)
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], check=False)

    def end_children(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.communicate()
        self.children = []

    @staticmethod
    def inside(name, *command):
        subprocess.run(["ip", "netns", "exec", name, *command], check=True)

    def start(self, side, program, plan):
        arguments = [str(plan.size), str(plan.buffer), ADDRESS[FAR], str(PORT)]
        child = subprocess.Popen(["ip", "netns", "exec", self.names[side], "python3", "-c", program,
                                  *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.children.append(child)
        return child

    def carry(self, plan, folder, limit=20):
        """
        One connection: plan.size bytes there, then as many back. Writes near.pcap, far.pcap and
        leaky.pcap into folder; returns the Truth of each direction.
        """
        for name in self.names:
            self.inside(name, "sysctl", "-q", "-w",
                        f"net.ipv4.tcp_timestamps={int(plan.timestamps)}",
                        "net.ipv4.tcp_no_metrics_save=1")
        self.plan, self.delay_ns = plan, plan.delay_ns
        self.truths = [Truth(plan.size), Truth(plan.size)]
        self.ends = [CaptureFile(folder / f"{name}.pcap") for name in ("near", "far")]
        self.leaky = CaptureFile(folder / "leaky.pcap")
        self.queue, self.nb_queued = [], 0
        self.epoch = time.time_ns() - time.monotonic_ns()
        try:
            far = self.start(FAR, FAR_PROGRAM, plan)
            far.stdout.readline()
            near = self.start(NEAR, NEAR_PROGRAM, plan)
            self.loop(near, far, time.monotonic() + limit)
        finally:
            self.end_children()
            for file in (*self.ends, self.leaky):
                file.file.close()
        return self.truths

    def loop(self, near, far, limit):
        quiet_since = None
        while True:
            now = time.monotonic_ns() + self.epoch
            self.release(now)
            wait = (self.queue[0][0] - now) / 1e9 if self.queue else 0.1
            ready, _, _ = select.select(self.taps, [], [], max(wait, 0))
            for tap in ready:
                # What came due meanwhile goes first, so that records stay in the order of time.
                now = time.monotonic_ns() + self.epoch
                self.release(now)
                try:
                    frame = os.read(tap, 65536)
                except BlockingIOError:
                    continue
                self.receive(Packet(frame, self.taps.index(tap)), now)
                quiet_since = None
            is_over = near.poll() is not None and far.poll() is not None and not self.queue
            if is_over and quiet_since is None:
                quiet_since = time.monotonic()
            if is_over and time.monotonic() > quiet_since + 0.2:
                break
            if time.monotonic() > limit:
                raise RuntimeError("the transfer did not end in time")
        if near.returncode != 0 or far.returncode != 0:
            raise RuntimeError(f"the programs ended with {near.returncode}, {far.returncode}")

    def record(self, side, ts, packet):
        if not packet.is_tcp:
            return
        self.ends[side].write(ts, packet.frame)
        if side == NEAR:
            is_leaked = not packet.is_spared() and self.plan.is_leaked(packet)
            self.truths[packet.origin].write(packet, is_leaked)
            if not is_leaked:
                self.leaky.write(ts, packet.frame)

    def receive(self, packet, now):
        """A frame comes out of a kernel, at its own end of the road."""
        truth, held = self.truths[packet.origin], False
        if packet.is_tcp:
            copy = truth.locate(packet, self.truths[FAR if packet.origin == NEAR else NEAR])
            is_new = truth.leave(packet)
            self.record(packet.origin, now, packet)
            if not packet.is_spared() and self.plan.is_dropped(packet, copy):
                truth.drop(packet)
                return
            Truth.mark(truth.passed, packet.start, packet.start + packet.len)
            held = is_new and not packet.is_spared() and self.plan.is_held(packet)
        if packet.len and self.plan.delay_later_ns:
            self.delay_ns = self.plan.delay_later_ns
        delay = self.delay_ns
        self.nb_queued += 1
        heapq.heappush(self.queue, (now + delay + (self.plan.hold_ns if held else 0),
                                    self.nb_queued, packet, held))

    def release(self, now):
        while self.queue and self.queue[0][0] <= now:
            due, _, packet, held = heapq.heappop(self.queue)
            other = FAR if packet.origin == NEAR else NEAR
            if packet.is_tcp:
                self.truths[packet.origin].arrive(packet, held)
                self.record(other, due, packet)
            os.write(self.taps[other], packet.frame)
