"""The table and the plots, made of the last figures of each row."""

import json
import statistics

# What is asked of a large and of a middle mailbox is asked of these sizes alone.
LARGE, MIDDLE = 1_000_000, 100_000
SERVERS = ("dovecot", "maildird")
BEGIN, END = "<!-- measured: written by maildir_table -->", "<!-- measured: end -->"

# Work; which count it is of; row, figure, unit, and its words in a plot; what is asked of each.
LINES = [
    ("first open without an index; memory", LARGE,
     [("first", "open", "s", "first open"), ("first", "peak", "MB", "first open")], [5, 150]),
    ("open with the index, nobody there; memory", LARGE,
     [("again", "open", "s", "open with the index"), ("again", "peak", "MB", "open with the index")], [0.04, 15]),
    ("one outside rename, one delivery, until told", LARGE,
     [("told", "rename", "s", "told of a rename"), ("told", "delivery", "s", "told of a delivery")], [0.02, 0.02]),
    ("both after a restart: open; memory; another user's longest NOOP", LARGE,
     [("restart", "open", "s", "both after a restart"), ("restart", "peak", "MB", "both after a restart"),
      ("restart", "other", "s", "another user's NOOP then")], [3, 150, None]),
    ("FETCH FLAGS by two sessions: both; memory at its peak; then", LARGE,
     [("flags", "both", "s", "FETCH FLAGS by two"), ("flags", "peak", "MB", "FETCH FLAGS by two, peak"),
      ("flags", "resident", "MB", "FETCH FLAGS by two, then")], [None, 100, None]),
    ("SELECT by a new connection", MIDDLE, [("select", "select", "s", "SELECT, new connection")], [0.002]),
    ("ENVELOPE: no index and caches dropped, index and caches dropped, warm", MIDDLE,
     [("envelope", "cold", "s", "ENVELOPE, nothing there"), ("envelope", "indexed", "s", "ENVELOPE, caches dropped"),
      ("envelope", "warm", "s", "ENVELOPE, warm")], [7, 0.7, 0.5]),
    ("BODYSTRUCTURE first, again", MIDDLE,
     [("structure", "first", "s", "BODYSTRUCTURE first"), ("structure", "again", "s", "BODYSTRUCTURE again")], [None, 0.1]),
    ("SEARCH FROM, SUBJECT first", MIDDLE,
     [("search", "from first", "s", "SEARCH FROM first"), ("search", "subject first", "s", "SEARCH SUBJECT first")],
     [None, None]),
    ("SEARCH FROM, SUBJECT again", MIDDLE,
     [("search", "from again", "s", "SEARCH FROM again"), ("search", "subject again", "s", "SEARCH SUBJECT again")],
     [0.05, 0.05]),
    ("SEARCH BODY, TEXT again", MIDDLE,
     [("search", "body again", "s", "SEARCH BODY again"), ("search", "text again", "s", "SEARCH TEXT again")], [0.02, 0.02]),
    ("APPEND: one client, ten in one mailbox, ten in their own", None,
     [("append", "one", "/s", "one client"), ("append", "ten", "/s", "ten, one mailbox"),
      ("append", "own", "/s", "ten, own mailboxes")], [850, 3000, 4000]),
    ("STORE 1:*, COPY of 10,000, EXPUNGE of 10 %", MIDDLE,
     [("store", "store", "s", "STORE 1:*"), ("store", "copy", "s", "COPY of 10,000"),
      ("store", "expunge", "s", "EXPUNGE of 10 %")], [0.8, 0.2, 0.09]),
    ("idle connections, on mailboxes; not told of a message; p99; each", None,
     [("idle", "connections", "", ""), ("idle", "mailboxes", "", ""), ("idle", "missed", "", ""), ("idle", "p99", "s", "idle, told of a delivery, p99"),
      ("idle", "each", "KiB", "")], [10_000, 10_000, 0, 0.02, 20]),
]


def latest(path):
    """The last run's values of each figure with their processor times, by (row, figure, count, server)."""
    found = {}
    for line in path.read_text().splitlines():
        figure = json.loads(line)
        key = figure["row"], figure["figure"], figure["count"], figure["server"]
        run, values = found.get(key, (None, []))
        if run != figure["run"]:
            values = []
        found[key] = figure["run"], [*values, (figure["value"], figure["cpu"])]
    return {key: values for key, (_, values) in found.items()}


