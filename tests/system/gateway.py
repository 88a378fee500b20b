# SPDX-License-Identifier: BSD-3-Clause
"""Runs espgw over pcap files and says what it sent and counted.

A test gives a configuration as a dict (the words of the configuration file) and the packets that each port receives.
Gateway.run() writes the files, runs espgw until nothing arrives any more, and returns a Result. The binary is named by
the environment variable ESPGW.
"""
import collections
import contextlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from scapy.layers.l2 import Ether

SKIPPED = 77
PCAP_MAGIC = 0xA1B2C3D4
SNAPLEN = 262144
LIMIT_SECONDS = 60 * float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
# Engines that keep the order of packets, as with --crypto. ESPGW_IPSEC_MB=0: espgw was built without that one.
ENGINES = ("cryptodev", "cryptodev-async") + (("ipsec-mb",) if os.environ.get("ESPGW_IPSEC_MB") != "0" else ())
KINDS = ("port", "tunnel", "sa", "worker", "mempool")


# ---------------------------------------------------------------- configuration text


def to_libconfig(value, indent=0):
    """A Python value as libconfig text. Lists of dicts become lists ( ), lists of scalars arrays [ ]."""
    pad = "  " * indent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) + ("L" if not -(1 << 31) <= value < 1 << 31 else "")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        inner = "".join(f"{pad}  {key} = {to_libconfig(item, indent + 1)};\n" for key, item in value.items())
        return "{\n" + inner + pad + "}"
    if value and isinstance(value[0], dict):
        return "(\n" + ",\n".join(pad + "  " + to_libconfig(item, indent + 1) for item in value) + "\n" + pad + ")"
    return "[ " + ", ".join(to_libconfig(item) for item in value) + " ]"


def config_text(config):
    """The top level of the file; a text is one already."""
    if isinstance(config, str):
        return config
    return "".join(f"{key} = {to_libconfig(value)};\n" for key, value in config.items())


# ---------------------------------------------------------------- pcap files


def pcap_write(path, frames):
    """Writes frames (scapy packets or bytes); an empty list is a file all the same."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, SNAPLEN, 1))
        for number, frame in enumerate(frames):
            data = bytes(frame)
            out.write(struct.pack("<IIII", number // 1000000, number % 1000000, len(data), len(data)) + data)


def pcap_read(path):
    """The frames of a file as bytes, in order; without the torn one at the end that a killed process leaves."""
    frames = []
    with open(path, "rb") as file:
        data = file.read()
    if not data:
        return frames
    at = 24
    while at + 16 <= len(data):
        _, _, kept, length = struct.unpack_from("<IIII", data, at)
        if kept != length:
            raise AssertionError(f"{path}: a frame of {length} bytes was cut to {kept}")
        at += 16 + kept
        if at <= len(data):
            frames.append(data[at - kept:at])
    return frames


# ---------------------------------------------------------------- running


class Result:
    """What one run left behind: frames by port, counters, the text it printed."""

    def __init__(self, status, text, tx):
        self.status = status
        self.text = text
        self.tx_bytes = tx
        self.drops = {}
        self.counters = {name: {} for name in KINDS}
        for line in text.splitlines():
            self._take_line(line.split())

    def _take_line(self, words):
        if len(words) >= 3 and words[0] == "drop" and words[2].isdigit():
            if int(words[2]):
                self.drops[words[1]] = int(words[2])
        elif len(words) >= 4 and words[0] in KINDS and any(map(str.isdigit, words[2:])):
            self.counters[words[0]].setdefault(words[1], []).extend(words[2:])

    def tx(self, port):
        """Frames that a port sent, as scapy packets."""
        return [Ether(frame) for frame in self.tx_bytes[port]]

    def ip(self, port, arp=False):
        """IP packets that a port sent, as bytes without the Ethernet header; ARP and ND left out."""
        packets = []
        for frame in self.tx_bytes[port]:
            ethertype = frame[12:14]
            if ethertype == b"\x08\x00":
                packets.append(frame[14:])
            elif ethertype == b"\x86\xdd" and (arp or not is_nd(frame[14:])):
                packets.append(frame[14:])
        return packets

    def pair(self, kind, name, direction):
        """(packets, bytes) of "port lan rx 1 60 tx 2 120" and the like."""
        words = self.counters[kind].get(name, [])
        if direction not in words:
            return None
        at = words.index(direction)
        return int(words[at + 1]), int(words[at + 2])

    def describe(self):
        sent = {name: len(frames) for name, frames in self.tx_bytes.items()}
        return f"status {self.status}, sent {sent}, drops {self.drops}\n{self.text[-6000:]}"


def is_nd(packet):
    """Neighbour and router discovery: ICMPv6 types 133 to 137 without extension headers."""
    return packet[6] == 58 and len(packet) > 40 and 133 <= packet[40] <= 137


def binary():
    path = os.environ.get("ESPGW")
    if not path or not os.path.exists(path):
        print("ESPGW does not name the espgw binary")
        sys.exit(SKIPPED)
    return path


def port_mac(index):
    """net_pcap's MAC address for the n-th device."""
    return "02:70:63:61:70:%02x" % index


