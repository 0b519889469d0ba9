// Tools on the picture: a finger, a mouse, or the keyboard.

import { SIDE } from "./methods.js";
import { at, page } from "./page.js";
import { GRID, withDab } from "./touch.js";

const CELL = SIDE / GRID;
const cursor = { x: 16, y: 16 }; // of the keyboard, on the grid

/** Listen to the picture. change: sets a part of the state; refresh: asks the network again. */
export function listen(change, refresh) {
  const picture = at("picture");
  const use = (spot) => {
    if (page.tool === "window") {
      page.window = spot;
      refresh();
    } else if (page.tool && !page.photo) {
      change({ touch: withDab(page.state.touch, page.tool, Number(at("radius").value), spot.x / CELL - 0.5, spot.y / CELL - 0.5) });
    }
  };
  picture.addEventListener("pointerdown", (event) => {
    if (!page.tool) return;
    picture.setPointerCapture(event.pointerId);
    use(spotOf(event, picture));
  });
  picture.addEventListener("pointermove", (event) => { if (event.buttons || page.tool === "window") use(spotOf(event, picture)); });
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!page.tool || (!step && event.key !== " ")) return;
    event.preventDefault();
    const [dx, dy] = step ?? [0, 0];
    cursor.x = Math.min(GRID - 1, Math.max(0, cursor.x + dx));
    cursor.y = Math.min(GRID - 1, Math.max(0, cursor.y + dy));
    const spot = { x: (cursor.x + 0.5) * CELL, y: (cursor.y + 0.5) * CELL };
    if (page.tool === "window" || !step) use(spot);
    else ring(spot, picture);
  });
}

function spotOf(event, picture) {
  const box = picture.getBoundingClientRect();
  return { x: SIDE * (event.clientX - box.left) / box.width, y: SIDE * (event.clientY - box.top) / box.height };
}

/** Where the keyboard's tool stands. */
function ring({ x, y }, picture) {
  const pen = picture.getContext("2d");
  pen.putImageData(new ImageData(new Uint8ClampedArray(page.pixels), SIDE, SIDE), 0, 0);
  pen.strokeStyle = "#d55e00";
  pen.beginPath();
  pen.arc(x, y, CELL * Number(at("radius").value), 0, 2 * Math.PI);
  pen.stroke();
}
