// The page: what is chosen becomes a picture, an answer and a map. What computes, and what listens to fingers, lives in the other modules.

import { compare } from "./check.js";
import { chips, fill } from "./chips.js";
import * as fingers from "./fingers.js";
import { play } from "./game.js";
import { painted, scaled, signed, strength } from "./heat.js";
import { METHODS, SIDE } from "./methods.js";
import { network } from "./network.js";
import { at, make, page, trouble } from "./page.js";
import * as photos from "./photos.js";
import { draw, fillGrey, normalised, touched } from "./scene.js";
import { fromHash, toHash } from "./state.js";
import { ofScene, percent, plainCoat, SITUATIONS, softmax } from "./words.js";

const SCENE = ["animal", "coat", "place", "colour", "without"];
const ASKED = ["network", "method", "show"];

function choices(animal) {
  const { about } = page;
  return {
    animal: about.shapes, coat: about.coats, place: about.places, colour: about.colours, without: ["", ...about.parts[animal]],
    network: about.networks, method: Object.keys(METHODS), show: ["signed", "strong"], class: ["", ...about.classes],
  };
}

const fromLink = () => {
  const { animal } = fromHash(location.hash, { animal: page.about.shapes });
  return fromHash(location.hash, { ...choices(animal), colour: ["", ...page.about.colours] });
};

/** Set a part of the state, and show it; the link follows. */
function change(changes) {
  const next = { ...page.state, ...changes };
  if (next.animal !== page.state.animal) next.without = "";
  const shown = show(next);
  link();
  return shown;
}

let written = 0;
let waiting = 0;

/** Let the link follow, a few times a second at most: some browsers refuse more. */
function link() {
  clearTimeout(waiting);
  const pause = written + 400 - Date.now();
  if (pause > 0) {
    waiting = setTimeout(link, pause);
    return;
  }
  written = Date.now();
  history.replaceState(null, "", toHash(page.state));
}

function show(state) {
  const other = (keys) => !page.state || keys.some((key) => page.state[key] !== state[key]);
  const [scene, asked] = [other(SCENE), other(ASKED)];
  if (page.state && scene) photos.stop();
  page.state = state;
  const chosen = { ...state, colour: state.colour || page.about.usual[state.animal][state.coat] };
  const group = (name) => chips(name, choices(state.animal)[name], chosen[name], (value) => change({ [name]: value }));
  if (scene) fill("build", ...SCENE.map(group));
  if (asked) fill("ask", ...ASKED.map(group));
  at("class").value = state.class;
  at("overlay").value = state.overlay;
  tell(SITUATIONS.findIndex(({ hash }) => hash === toHash(state)));
  return refresh();
}

/** Mark the situation that is shown, and say what to look at; its words stay while somebody plays with it. */
function tell(number) {
  [...at("situations").querySelectorAll("a")].forEach((link, i) => { link.ariaCurrent = String(i === number); });
  if (number < 0) return;
  at("situations").scrollLeft = at("situations").children[number].offsetLeft - 40; // on a phone they are a row to be pushed
  const next = SITUATIONS[number + 1];
  at("situation").replaceChildren(SITUATIONS[number].text, ...(next ? [" ", make("a", { href: next.hash, textContent: `Next: ${next.title}` })] : []));
}

// Answering: the newest wish counts, and a map that takes long stops when there is another.

class Outdated extends Error {}
let run = 0;

async function refresh() {
  const mine = ++run;
  const current = () => { if (mine !== run) throw new Outdated(); };
  try {
    await picture();
    current();
    const asked = network(page.state.network, page.about);
    const method = METHODS[page.state.method];
    answer(await asked.answer(page.x));
    current();
    at("progress").hidden = Boolean(method.live);
    page.map = await method.run(asked, page.x, page.target, async (share) => {
      at("progress").value = share;
      await new Promise((done) => setTimeout(done));
      current();
    });
    current();
    at("progress").hidden = true;
    at("map-title").textContent = `${method.title}: why ${page.about.classes[page.target]}?`;
    paint();
    await compare(change);
    document.body.dataset.ready = String(mine);
  } catch (error) {
    if (!(error instanceof Outdated)) trouble(error);
  }
}

