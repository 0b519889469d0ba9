"""docs/truth.md: its tables are what was measured, and what its prose says of them holds."""

from tools import truth_page
from xaitutor.truth import doubts


def test_the_tables_are_what_was_measured():
    text = truth_page.PAGE.read_text("utf-8")
    assert len(truth_page.BLOCK.findall(text)) == 6
    assert truth_page.page(text) == text
    emptied = truth_page.BLOCK.sub(lambda block: block[1] + block[3], text)
    assert emptied != text and truth_page.page(emptied) == text


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
