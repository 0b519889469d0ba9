// A photo or the camera instead of a scene: read in the page, sent nowhere.

import { at, page, trouble } from "./page.js";
import { photo } from "./scene.js";

/** Listen to the two buttons. refresh: asks the network again. */
export function listen(refresh) {
  at("photo").addEventListener("change", () => open(refresh));
  at("camera").addEventListener("click", () => (at("video").srcObject ? stop(false) : watch(refresh)));
}

async function open(refresh) {
  const [file] = at("photo").files;
  if (!file) return;
  const loaded = new Image();
  loaded.src = URL.createObjectURL(file);
  try {
    await loaded.decode();
    stop(false);
    page.photo = photo(loaded);
    await refresh();
  } catch {
    trouble(new Error(`${file.name} is no picture that this browser can read.`));
  } finally {
    URL.revokeObjectURL(loaded.src);
  }
}

async function watch(refresh) {
  const video = at("video");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await video.play();
  } catch {
    stop();
    trouble(new Error("there is no camera, or it was not allowed. A photo from a file works without one."));
    return;
  }
  at("camera").textContent = "Hold this picture";
  while (video.srcObject) {
    page.photo = photo(video);
    await refresh();
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** End the camera. Its last picture, or a photo, goes too, unless `forget` is false. */
export function stop(forget = true) {
  at("video").srcObject?.getTracks().forEach((track) => track.stop());
  at("video").srcObject = null;
  at("camera").textContent = "Camera";
  if (forget) {
    page.photo = null;
    at("photo").value = "";
  }
}
