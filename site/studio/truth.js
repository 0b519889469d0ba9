// What a map says that each region of a scene is worth, beside what it is worth: exact Shapley values, computed beforehand.

/** The map's sum over each region: five parts, then the background. values: a number a pixel; masks: five arrays in [0, 1]. */
export function said(values, masks) {
  const found = masks.map((mask) => mask.reduce((sum, share, i) => sum + share * values[i], 0));
  const all = values.reduce((sum, value) => sum + value, 0);
  return [...found, all - found.reduce((sum, value) => sum + value, 0)];
}

/** Each value divided by the sum of all sizes, so that a map's units play no part. */
export function shares(values) {
  const size = values.reduce((sum, value) => sum + Math.abs(value), 0);
  return values.map((value) => (size ? value / size : 0));
}

/** Spearman's rank correlation of two lists; 0 where one of them does not vary. */
export function rankCorrelation(a, b) {
  const [x, y] = [ranks(a), ranks(b)];
  const middle = (a.length - 1) / 2;
  const sum = (f) => x.reduce((total, _, i) => total + f(i), 0);
  const size = Math.sqrt(sum((i) => (x[i] - middle) ** 2) * sum((i) => (y[i] - middle) ** 2));
  return size ? sum((i) => (x[i] - middle) * (y[i] - middle)) / size : 0;
}

/** Ranks from 0; equal values share the mean of theirs. */
export function ranks(values) {
  return values.map((value) => values.filter((other) => other < value).length + (values.filter((other) => other === value).length - 1) / 2);
}

const speaks = (name) => (name.endsWith("s") ? "speak" : "speaks");

/** Two sentences on a map: does it know the most important region, and the order of all? */
export function verdict(claimed, true_, names) {
  const correlation = rankCorrelation(claimed, true_);
  const [first, best] = [claimed, true_].map((values) => names[values.indexOf(Math.max(...values))]);
  const most = first === best
    ? `The map is right that the ${best} ${speaks(best)} most for this class.`
    : `By the map the ${first} ${speaks(first)} most for this class. In truth the ${best} ${best.endsWith("s") ? "do" : "does"}.`;
  const order = correlation > 0.85 ? "much as the truth does" : correlation > 0.4 ? "somewhat as the truth does"
    : correlation > -0.4 ? "no better than chance" : "more the wrong way round than right";
  return `${most} It orders all six ${order} (rank correlation ${correlation.toFixed(2).replace("-", "−")}; 1 is the same order, 0 is chance).`;
}
