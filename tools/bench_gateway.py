# SPDX-License-Identifier: BSD-3-Clause
"""espgw under tools/bench: how it is built, its configurations, its command lines."""
import hashlib
import os
import sys

from bench_process import Program
from bench_rivals import run, source_and_sink
from bench_traffic import FIRST_MANY, KEY, MANY, SALT, SPI

LOCAL, REMOTE = "172.16.1.5", "172.16.2.5"
LAN_MAC, WAN_MAC = "02:00:00:00:00:03", "02:00:00:00:00:02"
HOSTS = range(1, 251)


def build(root, folder):
    """Release, for this CPU, with link-time optimisation: what the tuning guide recommends."""
    out = os.path.join(folder, "espgw.build")
    if not os.path.exists(os.path.join(out, "build.ninja")):
        run(["meson", "setup", out, root, "-Dbuildtype=release", "-Dnative=true", "-Db_lto=true",
             "-Dtests=false"])
    run(["ninja", "-C", out, "app/espgw/espgw"])
    return os.path.join(out, "app", "espgw", "espgw")


def key(i):
    """A key for each SA: espgw refuses one key for two of them. Number 0 is the floor's and the rival's."""
    secret = hashlib.sha256(f"bench {i}".encode()).digest() if i else KEY
    return (secret + SALT).hex()


def setting(value):
    """A value of Python's as libconfig writes it: groups from dicts, lists of groups and arrays of strings."""
    if isinstance(value, dict):
        return "{ " + " ".join(f"{name} = {setting(part)};" for name, part in value.items()) + " }"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "(\n  " + ",\n  ".join(setting(part) for part in value) + " )"
    if isinstance(value, list):
        return "[ " + ", ".join(setting(part) for part in value) + " ]" if value else "( )"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def text_of(config):
    return "".join(f"{name} = {setting(value)};\n" for name, value in config.items())


def ports(lan, wan):
    return [{"device": wan, "name": "wan", "role": "unprotected", "addresses": [f"{LOCAL}/16"]},
            {"device": lan, "name": "lan", "role": "protected", "addresses": ["192.168.115.254/24"]}]


def out_sa(number, tunnel, **more):
    return {"spi": 0x1001 + number, "direction": "out", "tunnel": tunnel, "algorithm": "aes-256-gcm", "esn": True,
            "key": key(number), **more}


def in_sa(number, tunnel, spi, window):
    return {"spi": spi, "direction": "in", "tunnel": tunnel, "algorithm": "aes-256-gcm", "key": key(number),
            "replay_window": window}


def far_neighbour():
    return {"address": REMOTE, "mac": WAN_MAC, "port": "wan"}


def config_out(sas=None, others=0, lan="net_pcap1", wan="net_null0"):
    """One tunnel outbound, with the SAs given; `others` more tunnels, one for each network 192.168.106.0/24 and up."""
    names = [f"ipsec{i}" for i in range(others + 1)]
    return {
        "unsafe_static_keys": True, "ports": ports(lan, wan), "neighbours": [far_neighbour()],
        "tunnels": [{"name": name, "local": LOCAL, "remote": REMOTE} for name in names],
        "sas": sas or [out_sa(i, name) for i, name in enumerate(names)],
        "routes": [{"prefix": f"192.168.{105 + i}.0/24", "via": name} for i, name in enumerate(names)],
    }


def config_in(window=0, lan="net_null0", wan="net_pcap1"):
    return {
        "unsafe_static_keys": True, "ports": ports(lan, wan),
        "neighbours": [far_neighbour(), *({"address": f"192.168.115.{i}", "mac": LAN_MAC, "port": "lan"} for i in HOSTS)],
        "tunnels": [{"name": "ipsec0", "local": LOCAL, "remote": REMOTE}],
        "sas": [in_sa(0, "ipsec0", SPI, window)],
        "routes": [{"prefix": "192.168.105.0/24", "via": "ipsec0"}],
    }


def config_many(tunnels, both_ways):
    """Tunnels to 172.17.0.0 and up; MANY of them, evenly spread, are routed to and so in use."""
    step = tunnels // MANY
    names = [f"t{i}" for i in range(tunnels)]
    sas = [out_sa(i + 1, name) for i, name in enumerate(names)]
    if both_ways:
        sas += [in_sa(tunnels + 1 + i, name, 0x1000000 + i, 64) for i, name in enumerate(names)]
    return {
        "unsafe_static_keys": True, "ports": ports("net_pcap1", "net_null0"), "neighbours": [far_neighbour()],
        "limits": {"sas": len(sas), "tunnels": tunnels, "routes4": 65536},
        "tunnels": [{"name": name, "local": LOCAL, "remote": f"172.17.{i // 256}.{i % 256}"}
                    for i, name in enumerate(names)],
        "sas": sas,
        "routes": [{"prefix": "172.17.0.0/16", "via": REMOTE}] +
                  [{"prefix": f"{FIRST_MANY + n}/32", "via": names[n * step]} for n in range(MANY)],
    }


