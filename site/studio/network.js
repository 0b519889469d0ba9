// The networks in the page. The runtime (onnxruntime-web, WebAssembly, one thread) is loaded once, a network when it is first asked for.

import { SIDE } from "./methods.js";
import { unpack } from "./weights.js";

const files = new Map(); // address → promise of its bytes
const sessions = new Map(); // "graph name seed" → promise of a session
let runtime = null;

/** Something that can be asked about pictures, see methods.js. name: "robust", "ordinary" or "biased"; scrambled: a seed, or null. */
export function network(name, about, scrambled = null) {
  const open = (graph) => session(graph, name, about, scrambled);
  return {
    async answer(x) {
      return (await run(await open("answers"), { x: await tensor(x, [1, 3, SIDE, SIDE]) })).logits;
    },
    async explain(x, target) {
      const wanted = new Float32Array(about.classes.length);
      wanted[target] = 1;
      return run(await open("network"), { x: await tensor(x, [1, 3, SIDE, SIDE]), target: await tensor(wanted, [1, wanted.length]) });
    },
  };
}

async function run(session, feeds) {
  const found = await session.run(feeds);
  return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data]));
}

async function tensor(values, shape) {
  return new (await ort()).Tensor("float32", values, shape);
}

function session(graph, name, about, scrambled) {
  const key = `${graph} ${name} ${scrambled}`;
  if (!sessions.has(key)) sessions.set(key, create(graph, name, about, scrambled));
  return sessions.get(key);
}

async function create(graph, name, about, scrambled) {
  const [{ InferenceSession }, bytes, weights] = await Promise.all([ort(), load(`${graph}.onnx`), load(`${name}.bin`)]);
  const data = new Uint8Array(unpack(weights, about.layers, scrambled).buffer);
  return InferenceSession.create(bytes, { executionProviders: ["wasm"], externalData: [{ path: "weights.bin", data }] });
}

/** Bytes of a file beside this page, fetched once. */
function load(name) {
  if (!files.has(name)) {
    files.set(name, fetch(new URL(name, import.meta.url)).then((answer) => {
      if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status})`);
      return answer.arrayBuffer();
    }));
  }
  return files.get(name);
}

function ort() {
  runtime ??= import("./runtime/ort.wasm.min.mjs").then((module) => {
    module.env.wasm.numThreads = 1; // more would need a server that sends special headers
    module.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
    return module;
  });
  return runtime;
}
