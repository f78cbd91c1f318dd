#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One list of metrics: what the server describes, what it counts, docs/operations.md, the dashboard and the alerts
name the same ones. Prints TAP."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAME = re.compile(r"\b(?:tarn|process)_[a-z0-9_]+\b")
# of other programs' or of this one's, but no metrics
OTHERS = {"process_metrics"}


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def described():
    """{name: kind} of the server's list."""
    listed = re.findall(r'^\s*\{"(\w+)", (counter|gauge|histogram), "[^"]+\."\},$',
                        text_of("server", "runtime", "metric_list.cpp"), re.M)
    return dict(listed)


def documented():
    """{name: kind} of the table in docs/operations.md."""
    section = text_of("docs", "operations.md").split("\n## Metrics\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.M))


def counted():
    """Names in strings of the server's sources, but for the list itself."""
    names = set()
    for folder, _, files in os.walk(os.path.join(ROOT, "server")):
        if "node_modules" in folder:
            continue
        for file in files:
            if file.endswith(".cpp") and file != "metric_list.cpp":
                text = text_of(os.path.relpath(os.path.join(folder, file), ROOT))
                names |= set(re.findall(r'"((?:tarn|process)_[a-z0-9_]+)"', text))
    return names


def base_names(names):
    """Histograms by the name they are described under."""
    known = described()
    bases = set()
    for name in names:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        bases.add(base if known.get(base) == "histogram" else name)
    return bases


def expressions_of_dashboard():
    found = []

    def walk(node):
        if isinstance(node, dict):
            found.extend(value for key, value in node.items() if key in ("expr", "definition", "query")
                         and isinstance(value, str))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(text_of("docs", "grafana", "dashboard.json")))
    return found


def same(known, other, what):
    problems = [f"{name} is not in {what}" for name in sorted(set(known) - set(other))]
    return problems + [f"{name} is in {what} only" for name in sorted(set(other) - set(known))]


def table_problems():
    known, table = described(), documented()
    return same(known, table, "the table") + [
        f"{name} is a {known[name]}, the table says {table[name]}"
        for name in set(known) & set(table) if known[name] != table[name]]


def used_problems(path, names):
    if not names:
        return [f"{path} names no metric"]
    return [f"{path}: {name}" for name in sorted(base_names(names) - set(described()) - OTHERS)]


def convention_problems():
    problems = []
    for name, kind in described().items():
        if name.endswith("_total") != (kind == "counter"):
            problems.append(f"{name} is a {kind}")
        if re.search(r"_(ms|milliseconds|minutes|kb|kilobytes|percent)(_|$)", name):
            problems.append(f"{name} is not in a base unit")
        if kind == "histogram" and not name.endswith("_seconds"):
            problems.append(f"{name} has no unit")
    return problems or ([] if len(described()) > 20 else ["the list could not be read"])


def promtool_problems():
    """Prometheus' own parser on the alerts, and on the dashboard's expressions with values in place of its variables."""
    expressions = [re.sub(r"\$__\w+", "5m", one) for one in expressions_of_dashboard() if "label_values" not in one]
    rules = [{"record": f"panel:{number}", "expr": re.sub(r"\$\{?\w+\}?", ".*", one)} for number, one in enumerate(expressions)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as panels:
        json.dump({"groups": [{"name": "panels", "rules": rules}]}, panels)
        panels.flush()
        done = subprocess.run(["promtool", "check", "rules", os.path.join(ROOT, "docs", "prometheus", "alerts.yaml"), panels.name],
                              capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 and len(rules) > 10 else (done.stdout + done.stderr).splitlines()


def alert_test_problems():
    """Alerts over days, as Prometheus evaluates them."""
    done = subprocess.run(["promtool", "test", "rules", os.path.join(ROOT, "tests", "house", "alerts_test.yaml")],
                          capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()


def checks():
    yield "names follow the conventions", convention_problems
    yield "what is described is counted, and the other way round", lambda: same(described(), counted(), "the sources")
    yield "docs/operations.md has the same table", table_problems
    if os.path.exists(os.path.join(ROOT, "docs", "grafana", "dashboard.json")):
        yield "the dashboard shows metrics that exist", lambda: used_problems(
            "dashboard.json", set(NAME.findall("\n".join(expressions_of_dashboard()))))
    if os.path.exists(os.path.join(ROOT, "docs", "prometheus", "alerts.yaml")):
        yield "the alerts are about metrics that exist", lambda: used_problems(
            "alerts.yaml", set(NAME.findall(text_of("docs", "prometheus", "alerts.yaml"))))
    yield "Prometheus takes the alerts and the dashboard's expressions", promtool_problems
    yield "the alerts fire for as long as what they tell lasts", alert_test_problems


def main():
    failed = number = 0
    for number, (name, check) in enumerate(checks(), 1):
        if check in (promtool_problems, alert_test_problems) and not shutil.which("promtool"):
            print(f"ok {number} - {name} # SKIP promtool (Debian: prometheus) is not installed")
            continue
        problems = check()
        failed += bool(problems)
        print(("not " if problems else "") + f"ok {number} - {name}")
        for problem in problems:
            print(f"# {problem}")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
