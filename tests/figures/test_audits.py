"""The page of an audit: pictures, maps, one line for each question."""

import matplotlib.pyplot as plt
import pytest
import torch

from xaitutor import audit
from xaitutor.audit.findings import ALARM, DOUBT, FINE, answer
from xaitutor.figures import audits

FINDINGS = [answer(verdict, "Words.", correlation=0.5)._replace(question=f"Is it {verdict}?") for verdict in (FINE, ALARM, DOUBT, FINE)]
PICTURES = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_the_page():
    figure, alt = audits.page(FINDINGS, PICTURES, PICTURES[:, 0], list("abcdefgh"))
    assert len(figure.axes) == 12 and [axis.get_title() for axis in figure.axes[:7]] == [*"abcdef", ""]
    said = [text.get_text() for text in figure.texts]
    assert said.count("correlation 0.5") == 4 and all(finding.question in said for finding in FINDINGS)
    assert alt == f"An audit of 8 pictures; the worst verdict is “{audit.worst(FINDINGS)}”: 1 alarm, 1 doubt, 2 fine."


def test_without_maps():
    figure, _ = audits.page(FINDINGS, PICTURES[:2])
    assert len(figure.axes) == 2