def shown(value, unit):
    """A figure as a person reads it."""
    if value is None:
        return "-"
    if unit == "s" and value < 0.9995:
        return f"{value * 1e3:.{0 if value >= 0.01 else 1}f} ms"
    if unit == "s":
        return f"{value:.{1 if value < 100 else 0}f} s"
    if unit == "MB":
        return f"{value:.0f} MB"
    if unit == "KiB":
        return f"{value:.0f} KiB"
    return f"{value:,.0f}{unit}"


def measured(values, unit):
    """The median in the table's unit: KiB of memory become MB."""
    return statistics.median(value for value, _ in values) * (1.024e-3 if unit == "MB" else 1)


def cell(values, unit):
    """The median, and where it is of a tenth of a second or more the processor time in brackets."""
    if not values:
        return "-"
    text, worked = shown(measured(values, unit), unit), [cpu for _, cpu in values if cpu is not None]
    return f"{text} ({statistics.median(worked):.1f})" if worked and measured(values, unit) >= 0.1 else text


def lines(figures):
    """For each line of the table that has a figure: its work with the count, its figures by server, and what is asked."""
    for work, size, parts, asked in LINES:
        counts = sorted({key[2] for key in figures if key[0] == parts[0][0]}, key=lambda count: (count is None, count))
        for count in counts:
            title = work if count is None else f"{count:,}: {work}"
            columns = {server: [(figures.get((row, figure, count, server)), unit) for row, figure, unit, _ in parts]
                       for server in SERVERS}
            yield title, parts, columns, asked if size == count else None


def markdown(figures):
    rows = ["| work | Dovecot | maildird | asked |", "| --- | --- | --- | --- |"]
    for title, parts, columns, asked in lines(figures):
        cells = [", ".join(cell(values, unit) for values, unit in columns[server]) for server in SERVERS]
        wanted = "" if asked is None else ", ".join(shown(value, unit) for value, (_, _, unit, _) in zip(asked, parts))
        rows.append(f"| {title} | {' | '.join(cells)} | {wanted} |")
    return "\n".join(rows) + "\n"


def into(page, text):
    """Replaces what stands between the two marks of a page."""
    before, rest = page.read_text().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def plots(figures, folder):
    """A plot for each unit, as SVG: bars of both servers, and a mark at what is asked. Needs matplotlib."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "maildir", "svg.fonttype": "none", "font.size": 9})
    import matplotlib.pyplot as pyplot
    for unit, name, axis in (("s", "times", "seconds"), ("MB", "memory", "MB"), ("/s", "append", "messages a second")):
        bars = [(f"{title.split(':')[0]}: {words}" if title[0].isdigit() else words, which, columns, asked)
                for title, parts, columns, asked in lines(figures)
                for which, (_, _, of, words) in enumerate(parts) if of == unit]
        if not bars:
            continue
        draw(pyplot, bars, unit, axis)
        pyplot.savefig(folder / f"{name}.svg", metadata={"Date": None}, facecolor="white")
        pyplot.close()


def draw(pyplot, bars, unit, axis):
    """Times on a logarithmic axis, as they span five decades."""
    height = 0.9 + 0.36 * len(bars)
    _, plot = pyplot.subplots(figsize=(8, height), layout="constrained")
    places = range(len(bars), 0, -1)
    for server, colour, shift in (("dovecot", "#8c959f", 0.19), ("maildird", "#2f81f7", -0.19)):
        lengths = [measured(columns[server][which][0], unit) if columns[server][which][0] else 0
                   for _, which, columns, _ in bars]
        drawn = plot.barh([place + shift for place in places], lengths, 0.36, color=colour, label=server)
        plot.bar_label(drawn, [shown(length, unit) if length else "" for length in lengths], padding=3, fontsize=7)
    marks = [(place, asked[which]) for place, (_, which, _, asked) in zip(places, bars) if asked and asked[which]]
    if marks:
        plot.plot([mark for _, mark in marks], [place for place, _ in marks], "|", color="#d29922", markersize=18,
                  markeredgewidth=2.5, label="asked")
    plot.set_yticks(list(places), [words for words, *_ in bars])
    plot.set_ylim(0.4, len(bars) + 0.6)
    if unit == "s":
        plot.set_xscale("log")
    plot.margins(x=0.12)
    plot.set_xlabel(axis)
    plot.spines[["top", "right"]].set_visible(False)
    plot.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
