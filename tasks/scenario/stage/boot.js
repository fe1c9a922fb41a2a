// Gives whoever drives the page what it may ask for.
import {Stage, layerState, loadFonts, loadImages, spokenWord, wordStates} from "./stage.js";

const SHARED = ["style", "animation", "active"];

// Puts looks and motions back in place of their numbers; captions share them then.
function withLooks(layer, looks) {
  const restore = (thing) => {
    for (const key of SHARED) if (typeof thing[key] === "number") thing[key] = looks[thing[key]];
  };
  if (layer.kind === "cue") [layer, ...layer.words].forEach(restore);
  return layer;
}

window.reelyard = {
  added: [],
  add(layers, looks) {
    for (const layer of layers) this.added.push(withLooks(layer, looks));
  },
  layerState, spokenWord, wordStates,
  async open(scenario, scale, fonts, images) {
    await loadFonts(fonts);
    window.reelyard.stage = new Stage(document.getElementById("root"), scenario, scale, await loadImages(images ?? {}));
  },
};
