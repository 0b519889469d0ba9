// The game: three maps of one picture, and one of the networks knows nothing.

import { painted, scaled, signed, strength } from "./heat.js";
import { SIDE } from "./methods.js";
import { network } from "./network.js";
import { shuffle } from "./random.js";

const SEEDS = 5; // scrambled networks that there are: each is a session in memory
let rounds = 0;
let right = 0;

/** Deal three maps of the page's picture by a method, and wait for an answer. */
export async function play(page, method) {
  const names = shuffle([...page.about.networks.slice(0, 2), "scrambled"], Math.random);
  const result = document.getElementById("result");
  const cards = document.getElementById("cards");
  result.textContent = "Computing three maps …";
  cards.hidden = false;
  cards.replaceChildren();
  const seed = rounds % SEEDS;
  for (const [number, name] of names.entries()) {
    const asked = name === "scrambled" ? network("robust", page.about, seed) : network(name, page.about);
    const map = await method.run(asked, page.x, page.target, () => new Promise((done) => setTimeout(done)));
    cards.append(card(number, name, map, page, method));
  }
  result.textContent = "Choose one.";
}

function card(number, name, map, page, method) {
  const button = Object.assign(document.createElement("button"), { type: "button", ariaLabel: `map ${number + 1}` });
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const isSigned = page.state.show === "signed";
  const values = scaled(isSigned ? signed(map) : strength(map, method.reduce));
  canvas.getContext("2d").putImageData(new ImageData(painted(values, page.about.palettes[isSigned ? "signed" : "heat"], isSigned, page.pixels, 1), SIDE, SIDE), 0, 0);
  button.append(canvas, Object.assign(document.createElement("span"), { textContent: `map ${number + 1}` }));
  button.dataset.network = name;
  button.addEventListener("click", () => reveal(button));
  return button;
}

function reveal(chosen) {
  const all = [...chosen.parentElement.children];
  if (all.some((button) => button.disabled)) return;
  for (const button of all) {
    button.disabled = true;
    button.classList.toggle("right", button.dataset.network === "scrambled");
    button.lastChild.textContent = button.dataset.network === "scrambled" ? "knows nothing" : `the ${button.dataset.network} network`;
  }
  rounds += 1;
  const found = chosen.dataset.network === "scrambled";
  if (found) right += 1;
  const why = found ? "Right: that network has learnt nothing." : `No: that was the ${chosen.dataset.network} network, which has learnt the animals.`;
  document.getElementById("result").textContent = `${why} ${right} of ${rounds} so far; one in three would be chance. If the maps look alike, what do they show?`;
}