class Gateway:
    """One configuration and how to start espgw with it."""

    def __init__(self, config, args=(), workers=1, eal=(), idle_ms=400, state=None):
        self.config = config
        self.args = list(args)
        self.workers = workers
        self.eal = list(eal)
        self.idle_ms = idle_ms
        self.state = state

    def _lcores(self):
        cpus = sorted(os.sched_getaffinity(0))
        places = [f"0@{cpus[0]}"]
        places += [f"{w + 1}@{cpus[(w + 1) % len(cpus)]}" for w in range(self.workers)]
        return ",".join(places)

    def command(self, folder, ports, vdevs=None):
        """The command line. vdevs: instead of net_pcap devices for the ports."""
        prefix = f"espgw-test-{os.getpid()}-{os.path.basename(folder)}"
        command = [binary(), "--no-huge", "--no-shconf", "--no-pci", "--file-prefix", prefix, "--lcores",
                   self._lcores()]
        for index, name in enumerate(ports):
            vdev = f"net_pcap{index},rx_pcap={folder}/{name}.rx.pcap,tx_pcap={folder}/{name}.tx.pcap"
            command += ["--vdev", vdevs[index] if vdevs else vdev]
        state = self.state or os.path.join(folder, "state")
        os.makedirs(state, exist_ok=True)
        command += self.eal + ["--", "-f", f"{folder}/espgw.conf", "--state", state, "--ctl", f"{folder}/ctl"]
        if self.idle_ms:
            command += ["--exit-on-idle", str(self.idle_ms)]
        return command + self.args

    def run(self, rx):
        """rx: frames by port name, in the order of the devices. Returns the Result of a run that stopped by itself."""
        with scratch() as folder:
            with open(f"{folder}/espgw.conf", "w", encoding="utf-8") as file:
                file.write(config_text(self.config))
            for name, frames in rx.items():
                pcap_write(f"{folder}/{name}.rx.pcap", frames)
            command = self.command(folder, list(rx))
            status, text = run_limited(command)
            tx = {}
            for name in rx:
                path = f"{folder}/{name}.tx.pcap"
                tx[name] = pcap_read(path) if os.path.exists(path) else []
            return Result(status, text, tx)


