import assert from "node:assert/strict";
import test from "node:test";

import { DEFAULTS, fromHash, toHash } from "../studio/state.js";
import { dabs, withDab } from "../studio/touch.js";

test("a link holds what differs, and brings all of it back", () => {
  assert.equal(toHash(DEFAULTS), "#");
  const state = { ...DEFAULTS, animal: "sofa", coat: "spots", place: "snow", overlay: 35, touch: "e2:8g9g", class: "zebra" };
  assert.equal(toHash(state), "#animal=sofa&coat=spots&place=snow&class=zebra&overlay=35&touch=e2%3A8g9g");
  assert.deepEqual(fromHash(toHash(state), {}), state);
});

test("a link from elsewhere can do no harm", () => {
  const allowed = { animal: ["horse", "sofa"] };
  assert.equal(fromHash("#animal=<script>", allowed).animal, "horse");
  assert.equal(fromHash("#animal=sofa&nonsense=1", allowed).nonsense, undefined);
  assert.equal(fromHash("#overlay=400", allowed).overlay, 100);
  assert.equal(fromHash("#overlay=much", allowed).overlay, DEFAULTS.overlay);
  assert.equal(fromHash("#__proto__=1", allowed).__proto__, Object.prototype);
});

test("dabs are kept as text and read again", () => {
  let text = "";
  for (const [x, y] of [[1, 2], [1, 2], [31.4, 40], [-3, 9]]) text = withDab(text, "e", 2, x, y);
  text = withDab(text, "c1", 3, 10, 11);
  assert.equal(text, "e2:12vv09.c13:ab");
  assert.deepEqual(dabs(text), [
    { tool: "e", radius: 2, x: 1, y: 2 }, { tool: "e", radius: 2, x: 31, y: 31 }, { tool: "e", radius: 2, x: 0, y: 9 },
    { tool: "c1", radius: 3, x: 10, y: 11 }]);
  assert.deepEqual(dabs("x9:11.e2:1.e2:zz.g1:00"), [{ tool: "g", radius: 1, x: 0, y: 0 }]);
});

test("a dab is not taken for the second half of one and the first of another", () => {
  assert.equal(withDab("e2:1222", "e", 2, 2, 2), "e2:1222");
  assert.equal(withDab("e2:1221", "e", 2, 2, 2), "e2:122122");
});
