"""docs/: the tables are what was measured, or what the code does, and what the prose says of them holds."""

import pytest

from tools import pages
from xaitutor.truth import doubts


@pytest.mark.parametrize("name, tables", [("truth.md", 7), ("rules.md", 1)])
def test_the_tables_are_up_to_date(name, tables):
    text = (pages.DOCS / name).read_text("utf-8")
    assert len(pages.BLOCK.findall(text)) == tables
    assert pages.page(text) == text, "run python tools/pages.py"
    emptied = pages.BLOCK.sub(lambda block: block[1] + block[3], text)
    assert emptied != text and pages.page(emptied) == text


def test_the_prose_holds():
    found = doubts.read()
    for network, truths in found["truths"].items():
        agrees = {name: one["class_contrast"][0] for name, one in truths.items()}
        little = min(value for name, value in agrees.items() if "place" in name or "seed" in name or name == "larger regions")
        assert little > 0.84 > max(agrees[name] for name in ("blurred", "grey", "one left out"))
        lies = found["planted"][network]
        assert lies["class_contrast"]["8 × 8 places"] < 0.55 < 0.65 < lies["class_contrast"]["heat"]
        assert lies["class_contrast"]["object × logit"] > 0.3 > 0.2 > lies["class_contrast"]["edges × logit"]
        assert abs(lies["network_contrast"]["object × logit"]) < 0.02
        by = found["methods"][network]["class_contrast"]["scores"]
        assert by["grey"]["integrated_gradients"] > by["in use"]["integrated_gradients"]
    falls = {question: sum(len(one[question]["fall"]) for one in found["methods"].values()) for question in ("rank", "class_contrast")}
    assert falls["class_contrast"] < 10 < 20 < falls["rank"]
