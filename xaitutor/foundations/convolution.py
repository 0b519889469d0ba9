"""Convolution: slide a small window over a signal, and back again for its gradient. NumPy, beside the formulas.

The functions on one channel take arrays of any number of axes (1-D signals, 2-D pictures); `layer` and
`layer_gradient` do what a convolutional layer does, with channels. Padding has four modes:

    "none"      the window stays inside, the output shrinks
    "zero"      outside there is nothing
    "nearest"   outside goes on what is at the border
    "circular"  outside is the opposite side
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PADDINGS = {"none": "constant", "zero": "constant", "nearest": "edge", "circular": "wrap"}  # ours → numpy.pad's


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """How many places a window finds along one axis: ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1.

    `size`, `kernel`, `stride` and `dilation` are ≥ 1, `padding` (pixels on each side) is ≥ 0.
    Raises ValueError where they are not, and where the window is larger than what it slides over.
    """
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError(
            f"size, kernel, stride and dilation must be at least 1 and padding at least 0, "
            f"not {size}, {kernel}, {stride}, {dilation} and {padding}"
        )
    room = size + 2 * padding - (dilation * (kernel - 1) + 1)
    if room < 0:
        raise ValueError(
            f"a window of {dilation * (kernel - 1) + 1} does not fit into {size} + 2·{padding} pixels; "
            "pad more, or take a smaller one"
        )
    return room // stride + 1


def weight_count(channels_in: int, channels_out: int, kernel: int | Sequence[int] = 3, bias: bool = False) -> int:
    """The numbers that a layer learns: channels_out · channels_in · height · width, and channels_out biases.

    `kernel` is the side of a square window, or (height, width).
    """
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    return channels_out * (channels_in * height * width + bias)


def pad(signal: np.ndarray, mode: str = "zero", width: int | Sequence[tuple[int, int]] = 1) -> np.ndarray:
    """`signal` with a border of `width` pixels on every side, or (before, after) for each axis, filled after `mode`."""
    if mode not in PADDINGS:
        raise ValueError(f"padding must be one of {', '.join(map(repr, PADDINGS))}, not {mode!r}")
    return np.pad(signal, width, mode=PADDINGS[mode])


def cross_correlate(
    signal: np.ndarray,
    kernel: np.ndarray,
    padding: str = "none",
    width: int | None = None,
    stride: int = 1,
    dilation: int = 1,
) -> np.ndarray:
    """What deep learning calls convolution: O[n] = Σᵢ K[i] · X[stride·n + dilation·i], along each axis.

    `signal` X and `kernel` K have the same number of axes. `width` is the border in pixels on each side;
    by default half a window, so that with stride 1 the output is as large as the input (for an even window
    the extra pixel goes to the end, as in torch). With "none" there is no border.
    """
    signal, kernel = _arrays(signal, kernel)
    padded = pad(signal, padding, _border(kernel.shape, padding, width, dilation))
    sizes = [output_size(n, k, stride, 0, dilation) for n, k in zip(padded.shape, kernel.shape)]
    output = np.zeros(sizes, dtype=np.result_type(signal, kernel))
    for offset in np.ndindex(kernel.shape):
        output += kernel[offset] * padded[_places(offset, sizes, stride, dilation)]
    return output


def convolve(signal: np.ndarray, kernel: np.ndarray, **options) -> np.ndarray:
    """The convolution of mathematics: (f * g)[n] = Σᵢ f[i] · g[n − i], that is, cross-correlation with the flipped kernel.

    `options` are `cross_correlate`'s. A border of kernel − 1 zeros gives the *full* convolution:
    ``convolve(f, g, padding="zero", width=len(g) - 1)``.
    """
    return cross_correlate(signal, np.flip(kernel), **options)


def input_gradient(
    gradient: np.ndarray,
    kernel: np.ndarray,
    shape: Sequence[int],
    padding: str = "none",
    width: int | None = None,
    stride: int = 1,
    dilation: int = 1,
) -> np.ndarray:
    """∂L/∂X of ``cross_correlate(X, kernel, …)`` from `gradient` = ∂L/∂O: a full convolution, the filter flipped.

    `shape` is X's shape. A stride puts stride − 1 zeros between the entries of ∂L/∂O first, a dilation as many
    between the filter's; what lands on the border goes to the pixels that the border was copied from.
    After Ayyar, Benois-Pineau and Zemmari, Review of white box methods (2021), appendix A, equations 28–33.
    """
    gradient, kernel = _arrays(gradient, kernel)
    border = _border(kernel.shape, padding, width, dilation)
    source = np.pad(np.arange(np.prod(shape)).reshape(shape), border, mode=PADDINGS[padding])
    window = _spread(kernel, dilation)
    full = convolve(_spread(gradient, stride), window, padding="zero", width=[(k - 1, k - 1) for k in window.shape])
    padded = np.zeros(source.shape)  # the last pixels stay 0 where no window reached them
    padded[tuple(slice(n) for n in full.shape)] = full
    if padding in ("none", "zero"):  # what fell on the zeros around the picture is lost
        return padded[tuple(slice(before, before + n) for (before, _), n in zip(border, shape))]
    return np.bincount(source.ravel(), weights=padded.ravel(), minlength=np.prod(shape)).reshape(shape)


def layer(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    padding: str = "none",
    width: int | None = None,
    stride: int = 1,
    dilation: int = 1,
) -> np.ndarray:
    """A convolutional layer: O[o] = bias[o] + Σ_c cross_correlate(x[c], weight[o, c]).

    `x` (C, H, W), `weight` (O, C, h, w), `bias` (O,) → (O, H', W').
    """
    x, weight = _channels(x, weight, inputs=True)
    bias = np.zeros(len(weight)) if bias is None else bias
    options = dict(padding=padding, width=width, stride=stride, dilation=dilation)
    return np.stack([b + sum(cross_correlate(c, k, **options) for c, k in zip(x, w)) for w, b in zip(weight, bias)])


def layer_gradient(gradient: np.ndarray, weight: np.ndarray, shape: Sequence[int], **options) -> np.ndarray:
    """∂L/∂x (C, H, W) of `layer` from ∂L/∂O (O, H', W'): each input channel collects from all output channels.

    `shape` is x's shape (C, H, W); `options` are padding, width, stride and dilation, as given to `layer`.
    """
    gradient, weight = _channels(gradient, weight, inputs=False)
    return np.stack(
        [
            sum(input_gradient(g, k, shape[1:], **options) for g, k in zip(gradient, weight[:, c]))
            for c in range(shape[0])
        ]
    )


def pool(signal: np.ndarray, size: int = 2, stride: int | None = None, kind: str = "max") -> np.ndarray:
    """The largest ("max") or the mean ("mean") value of each window; `stride` is `size` unless given.

    Windows that do not fit are left out. On a 2-D array (H, W) → (H', W'), on 1-D alike.
    """
    if kind not in ("max", "mean"):
        raise ValueError(f"kind must be 'max' or 'mean', not {kind!r}")
    signal = np.asarray(signal)
    stride = stride or size
    sizes = [output_size(n, size, stride) for n in signal.shape]
    windows = [signal[_places(offset, sizes, stride, 1)] for offset in np.ndindex((size,) * signal.ndim)]
    return np.max(windows, axis=0) if kind == "max" else np.mean(windows, axis=0)


def _places(offset: Sequence[int], sizes: Sequence[int], stride: int, dilation: int) -> tuple[slice, ...]:
    """What the window's entry `offset` sees, one value for each place of the window."""
    starts = [dilation * i for i in offset]
    return tuple(slice(start, start + stride * (n - 1) + 1, stride) for start, n in zip(starts, sizes))


