import assert from "node:assert/strict";
import test from "node:test";

import "../static/tables.js";

const { number, score, compare, holds } = globalThis.courseTables;

test("numbers are read as people write them", () => {
  assert.equal(number(" −0.35 [−0.37, −0.32]"), -0.35);
  assert.equal(number("10 + 10"), 10);
  assert.equal(number("Grad-CAM"), null);
  assert.deepEqual(score("−0.35 [−0.37, 0.32]"), { mean: -0.35, low: -0.37, high: 0.32 });
  assert.equal(score("0.95, 10%"), null);
});

test("numbers by size, words by the alphabet, numbers first", () => {
  assert.deepEqual(["0.4", "−0.2", "CAM", "0.1", "AM"].sort(compare), ["−0.2", "0.1", "0.4", "AM", "CAM"]);
});

test("a filter looks for all its words", () => {
  assert.ok(holds("Integrated Gradients 0.55", "grad 0.5"));
  assert.ok(!holds("Integrated Gradients 0.55", "grad cam"));
  assert.ok(holds("anything", ""));
});
