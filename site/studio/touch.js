// What a finger did to the picture: dabs on a grid of 32 × 32 places, kept as text, so that a link can hold them.
//
// "e" rubs out down to the empty place; "c0" to "c5" puts on the coat of that number; "g" covers with grey.
// A stroke is the tool, the radius and its places: "e2:8g9g", with x and y as digits to the base of 32.

export const GRID = 32;

/** The text with one more dab. A dab where the last one was adds nothing. */
export function withDab(text, tool, radius, x, y) {
  const place = digit(x) + digit(y);
  const head = `${tool}${radius}:`;
  const last = text.slice(text.lastIndexOf(".") + 1);
  if (!last.startsWith(head)) return text ? `${text}.${head}${place}` : head + place;
  return last.endsWith(place) && (last.length - head.length) % 2 === 0 ? text : text + place;
}

/** The dabs of a text, in order: {tool, radius, x, y}. What cannot be read is left out. */
export function dabs(text) {
  const found = [];
  for (const stroke of text.split(".")) {
    const [, tool, radius, places] = /^(e|g|c[0-5])([1-9]):((?:[0-9a-v]{2})+)$/.exec(stroke) ?? [];
    for (let i = 0; places && i < places.length; i += 2) {
      found.push({ tool, radius: Number(radius), x: parseInt(places[i], GRID), y: parseInt(places[i + 1], GRID) });
    }
  }
  return found;
}

function digit(value) {
  return Math.min(GRID - 1, Math.max(0, Math.round(value))).toString(GRID);
}
