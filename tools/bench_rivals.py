# SPDX-License-Identifier: BSD-3-Clause
"""What espgw is measured against: the floor (bench_floor.c) and DPDK's ipsec-secgw example; how they are built and run."""
import os
import shutil
import subprocess

from bench_process import Program
from bench_traffic import MANY

EXAMPLES = "/usr/share/dpdk/examples"
SECGW_SOURCES = ("parser ipsec esp sp4 sp6 sa sad rt ipsec_process ipsec-secgw ipsec_worker event_helper flow").split()
# Virtual devices offer no checksum offload and one tx queue, and secgw insists on both although it can do without.
RELAXED = (("nb_tx_queue > dev_info.max_tx_queues", "0"),
           ("/* Check that all required capabilities are supported */",
            "local_port_conf.rxmode.offloads &= dev_info.rx_offload_capa; "
            "local_port_conf.txmode.offloads &= dev_info.tx_offload_capa;"))
SECGW_KEY = ":".join(["de:ad:be:ef"] * 8) + ":01:02:03:04"


class BuildFailed(RuntimeError):
    """A compiler had something to say; the message is the end of it."""


def run(command, **options):
    """Runs a build command; everything polls later, so all CPUs may be used."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, check=False, **options)
    if result.returncode:
        raise BuildFailed(f"{' '.join(map(str, command))[:200]}:\n" + result.stdout[-3000:])
    return result.stdout


def compile_c(sources, program, *flags, native=True, folder=None):
    """Optimised for this CPU, as espgw is, or for any that DPDK runs on.

    libdpdk.pc asks for -march=corei7, and the last -march counts.
    """
    cflags = [flag for flag in run(["pkg-config", "--cflags", "libdpdk"]).split()
              if not (native and flag.startswith("-march"))]
    libs = run(["pkg-config", "--libs", "libdpdk"]).split()
    run(["gcc", "-O3", "-march=native", "-DALLOW_EXPERIMENTAL_API", *flags, *cflags, *sources, "-o", program, *libs,
         "-lIPSec_MB"], cwd=folder)
    return program


def build_secgw(folder):
    sources, program = os.path.join(folder, "ipsec-secgw.src"), os.path.join(folder, "ipsec-secgw")
    if os.path.exists(program):
        return program
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(os.path.join(EXAMPLES, "ipsec-secgw"), sources)
    path = os.path.join(sources, "ipsec-secgw.c")
    with open(path, encoding="utf-8") as source:
        text = source.read()
    for old, new in RELAXED:
        if old not in text:
            raise BuildFailed(f"the rival's source is not the one of DPDK 22.11: it has no '{old}'")
        text = text.replace(old, new)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return compile_c([f"{name}.c" for name in SECGW_SOURCES], program, "-w", folder=sources)


def source_and_sink(pcap):
    """Port 0 swallows, port 1 plays a file again and again."""
    return ["net_null0,no-rx=1", f"net_pcap1,rx_pcap={{shared}}/{pcap}.pcap,infinite_rx=1"]


def floor(binary, cpu, pcap, way, engine="ipsec-mb"):
    return Program(name=f"floor ({engine})", argv=[binary, "-l", str(cpu)], megabytes=128, options=[way, engine],
                   vdevs=["crypto_aesni_gcm0", *source_and_sink(pcap)] if engine == "cryptodev" else source_and_sink(pcap))


def secgw_config(mode, sas):
    kind = "type cpu-crypto" if mode == "cpu" else ""
    crypto = f"aead_algo aes-256-gcm aead_key {SECGW_KEY} mode ipv4-tunnel"
    lines = ["sp ipv4 out esp protect 5 pri 1 dst 192.168.105.0/24 sport 0:65535 dport 0:65535",
             "sp ipv4 in esp protect 8193 pri 1 dst 192.168.115.0/24 sport 0:65535 dport 0:65535",
             f"sa out 5 {crypto} src 172.16.1.5 dst 172.16.2.5 {kind}",
             f"sa in 8193 {crypto} src 172.16.2.5 dst 172.16.1.5 {kind}",
             "rt ipv4 dst 172.16.0.0/12 port 0", "rt ipv4 dst 192.168.115.0/24 port 0",
             "neigh port 0 02:00:00:00:00:02", "neigh port 1 02:00:00:00:00:03"]
    for i in range(sas if sas > 1 else 0):
        low = f"{i // 256}.{i % 256}"
        lines += [f"sp ipv4 out esp protect {i + 1000} pri 1 dst 10.64.{low}/32 sport 0:65535 dport 0:65535",
                  f"sa out {i + 1000} {crypto} src 172.31.1.5 dst 172.17.{low} {kind}"]
    return "\n".join(lines) + "\n"


def secgw(binary, cpu, pcap, way, mode, many=False):
    """Replay protection off inbound, since the source repeats itself; librte_ipsec (-l), its faster way."""
    return Program(
        name=f"secgw ({mode})", argv=[binary, "-l", str(cpu)], megabytes=512, patience=60,
        files={"secgw.cfg": secgw_config(mode, MANY if many else 1)},
        vdevs=["crypto_aesni_gcm0", *source_and_sink(pcap)],
        options=["-p", "0x3", "-P", "-u", "0x1" if way == "out" else "0x2", f"--config=(0,0,{cpu}),(1,0,{cpu})",
                 "--rxoffload", "0x0", "--txoffload", "0x0", "-f", "{folder}/secgw.cfg", "-s", "32768", "-l",
                 "-w", "64" if way == "out" else "0"])
