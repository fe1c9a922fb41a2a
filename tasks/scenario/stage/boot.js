// Gives whoever drives the page the two things it may ask for.
import {Stage, loadFonts, stateAt} from "/stage.js";

window.reelyard = {
  stateAt,
  async open(scenario, scale, fonts) {
    await loadFonts(fonts);
    window.reelyard.stage = new Stage(document.getElementById("root"), scenario, scale);
    return window.reelyard.stage.measure();
  },
};
