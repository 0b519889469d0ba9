"""Places: what stands behind the animal, and the grass in front of it.

A place is a row of colours and the names of what grows there. Which details a picture gets is drawn from streams of the
scene's seed that the animal never touches.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from xaitutor.menagerie.geometry import blob, limb, limbs
from xaitutor.menagerie.streams import stream

SIZE = 128  # pixels, width and height of a picture
SCALE = 3  # outlines are drawn this many times larger and averaged down: smooth edges

Colour = tuple[int, int, int]


class Place(NamedTuple):
    """Colours from far to near: sky (top, horizon), hills, ground (far, near), grass in front; then props, and how rough the ground is."""

    sky: tuple[Colour, Colour]
    hills: Colour | None
    ground: tuple[Colour, Colour]
    grass: Colour
    props: tuple[str, ...] = ()
    rough: float = 1.0
    clouds: float = 1.0


PLACES = {
    "savanna": Place(((122, 178, 226), (250, 232, 186)), (170, 158, 128), ((222, 196, 122), (196, 158, 88)), (168, 136, 62), ("acacia", "acacia", "tuft", "tuft", "tuft"), 1.0, 0.6),
    "forest": Place(((168, 204, 190), (214, 230, 200)), (92, 128, 96), ((120, 150, 84), (92, 118, 64)), (70, 112, 48), ("conifer", "oak", "conifer", "oak", "conifer", "bush", "bush"), 1.2, 0.2),
    "snow": Place(((150, 188, 226), (232, 240, 248)), (196, 212, 230), ((236, 242, 250), (214, 226, 242)), (186, 176, 150), ("snowy conifer", "snowy conifer", "snowy conifer", "mound"), 0.45, 0.6),
    "meadow": Place(((98, 172, 238), (214, 236, 250)), (120, 170, 120), ((156, 204, 100), (104, 168, 70)), (84, 152, 52), ("oak", "bush", "flower", "flower", "flower", "flower", "flower", "flower"), 0.8, 1.0),
    "desert": Place(((110, 180, 234), (252, 228, 196)), (220, 172, 122), ((242, 206, 150), (228, 180, 116)), (170, 158, 92), ("cactus", "cactus", "rock", "rock"), 0.7, 0.2),
    "beach": Place(((104, 184, 240), (222, 240, 250)), None, ((248, 232, 192), (236, 212, 160)), (150, 168, 96), ("palm", "palm", "rock", "shell", "shell"), 0.6, 0.9),
    "room": Place(((226, 206, 190), (236, 220, 206)), None, ((178, 128, 88), (150, 102, 66)), (84, 140, 84), (), 0.5, 0.0),
}


SOIL, CLOUDS = 1.15, 1.7  # how fast the amplitude of fractal noise falls with its frequency


@cache
def _noise_tiles(fall: float) -> np.ndarray:
    """Eight (256, 256) tiles of fractal noise (amplitude ~ 1 / frequency**fall), zero mean, unit variance."""
    draw = np.random.default_rng(1958)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.rfftfreq(256), indexing="ij"))
    frequency[0, 0] = 1
    spectrum = np.exp(2j * np.pi * draw.random((8, *frequency.shape))) / frequency**fall
    spectrum[:, 0, 0] = 0
    tiles = np.fft.irfft2(spectrum, s=(256, 256))
    return (tiles / tiles.std((1, 2), keepdims=True)).astype(np.float32)


def noise(draw, fall: float = SOIL) -> np.ndarray:
    """A (SIZE, SIZE) window of fractal noise."""
    tile, top, left, flip = draw.random(4)
    window = _noise_tiles(fall)[int(tile * 8), int(top * 128) : int(top * 128) + SIZE, int(left * 128) : int(left * 128) + SIZE]
    return window[:, ::-1] if flip < 0.5 else window


def background(place: str, seed: int) -> np.ndarray:
    """The empty place, (3, SIZE, SIZE) float32 in [0, 255]."""
    kind = PLACES[place]
    # One horizon a seed, the same in every place: what stands on the ground stays on it when the place changes.
    horizon = int(SIZE * (0.40 + 0.16 * stream(seed, "horizon").random()))
    draw = stream(seed, "place")
    picture = np.empty((3, SIZE, SIZE), np.float32)
    warmth = np.float32([1, 1, 1] + (draw.random(3) - 0.5) * 0.10)
    sky, ground = picture[:, :horizon], picture[:, horizon:]
    sky[:] = _fade(kind.sky, horizon)
    ground[:] = _fade(kind.ground, SIZE - horizon)
    if kind.clouds:
        cloud = np.clip(noise(draw, CLOUDS)[:horizon] * 0.55 - 0.05, 0, 0.85) * kind.clouds * (0.3 + 0.7 * draw.random())
        sky += cloud * (252 - sky)
    _soil(ground, kind, draw)
    _paste(picture, _props(place, kind, horizon, draw))
    return picture * warmth[:, None, None]


def _fade(colours: tuple[Colour, Colour], rows: int) -> np.ndarray:
    far, near = np.float32(colours)[..., None, None]
    t = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    return (1 - t) * far + t * near


def _soil(ground: np.ndarray, kind: Place, draw) -> None:
    """Roughness, finer towards the horizon: rows of one noise tile, read faster where they are far."""
    rows = ground.shape[1]
    depth = np.linspace(0.25, 1, rows)
    tile = _noise_tiles(SOIL)[int(draw.random() * 8)]
    y = (60 / depth).astype(int)[:, None] & 255  # modulo the tile's 256
    x = ((np.arange(SIZE) - SIZE / 2) / (0.35 + 0.65 * depth[:, None]) + 400).astype(int) & 255
    ground *= tile.take(256 * y + x) * np.float32(0.045 * kind.rough) + 1


def _props(place: str, kind: Place, horizon: int, draw) -> Image.Image:
    """Everything that stands in the place, on a transparent canvas SCALE times larger.

    "RGBa" is RGBA with colours multiplied by their alpha, which is what an average needs. All that is drawn is opaque: no difference.
    """
    canvas = Image.new("RGBa", (SIZE * SCALE, SIZE * SCALE))
    pen = ImageDraw.Draw(canvas)
    if place == "room":
        _furnish(pen, horizon, draw)
    elif place == "beach":
        _sea(pen, horizon, draw)
    elif kind.hills:
        _hills(pen, kind.hills, horizon, draw)
    spots = draw.random((len(kind.props), 3))
    depth = np.sort(spots[:, 0] ** 1.5)  # most stand far away; painted from far to near
    for prop, z, (_, x, turn) in zip(kind.props, depth, spots):
        # What stands far is paler: the air between.
        base = np.array([x * SIZE, horizon + 1 + z * 0.42 * (SIZE - horizon)]) * SCALE
        _PROPS[prop](pen, base, SCALE * (12 + 26 * z), turn)
    return canvas


def _paste(picture: np.ndarray, canvas: Image.Image) -> None:
    window, fine = drawn(canvas)
    layer = channels(canvas.reduce(SCALE, fine).convert("RGBA"))
    behind = picture[:, *window]
    behind += layer[3] / 255 * (layer[:3] - behind)


def drawn(canvas: Image.Image) -> tuple[tuple[slice, slice], tuple[int, int, int, int]]:
    """The smallest window of whole pixels around all that is drawn on a canvas: as rows and columns of the picture, and as the box
    (left, top, right, bottom) of the canvas. Most objects fill a third of their picture: the rest need not be averaged."""
    left, top, right, bottom = canvas.getbbox() or (0, 0, 1, 1)
    left, top, right, bottom = left // SCALE, top // SCALE, -(-right // SCALE), -(-bottom // SCALE)
    return (slice(top, bottom), slice(left, right)), (left * SCALE, top * SCALE, right * SCALE, bottom * SCALE)


def whole(part: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """A picture (SIZE, SIZE) that is `part` in the window and zero elsewhere."""
    picture = np.zeros((SIZE, SIZE), part.dtype)
    picture[window] = part
    return picture


def channels(image: Image.Image) -> np.ndarray:
    """A picture as (channels, height, width) float32: NumPy combines it with one number a pixel ten times faster than with channels last."""
    return np.asarray(image).transpose(2, 0, 1).astype(np.float32, order="C")


def _polygon(pen, points, colour) -> None:
    pen.polygon(np.asarray(points).ravel().tolist(), fill=tuple(int(c) for c in colour))


def _shade(colour, factor: float) -> tuple[int, ...]:
    return tuple(int(min(255, c * factor)) for c in colour)


def _hills(pen, colour, horizon, draw) -> None:
    x = np.linspace(0, SIZE, 33)
    for layer, height in ((0, 13), (1, 7)):
        phase = 6.3 * draw.random(3)
        ridge = sum(np.sin(x * f / SIZE * 6.3 + p) / f for f, p in zip((1, 2.3, 4.7), phase))
        y = horizon + 1 - height * (0.6 + 0.4 * ridge)
        outline = np.concatenate([np.column_stack([x, y]), [[SIZE, horizon + 1], [0, horizon + 1]]]) * SCALE
        _polygon(pen, outline, _shade(colour, 1.1 - 0.14 * layer))


def _sea(pen, horizon, draw) -> None:
    w, top, bottom = SIZE * SCALE, (horizon - 9) * SCALE, (horizon + 3) * SCALE
    pen.rectangle([0, top, w, bottom], fill=(58, 140, 190))
    for y in np.linspace(top + 5, bottom - 4, 5):
        for x in draw.random(4) * w:
            pen.rectangle([x, y, x + 30 + y % 17, y + 1], fill=(150, 204, 228))
    x = np.linspace(0, w, 40)
    foam = bottom + 3 * np.sin(x / 31 + 6 * draw.random())
    _polygon(pen, np.concatenate([np.column_stack([x, foam - 4]), np.column_stack([x, foam + 4])[::-1]]), (244, 250, 252))


def _furnish(pen, horizon, draw) -> None:
    w, floor = SIZE * SCALE, horizon * SCALE
    hue = draw.random(3)
    wall = tuple(int(c) for c in np.array([176, 180, 176]) + 62 * hue)
    pen.rectangle([0, 0, w, floor], fill=wall)
    for x in range(int(12 * hue[0]), w, 36):
        pen.rectangle([x, 0, x + 13, floor], fill=_shade(wall, 0.95))
    pen.rectangle([0, floor - 12, w, floor], fill=(242, 238, 230))
    for y in np.array([0.0, 0.1, 0.24, 0.43, 0.68, 1.0]) * (w - floor) + floor:
        pen.line([0, y, w, y], fill=(116, 78, 50), width=2)
    left = w * (0.08 + 0.5 * draw.random())
    frame = [left, 22, left + 96, 22 + 78]
    if draw.random() < 0.5:  # a window, or a picture on the wall
        pen.rectangle(frame, fill=(250, 250, 246))
        for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
            x, y = frame[0] + 7 + 43 * i, frame[1] + 6 + 34 * j
            pen.rectangle([x, y, x + 37, y + 29], fill=(158, 206, 238))
    else:
        pen.rectangle(frame, fill=(120, 82, 48))
        pen.rectangle([frame[0] + 7, frame[1] + 7, frame[2] - 7, frame[3] - 7], fill=(238, 228, 204))
        _polygon(pen, [[frame[0] + 12, frame[3] - 9], [frame[0] + 40, frame[1] + 26], [frame[0] + 84, frame[3] - 9]], (108, 150, 128))
        pen.ellipse([frame[0] + 62, frame[1] + 14, frame[0] + 78, frame[1] + 30], fill=(230, 150, 70))
    _lamp(pen, w * (0.85 if left < w * 0.35 else 0.1), floor + 20)
    rug = np.array([w * (0.35 + 0.3 * draw.random()), floor + 0.62 * (w - floor)])
    red = tuple(int(c) for c in np.array([150, 80, 90]) + 60 * draw.random(3) - 30)
    for reach, colour in ((1.0, _shade(red, 0.85)), (0.9, (232, 214, 180)), (0.83, red)):
        _polygon(pen, blob(rug, 175 * reach, 60 * reach, 40), colour)


def _lamp(pen, x, foot) -> None:
    pen.rectangle([x - 2, foot - 130, x + 2, foot], fill=(90, 76, 66))
    pen.ellipse([x - 18, foot - 5, x + 18, foot + 6], fill=(90, 76, 66))
    _polygon(pen, [[x - 15, foot - 172], [x + 15, foot - 172], [x + 28, foot - 128], [x - 28, foot - 128]], (250, 222, 160))


def _trunk(pen, base, height, width, colour) -> None:
    x, y = base
    _polygon(pen, [[x - width, y], [x + width, y], [x + 0.6 * width, y - height], [x - 0.6 * width, y - height]], colour)


def _acacia(pen, base, r, turn) -> None:
    x, y = base
    _trunk(pen, base, 1.7 * r, 0.08 * r, (104, 78, 52))
    for dx, dy, w in ((-0.6, -1.55, 0.95), (0.55, -1.75, 1.05), (0, -1.95, 0.9)):
        _polygon(pen, blob([x + dx * r * (1 if turn < 0.5 else -1), y + dy * r], w * r, 0.24 * r, 18), _shade((128, 142, 72), 0.9 + 0.25 * (dy < -1.7)))


def _oak(pen, base, r, turn) -> None:
    x, y = base
    _trunk(pen, base, 1.3 * r, 0.13 * r, (110, 82, 58))
    leaf = (92 + 40 * turn, 142 + 10 * turn, 74)
    for dx, dy, w, light in ((-0.5, -1.3, 0.6, 0.86), (0.5, -1.35, 0.62, 0.94), (0, -1.75, 0.72, 1.05), (-0.2, -1.95, 0.36, 1.18)):
        _polygon(pen, blob([x + dx * r, y + dy * r], w * r, 0.85 * w * r, 18), _shade(leaf, light))


def _conifer(pen, base, r, turn, needles=(62, 106, 76), cap=None) -> None:
    x, y = base
    _trunk(pen, base, 0.5 * r, 0.09 * r, (96, 72, 54))
    for k in range(4):
        foot, width = y - (0.25 + 0.52 * k) * r, (0.72 - 0.15 * k) * r
        tip = foot - 0.85 * r
        _polygon(pen, [[x - width, foot], [x, foot + 0.1 * r], [x + width, foot], [x, tip]], _shade(needles, 0.88 + 0.1 * k + 0.1 * turn))
        if cap:
            _polygon(pen, [[x - 0.55 * width, foot - 0.38 * r], [x, foot - 0.26 * r], [x + 0.55 * width, foot - 0.38 * r], [x, tip]], cap)


def _snowy_conifer(pen, base, r, turn) -> None:
    _conifer(pen, base, r, turn, (92, 128, 128), (246, 250, 255))


def _bush(pen, base, r, turn) -> None:
    x, y = base
    for dx, w, light in ((-0.45, 0.42, 0.85), (0.4, 0.45, 0.95), (0, 0.5, 1.05)):
        _polygon(pen, blob([x + dx * r, y - 0.3 * r], w * r, 0.36 * r, 16), _shade((88, 132, 66), light + 0.2 * turn))


def _tuft(pen, base, r, turn) -> None:
    x, y = base
    for lean in np.linspace(-0.4, 0.4, 6):
        _polygon(pen, [[x + 0.3 * lean * r - 2, y], [x + 0.3 * lean * r + 2, y], [x + (lean + 0.2 * (turn - 0.5)) * r, y - 0.6 * r]], (176, 146, 74))


def _flower(pen, base, r, turn) -> None:
    x, y = base
    colour = ((236, 92, 92), (250, 214, 84), (250, 250, 250), (196, 120, 214))[int(4 * turn)]
    for dx, dy in ((0, 0), (0.55, 0.2), (-0.5, 0.32), (0.2, 0.5)):
        at = np.array([x + dx * r, y + dy * r])
        pen.line([*at, at[0], at[1] + 0.3 * r], fill=(70, 130, 56), width=2)
        _polygon(pen, blob(at, 0.15 * r, 0.13 * r, 10), colour)
        _polygon(pen, blob(at, 0.05 * r, 0.045 * r, 8), (240, 190, 60))


def _cactus(pen, base, r, turn) -> None:
    x, y = base
    side = 1 if turn < 0.5 else -1
    for points, w in (([[x, y], [x, y - 1.7 * r]], 0.17), ([[x, y - 0.7 * r], [x + side * 0.5 * r, y - 0.75 * r], [x + side * 0.52 * r, y - 1.3 * r]], 0.11),
                      ([[x, y - 0.95 * r], [x - side * 0.42 * r, y - 1.0 * r], [x - side * 0.44 * r, y - 1.45 * r]], 0.10)):
        _polygon(pen, limb(points, [w * r] * len(points)).outline(), (92, 138, 88))
    _polygon(pen, limb([[x - 0.06 * r, y - 0.1 * r], [x - 0.06 * r, y - 1.6 * r]], [0.03 * r] * 2).outline(), (124, 168, 112))


def _palm(pen, base, r, turn) -> None:
    x, y = base
    lean = 0.6 * (turn - 0.5) * r
    top = np.array([x + lean, y - 2.0 * r])
    _polygon(pen, limb([[x, y], [x + 0.3 * lean, y - r], top], [0.12 * r, 0.08 * r, 0.07 * r]).outline(), (150, 116, 80))
    angle = np.deg2rad([10, 50, 95, 140, 175, 215, 325])
    tip = top + r * np.column_stack([0.95 * np.cos(angle), -0.45 * np.sin(angle) + 0.25])
    middle = 0.5 * (top + tip) + [0, -0.3 * r]
    leaves = limbs(np.stack([np.full((7, 2), top), middle, tip]), [0.05 * r, 0.11 * r, 0.02 * r])
    for i, leaf in enumerate(leaves):
        _polygon(pen, leaf.outline(), (74, 142, 84) if i < 3 else (92, 158, 92))


def _rock(pen, base, r, turn) -> None:
    x, y = base
    _polygon(pen, blob([x, y - 0.1 * r], 0.5 * r, 0.3 * r, 9), (150, 134, 118))
    _polygon(pen, blob([x - 0.08 * r, y - 0.2 * r], 0.32 * r, 0.16 * r, 8), (176, 160, 142))


def _mound(pen, base, r, turn) -> None:
    _polygon(pen, blob(base, 1.3 * r, 0.32 * r, 24), (246, 250, 255))


def _shell(pen, base, r, turn) -> None:
    at = base + np.array([0, r])
    _polygon(pen, blob(at, 0.16 * r, 0.12 * r, 7), (250, 214 - 60 * turn, 196))


_PROPS = {
    "acacia": _acacia, "oak": _oak, "conifer": _conifer, "snowy conifer": _snowy_conifer, "bush": _bush, "tuft": _tuft, "flower": _flower,
    "cactus": _cactus, "palm": _palm, "rock": _rock, "mound": _mound, "shell": _shell,
}


def cover(place: str, seed: int, amount: float, x: float, feet: float) -> tuple[np.ndarray, np.ndarray]:
    """Blades of grass in front of feet at height `feet` and around `x` (pixels).

    Returns their coverage (SIZE, SIZE) in [0, 1] and colour (3,), both float32. The blades are the same in every place, only their
    colour is the place's.
    """
    draw = stream(seed, "cover")
    colour = np.float32(PLACES[place].grass) * np.float32(0.9 + 0.25 * draw.random())
    canvas = Image.new("L", (SIZE * SCALE, SIZE * SCALE))
    pen = ImageDraw.Draw(canvas)
    for centre, reach, height in draw.random((round(4 * amount), 3)):
        middle = x + (centre - 0.5) * 80
        offset, lean, tall = draw.random((14, 3)).T
        x_root, y_root = middle + (offset - 0.5) * (10 + 14 * reach), np.full(14, feet + 5)
        x_tip = x_root + ((lean - 0.5) * 12 + (offset - 0.5) * 8)
        y_tip = y_root - (8 + 18 * height) * (0.5 + 0.5 * tall) * (0.4 + 0.6 * amount)
        for blade in SCALE * np.column_stack([x_root - 0.9, y_root, x_root + 0.9, y_root, x_tip, y_tip]):
            pen.polygon(blade.tolist(), fill=255)
    window, fine = drawn(canvas)
    return whole(np.asarray(canvas.reduce(SCALE, fine), np.float32) / 255, window), colour
