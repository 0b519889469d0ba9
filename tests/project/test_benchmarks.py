"""benchmarks/run.py writes its tables where they belong; the times themselves are never asserted."""

import subprocess
import sys

import psutil

from benchmarks import attribution, audit, run
from xaitutor.attribution import METHODS
from xaitutor.figures import widgets


def test_a_section_is_added_and_replaced():
    text = run.with_section(run.INTRODUCTION, "Import", "| a |")
    text = run.with_section(text, "Rendering", "| b |")
    text = run.with_section(text, "Import", "| c \\1 |")
    assert [line for line in text.splitlines() if line.startswith(("#", "|"))] == [
        "# Measured", "## Import", "| c \\1 |", "## Rendering", "| b |"]
    assert run.with_section(text, "Import", "| c \\1 |") == text
    assert text.endswith("| b |\n")


def test_a_table_is_markdown():
    assert run.table(("what", "s"), [("x", "1")]) == "| what | s |\n| --- | --- |\n| x | 1 |"


def test_an_import_is_timed_in_a_fresh_process():
    assert 0 < run.import_time("json") < 60


def test_memory_counts_the_children_too():
    child = "import time; hoard = bytearray(80_000_000); print('ready', flush=True); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            parent = psutil.Process(process.pid)
            assert run.memory(parent) > parent.memory_info().rss + 80_000_000
        finally:
            for one in [*run.children(parent), parent]:
                one.kill()


def test_memory_of_a_process_that_ended_is_nothing():
    process = subprocess.Popen([sys.executable, "-c", ""])
    ended = psutil.Process(process.pid)
    process.wait()
    assert run.memory(ended) == 0


def test_odd_calls_are_counted():
    body = run.hostile(20)
    counts = {row.split("|")[1].strip(): int(row.split("|")[2]) for row in body.splitlines() if row.startswith("| ") and row.split("|")[2].strip().isdecimal()}
    assert sum(counts.values()) == 20 and counts["silent"] == counts["raw"] == counts["trace"] == 0


def test_every_method_of_attribution_is_measured():
    rows = attribution.measure(size=64, rounds={1: 1})
    assert {row.method for row in rows} == set(attribution.FACTS) == set(METHODS)
    assert all(min(row.ours + row.bare_seconds + sum(row.references.values(), [])) > 0 for row in rows)
    assert {row.method for row in rows if not row.references} == {
        "fem", "deep_taylor", "deeplift", "deep_shap", "rise", "meaningful_perturbation", "lime", "kernel_shap"}


def test_goals_that_are_missed_are_named():
    def row(method, ours):
        return attribution.Row(method, 2, [ours] * 3, {"Captum": [2.0] * 3}, "forward", [1.0] * 3)
    assert attribution.missed([row("gradient", 1.05), row("guided_grad_cam", 1.9)]) == []
    assert attribution.missed([row("gradient", 1.5), row("guided_grad_cam", 2.5)]) == [
        "`gradient` at batch 2: 1.500 × bare", "`guided_grad_cam` at batch 2: 1.250 × Captum"]
    assert attribution.cells(row("gradient", 1.5))[2:] == ("1.500", "Captum 2.000", "0.75", "forward: 1.000", "1.50")


def test_a_report_by_kind(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite><testcase classname="tests.project.test_browser" time="60"/>'
                      '<testcase classname="notebooks.03_convolution.ipynb" time="1.5"/><testcase classname="notebooks.04.ipynb" time="0.5"/>'
                      '<testcase classname="tests.project.test_make" time="2"/><testcase classname="tests.truth.test_shapley" time="3"/>'
                      '</testsuite></testsuites>')
    found = run.by_kind(report)
    assert list(found) == list(run.KINDS.values())
    assert list(found.values()) == [(1, 60), (2, 2), (0, 0), (1, 2), (1, 3)]


def test_planted_faults_by_room():
    text = run.faults_by_room([("units", "10", "10", "496"), ("networks", "8", "10", "346")])
    assert "| networks | 8 | 10 | 346 |" in text and "caught 18 of 20 (90%)" in text


def test_rates_of_the_audit():
    rates = audit.measure(seeds=2, count=4, networks=["menagerie_vgg", "menagerie_resnet18"], faults=["0-255", "labels off by one"])
    assert [rate[1:] for rate in rates[:2]] == [("menagerie_vgg", 2, 2, 2, 2), ("menagerie_resnet18", 2, 2, 2, 2)]
    assert audit.cells(rates) == [("0-255", "2 of 2", "2 of 2", "100%", "100%", "100%"), ("labels off by one", "2 of 2", "2 of 2", "100%", "0%", "0%")]


def test_every_method_of_the_studio_is_timed():
    assert run.studio(2).count(" ms |") == len(widgets.STUDIO)
