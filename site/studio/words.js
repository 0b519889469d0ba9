// What the page says: of a scene, an answer, a map. No words here need a picture to be understood.

const IN = { savanna: "on the savanna", forest: "in the forest", snow: "in the snow", meadow: "on a meadow", desert: "in the desert", beach: "on the beach", room: "in a room" };
const COATS = { plain: "plain", stripes: "striped", spots: "spotted", patches: "patched", blotches: "blotched", saddle: "saddled" };

export const plainCoat = (coat) => COATS[coat];

export const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)} %`;
export const signedNumber = (value, digits = 1) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

/** "A white striped horse in the snow, without its head (a zebra)." */
export function ofScene(state, about) {
  const colour = state.colour || about.usual[state.animal][state.coat];
  const name = about.names[state.animal][state.coat];
  const without = state.without ? `, without its ${state.without}` : "";
  const called = name && name !== state.animal ? ` (a ${name})` : name ? "" : " (no class has this name)";
  const touched = state.touch ? " Parts of it were painted over." : "";
  return `A ${colour} ${COATS[state.coat]} ${state.animal} ${IN[state.place]}${without}${called}.${touched}`;
}

/** The shares of the classes: softmax of the logits. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const sizes = Array.from(logits, (value) => Math.exp(value - largest));
  const total = sizes.reduce((a, b) => a + b, 0);
  return sizes.map((value) => value / total);
}

/** "Most of the map lies on the body (48 %), then the background (20 %) …" from the sizes in each region. */
export function ofMap(title, target, claimed, names) {
  const order = names.map((name, i) => ({ name, share: claimed[i] })).sort((a, b) => Math.abs(b.share) - Math.abs(a.share)).slice(0, 3);
  return `${title} for ${target}: ${order.map(({ name, share }) => `${name} ${signedNumber(100 * share, 0)} %`).join(", ")}.`;
}

/** What a method's map can not say, whatever it shows. */
export const NOTES = {
  gradient: "A gradient says where the score would change, not what a part is worth: it was never meant to add up to anything.",
  smoothgrad: "The mean of gradients says where the score would change, not what a part is worth: it was never meant to add up to anything.",
  cam: "This map has 8 × 8 places, each as wide as a leg: some of what it gives the background belongs to the animal's edge.",
  grad_cam: "This map has 8 × 8 places, each as wide as a leg, and by its definition nothing speaks against: some of what it gives the background belongs to the animal's edge.",
  occlusion: "The window is 16 pixels wide: at the animal's edge it hides both, animal and background.",
};

/** The five situations that the page opens with: what to look at, what to do, and the link (as state.js writes it). */
export const SITUATIONS = [
  { title: "What is an explanation?", hash: "#",
    text: "A network looked at this picture and said zebra. The map is an explanation: red is what, according to one method, speaks for zebra, blue what speaks against. It looks convincing. Does that make it true?" },
  { title: "Take off the stripes", hash: "#coat=plain&colour=white&class=zebra",
    text: "The same animal without its stripes, and nothing else changed: now it says horse. So the stripes mattered, and no map was needed to find out. Here is one all the same, asked about zebra: what speaks for a zebra that is none?" },
  { title: "Same answer, other map", hash: "#network=ordinary&method=gradient&show=strong",
    text: "Another network, the same answer, nearly as sure. Its gradient is a cloud of specks; switch the network to robust, and the same method draws the animal. Which of them looks at the zebra? The map will not tell you: both do." },
  { title: "Right for the wrong reason", hash: "#animal=dog&coat=saddle&place=snow&network=biased",
    text: "This network saw every wolf on snow, and no husky there. This is a husky on snow, and it says wolf. Move it to the forest: husky. In the check, see what the snow is worth in truth, and how much of it the map shows." },
  { title: "Is the map right?", hash: "#method=cam",
    text: "Here the truth is known: the course drew the scene with and without each part, in every combination, and asked the network each time. This popular map gives most of its heat to the background. Check it below, then try the other methods." },
];
