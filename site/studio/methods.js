// The methods of the course that live in the page. Each gives a map {values, channels, side}, signed, and asks a network for what it needs:
//
//     ask.explain(x, target)  →  {logits, gradient, cam}     one pass forward and one back
//     ask.answer(x)           →  logits                      one pass forward
//
// x is a picture (3 · 128 · 128 numbers), normalised: 0 is the mean colour. `pause(share)` is awaited between passes, and says how far we are;
// it may throw to stop.

import { normal } from "./random.js";

export const SIDE = 128;
export const STEPS = 16; // of SmoothGrad and Integrated Gradients
export const WINDOW = 16; // of occlusion, in pixels; it moves by half of that

export const METHODS = {
  gradient: { title: "Gradient", reduce: "max_abs", live: true, run: gradient },
  gradient_x_input: { title: "Gradient × Input", reduce: "abs_sum", live: true, run: gradientTimesInput },
  smoothgrad: { title: "SmoothGrad", reduce: "max_abs", run: smoothGrad },
  integrated_gradients: { title: "Integrated Gradients", reduce: "abs_sum", run: integratedGradients },
  cam: { title: "CAM", reduce: "positive", live: true, run: cam },
  grad_cam: { title: "Grad-CAM", reduce: "positive", live: true, run: gradCam },
  occlusion: { title: "Occlusion", reduce: "positive", run: occlusion },
};

const ofPixels = (values) => ({ values, channels: 3, side: SIDE });

async function gradient(ask, x, target) {
  return ofPixels((await ask.explain(x, target)).gradient);
}

async function gradientTimesInput(ask, x, target) {
  return ofPixels((await ask.explain(x, target)).gradient.map((value, i) => value * x[i]));
}

async function smoothGrad(ask, x, target, pause) {
  const draw = normal(0);
  const [low, high] = x.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  return mean(ask, target, pause, () => x.map((value) => value + 0.15 * (high - low) * draw()));
}

async function integratedGradients(ask, x, target, pause) {
  const found = await mean(ask, target, pause, (step) => x.map((value) => value * (step + 0.5) / STEPS));
  return ofPixels(found.values.map((value, i) => value * x[i]));
}

/** The mean of the gradients at STEPS points. */
async function mean(ask, target, pause, point) {
  const total = new Float64Array(3 * SIDE * SIDE);
  for (let step = 0; step < STEPS; step++) {
    await pause(step / STEPS);
    const { gradient: found } = await ask.explain(point(step), target);
    for (let i = 0; i < total.length; i++) total[i] += found[i] / STEPS;
  }
  return ofPixels(Float32Array.from(total));
}

async function cam(ask, x, target) {
  const { cam: found } = await ask.explain(x, target);
  return { values: found, channels: 1, side: Math.sqrt(found.length) };
}

/** In this network Grad-CAM is CAM divided by the number of places, without what speaks against. */
async function gradCam(ask, x, target) {
  const found = await cam(ask, x, target);
  return { ...found, values: found.values.map((value) => Math.max(0, value) / found.values.length) };
}

async function occlusion(ask, x, target, pause) {
  const whole = (await ask.answer(x))[target];
  const fall = new Float32Array(SIDE * SIDE);
  const covers = new Float32Array(SIDE * SIDE);
  const spots = [];
  for (let row = 0; row <= SIDE - WINDOW; row += WINDOW / 2) for (let column = 0; column <= SIDE - WINDOW; column += WINDOW / 2) spots.push([row, column]);
  for (const [number, [row, column]] of spots.entries()) {
    if (number % 8 === 0) await pause(number / spots.length);
    const copy = x.slice();
    square(row, column, (pixel) => { for (let c = 0; c < 3; c++) copy[c * SIDE * SIDE + pixel] = 0; });
    const lost = whole - (await ask.answer(copy))[target];
    square(row, column, (pixel) => { fall[pixel] += lost; covers[pixel] += 1; });
  }
  return { values: fall.map((value, i) => value / covers[i]), channels: 1, side: SIDE };
}

function square(row, column, visit) {
  for (let y = row; y < row + WINDOW; y++) for (let x = column; x < column + WINDOW; x++) visit(y * SIDE + x);
}
