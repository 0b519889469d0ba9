"""Checks for notebook 04: the recursion, a chain of dilated layers, and a neuron's box."""

from __future__ import annotations

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
    return "four layers, 36 weights, 31 pixels: one 31 × 31 window would have 961"


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


# --- what is often thought ------------------------------------------------------------------------------------------


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
