// The picture: a place, an animal's layer over it, and what a finger did.

import { SIDE } from "./methods.js";
import { dabs, GRID } from "./touch.js";

const images = new Map(); // address → promise of an image

/** A picture file beside this page, decoded. */
export function image(name) {
  if (!images.has(name)) {
    const loaded = new Image();
    loaded.src = new URL(name, import.meta.url).href;
    images.set(name, loaded.decode().then(() => loaded));
  }
  return images.get(name);
}

/** A canvas of the pictures' size, and its pen. */
export function canvas() {
  const made = document.createElement("canvas");
  made.width = made.height = SIDE;
  return made.getContext("2d", { willReadFrequently: true });
}

/** The scene of a state on a fresh canvas; `coat` instead of the state's own, "" for nobody. */
export async function draw(state, about, coat = state.coat) {
  const pen = canvas();
  pen.drawImage(await image("places.webp"), -SIDE * about.places.indexOf(state.place), 0);
  if (coat) {
    const colour = about.colours.indexOf(state.colour || about.usual[state.animal][state.coat]);
    const part = about.parts[state.animal].indexOf(state.without) + 1;
    pen.drawImage(await image(`animals/${state.animal}-${coat}.webp`), -SIDE * part, -SIDE * colour);
  }
  return pen;
}

/** Lay the dabs of `state.touch` over the picture: each shows, in its circle, what its tool stands for. */
export async function touched(pen, state, about) {
  const behind = new Map();
  for (const { tool, radius, x, y } of dabs(state.touch)) {
    if (!behind.has(tool)) behind.set(tool, await under(tool, state, about));
    const source = behind.get(tool);
    pen.save();
    pen.beginPath();
    pen.arc((x + 0.5) * SIDE / GRID, (y + 0.5) * SIDE / GRID, radius * SIDE / GRID, 0, 2 * Math.PI);
    pen.clip();
    if (source) pen.drawImage(source.canvas, 0, 0);
    else fillGrey(pen, about, 0, 0, SIDE);
    pen.restore();
  }
}

const under = async (tool, state, about) => (tool === "g" ? null : draw(state, about, tool === "e" ? "" : about.coats[Number(tool[1])]));

/** The mean colour of all pictures: what the networks take for nothing. */
export function fillGrey(pen, about, x, y, side) {
  pen.fillStyle = `rgb(${about.mean.map((value) => Math.round(255 * value)).join(" ")})`;
  pen.fillRect(x, y, side, side);
}

/** Pixels as a network takes them: (3 · 128 · 128), (value / 255 − mean) / std. */
export function normalised(pixels, mean, std) {
  const places = pixels.length / 4;
  const x = new Float32Array(3 * places);
  for (let c = 0; c < 3; c++) for (let i = 0; i < places; i++) x[c * places + i] = (pixels[4 * i + c] / 255 - mean[c]) / std[c];
  return x;
}

/** The middle square of a photo, on a canvas of its own. source: an image or a video. */
export function photo(source) {
  const [width, height] = [source.videoWidth || source.naturalWidth, source.videoHeight || source.naturalHeight];
  const side = Math.min(width, height);
  const pen = canvas();
  pen.imageSmoothingQuality = "high";
  pen.drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  return pen;
}

/** The masks of the five parts of an animal: arrays of shares in [0, 1]. */
export async function masks(animal, about) {
  const sheet = await image("regions.webp");
  const row = about.shapes.indexOf(animal);
  return about.parts[animal].map((_, column) => {
    const pen = canvas();
    pen.drawImage(sheet, -SIDE * column, -SIDE * row);
    return Float32Array.from({ length: SIDE * SIDE }, ((pixels) => (_, i) => pixels[4 * i] / 255)(pen.getImageData(0, 0, SIDE, SIDE).data));
  });
}
