// The weights of a network, from the file in which they travel to what the graph asks for.

import { shuffle, uniform } from "./random.js";

/** A number of 16 bits as the number it stands for. */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15); // the course's weights are finite
}

/** float32 weights and biases, one layer behind the other, from a file of `xaitutor.studio.export.packed`.
 *
 * buffer: for each layer its weights (float16), then scale and bias of each channel (float32). layers: [{shape}], the first number of a
 * shape is the channels. scrambled: a seed; the weights of each layer are then dealt out anew, so that the network knows nothing. */
export function unpack(buffer, layers, scrambled = null) {
  const view = new DataView(buffer);
  const table = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
  const sizes = layers.map(({ shape }) => ({ channels: shape[0], each: shape.slice(1).reduce((a, b) => a * b, 1) }));
  const found = new Float32Array(sizes.reduce((sum, { channels, each }) => sum + channels * (each + 1), 0));
  const draw = scrambled === null ? null : uniform(scrambled);
  let from = 0;
  let to = 0;
  for (const { channels, each } of sizes) {
    const count = channels * each;
    const scales = from + 2 * count;
    for (let i = 0; i < count; i++) {
      const scale = view.getFloat32(scales + 4 * Math.floor(i / each), true);
      found[to + i] = table[view.getUint16(from + 2 * i, true)] * scale;
    }
    if (draw) shuffle(found.subarray(to, to + count), draw);
    for (let i = 0; i < channels; i++) found[to + count + i] = view.getFloat32(scales + 4 * (channels + i), true);
    from = scales + 8 * channels;
    to += count + channels;
  }
  if (from !== buffer.byteLength) throw new Error(`expected ${from} bytes of weights, got ${buffer.byteLength}`);
  return found;
}