async function picture() {
  const { state, about } = page;
  const pen = page.photo ?? await draw(state, about);
  if (!page.photo && state.touch) await touched(pen, state, about);
  const shown = at("picture").getContext("2d", { willReadFrequently: true });
  shown.drawImage(pen.canvas, 0, 0);
  if (page.window) {
    const side = 8 * Number(at("radius").value);
    fillGrey(shown, about, page.window.x - side / 2, page.window.y - side / 2, side);
  }
  page.pixels = shown.getImageData(0, 0, SIDE, SIDE).data;
  page.x = normalised(page.pixels, about.mean, about.std);
  const words = page.photo ? "Your own photo." : ofScene(state, about);
  at("picture").ariaLabel = page.tool ? `${words} Arrows move the tool, Space uses it.` : words;
}

function answer(logits) {
  const found = softmax(logits);
  const best = found.indexOf(Math.max(...found));
  page.target = page.state.class ? page.about.classes.indexOf(page.state.class) : best;
  at("says").replaceChildren("It says ", make("strong", { textContent: page.about.classes[best] }), `, ${percent(found[best])}.`);
  at("bars").replaceChildren(...page.about.classes.map((name, i) => {
    const length = make("span");
    length.style.setProperty("--share", found[i]);
    return make("li", { className: i === best ? "first" : "" }, make("span", { textContent: name }), make("span", { className: "bar" }, length),
      make("span", { className: "value", textContent: percent(found[i]) }));
  }));
}

/** Draw the map that was computed as it shall be shown. */
function paint() {
  if (!page.map) return;
  const isSigned = page.state.show === "signed";
  const values = scaled(isSigned ? signed(page.map) : strength(page.map, METHODS[page.state.method].reduce));
  const colours = painted(values, page.about.palettes[isSigned ? "signed" : "heat"], isSigned, page.pixels, page.state.overlay / 100);
  at("map").getContext("2d").putImageData(new ImageData(colours, SIDE, SIDE), 0, 0);
}

// Starting

function prepare() {
  at("situations").replaceChildren(...SITUATIONS.map(({ title, hash }) => make("li", {}, make("a", { href: hash, textContent: title }))));
  at("class").replaceChildren(new Option("its own answer", ""), ...page.about.classes.map((name) => new Option(name, name)));
  at("class").addEventListener("change", () => change({ class: at("class").value }));
  at("overlay").addEventListener("input", () => {
    page.state.overlay = Number(at("overlay").value);
    link();
    paint();
  });
  const brushes = Object.fromEntries(page.about.coats.map((coat, i) => [`c${i}`, `brush: ${plainCoat(coat)}`]));
  fill("tools", chips("tool", { "": "none", window: "grey window", e: "eraser", g: "grey brush", ...brushes }, "", (tool) => {
    page.tool = tool;
    page.window = null;
    at("picture").classList.toggle("tool", Boolean(tool));
    refresh();
  }));
  at("radius").addEventListener("input", () => page.window && refresh());
  at("undo").addEventListener("click", () => { page.window = null; photos.stop(); change({ touch: "" }); });
  at("copy").addEventListener("click", copy);
  at("play").addEventListener("click", () => play(page, METHODS[page.state.method]).catch(trouble));
  addEventListener("hashchange", () => { photos.stop(); show(fromLink()); });
  fingers.listen(change, refresh);
  photos.listen(refresh);
}

async function copy() {
  try {
    await navigator.clipboard.writeText(location.href);
    at("copied").textContent = "Copied.";
  } catch {
    at("copied").textContent = `Copy it from here: ${location.href}`;
  }
}

try {
  page.about = await (await fetch(new URL("studio.json", import.meta.url))).json();
  prepare();
  await show(fromLink());
} catch (error) {
  trouble(error);
}
