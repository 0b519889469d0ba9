import assert from "node:assert/strict";
import test from "node:test";

import { METHODS, SIDE, STEPS } from "../studio/methods.js";
import { normal, shuffle, uniform } from "../studio/random.js";
import { half, unpack } from "../studio/weights.js";

test("numbers of 16 bits", () => {
  assert.deepEqual([0x3c00, 0xc000, 0x3555, 0x0001, 0x8000, 0x7bff].map(half), [1, -2, 0.333251953125, 2 ** -24, -0, 65504]);
});

function file(layers) {
  const view = new DataView(new ArrayBuffer(layers.reduce((n, { halves, scale, bias }) => n + 2 * halves.length + 4 * (scale.length + bias.length), 0)));
  let at = 0;
  for (const { halves, scale, bias } of layers) {
    for (const bits of halves) { view.setUint16(at, bits, true); at += 2; }
    for (const value of [...scale, ...bias]) { view.setFloat32(at, value, true); at += 4; }
  }
  return view.buffer;
}

const FILE = file([{ halves: [0x3c00, 0x4000, 0x4200, 0x4400], scale: [2, 10], bias: [0.5, -0.5] }, { halves: [0xbc00], scale: [1], bias: [7] }]);
const LAYERS = [{ shape: [2, 2, 1, 1] }, { shape: [1, 1] }];

test("weights are multiplied by their channel's scale, biases follow", () => {
  assert.deepEqual([...unpack(FILE, LAYERS)], [2, 4, 30, 40, 0.5, -0.5, -1, 7]);
  assert.throws(() => unpack(FILE, LAYERS.slice(1)), /expected 10 bytes of weights, got 42|expected/);
});

test("a scrambled network has the same weights in another order, layer by layer, and the same each time", () => {
  const found = [...unpack(FILE, LAYERS, 3)];
  assert.deepEqual(found.slice(0, 4).sort((a, b) => a - b), [2, 4, 30, 40]);
  assert.deepEqual(found.slice(4), [0.5, -0.5, -1, 7]);
  assert.deepEqual(found, [...unpack(FILE, LAYERS, 3)]);
  assert.ok([1, 2, 3, 4].some((seed) => unpack(FILE, LAYERS, seed)[0] !== 2));
});

test("chance has the moments it should have", () => {
  const draw = normal(1);
  const values = Array.from({ length: 20000 }, draw);
  const mean = values.reduce((a, b) => a + b) / values.length;
  assert.ok(Math.abs(mean) < 0.03);
  assert.ok(Math.abs(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length - 1) < 0.04);
  const counts = [0, 0, 0];
  const draws = uniform(5);
  for (let i = 0; i < 3000; i++) counts[shuffle([0, 1, 2], draws)[0]]++;
  assert.ok(counts.every((count) => count > 900));
});

// A network that is a sum of weighted squares of the pixels: everything about it is known.
const WEIGHTS = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => Math.sin(i));
const X = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => Math.cos(0.7 * i));
const squares = {
  answer: async (x) => [0, x.reduce((sum, value, i) => sum + WEIGHTS[i] * value * value, 0)],
  explain: async (x) => ({ gradient: x.map((value, i) => 2 * WEIGHTS[i] * value), cam: Float32Array.from([-8, 4, 2, 0]) }),
};
const run = (name) => METHODS[name].run(squares, X, 1, async () => {});
const near = (a, b, tolerance) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("gradient, and gradient times input", async () => {
  assert.equal((await run("gradient")).values[5], Math.fround(2 * WEIGHTS[5] * X[5]));
  near((await run("gradient_x_input")).values[5], 2 * WEIGHTS[5] * X[5] ** 2, 1e-6);
});

test("integrated gradients are exact for squares, and add up to the answer", async () => {
  const { values } = await run("integrated_gradients");
  near(values[5], WEIGHTS[5] * X[5] ** 2, 1e-6);
  near(values.reduce((a, b) => a + b, 0), (await squares.answer(X))[1], 1e-2);
});

test("smoothgrad is the gradient's mean, with noise that shrinks with the samples", async () => {
  const { values } = await run("smoothgrad");
  let [bias, spread] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(WEIGHTS[i]) < 0.1) continue;
    const noise = values[i] / (2 * WEIGHTS[i]) - X[i];
    bias += noise / values.length;
    spread += noise ** 2 / values.length;
  }
  near(bias, 0, 0.005);
  near(Math.sqrt(spread), 0.3 / Math.sqrt(STEPS), 0.01);
});

test("Grad-CAM is CAM's positive part, divided by the places", async () => {
  assert.deepEqual([...(await run("cam")).values], [-8, 4, 2, 0]);
  assert.deepEqual([...(await run("grad_cam")).values], [0, 1, 0.5, 0]);
});

test("occlusion is the mean fall over the windows that cover a pixel", async () => {
  const { values } = await run("occlusion");
  const fall = (row, column) => {
    let sum = 0;
    for (let c = 0; c < 3; c++) for (let y = row; y < row + 16; y++) for (let x = column; x < column + 16; x++) {
      const i = c * SIDE * SIDE + y * SIDE + x;
      sum += WEIGHTS[i] * X[i] ** 2;
    }
    return sum;
  };
  near(values[0], fall(0, 0), 2e-3); // one window covers the corner
  near(values[9 * SIDE + 20], (fall(0, 8) + fall(0, 16) + fall(8, 8) + fall(8, 16)) / 4, 2e-3);
});

test("a pause that throws stops a method", async () => {
  await assert.rejects(METHODS.integrated_gradients.run(squares, X, 1, async (share) => { if (share > 0.3) throw new Error("stopped"); }), /stopped/);
});
