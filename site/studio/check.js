// The check: what the map says that each region is worth, beside what it is worth.

import { signed } from "./heat.js";
import { METHODS } from "./methods.js";
import { at, make, page } from "./page.js";
import { masks } from "./scene.js";
import { said, shares, verdict } from "./truth.js";
import { NOTES, ofMap, signedNumber } from "./words.js";

/** Compare the page's map with the stored truth, or say why there is none. change: what sets a part of the state. */
export async function compare(change) {
  const { state, about } = page;
  const region = [...about.parts[state.animal], "background"];
  const claimed = shares(said(signed(page.map), await masks(state.animal, about)));
  const title = METHODS[state.method].title;
  at("map").ariaLabel = page.photo ? `${title} of your photo for ${about.classes[page.target]}.` : ofMap(title, about.classes[page.target], claimed, region);
  const [why, offer, changes] = missing();
  at("regions").hidden = Boolean(why);
  at("note").textContent = why ? "" : NOTES[state.method] ?? "";
  if (why) return unknown(why, offer, () => change(changes));
  const worth = shares(about.truths[state.network][`${state.animal} ${state.coat} ${state.place}`][page.target]);
  at("verdict").textContent = verdict(claimed, worth, region);
  at("regions").tBodies[0].replaceChildren(...region.map((name, i) => row(name, worth[i], claimed[i], change)));
}

/** Why the truth is not known, and what would make it known: [words, words on the button, changes]; [] where it is known. */
function missing() {
  const { state, about } = page;
  const usual = about.usual[state.animal][state.coat];
  if (page.photo) return ["Of a photo nobody knows the truth: nobody can draw it again without one of its parts."];
  if (page.window || state.touch) return ["You have touched the picture, and the truth is known only for scenes as they were drawn.", "undo all", { touch: "" }];
  if (state.without) return [`Without its ${state.without} this is another picture. See above what the network says now.`, `put the ${state.without} back`, { without: "" }];
  if (state.colour && state.colour !== usual) return [`The truth was computed for this animal in ${usual}, its usual colour.`, `show it in ${usual}`, { colour: "" }];
  return [];
}

function unknown(why, offer, accept) {
  at("verdict").textContent = why;
  if (!offer) return;
  const button = make("button", { type: "button", textContent: offer });
  button.addEventListener("click", () => { page.window = null; accept(); });
  at("verdict").append(" ", button);
}

function row(name, worth, claimed, change) {
  const away = make("button", { type: "button", textContent: name, ariaLabel: `take the ${name} away` });
  away.addEventListener("click", () => { change({ without: name }); at("picture").scrollIntoView({ block: "nearest" }); });
  return make("tr", {}, make("th", { scope: "row" }, name === "background" ? name : away), bar(worth), bar(claimed));
}

function bar(value) {
  const length = make("span", { className: value < 0 ? "against" : "" });
  length.style.setProperty("--value", value);
  const track = make("div", { className: "track", ariaHidden: "true" }, length);
  return make("td", {}, make("div", { className: "worth" }, track, make("span", { className: "number", textContent: `${signedNumber(100 * value, 0)} %` })));
}