def program(binary, cpus, engine, config, vdevs, megabytes=384, **more):
    """`cpus`: the control lcore's, then one for each worker; they may be the same."""
    lcores = ",".join(f"{i}@{cpu}" for i, cpu in enumerate(cpus))
    return Program(name=f"espgw ({engine})", argv=[binary, "--lcores", lcores], megabytes=megabytes, vdevs=vdevs,
                   files={"espgw.conf": text_of(config)}, threads=len(cpus) - 1,
                   options=["-f", "{folder}/espgw.conf", "-P", "--state", "{folder}/state", "--ctl", "none", "--crypto", engine], **more)


def one_worker(binary, cpus, engine, config, pcap, megabytes=384):
    return program(binary, cpus, engine, config, source_and_sink(pcap), megabytes)


def two_workers(binary, cpus, engine, config, pcaps):
    """A source with two queues, one for each worker; tunnel n belongs to worker n, on lcore n + 1."""
    queues = ",".join(f"rx_pcap={{shared}}/{pcap}.pcap" for pcap in pcaps)
    made = program(binary, cpus, engine, config, ["net_null0,no-rx=1", f"net_pcap1,{queues},infinite_rx=1"])
    made.options.append("--config=(0,0,1),(1,0,1),(1,1,2)")
    return made


def memif(name, role, link):
    return f"{name},role={role},id=0,socket={{shared}}/{link}.sock,socket-abstract=no,rsize=11,bsize=2048,zero-copy=no"


def back_to_back(binary, control, workers, engine, window):
    """Gateway A seals what B opens and sends on: those packets count. B is the server of the link, and so the first."""
    sealed = out_sa(0, "ipsec0", spi=SPI, esn=False)
    b_config = config_in(window, wan="net_memif1")
    b_config["ports"][0]["addresses"], b_config["ports"][1]["addresses"] = [f"{REMOTE}/16"], ["192.168.105.254/24"]
    b_config["neighbours"] = [{"address": LOCAL, "mac": WAN_MAC, "port": "wan"}] + [
        {"address": f"192.168.105.{i}", "mac": LAN_MAC, "port": "lan"} for i in HOSTS]
    b_config["tunnels"] = [{"name": "ipsec0", "local": REMOTE, "remote": LOCAL}]
    b_config["routes"] = [{"prefix": "192.168.115.0/24", "via": "ipsec0"}]
    b = program(binary, [control, workers[1]], engine, b_config,
                ["net_null0,no-rx=1", memif("net_memif1", "server", "ab")], wait_for="espgw ")
    a = program(binary, [control, workers[0]], engine, config_out([sealed], wan="net_memif0"),
                [memif("net_memif0", "client", "ab"), "net_pcap1,rx_pcap={shared}/plain-64.pcap,infinite_rx=1"])
    a.port, a.name, b.name = None, f"A of espgw ({engine})", f"B of espgw ({engine})"
    return [b, a]


def config_site(side, tunnels, lan, wan):
    """Gateway A or B of two back to back, for generators on real NICs: tunnel n is the way to 10.64.0.0 + n."""
    local, remote, net = (LOCAL, REMOTE, 115) if side == "A" else (REMOTE, LOCAL, 105)
    names = [f"t{i}" for i in range(tunnels)]
    config = {
        "unsafe_static_keys": True, "worker": {"idle_polls": 0},
        "limits": {"sas": max(tunnels, 16), "tunnels": tunnels},
        "ports": [{"device": wan, "name": "wan", "role": "unprotected", "addresses": [f"{local}/16"]},
                  {"device": lan, "name": "lan", "role": "protected", "addresses": [f"192.168.{net}.254/24"]}],
        "tunnels": [{"name": name, "local": local, "remote": remote} for name in names],
    }
    if side == "A":
        config["sas"] = [out_sa(i + 1, name, esn=False) for i, name in enumerate(names)]
        config["routes"] = [{"prefix": f"{FIRST_MANY + i}/32", "via": name} for i, name in enumerate(names)]
    else:
        config["sas"] = [in_sa(i + 1, name, 0x1002 + i, 1024) for i, name in enumerate(names)]
        config["neighbours"] = [{"address": f"192.168.{net}.1", "mac": LAN_MAC, "port": "lan"}]
        config["routes"] = [{"prefix": "10.64.0.0/16", "via": f"192.168.{net}.1"}]
    return config


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("A", "B") or not sys.argv[2].isdigit():
        sys.exit("usage: bench_gateway.py A|B TUNNELS LAN_DEVICE WAN_DEVICE; writes the gateway's configuration")
    print(text_of(config_site(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])), end="")


if __name__ == "__main__":
    main()
