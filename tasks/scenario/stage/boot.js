// Gives whoever drives the page what it may ask for.
import {Stage, layerState, loadFonts, loadImages, spokenWord, wordStates} from "./stage.js";

window.reelyard = {
  layerState, spokenWord, wordStates,
  async open(scenario, scale, fonts, images) {
    await loadFonts(fonts);
    window.reelyard.stage = new Stage(document.getElementById("root"), scenario, scale, await loadImages(images ?? {}));
  },
};
