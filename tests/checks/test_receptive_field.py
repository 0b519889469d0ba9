"""Each check of notebook 04 praises the right answer, and has an own word for each plausible wrong one."""

from math import prod

import pytest

from xaitutor.checks import receptive_field as checks
from xaitutor.foundations.receptive_field import LayerField, of_layers


def said(capsys, check, *answer):
    assert check(*answer) is None
    line = capsys.readouterr().out
    assert line.count("\n") == 1 and line[0] in "✓✗"
    return line.strip()


def field_size(layers, first_jump=False, add=1):
    size = jump = 1
    for kernel, stride in layers:
        jump *= stride if first_jump else 1
        size += (kernel - add) * jump
        jump *= 1 if first_jump else stride
    return size


FIELD = LayerField(
    *of_layers([(7, 2, 3), (3, 2, 1), (3, 1, 1)])[-1:] * 2, (32, 32), (128, 128)
)  # start −9, size 19, jump 4
TRUE = tuple(FIELD.box(1, 31))


def box(answer):
    checks.box(answer, FIELD, 1, 31)


def no_holes(answer):
    checks.no_holes(*answer)


RIGHT = [
    (checks.recursion, field_size),
    (checks.wide_and_cheap, [(3, 1, d, d) for d in (1, 2, 4, 8)]),
    (no_holes, (7, (1, 3, 9))),
    (no_holes, (7, [9, 1, 3])),
    (checks.wide_and_cheap, [(3, 1, d, d) for d in (8, 1, 4, 2)]),
    (box, TRUE),
    (box, list(TRUE)),
]

WRONG = [
    (checks.recursion, lambda layers: 1 + sum(k - 1 for k, _ in layers), "strides play no part"),
    (checks.recursion, lambda layers: field_size(layers, first_jump=True), "one layer late or early"),
    (checks.recursion, lambda layers: field_size(layers, add=0), "kernel − 1 steps, not kernel"),
    (checks.recursion, lambda layers: prod(k for k, _ in layers), "windows do not multiply"),
    (checks.recursion, lambda layers: 1 + sum((k - 1) * s for (k, _), s in zip(layers, [1] + [s for _, s in layers])), "all strides before"),
    (checks.recursion, lambda layers: 3, "after [(3, 1), (3, 1)] a neuron sees 5 pixels, yours says 3"),
    (checks.recursion, lambda layers: layers, "one number"),
    (checks.recursion, lambda layers: None, "returns nothing"),
    (checks.recursion, lambda layers: layers[9], "IndexError"),
    (checks.recursion, 31, "give the function itself"),
    (checks.recursion, None, "no answer yet"),
    (checks.wide_and_cheap, [(3, 1, 1, 1)] * 15, "15 layers; four are enough"),
    (checks.wide_and_cheap, [(3, 2, 1, 1)] * 4, "no strides"),
    (checks.wide_and_cheap, [(31, 1, 15)], "must be 3 × 3"),
    (checks.wide_and_cheap, [(3, 1, d, d) for d in (1, 2, 3, 4)], "sees 21 pixels, not 31"),
    (checks.wide_and_cheap, [(3, 1, 0, d) for d in (1, 2, 4, 8)], "30 rows too small: did you count the padding"),
    (checks.wide_and_cheap, [(3, 1, 8, d) for d in (1, 2, 4, 8)], "34 rows too large"),
    (checks.wide_and_cheap, list(zip((3,) * 4, (1,) * 4, (8, 4, 2, 1), (1, 2, 4, 8))), "not layer by layer"),
    (checks.wide_and_cheap, [3, 3, 3], "give a list of layers"),
    (checks.wide_and_cheap, ..., "no answer yet"),
    (box, tuple(FIELD.box(1, 31, clip=False)), "this box leaves the image"),
    (box, (TRUE[1], TRUE[0], TRUE[3], TRUE[2]), "row and column have changed places"),
    (box, (*TRUE[:2], TRUE[2] - 1, TRUE[3] - 1), "one too small"),
    (box, (4, 124, 23, 128), "not at 0"),
    (box, (TRUE[0], 0, TRUE[2], 20), "left and right not yet"),
    (box, 7, "four whole numbers"),
    (box, None, "no answer yet"),
    (no_holes, (13, (1, 3, 9)), "13 is the width"),
    (no_holes, (27, (1, 3, 9)), "27 paths, but many"),
    (no_holes, (9, (1, 3, 9)), "`heard` is not 9"),
    (no_holes, (7, (2, 2, 2)), "13 pixels wide, and 7 of them have a path: 6 holes"),
    (no_holes, (7, (1, 2, 4)), "no holes, and 15 pixels"),
    (no_holes, (7, (2, 4, 8)), "cannot reach 29 pixels: 14"),
    (no_holes, (7, (1, 3)), "three dilations are asked for"),
    (no_holes, (7, 9), "such as (1, 1, 1)"),
    (no_holes, (7, None), "no answer yet"),
]  # fmt: skip


@pytest.mark.parametrize("check, answer", RIGHT)
def test_right_answers(capsys, check, answer):
    assert said(capsys, check, answer).startswith("✓")


@pytest.mark.parametrize("check, answer, words", WRONG)
def test_wrong_answers_hear_what_is_wrong(capsys, check, answer, words):
    line = said(capsys, check, answer)
    assert line.startswith("✗") and words in line, line


@pytest.mark.parametrize("dilations, words", [
    ((1, 2, 4, 8), "four layers, 36 weights, 31 pixels: one 31 × 31 window would have 961"),
    ((5, 5, 5), "three layers, 27 weights, 31 pixels: one 31 × 31 window would have 961. But of the 31 pixels along a row 24 have no path"),
    ((15,), "one layer, 9 weights, 31 pixels: one 31 × 31 window would have 961. But of the 31 pixels along a row 28 have no path"),
])  # fmt: skip
def test_a_wide_field_hears_of_its_holes(capsys, dilations, words):
    line = said(capsys, checks.wide_and_cheap, [(3, 1, d, d) for d in dilations])
    assert line.startswith(f"✓ {words}") and ("path" in words or line.endswith(words))


def test_each_wrong_answer_has_its_own_message(capsys):
    for check in {check for check, *_ in WRONG}:
        lines = [said(capsys, check, answer) for c, answer, _ in WRONG if c is check]
        assert len(set(lines)) == len(lines) >= 3
