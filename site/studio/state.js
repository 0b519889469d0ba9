// What somebody chose, as an object and as the part of a link behind the #: whoever gets the link sees the same.

export const DEFAULTS = {
  animal: "horse", coat: "stripes", colour: "", place: "savanna", without: "",
  network: "robust", method: "integrated_gradients", class: "", show: "signed", overlay: 70, touch: "",
};

const NUMBERS = new Set(["overlay"]);

/** The link's part for a state: only what differs from the defaults. */
export function toHash(state) {
  const parts = Object.keys(DEFAULTS).filter((key) => String(state[key]) !== String(DEFAULTS[key]))
    .map((key) => `${key}=${encodeURIComponent(state[key])}`);
  return parts.length ? `#${parts.join("&")}` : "#";
}

/** The state that a link describes. `allowed` lists what each name may be; anything else falls back to the default. */
export function fromHash(hash, allowed) {
  const state = { ...DEFAULTS };
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(DEFAULTS, key)) continue;
    if (NUMBERS.has(key)) {
      const number = Number(value);
      if (Number.isFinite(number)) state[key] = Math.min(100, Math.max(0, number));
    } else if (!allowed[key] || allowed[key].includes(value)) {
      state[key] = value;
    }
  }
  return state;
}
