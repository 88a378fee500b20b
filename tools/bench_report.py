# SPDX-License-Identifier: BSD-3-Clause
"""What tools/bench makes of its runs: medians and ratios, a table, Markdown, an SVG plot.

Everything here works on the data that --json writes, measured now or long ago.
"""
import html
import statistics

FORMAT = 1
QUIET_SHARE = 0.95
BEGIN, END = "<!-- tools/bench writes from here -->", "<!-- to here -->"
COLOURS = (("espgw ipsec-mb", "#1b7837"), ("espgw", "#5aae61"), ("2 workers", "#5aae61"), ("1 worker", "#5aae61"),
           ("secgw", "#9970ab"), ("two floors", "#bbbbbb"), ("floor", "#bbbbbb"))


class WrongFile(Exception):
    """Not a file that this version of --json wrote."""


def check(data):
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise WrongFile(f"this is no file of tools/bench --json (format {FORMAT})")
    return data


def by_round(runs, row, contender):
    return {run["round"]: run["mpps"] for run in runs if run["row"] == row and run["contender"] == contender}


def ratio(ours, theirs):
    """The median of the rounds' ratios, since the two were measured within seconds of each other; None: not measured."""
    both = [ours[r] / theirs[r] for r in ours if theirs.get(r)]
    return statistics.median(both) if both else None


def best(runs, row, prefix):
    """The contender with the best median of those whose name starts so: the rival in the mode that suits it."""
    names = {run["contender"] for run in runs if run["row"] == row and run["contender"].startswith(prefix)}
    return max(names, key=lambda name: statistics.median(by_round(runs, row, name).values()), default=None)


def line_of(runs, row, contender):
    rates = by_round(runs, row["name"], contender)
    line = {"row": row["name"], "contender": contender, "mpps": statistics.median(rates.values()),
            "lowest": min(rates.values()), "highest": max(rates.values()), "rounds": len(rates)}
    extra = [run for run in runs if run["row"] == row["name"] and run["contender"] == contender]
    for key in ("start_s", "heap_mb", "resident_mb"):
        if all(key in run for run in extra):
            line[key] = statistics.median(run[key] for run in extra)
    if contender.startswith("espgw"):
        add_ratios(line, runs, row, rates)
    elif row["group"] == "workers":
        add_scaling(line, runs, row["name"], rates)
    return line


def add_ratios(line, runs, row, rates):
    rival = best(runs, row["name"], "secgw")
    line["vs_secgw"] = ratio(rates, by_round(runs, row["name"], rival)) if rival else None
    line["vs_floor"] = ratio(rates, by_round(runs, row["name"], "floor"))
    line["vs_bare_cryptodev"] = ratio(rates, by_round(runs, row["name"], "floor cryptodev"))
    line["wanted"] = row["wanted"].get(line["contender"].removeprefix("espgw ").partition(",")[0])


def add_scaling(line, runs, row, rates):
    """How much more than one of its kind, and that as a part of what two floors are more than one."""
    one = by_round(runs, row, "floor" if "floor" in line["contender"] else "1 worker")
    floors = ratio(by_round(runs, row, "two floors"), by_round(runs, row, "floor"))
    line["vs_one"] = ratio(rates, one)
    if line["contender"].startswith("2 workers") and floors and line["vs_one"]:
        line["vs_two_floors"] = line["vs_one"] / floors


def summarise(data):
    """One line for each row and contender, in the order of the measurement."""
    lines, runs = [], data["runs"]
    for row in data["rows"]:
        names = dict.fromkeys(run["contender"] for run in runs if run["row"] == row["name"])
        lines.extend(line_of(runs, row, name) for name in names)
    return lines


def number(value):
    return "–" if value is None else f"{value:.2f}"


def wanted_of(line):
    wanted = line.get("wanted")
    if not wanted:
        return ""
    pairs = [(want, line[key]) for want, key in zip(wanted, ("vs_secgw", "vs_floor")) if want is not None]
    met = all(got is not None and got >= want for want, got in pairs)
    return f"{number(wanted[0])}, {number(wanted[1])}: {'yes' if met else 'no'}"


