// From a map to a picture, as `attribution.heatmap` and `signed_heatmap` do it: zero stays zero, outliers are cut at the 99 % quantile.

import { SIDE } from "./methods.js";

/** One signed value for each pixel, the sum over colours, enlarged to 128 × 128: a Float32Array. */
export function signed(map) {
  const places = map.side * map.side;
  const total = new Float32Array(places);
  for (let c = 0; c < map.channels; c++) for (let i = 0; i < places; i++) total[i] += map.values[c * places + i];
  return enlarged(total, map.side);
}

/** How strong each pixel is, not negative. reduce: "max_abs", "abs_sum" or "positive". */
export function strength(map, reduce) {
  if (reduce !== "max_abs") return signed(map).map(reduce === "positive" ? (value) => Math.max(0, value) : Math.abs);
  const places = map.side * map.side;
  return enlarged(Float32Array.from({ length: places }, (_, i) => {
    let largest = 0;
    for (let c = 0; c < map.channels; c++) largest = Math.max(largest, Math.abs(map.values[c * places + i]));
    return largest;
  }), map.side);
}

/** Divided by the 99 % quantile of their sizes, and cut at 1; where that is 0, by the largest. */
export function scaled(values) {
  const sizes = values.map(Math.abs).sort();
  const at = 0.99 * (sizes.length - 1);
  const low = Math.floor(at);
  const quantile = sizes[low] + (at - low) * (sizes[Math.min(low + 1, sizes.length - 1)] - sizes[low]);
  const divisor = quantile || sizes.at(-1) || 1;
  return values.map((value) => Math.min(1, Math.max(-1, value / divisor)));
}

/** A square map on 128 × 128 pixels, bilinear, pixels' centres aligned (torch's align_corners=False). */
export function enlarged(values, side) {
  if (side === SIDE) return values;
  const at = Array.from({ length: SIDE }, (_, i) => Math.min(side - 1, Math.max(0, (i + 0.5) * side / SIDE - 0.5)));
  const found = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    const [top, dy] = [Math.floor(at[y]), at[y] % 1];
    const bottom = Math.min(side - 1, top + 1);
    for (let x = 0; x < SIDE; x++) {
      const [left, dx] = [Math.floor(at[x]), at[x] % 1];
      const right = Math.min(side - 1, left + 1);
      const above = values[top * side + left] * (1 - dx) + values[top * side + right] * dx;
      const below = values[bottom * side + left] * (1 - dx) + values[bottom * side + right] * dx;
      found[y * SIDE + x] = above * (1 - dy) + below * dy;
    }
  }
  return found;
}

/** Pixels (RGBA) of values in [−1, 1] or [0, 1], laid over a picture's pixels. palette: 256 colours as hexadecimal text; share: of the map. */
export function painted(values, palette, isSigned, picture, share) {
  const colours = Uint8Array.from(palette.match(/../g), (digits) => parseInt(digits, 16));
  const found = new Uint8ClampedArray(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const at = 3 * Math.round(255 * (isSigned ? (values[i] + 1) / 2 : values[i]));
    for (let c = 0; c < 3; c++) found[4 * i + c] = share * colours[at + c] + (1 - share) * picture[4 * i + c];
    found[4 * i + 3] = 255;
  }
  return found;
}
