"""Checks for notebook 04: the recursion, a chain of dilated layers, a neuron's box, and the holes in a field."""

from __future__ import annotations

from itertools import product

import numpy as np

from xaitutor.checks.verdict import Wrong, call, check
from xaitutor.foundations.receptive_field import of_layers


@check
def recursion(function) -> str:
    """Exercise 4.1: `function(layers)` is the size of the field after layers given as (kernel, stride)."""
    cases = [
        [(3, 1)],
        [(3, 1), (3, 1)],
        [(3, 2), (3, 1)],
        [(11, 4), (3, 2), (5, 1), (3, 2)],
        [(2, 2), (4, 1), (1, 2), (3, 2)],
    ]
    guesses = {
        "the strides play no part yet: a step in a late layer is jump pixels wide": _sum_of_windows,
        "the jump is one layer late or early: first grow by (kernel − 1) · jump, then multiply the jump": _jump_first,
        "a new window adds kernel − 1 steps, not kernel: its first pixel was seen before": _whole_kernels,
        "windows do not multiply: two 3 × 3 see 5 pixels, not 9": _product,
        "only this layer's own stride counts so far: the jump is the product of all strides before": _last_stride,
    }
    answers = []
    for layers in cases:
        answers.append(_number(function, layers))
    right = [of_layers(layers)[-1].size for layers in cases]
    if answers == right:
        return f"right for every chain, AlexNet's first four layers included: {right[3]} pixels"
    for advice, guess in guesses.items():
        if answers == [guess(layers) for layers in cases]:
            raise Wrong(advice)
    layers, mine, true = next((c, a, r) for c, a, r in zip(cases, answers, right) if a != r)
    raise Wrong(f"after {layers} a neuron sees {true} pixels, yours says {mine:g}")


@check
def wide_and_cheap(layers) -> str:
    """Exercise 4.2: at most four 3 × 3 layers without stride that see 31 pixels and keep the image's size."""
    try:
        layers = [
            (*map(int, layer), *(1, 0, 1)[len(layer) - 1 :]) for layer in layers
        ]  # left out: stride 1, padding 0, dilation 1
        size = of_layers(layers)[-1].size
    except (TypeError, ValueError, OverflowError, IndexError):
        raise Wrong("give a list of layers (kernel, stride, padding, dilation), such as [(3, 1, 1, 1), (3, 1, 1, 1)]") from None
    if any(kernel != 3 for kernel, *_ in layers):
        raise Wrong(f"every window must be 3 × 3; yours are {[kernel for kernel, *_ in layers]}")
    if any(stride != 1 for _, stride, *_ in layers):
        raise Wrong("no strides: the output should be as large as the image. What else stretches a window?")
    if len(layers) > 4:
        raise Wrong(
            f"{len(layers)} layers; four are enough. Three weights can lie further apart than next to each other"
        )
    if size != 31:
        raise Wrong(f"a neuron sees {size} pixels, not 31: each layer adds 2 · dilation, and 30 are to be added")
    lost = sum(2 * dilation - 2 * padding for _, _, padding, dilation in layers)
    if lost or any(padding != dilation for _, _, padding, dilation in layers):
        raise Wrong(
            f"31 pixels it is, but the output is {abs(lost)} rows too {'small' if lost > 0 else 'large'}: "
            "did you count the padding? A 3 × 3 window of dilation d needs d on each side"
            if lost
            else "31 pixels it is, and the size comes out right in the end, but not layer by layer: padding = dilation"
        )
    count = ("one layer", "two layers", "three layers", "four layers")[len(layers) - 1]
    told = f"{count}, {9 * len(layers)} weights, 31 pixels: one 31 × 31 window would have 961"
    holes = 31 - len(_ends([dilation for *_, dilation in layers]))
    return told if not holes else f"{told}. But of the 31 pixels along a row {holes} have no path to the neuron: exercise 4.4 is about such holes"