def cells(line):
    """Contender, Mpps, range, the three ratios, and whether what is wanted is met."""
    ratios = [number(line.get(key)) if "vs_floor" in line else "" for key in RATIOS]
    if "vs_one" in line:
        part = f", {number(line['vs_two_floors'])} of two floors" if "vs_two_floors" in line else ""
        ratios = [f"{number(line['vs_one'])} × one{part}", "", ""]
    span = f"{line['lowest']:.2f}–{line['highest']:.2f}"
    return [line["contender"], number(line["mpps"]), span, *ratios, wanted_of(line)]


RATIOS = ("vs_secgw", "vs_floor", "vs_bare_cryptodev")
HEADS = ["contender", "Mpps", "range", "vs secgw", "vs floor", "vs bare cryptodev", "wanted (secgw, floor)"]
WIDTHS = (7, 14, 10, 10, 19, 23)


def table(data):
    """The whole result for a terminal."""
    titles, lines = {row["name"]: row["title"] for row in data["rows"]}, summarise(data)
    out, row = [f"  {HEADS[0]:32}" + "".join(f"{head:>{width}}" for head, width in zip(HEADS[1:], WIDTHS))], None
    for line in lines:
        if line["row"] != row:
            row = line["row"]
            out += ["", f"{titles[row]} ({row})"]
        name, mpps, span, secgw, floor, bare, wanted = cells(line)
        if "vs_one" in line:
            out.append(f"  {name:32}{mpps:>7}{span:>14}  {secgw}")
        else:
            words = zip((mpps, span, secgw, floor, bare, wanted), WIDTHS)
            out.append((f"  {name:32}" + "".join(f"{word:>{width}}" for word, width in words)).rstrip())
    out += ["", *(f"skipped: {skip['row']}, {skip['contender']}: {skip['why']}" for skip in data.get("skipped", []))]
    return "\n".join(out + latency_table(data) + busy_words(data)).rstrip() + "\n"


def busy_words(data):
    """Said where something else ran on the CPU of a polling thread."""
    shares = [run["cpu_share"] for run in data["runs"]]
    if not shares or statistics.median(shares) >= QUIET_SHARE:
        return []
    return [f"The machine was busy: polling threads had {statistics.median(shares):.0%} of their CPU (median), "
            f"{min(shares):.0%} at the lowest. Rates are for CPU time; caches and latency suffer."]


def latency_table(data):
    return [f"latency, {name}: at {part['mpps']:.2f} Mpps p50 {part['p50_us']:.1f} µs, p99 {part['p99_us']:.1f} µs, "
            f"{part['lost']} of {part['probes']} lost" for name, part in data.get("latency", {}).items()]


def markdown_rows(heads, rows):
    out = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return out + ["| " + " | ".join(row) + " |" for row in rows]


def markdown_basic(data, lines):
    titles = {row["name"]: row["title"] for row in data["rows"]}
    groups = {row["name"]: row["group"] for row in data["rows"]}
    rows, last = [], None
    for line in lines:
        if groups[line["row"]] != "workers":
            rows.append([titles[line["row"]] if line["row"] != last else "", *cells(line)])
            last = line["row"]
    return markdown_rows(["work", *HEADS], rows)


def markdown_workers(data, lines):
    rows = [[row["title"] if not i else "", line["contender"], number(line["mpps"]), number(line["vs_one"]),
             number(line.get("vs_two_floors"))]
            for row in data["rows"] if row["group"] == "workers"
            for i, line in enumerate(found for found in lines if found["row"] == row["name"])]
    heads = ["two workers", "contender", "Mpps of both", "× one", "of what two floors gain"]
    return ["", *markdown_rows(heads, rows)] if rows else []


def markdown_sizes(data, lines):
    """Start-up and memory where there are many SAs."""
    many = {row["name"]: row["title"] for row in data["rows"] if row["group"] == "many"}
    rows = [[many[line["row"]], line["contender"], f"{line['start_s']:.1f}", f"{line['heap_mb']:.0f}",
             f"{line['resident_mb']:.0f}"] for line in lines if line["row"] in many and "heap_mb" in line]
    heads = ["start and memory", "contender", "s to the first packet", "MB of huge pages in use", "MB beside them"]
    return ["", *markdown_rows(heads, rows)] if rows else []


