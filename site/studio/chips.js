// Radio buttons that look like chips: one group for each thing that can be chosen.

import { METHODS } from "./methods.js";
import { at, make } from "./page.js";

const TITLES = {
  without: "leave out", "": "nothing", signed: "for (red) and against (blue)", strong: "how strong",
  ...Object.fromEntries(Object.entries(METHODS).map(([name, { title }]) => [name, title])),
};

/** A group of radio buttons. values: what can be chosen, or an object of what can be chosen and its title. */
export function chips(name, values, chosen, choose) {
  const titles = Array.isArray(values) ? Object.fromEntries(values.map((value) => [value, TITLES[value] ?? value])) : values;
  const labels = Object.entries(titles).map(([value, title]) => {
    const input = make("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => choose(value));
    return make("label", {}, input, make("span", { textContent: title }));
  });
  return make("fieldset", {}, make("legend", { textContent: TITLES[name] ?? name }), make("div", { className: "chips" }, ...labels));
}

/** Put groups into an element; who was at one of their buttons stays there. */
export function fill(id, ...groups) {
  const focused = at(id).contains(document.activeElement) && document.activeElement;
  at(id).replaceChildren(...groups);
  if (focused) at(id).querySelector(`input[name="${focused.name}"][value="${focused.value}"]`)?.focus();
}