@contextlib.contextmanager
def scratch():
    """A folder that goes away, unless ESPGW_TEST_KEEP is set."""
    folder = tempfile.mkdtemp(prefix="espgw-")
    try:
        yield folder
    finally:
        if os.environ.get("ESPGW_TEST_KEEP"):
            print("kept", folder, file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def run_limited(command):
    """Runs the command to its end; kills it when it takes too long. Returns status and output."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace") as process:
        try:
            text, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            text += f"\nkilled after {LIMIT_SECONDS} s"
    return process.returncode, text


def control_lcore(pid):
    """Of espgw's first thread, the control lcore: seconds on a CPU, and seconds that it waited for one."""
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii") as file:
        running, waiting, _ = file.read().split()
    return int(running) / 1e9, int(waiting) / 1e9


class Running:
    """espgw in the background, for tests that talk to it while it runs (namespaces, memif pairs)."""

    def __init__(self, gateway, folder, ports, vdevs, ready=None, prefix=()):
        with open(f"{folder}/espgw.conf", "w", encoding="utf-8") as file:
            file.write(config_text(gateway.config))
        self.log = open(f"{folder}/log", "w+", encoding="utf-8", errors="replace")
        command = list(prefix) + gateway.command(folder, ports, vdevs)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        self.ready = ready

    def wait_for(self, condition, seconds=LIMIT_SECONDS):
        """Waits until condition() holds, espgw ends or the time is over; whether it held."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if condition():
                return True
            time.sleep(0.05)
        return condition()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        """A test that failed leaves none behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def stop(self):
        """Asks it to stop, waits. Returns the Result."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        return Result(self.process.returncode, text, {})


# ---------------------------------------------------------------- judging


class GatewayTest(unittest.TestCase):
    """Assertions on a Result. A failure shows what espgw printed."""

    longMessage = True

    def assert_clean(self, result):
        """Stopped as asked, no system call was refused, and every mempool is full again."""
        self.assertEqual(result.status, 0, result.describe())
        self.assertNotIn("seccomp: system call", result.text)
        pools = result.counters["mempool"]
        self.assertTrue(pools, "no mempool lines in the summary\n" + result.describe())
        for name, (available, size) in pools.items():
            self.assertEqual(available, size, f"mempool {name} is not full again\n{result.describe()}")

    def assert_drops(self, result, expected, ignore=("local_handled",)):
        """The counters of all reasons, exactly."""
        got = {name: count for name, count in result.drops.items() if name not in ignore}
        expected = {name: count for name, count in expected.items() if count}
        self.assertEqual(got, expected, result.describe())

    def assert_same_packets(self, got, expected, what="packets"):
        """Bytes by bytes, in order; says which differs first."""
        for number, (a, b) in enumerate(zip(got, expected)):
            self.assertEqual(bytes(a).hex(), bytes(b).hex(), f"{what}: number {number} of {len(expected)}")
        self.assertEqual(len(got), len(expected), what)

    def assert_same_set(self, got, expected, what="packets"):
        """The same packets in any order."""
        extra = collections.Counter(map(bytes, got)) - collections.Counter(map(bytes, expected))
        missing = collections.Counter(map(bytes, expected)) - collections.Counter(map(bytes, got))
        self.assertFalse(extra or missing, f"{what}: {sum(extra.values())} more than expected, "
                         f"{sum(missing.values())} missing; first: {[p.hex() for p in list(extra)[:1]]} "
                         f"{[p.hex() for p in list(missing)[:1]]}")


def main():
    """Runs the tests of the calling file; the last line says how many passed and failed."""
    binary()
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    module = sys.modules["__main__"]
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    outcome = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    bad = len({getattr(test, "test_case", test).id() for test, _ in outcome.failures + outcome.errors})
    skipped = len(outcome.skipped)
    # A class that fails or is skipped as a whole is none of the tests that were run, and counts as one here.
    run = outcome.testsRun + sum(test.countTestCases() == 0 for test, _ in outcome.errors + outcome.skipped)
    why = "; ".join(sorted({reason for _, reason in outcome.skipped}))
    print(f"{run - bad - skipped} passed, {bad} failed" + (f", {skipped} skipped: {why}" if skipped else ""))
    if bad or not run:
        sys.exit(1)
    sys.exit(SKIPPED if skipped == run else 0)