def _spread(array: np.ndarray, step: int) -> np.ndarray:
    """`array` with step − 1 zeros between its entries."""
    spread = np.zeros([step * (n - 1) + 1 for n in array.shape], dtype=array.dtype)
    spread[(slice(None, None, step),) * array.ndim] = array
    return spread


def _border(kernel: Sequence[int], padding: str, width, dilation: int) -> list[tuple[int, int]]:
    """(before, after) for each axis."""
    if padding not in PADDINGS:
        raise ValueError(f"padding must be one of {', '.join(map(repr, PADDINGS))}, not {padding!r}")
    if padding == "none":
        if width:
            raise ValueError(
                f"padding='none' has no border, but width is {width}; say what to fill it with: padding='zero'"
            )
        return [(0, 0) for _ in kernel]
    if width is None:
        return [(dilation * (k - 1) // 2, dilation * (k - 1) - dilation * (k - 1) // 2) for k in kernel]
    return [(width, width) for _ in kernel] if isinstance(width, (int, np.integer)) else [tuple(pair) for pair in width]


def _arrays(signal, kernel) -> tuple[np.ndarray, np.ndarray]:
    signal, kernel = (np.asarray(a, dtype=np.result_type(np.asarray(a), np.float32)) for a in (signal, kernel))
    if signal.ndim != kernel.ndim:
        raise ValueError(
            f"the signal has {signal.ndim} axes {signal.shape} and the kernel {kernel.ndim} {kernel.shape}; they must be equal. "
            "For channels use `layer`"
        )
    return signal, kernel


def _channels(x, weight, inputs: bool) -> tuple[np.ndarray, np.ndarray]:
    x, weight = np.asarray(x), np.asarray(weight)
    if x.ndim != 3 or weight.ndim != 4:
        raise ValueError(f"expected maps (C, H, W) and weights (O, C, h, w), not {x.shape} and {weight.shape}")
    wanted = weight.shape[1 if inputs else 0]
    if len(x) != wanted:
        raise ValueError(f"the weights {weight.shape} are for {wanted} channels, but the maps {x.shape} have {len(x)}")
    return x, weight
