# SPDX-License-Identifier: BSD-3-Clause
"""What tools/bench measures: rows, who takes part in each, and the ratios that are wanted (vs the rival, vs the floor)."""
import dataclasses
import functools

import bench_gateway as gateway
import bench_rivals as rivals
from bench_traffic import MANY

WINDOW = 1024
SIZES = (("64", "64 B"), ("imix", "IMIX"), ("1420", "1420 B"))
WANTED = {
    "out-64": {"cryptodev": (1.20, 0.71), "ipsec-mb": (1.40, 0.84)},
    "out-imix": {"cryptodev": (1.25, 0.76), "ipsec-mb": (1.40, 0.87)},
    "out-1420": {"cryptodev": (1.08, 0.88), "ipsec-mb": (1.14, 0.93)},
    "in-64": {"cryptodev": (1.40, 0.70), "ipsec-mb": (1.65, 0.82)},
    "in-imix": {"cryptodev": (1.30, 0.76), "ipsec-mb": (1.50, 0.86)},
    "in-1420": {"cryptodev": (1.18, 0.88), "ipsec-mb": (1.23, 0.91)},
    "many": {"cryptodev": (4.0, None), "ipsec-mb": (4.5, 0.50)},
    "async": {"cryptodev-async": (1.05, None)},
}
# A gateway's memory, in MB: tables and buffers; then keys and tunnels on top.
MEGABYTES, MEGABYTES_MANY, MEGABYTES_LOADED = 384, 512, 768


@dataclasses.dataclass
class Row:
    """Contenders take turns, round after round; each is a function that gives programs to run at once."""
    name: str
    title: str
    group: str
    contenders: dict = dataclasses.field(default_factory=dict)

    def described(self):
        return {"name": self.name, "title": self.title, "group": self.group, "wanted": WANTED.get(self.name, {})}

    def megabytes(self):
        return sum(program.megabytes for make in self.contenders.values() for program in make())


@dataclasses.dataclass
class Site:
    """Where the programs are and where they run."""
    espgw: str
    secgw: str
    floor: str
    floor_native: str
    latency: str
    control: int
    polling: list
    engines: list

    def worker(self, engine, config, pcap, megabytes=MEGABYTES):
        """`config` is a function: the large configurations are made when they are wanted."""
        cpus = [self.control, self.polling[0]]
        return lambda: [gateway.one_worker(self.espgw, cpus, engine, config(), pcap, megabytes)]

    def workers(self, engine, config, pcaps):
        return lambda: [gateway.two_workers(self.espgw, [self.control, *self.polling], engine, config(), pcaps)]

    def rival(self, pcap, way, mode, many=False):
        return lambda: [rivals.secgw(self.secgw, self.polling[0], pcap, way, mode, many)]

    def floors(self, pcap, way="out", engine="ipsec-mb", count=1, native=False):
        binary = self.floor_native if native else self.floor
        return lambda: [rivals.floor(binary, cpu, pcap, way, engine) for cpu in self.polling[:count]]


def basic_rows(site):
    for way, pcap, config, modes in (("out", "plain", gateway.config_out, ("cpu",)),
                                     ("in", "esp", gateway.config_in, ("cpu", "lookaside"))):
        for size, words in SIZES:
            source = f"{pcap}-{size}"
            row = Row(f"{way}-{size}", f"{way}, 1 tunnel, {words}", way)
            row.contenders.update({f"espgw {e}": site.worker(e, config, source) for e in site.engines})
            row.contenders.update({f"secgw {mode}": site.rival(source, way, mode) for mode in modes})
            row.contenders["floor"] = site.floors(source, way)
            row.contenders["floor cryptodev"] = site.floors(source, way, "cryptodev")
            row.contenders["floor for this CPU"] = site.floors(source, way, native=True)
            yield row


def many_rows(site):
    @functools.cache
    def ten_thousand():
        return gateway.config_many(MANY, False)

    @functools.cache
    def loaded():
        return gateway.config_many(5 * MANY, True)

    row = Row("many", "out, 10,000 tunnels in random order, 64 B", "many")
    for e in site.engines:
        row.contenders[f"espgw {e}"] = site.worker(e, ten_thousand, "plain-64-many", MEGABYTES_MANY)
        row.contenders[f"espgw {e}, 100,000 SAs"] = site.worker(e, loaded, "plain-64-many", MEGABYTES_LOADED)
    row.contenders["secgw cpu"] = site.rival("plain-64-many", "out", "cpu", many=True)
    row.contenders["floor"] = site.floors("plain-64")
    yield row


def async_rows(site):
    row = Row("async", "out, 1 tunnel, 64 B, asynchronous", "async")
    row.contenders["espgw cryptodev-async"] = site.worker("cryptodev-async", gateway.config_out, "plain-64")
    row.contenders["secgw lookaside"] = site.rival("plain-64", "out", "lookaside")
    yield row


def workers_rows(site):
    def pairs():
        return gateway.config_out([gateway.out_sa(i, "ipsec0", worker=i) for i in range(2)])

    def tunnels():
        return gateway.config_out(others=1)

    for engine in site.engines:
        row = Row(f"workers-{engine}", f"two workers, out, 64 B, {engine}", "workers")
        row.contenders["floor"] = site.floors("plain-64")
        row.contenders["two floors"] = site.floors("plain-64", count=2)
        row.contenders["1 worker"] = site.worker(engine, gateway.config_out, "plain-64")
        row.contenders["2 workers, 2 tunnels"] = site.workers(engine, tunnels, ["plain-64", "plain-64-other"])
        row.contenders["2 workers, an SA each"] = site.workers(engine, pairs, ["plain-64", "plain-64"])
        row.contenders["2 workers, 1 SA"] = site.workers(engine, gateway.config_out, ["plain-64", "plain-64"])
        yield row


def memif_rows(site):
    row = Row("memif", f"A seals, memif, B opens with replay window {WINDOW:,}, 64 B", "memif")
    for e in site.engines:
        row.contenders[f"espgw {e}"] = functools.partial(gateway.back_to_back, site.espgw, site.control, site.polling, e,
                                                         WINDOW)
    yield row


GROUPS = {"out": basic_rows, "in": basic_rows, "many": many_rows, "async": async_rows, "workers": workers_rows,
          "memif": memif_rows}


def rows(site, only, quick):
    """The rows wanted, by group or by name."""
    makers = dict.fromkeys(GROUPS.values())
    found = [row for maker in makers for row in maker(site)]
    if only:
        return [row for row in found if row.name in only or row.group in only]
    return [row for row in found if not quick or row.name in ("out-64", "in-64")]