@check
def box(answer, field, row: int, column: int) -> str:
    """Exercise 4.3: (top, left, bottom, right) of what the neuron (`row`, `column`) sees; `field` is a LayerField."""
    try:
        answer = tuple(int(value) for value in answer)
        top, left, bottom, right = answer
    except (TypeError, ValueError, OverflowError):
        raise Wrong("give four whole numbers: (top, left, bottom, right)") from None
    true, unclipped = field.box(row, column), field.box(row, column, clip=False)
    if answer == tuple(true):
        return f"image[{top}:{bottom}, {left}:{right}] is all that this neuron can see"
    if answer == tuple(unclipped):
        raise Wrong(
            "this box leaves the image: what lies outside is padding. Cut it off at 0 and at the image's size"
        )
    if answer == (true.left, true.top, true.right, true.bottom):
        raise Wrong("row and column have changed places: the order is top, left, bottom, right")
    if answer in [(*b[:2], b.bottom - 1, b.right - 1) for b in (true, unclipped)]:
        raise Wrong("bottom and right are one too small: image[top:bottom] leaves `bottom` out")
    if answer in _without_padding(field, row, column):
        raise Wrong("the fields begin at `start`, not at 0: each padding shifts them up and to the left")
    names = ("top", "left", "bottom", "right")
    bad = [name for name, mine, right_value in zip(names, answer, true) if mine != right_value]
    raise Wrong(
        f"{' and '.join(bad)} not yet: along one axis it is start + position · jump, and size pixels from there"
    )


@check
def no_holes(heard, dilations) -> str:
    """Exercise 4.4: how many of 13 pixels three 3-windows of dilation 2 hear; three dilations for the largest field without holes."""
    heard, true = int(heard), len(_ends((2, 2, 2)))
    if heard == 13:
        raise Wrong("13 is the width of the field; with dilation 2 in each layer only every second pixel has a path")
    if heard == 27:
        raise Wrong("there are 27 paths, but many of them end on the same pixel")
    if heard != true:
        raise Wrong(f"`heard` is not {heard}: start at 0, go −2, 0 or 2 three times, and count the places where you can end")
    try:
        dilations = tuple(int(d) for d in dilations)
    except (TypeError, ValueError):
        raise Wrong("give three dilations, such as (1, 1, 1)") from None
    if len(dilations) != 3 or min(dilations) < 1:
        raise Wrong(f"three dilations are asked for, each at least 1, not {dilations}")
    size, ends = 1 + 2 * sum(dilations), len(_ends(dilations))
    if size > 27:
        raise Wrong(f"27 paths cannot reach {size} pixels: {size - ends} of them are holes")
    if ends < size:
        raise Wrong(f"the field is {size} pixels wide, and {ends} of them have a path: {size - ends} holes")
    if size < 27:
        raise Wrong(f"no holes, and {size} pixels; but 27 paths end on only {ends} of them: let no two end on the same")
    return "27 paths and 27 pixels, a path for each: no choice can beat that"


# --- what is often thought ------------------------------------------------------------------------------------------


def _ends(dilations) -> set[int]:
    """The pixels at which a path through windows of three with these dilations can end."""
    return {sum(steps) for steps in product(*((-d, 0, d) for d in dilations))}


def _sum_of_windows(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


def _jump_first(layers):
    size, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        size += (kernel - 1) * jump
    return size


def _whole_kernels(layers):
    size, jump = 1, 1
    for kernel, stride in layers:
        size, jump = size + kernel * jump, jump * stride
    return size


def _product(layers):
    return int(np.prod([kernel for kernel, _ in layers]))


def _last_stride(layers):
    before = [1, *(stride for _, stride in layers)]
    return 1 + sum((kernel - 1) * stride for (kernel, _), stride in zip(layers, before))


def _without_padding(field, row, column):
    top, left = row * field.jump[0], column * field.jump[1]
    bottom, right = top + field.size[0], left + field.size[1]
    return [(top, left, bottom, right), (top, left, min(bottom, field.image[0]), min(right, field.image[1]))]


def _number(function, layers) -> float:
    answer = call(function, list(layers))
    try:
        return float(answer)
    except (TypeError, ValueError, OverflowError):
        raise Wrong(f"return one number, the size, not {type(answer).__name__}") from None
