#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks what `weir run` wrote against itself.

    check_results.py sums RESULTS.json              the sums that every result has to satisfy
    check_results.py table RESULTS.json TEXT        every number of the printed summary is that of the JSON
    check_results.py csv RESULTS.json SERIES.csv    the columns of counts add up to the totals of the JSON
    check_results.py report RESULTS.json PAGE.html  well formed, nothing from outside, no script, the same counts
    check_results.py junit RESULTS.json CASES.xml   what Jenkins' schema allows, the same criteria and counts
    check_results.py get RESULTS.json PATH          prints a value: loads.0.connections.failed

Complaints go to standard output; the exit code is 1 when there are any.
"""

import csv
import html.parser
import json
import re
import sys
import xml.etree.ElementTree

SCHEMA = 1
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
LATENCY_COLUMNS = ("min", "mean", "p50", "p90", "p99", "p999", "max")
VOID = {"meta", "br"}


class Complaints:
    def __init__(self):
        self.count = 0

    def equal(self, what, expected, found):
        if expected != found:
            print(f"{what}: expected {expected}, found {found}")
            self.count += 1

    def true(self, what, condition):
        if not condition:
            print(what)
            self.count += 1


def check_sums(complain, results):
    complain.equal("schema", SCHEMA, results["schema"])
    complain.true("duration_s is below load_s", results["duration_s"] >= results["load_s"])
    complain.equal("passed", all(load["passed"] for load in results["loads"]), results["passed"])
    for load in results["loads"]:
        check_load(complain, load)
    for server in results["servers"]:
        c = server["connections"]
        complain.equal("server established", c["closed"] + c["live"], c["established"])
        complain.equal("server closed", sum(c["closed_by"].values()), c["closed"])


def check_load(complain, load):
    name, c, t, s = load["name"], load["connections"], load["transactions"], load["schedule"]
    complain.equal(f"{name}: attempted", c["connecting"] + c["established"] + sum(c["failed"].values()), c["attempted"])
    complain.equal(f"{name}: established", c["closed"] + c["live"], c["established"])
    complain.equal(f"{name}: closed", sum(c["closed_by"].values()), c["closed"])
    complain.equal(f"{name}: started", t["completed"] + sum(t["failed"].values()) + t["active"], t["started"])
    complain.equal(f"{name}: connecting at the end", 0, c["connecting"])
    complain.equal(f"{name}: live at the end", 0, c["live"])
    complain.equal(f"{name}: active at the end", 0, t["active"])
    complain.equal(f"{name}: requested", s["sent"] + s["dropped"], s["requested"])
    complain.true(f"{name}: more late than sent", s["late"] <= s["sent"])
    complain.equal(f"{name}: passed", all(x["met"] for x in load["criteria"]), load["passed"])
    for kind, count in (("connect", c["established"]), ("transaction", t["completed"])):
        q = load["latency_ns"][kind]
        complain.equal(f"{name}: {kind} times", count, q["count"])
        complain.true(f"{name}: {kind} quantiles fall", q["min"] <= q["p50"] <= q["p90"] <= q["p99"] <= q["p999"] <= q["max"])


# ---- the printed table -----------------------------------------------------------------------------------------------

def sections(text):
    """{'load browse': {'schedule': ['requested 5', …], …}}: each line cut at its wide gaps."""
    found, section, label = {}, None, None
    for line in text.splitlines():
        heading = re.match(r"(load|server|port) (\S.*)$", line)
        if heading:
            section = found.setdefault(line, {})
        elif section is not None and line.startswith("  "):
            label = line[:18].strip() or label
            section.setdefault(label, []).extend(x for x in re.split(r"\s{2,}", line[18:].strip()) if x)
    return found


def numbers(items):
    """{'requested': 5}: of the items that are a name and a number with commas."""
    pairs = (re.match(r"(.*?):? ([\d,]+)$", item) for item in items)
    return {m.group(1): int(m.group(2).replace(",", "")) for m in pairs if m}


def duration_ns(text):
    value, unit = text.split()
    return float(value) * UNITS[unit]


def check_latency(complain, name, section, latency):
    for label, kind in (("connect", "connect"), ("first byte", "first_byte"), ("transaction", "transaction")):
        for column, cell in zip(LATENCY_COLUMNS, section[label], strict=True):
            exact = latency[kind][column]
            good = cell == "-" if latency[kind]["count"] == 0 else abs(duration_ns(cell) - exact) <= 0.006 * exact + 0.5
            complain.true(f"{name}: {label} {column}: {cell} in the table, {exact} ns in the JSON", good)


def check_table_load(complain, load, section):
    name, c, t, s = load["name"], load["connections"], load["transactions"], load["schedule"]
    for label, expected in (
        ("schedule", {k: s[k] for k in ("requested", "sent", "late", "dropped")}),
        ("connections", {"attempted": c["attempted"], "established": c["established"], "failed": sum(c["failed"].values()),
                         "closed": c["closed"], "live": c["live"]}),
        ("transactions", {"started": t["started"], "completed": t["completed"], "failed": sum(t["failed"].values())}),
        ("bytes", {"sent": load["bytes"]["sent"], "received": load["bytes"]["received"], "in bodies": t["body_bytes"]}),
        ("status", t["by_status"]),
        ("closed by", c["closed_by"]),
    ):
        complain.equal(f"{name}: {label}", expected, numbers(section[label]))
    causes = {**c["failed"], **t["failed"]}
    complain.equal(f"{name}: causes", causes, numbers(section.get("failed by", [])))
    tcp = numbers(section["TCP"])
    complain.equal(f"{name}: retransmitted", load["tcp"]["client"]["retransmitted_segments"], tcp["retransmitted"])
    complain.equal(f"{name}: RTOs", load["tcp"]["client"]["rto_fired"], tcp["RTOs"])
    texts = [x["text"] for x in load["criteria"]]
    complain.equal(f"{name}: criteria", texts, [x for x in section["criteria"] if x not in ("met", "NOT MET")])
    check_latency(complain, name, section, load["latency_ns"])


def check_table(complain, results, text):
    found = sections(text)
    for load in results["loads"]:
        check_table_load(complain, load, found["load " + load["name"]])
    for server in results["servers"]:
        section = found["server " + server["name"]]
        complain.equal("server served", server["requests"]["served"], numbers(section["requests"])["served"])
        complain.equal("server accepted", server["connections"]["accepted"], numbers(section["connections"])["accepted"])
    for port in results["ports"]:
        section = found["port " + port["name"]]
        frames = numbers(section["frames"])
        for label, key in (("sent", "frames_tx"), ("received", "frames_rx"), ("bytes sent", "bytes_tx"),
                           ("bytes received", "bytes_rx")):
            complain.equal(f"port {port['name']}: {label}", port[key], frames[label])
        complain.equal(f"port {port['name']}: drops", port["drops"], numbers(section["drops"]))
    verdict = text.rstrip().splitlines()[-1]
    complain.equal("verdict", results["passed"], verdict.endswith("all criteria met"))


# ---- series and report -----------------------------------------------------------------------------------------------

def check_csv(complain, results, rows):
    for load in results["loads"]:
        mine = [row for row in rows if row["load"] == load["name"]]
        c, t, s = load["connections"], load["transactions"], load["schedule"]
        for column, expected in (
            ("requested", s["requested"]), ("sent", s["sent"]), ("late", s["late"]), ("dropped", s["dropped"]),
            ("connections_attempted", c["attempted"]), ("connections_established", c["established"]),
            ("connections_failed", sum(c["failed"].values())), ("connections_closed", c["closed"]),
            ("transactions_started", t["started"]), ("transactions_completed", t["completed"]),
            ("transactions_failed", sum(t["failed"].values())),
            ("bytes_sent", load["bytes"]["sent"]), ("bytes_received", load["bytes"]["received"]),
        ):
            complain.equal(f"{load['name']}: sum of {column}", expected, sum(int(row[column]) for row in mine))
        complain.true(f"{load['name']}: no rows", mine)
        ends = [row["end_s"] for row in mine]
        complain.equal(f"{load['name']}: gaps", ["0.000000"] + ends[:-1], [row["start_s"] for row in mine])
        complain.true("the last row ends with the run", abs(float(ends[-1]) - results["duration_s"]) < 1e-5)
        complain.equal(f"{load['name']}: live at the end", "0", mine[-1]["connections_live"])
    for server in servers_for_others(results):
        mine = [row for row in rows if row["load"] == server["name"]]
        c = server["connections"]
        for column, expected in (
            ("connections_attempted", c["accepted"]), ("connections_established", c["established"]), ("connections_failed", c["failed"]),
            ("connections_closed", c["closed"]), ("transactions_completed", server["requests"]["served"]),
            ("transactions_failed", sum(server["requests"]["failed"].values())),
            ("bytes_sent", server["bytes"]["sent"]), ("bytes_received", server["bytes"]["received"]),
        ):
            complain.equal(f"{server['name']}: sum of {column}", expected, sum(int(row[column]) for row in mine))
        complain.true(f"{server['name']}: no rows", mine)


def servers_for_others(results):
    """Those that no load of the run uses: their loads are not among the results."""
    loads = {load["name"] for load in results["loads"]}
    return [server for server in results["servers"] if server["name"] not in loads]


class Page(html.parser.HTMLParser):
    """Collects what a page refers to, and complains about tags that do not match."""

    def __init__(self, complain):
        super().__init__()
        self.complain, self.open, self.references, self.scripts, self.charts = complain, [], [], 0, 0
        self.text = []

    def handle_starttag(self, tag, attrs):
        self.references += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data")]
        self.scripts += tag == "script" or any(k.startswith("on") for k, _ in attrs)
        self.charts += tag == "svg"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        expected = self.open.pop() if self.open else "nothing"
        self.complain.equal("closing tag", expected, tag)

    def handle_data(self, data):
        self.text.append(data)


def check_report(complain, results, page):
    reader = Page(complain)
    reader.feed(page)
    reader.close()
    text = "".join(reader.text)
    complain.equal("tags left open", [], reader.open)
    complain.equal("outside references", [], reader.references)
    complain.equal("scripts", 0, reader.scripts)
    complain.true("url() or @import in the style", "url(" not in page and "@import" not in page)
    complain.equal("charts", 8 * len(results["loads"]) + 5 * len(servers_for_others(results)), reader.charts)
    complain.true("NaN or infinity in a chart", not re.search(r'[" ,ML-](nan|inf)', page))
    for load in results["loads"]:
        for count in (load["connections"]["attempted"], load["transactions"]["completed"], load["bytes"]["received"]):
            complain.true(f"{count:,} is not in the report", f"{count:,}" in text)


# ---- JUnit -----------------------------------------------------------------------------------------------------------

# Of each element: attributes that it needs, others that it may have, children. What Jenkins' xUnit plugin accepts (junit-10.xsd), and no more.
JUNIT = {
    "testsuites": ((), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (("name", "tests", "failures", "errors"), {"skipped", "time", "timestamp", "hostname"},
                  {"properties", "testcase", "system-out", "system-err"}),
    "properties": ((), set(), {"property"}),
    "property": (("name", "value"), set(), set()),
    "testcase": (("name", "classname"), {"time"}, {"skipped", "failure", "error"}),
    "failure": ((), {"message", "type"}, set()),
    "skipped": ((), {"message", "type"}, set()),
    "system-out": ((), set(), set()),
}


def check_junit_element(complain, element):
    needed, optional, children = JUNIT[element.tag]
    for name in needed:
        complain.true(f"{element.tag}: no {name}", name in element.attrib)
    complain.equal(f"{element.tag}: attributes too many", set(), set(element.attrib) - set(needed) - optional)
    if "time" in element.attrib:
        complain.true(f"time {element.get('time')}", re.fullmatch(r"[0-9]+(\.[0-9]+)?", element.get("time")))
    if "timestamp" in element.attrib:
        complain.true(f"timestamp {element.get('timestamp')}", re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}", element.get("timestamp")))
    for child in element:
        complain.true(f"{element.tag}: {child.tag} in it", child.tag in children)
        check_junit_element(complain, child)


def check_junit_counts(complain, element):
    cases = list(element.iter("testcase"))
    for name, expected in (("tests", len(cases)), ("failures", sum(c.find("failure") is not None for c in cases)), ("errors", 0)):
        complain.equal(f"{element.tag}: {name}", str(expected), element.get(name))
    names = [(c.get("classname"), c.get("name")) for c in cases]
    complain.equal(f"{element.tag}: cases of one name", len(names), len(set(names)))


def check_junit(complain, results, text):
    root = xml.etree.ElementTree.fromstring(text.encode())
    complain.equal("root", "testsuites", root.tag)
    check_junit_element(complain, root)
    suites = {suite.get("name"): suite for suite in root}
    complain.equal("suites", sorted(x["name"] for x in results["loads"] + servers_for_others(results)), sorted(suites))
    for element in (root, *root):
        check_junit_counts(complain, element)
    for load in results["loads"]:
        suite = suites[load["name"]]
        expected = [(c["name"], None if c["met"] else c["text"]) for c in load["criteria"]]
        found = [(c.get("name"), None if c.find("failure") is None else c.find("failure").get("message")) for c in suite.iter("testcase")]
        complain.equal(f"{load['name']}: criteria", expected or [("criteria", None)], found)
        properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
        complain.equal(f"{load['name']}: completed", str(load["transactions"]["completed"]), properties["transactions_completed"])
        complain.equal(f"{load['name']}: p99", str(load["latency_ns"]["transaction"]["p99"]), properties.get("transaction_p99_ns", "0"))
        check_table_load(complain, load, sections(suite.find("system-out").text)["load " + load["name"]])
    for server in servers_for_others(results):
        suite = suites[server["name"]]
        properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
        complain.equal(f"{server['name']}: served", str(server["requests"]["served"]), properties["transactions_completed"])
        complain.true(f"{server['name']}: not skipped", suite.find("testcase/skipped") is not None)
    complain.equal("passed", results["passed"], root.get("failures") == "0")


def get(results, path):
    for key in path.split("."):
        results = results[int(key)] if isinstance(results, list) else results[key]
    print(json.dumps(results))


def main():
    what, path, *rest = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        results = json.load(file)
    complain = Complaints()
    if what == "sums":
        check_sums(complain, results)
    elif what == "get":
        get(results, rest[0])
    else:
        with open(rest[0], encoding="utf-8", newline="") as file:
            if what == "table":
                check_table(complain, results, file.read())
            elif what == "csv":
                check_csv(complain, results, list(csv.DictReader(file)))
            elif what == "report":
                check_report(complain, results, file.read())
            elif what == "junit":
                check_junit(complain, results, file.read())
            else:
                sys.exit(f"no such check: {what}")
    return 1 if complain.count else 0


if __name__ == "__main__":
    sys.exit(main())
