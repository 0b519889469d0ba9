"""Findings: how they read."""

import json

import pytest

from xaitutor import audit
from xaitutor.audit.findings import ALARM, DOUBT, FINE, NOT, UNKNOWN, answer

FINDINGS = [answer(verdict, f"Words {number}.", "Do this.", some_number=0.12345)._replace(question=f"Question {number}?")
            for number, verdict in enumerate((FINE, NOT, DOUBT, ALARM, UNKNOWN, ALARM))]


def test_the_worst_first_and_otherwise_in_order():
    lines = [line for line in audit.report(FINDINGS).splitlines() if not line.startswith(" ")]
    assert [line.split()[-1] for line in lines] == ["3?", "5?", "2?", "4?", "1?", "0?"]
    assert {line.index("Question") for line in lines} == {16}


def test_numbers_are_rounded_and_advice_is_for_faults():
    text = audit.report(FINDINGS[:3])
    assert "(some number 0.123)" in text and text.count("Do this.") == 2
    assert FINDINGS[0].advice == "" and FINDINGS[0].numbers == {"some_number": 0.123}


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_longer_than_asked(width):
    long = [answer(DOUBT, "many words " * 20, "and more " * 20)._replace(question="Short?")]
    assert max(map(len, audit.report(long, width).splitlines())) <= width


def test_the_worst_verdict():
    assert [audit.worst(FINDINGS[:count]) for count in range(5)] == [FINE, FINE, NOT, DOUBT, ALARM]


def test_json():
    assert json.loads(json.dumps(audit.as_dicts(FINDINGS)))[3] == FINDINGS[3]._asdict()