def markdown_latency(data):
    rows = [[name, number(part["mpps"]), f"{part['p50_us']:.1f}", f"{part['p99_us']:.1f}", f"{part['p999_us']:.1f}",
             f"{part['lost']} of {part['probes']}"] for name, part in data.get("latency", {}).items()]
    heads = ["latency at half load", "Mpps", "p50 µs", "p99 µs", "p99.9 µs", "probes lost"]
    return ["", *markdown_rows(heads, rows)] if rows else []


def markdown_profile(data):
    out = []
    for name, part in data.get("profile", {}).items():
        rows = [[f"`{symbol['symbol']}`", symbol["where"], f"{symbol['ns']:.1f}", f"{symbol['share']:.0f} %"]
                for symbol in part["symbols"]]
        out += ["", f"Where the {part['ns']:.0f} ns of a packet go: {name}", "",
                *markdown_rows(["function", "in", "ns", "share"], rows)]
    return out


def machine_words(data):
    m, o = data["machine"], data["options"]
    return (f"{m['cpu']}, {m['cpus']} CPUs ({', '.join(m['flags'])}), governor: {m['governor']}, isolated CPUs: "
            f"{m['isolated']}, Linux {m['kernel']}; espgw {m['espgw']} ({m['commit']}), DPDK {m['dpdk']}, intel-ipsec-mb "
            f"{m['ipsec_mb']}, gcc {m['gcc']}; {o['rounds']} rounds of {o['seconds']} s; {data['date']}. "
            f"{data.get('note', '')}").rstrip()


def markdown(data):
    lines = summarise(data)
    skipped = [f"Skipped: {skip['row']}, {skip['contender']}: {skip['why']}." for skip in data.get("skipped", [])]
    notes = busy_words(data) + skipped
    out = [machine_words(data), "", *markdown_basic(data, lines), *markdown_workers(data, lines),
           *markdown_sizes(data, lines), *markdown_latency(data), *markdown_profile(data)]
    return "\n".join(out + ([""] + notes if notes else [])) + "\n"


def between_markers(text, block):
    """`text` with what stands between the two markers replaced."""
    before, begin, rest = text.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise WrongFile(f"the page has no two lines '{BEGIN}' and '{END}' to write between")
    return before + begin + "\n" + block + "\n" + end + after


def colour(name):
    return next((shade for start, shade in COLOURS if name.startswith(start)), "#999999")


def svg_bar(y, line, scale, left):
    width = line["mpps"] * scale
    low, high = left + line["lowest"] * scale, left + line["highest"] * scale
    name = html.escape(line["contender"])
    return [f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">{name}</text>',
            f'<rect x="{left}" y="{y}" width="{width:.1f}" height="14" fill="{colour(line["contender"])}"/>',
            f'<path d="M{low:.1f} {y + 7}H{high:.1f}" stroke="#333"/>',
            f'<text x="{max(left + width, high) + 6:.1f}" y="{y + 11}">{line["mpps"]:.2f}</text>']


def svg(data):
    """Bars with their range, one group for each row, one scale for all."""
    lines, titles = summarise(data), {row["name"]: row["title"] for row in data["rows"]}
    left, right, top = 230, 480, 40
    scale = right / max([line["highest"] for line in lines], default=1)
    body, y, row = [], top, None
    for line in lines:
        if line["row"] != row:
            row = line["row"]
            y += 14
            body.append(f'<text x="12" y="{y + 11}" font-weight="bold">{html.escape(titles[row])}</text>')
            y += 20
        body += svg_bar(y, line, scale, left)
        y += 18
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right + 70}" height="{y + 16}" '
            'font-family="sans-serif" font-size="12">')
    title = ('<text x="12" y="24" font-size="15">Mpps for a CPU-second of the polling thread: '
             f'{html.escape(data["machine"]["cpu"])}</text>')
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', title, *body, "</svg>"]) + "\n"
