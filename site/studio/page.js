// What all parts of the page share: the elements by their names, what is chosen, and what was computed last.

export const at = (id) => document.getElementById(id);

export const page = {
  state: null, // what the link says, see state.js
  about: null, // studio.json
  tool: "", window: null, // in the hand; where the grey window stands, in pixels
  photo: null, // a canvas instead of the scene
  pixels: null, x: null, // the picture, as bytes and as a network takes it
  target: 0, map: null, // the class that is explained, and its map
};

/** An element with properties and children. */
export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function trouble(error) {
  at("trouble").textContent = `Something went wrong: ${error.message}`;
  at("trouble").hidden = false;
}
