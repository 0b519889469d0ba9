import assert from "node:assert/strict";
import test from "node:test";

import { enlarged, painted, scaled, signed, strength } from "../studio/heat.js";
import { SIDE } from "../studio/methods.js";
import { rankCorrelation, ranks, said, shares, verdict } from "../studio/truth.js";

const pixels = (...first) => Float32Array.from({ length: SIDE * SIDE }, (_, i) => first[i] ?? 0);
const colours = (r, g, b) => ({ values: Float32Array.from([...pixels(r), ...pixels(g), ...pixels(b)]), channels: 3, side: SIDE });

test("how three colours become one value", () => {
  const map = colours(-3, 1, 1);
  assert.equal(signed(map)[0], -1);
  assert.equal(strength(map, "max_abs")[0], 3);
  assert.equal(strength(map, "abs_sum")[0], 1);
  assert.equal(strength(map, "positive")[0], 0);
});

test("enlarging keeps a constant, and runs straight between two places", () => {
  assert.ok(enlarged(Float32Array.from([2, 2, 2, 2]), 2).every((value) => Math.abs(value - 2) < 1e-6));
  const ramp = enlarged(Float32Array.from([0, 1, 0, 1]), 2);
  assert.equal(ramp[0], 0);
  assert.equal(ramp[SIDE - 1], 1);
  assert.ok(Math.abs(ramp[SIDE / 2] - ramp[SIDE / 2 - 1] - 2 / SIDE) < 1e-6);
});

test("scaling keeps zero and signs, and cuts outliers", () => {
  const values = pixels(...Array.from({ length: 2000 }, (_, i) => (i % 2 ? 1 : -1)), 50);
  const found = scaled(values);
  assert.equal(found[0], -1);
  assert.equal(found[1], 1);
  assert.equal(found[2000], 1);
  assert.equal(found.at(-1), 0);
  const ramp = scaled(Float32Array.from({ length: SIDE * SIDE }, (_, i) => i / (SIDE * SIDE - 1)));
  assert.ok(Math.abs(ramp[8191] - 0.5 / 0.99) < 1e-3);
  assert.equal(scaled(pixels(5))[0], 1); // nearly all zero: the largest
  assert.ok(scaled(pixels()).every((value) => value === 0));
});

test("a map is painted with its palette over the picture", () => {
  const palette = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0").repeat(3)).join("");
  const picture = new Uint8ClampedArray([100, 100, 100, 255]);
  assert.deepEqual([...painted([1], palette, false, picture, 1)], [255, 255, 255, 255]);
  assert.deepEqual([...painted([-1], palette, true, picture, 0.5)], [50, 50, 50, 255]);
  assert.deepEqual([...painted([0], palette, true, picture, 0)], [100, 100, 100, 255]);
});

test("what a map says of the parts, and of the rest", () => {
  assert.deepEqual(said(pixels(1, 2, 4), [pixels(1), pixels(0, 0.5)]), [1, 1, 5]);
  assert.deepEqual(shares([1, -3]), [0.25, -0.75]);
  assert.deepEqual(shares([0, 0]), [0, 0]);
});

test("Spearman's rank correlation", () => {
  assert.deepEqual(ranks([5, 1, 5]), [1.5, 0, 1.5]);
  assert.equal(rankCorrelation([1, 2, 3], [10, 20, 99]), 1);
  assert.equal(rankCorrelation([1, 2, 3], [3, 2, 1]), -1);
  assert.equal(rankCorrelation([1, 2, 3], [7, 7, 7]), 0);
  assert.ok(Math.abs(rankCorrelation([1, 2, 3, 4], [1, 3, 2, 4]) - 0.8) < 1e-12);
});

test("the verdict says who is most important, and how the order is", () => {
  const names = ["legs", "head", "background"];
  assert.match(verdict([1, 2, 3], [1, 2, 3], names), /right that the background speaks most.*much as the truth.* 1\.00/);
  assert.match(verdict([3, 2, 1], [1, 2, 3], names), /By the map the legs speak most.*In truth the background does.*wrong way round.*−1\.00/);
});
