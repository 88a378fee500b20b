# SPDX-License-Identifier: BSD-3-Clause
"""What tools/bench measures beside rates: latency at half load, and where the time of a packet goes."""
import collections
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import time

import bench_gateway as gateway
import bench_report as report
import bench_rows
from bench_process import Contender, Failed, Process, Program, busiest, clear_links

MEGABYTES = 800
LATENCY_SECONDS = 2
LATENCY_ROUNDS = 3
PROFILE_SECONDS = 2
PROFILE_SYMBOLS = 18
PROFILE_HZ = 5000
UNNAMED = "(its functions)"
NOTHING = "the same loop, doing nothing"


def engines(wanted, espgw, folder, data):
    """Those of the wanted engines that this binary has; it names them when it is asked for one that is not."""
    config = os.path.join(folder, "probe.conf")
    with open(config, "w", encoding="ascii") as out:
        out.write(gateway.text_of({"ports": [{"device": "net_null0", "name": "wan", "role": "unprotected"}]}))
    said = subprocess.run(
        [espgw, "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "--lcores", "0@0,1@0", "--file-prefix",
         f"probe{os.getpid()}", "--vdev", "net_null0", "--", "-f", config, "--state", f"{folder}/probe", "--ctl", "none", "--crypto", "?"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env=dict(os.environ, RUNTIME_DIRECTORY=folder)).stderr
    found = re.search(r"there are: (.*)", said)
    has = found.group(1).replace(",", " ").split() if found else wanted
    for engine in wanted:
        if engine not in has:
            data["skipped"].append({"row": "all", "contender": f"espgw {engine}", "why": "espgw has no such engine"})
    return [engine for engine in wanted if engine in has]


def wanted(only, quick):
    """The functions to call for --only."""
    names = {"latency": latency, "profile": profile}
    return [] if quick and not only else [call for name, call in names.items() if not only or name in only]


def through(site, middle, rate, folder):
    """What the meter prints after it has sent at `rate` through the program in the middle."""
    meter = Program(name="latency meter", argv=[site.latency, "-l", str(site.control)], megabytes=128, port=None,
                    options=[str(rate), str(LATENCY_SECONDS)],
                    vdevs=[gateway.memif("net_memif0", "server", "lan"), gateway.memif("net_memif1", "server", "wan")])
    clear_links(folder)
    running = [Process(meter, folder)]
    try:
        running[0].wait_for_line("meter: waiting")
        running.append(Process(middle, folder))
        running[0].popen.wait(LATENCY_SECONDS + 30)
        found = [line for line in running[0].said() if line.startswith("{")]
        if not found:
            running[0].give_up("measured nothing")
        return json.loads(found[-1])
    except subprocess.TimeoutExpired:
        running[0].give_up("did not end")
    finally:
        for process in reversed(running):
            process.stop()


def middles(site):
    """The programs that a packet passes: espgw with each engine, and a loop that only passes it on."""
    links = [gateway.memif("net_memif0", "client", "wan"), gateway.memif("net_memif1", "client", "lan")]
    out = {f"espgw {engine}": gateway.program(site.espgw, [site.control, site.polling[0]], engine,
                                              gateway.config_out(lan="net_memif1", wan="net_memif0"), links)
           for engine in site.engines}
    out[NOTHING] = Program(name=NOTHING, argv=[site.floor, "-l", str(site.polling[0])], megabytes=256, options=["wire"],
                           vdevs=links)
    return out


def latency(site, folder, args, data):
    """Half of what the first engine passes when the meter sends as fast as it can, through each in turn."""
    ways = middles(site)
    runs = {name: [] for name in ways}
    try:
        first = next(iter(ways))
        rate = through(site, ways[first], 0, folder)["mpps"] * 1e6 / 2
        for _ in range(min(args.rounds, LATENCY_ROUNDS)):
            for name, middle in ways.items():
                runs[name].append(through(site, middle, rate, folder))
    except Failed as failure:
        data["skipped"].append({"row": "latency", "contender": "espgw", "why": str(failure)})
        return
    data["latency_runs"] = runs
    data["latency"] = {name: {key: statistics.median(run[key] for run in part) for key in part[0]}
                       for name, part in runs.items()}


def symbols_of(text, ns):
    """perf report's lines: share, shared object, symbol. Functions without a name (Debian strips DPDK) are one a library.
    """
    shares = collections.Counter()
    for line in text.splitlines():
        found = re.match(r"\s*([\d.]+)%\s+(\S+)\s+\[[.k]\]\s+(\S+)", line)
        if found:
            where = os.path.basename(found.group(2)).split(".so")[0]
            symbol = re.sub(r"\.(lto_priv|isra|constprop|part)\.\d+", "", found.group(3))
            symbol = UNNAMED if symbol.startswith("0x") else symbol
            name = ("(the kernel)", "") if where.startswith("[") else (symbol, where)
            shares[name] += float(found.group(1))
    top = shares.most_common(PROFILE_SYMBOLS)
    top.append((("(all others)", ""), 100 - sum(share for _, share in top)))
    return [{"symbol": symbol, "where": where, "share": share, "ns": share / 100 * ns} for (symbol, where), share in top]


def profile_running(process, folder, mpps=None):
    """perf on the polling thread alone; without a PMU (virtual machines) it samples by a timer. mpps: what it does a second
    of that thread; None: as it does meanwhile."""
    record = os.path.join(folder, "perf.data")
    first = process.sample()
    time.sleep(0.3)
    before = process.sample()
    thread = busiest(first, before, 1)[0]
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(PROFILE_HZ), "-o", record, "-t", thread,
                    "--", "sleep", str(PROFILE_SECONDS)], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    after = process.sample()
    mpps = mpps or 1000 * (after.packets - before.packets) / (after.cpu[thread] - before.cpu[thread])
    said = subprocess.run(["perf", "report", "-i", record, "--stdio", "--sort", "dso,symbol"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return {"ns": 1000 / mpps, "symbols": symbols_of(said.stdout, 1000 / mpps)}


def profile_one(program, mpps, folder):
    process = Process(program, folder)
    try:
        process.wait_for_packets()
        return profile_running(process, folder, mpps)
    finally:
        process.stop()


def profile_memif(site, engine, folder):
    """Of two gateways at work on each other's packets, by what each of them does."""
    names = (f"espgw {engine}, opens what came over memif, 64 B", f"espgw {engine}, seals and sends over memif, 64 B")
    both = Contender(gateway.back_to_back(site.espgw, site.control, site.polling, engine, bench_rows.WINDOW), folder)
    try:
        both.signal(signal.SIGCONT)
        both.running[1].program.port = 0  # what A sends counts here as well
        return {name: profile_running(process, folder) for name, process in zip(names, both.running)}
    finally:
        both.stop()


def profile(site, folder, _, data):
    """Where the time of a packet goes, for each engine: both directions of 64-byte packets with one tunnel, and two
    gateways back to back."""
    if not shutil.which("perf"):
        data["skipped"].append({"row": "profile", "contender": "espgw", "why": "perf is missing (package linux-perf)"})
        return
    found = data.setdefault("profile", {})
    lines = {(line["row"], line["contender"]): line["mpps"] for line in report.summarise(data)}
    for engine in site.engines:
        for way, config, pcap in (("out", gateway.config_out(), "plain-64"), ("in", gateway.config_in(), "esp-64")):
            mpps = lines.get((f"{way}-64", f"espgw {engine}"))
            if not mpps:
                data["skipped"].append({"row": "profile", "contender": f"espgw {engine}",
                                        "why": f"its time is that of row {way}-64, which was not measured"})
                continue
            program = gateway.one_worker(site.espgw, [site.control, site.polling[0]], engine, config, pcap)
            try:
                found[f"espgw {engine}, {way}, 64 B"] = profile_one(program, mpps, folder)
            except (Failed, subprocess.CalledProcessError) as failure:
                data["skipped"].append({"row": "profile", "contender": f"espgw {engine}", "why": str(failure)})
        try:
            found.update(profile_memif(site, engine, folder))
        except (Failed, subprocess.CalledProcessError) as failure:
            data["skipped"].append({"row": "profile", "contender": f"espgw {engine}, memif", "why": str(failure)})
