// Draws captions as a pure function of (scenario, t, seed). The preview, stills and the render load this very file.
// The scenario comes resolved (tasks/scenario/model.py, Scenario.to_stage).

import {layerState, wordStates} from "./motion.js";
import {grow, layoutCue, layoutLayer, moved, overlaps, turned, union, wordRegion} from "./layout.js";
import {background, element, em, frame, move, paintLayer, paintWord, wordBox} from "./paint.js";

export {layerState, spokenWord, wordStates} from "./motion.js";

const BESIDE = 2;  // pixels left of a tile and above it that are drawn with it: chroma there is made of them too
const FAR = 40;  // pixels around a moving caption, for what its shadow can reach

export class Stage {
  // scale: output pixels per canvas pixel. root: an element at the surface's top left corner.
  // images: name -> HTMLImageElement, decoded.
  constructor(root, scenario, scale = 1, images = {}) {
    this.root = root;
    this.scenario = scenario;
    this.scale = scale;
    this.images = images;
    this.width = Math.round(scenario.width * scale);
    this.height = Math.round(scenario.height * scale);
    this.layouts = new Map();
    this.tiles = new Map();
    this.keys = new Map();
    this.windows = [];
    this.lastTile = 0;
    this.bySecond = new Map();
    scenario.layers.forEach((layer, index) => {
      for (let second = Math.floor(layer.start); second <= Math.floor(layer.end); second++) {
        if (!this.bySecond.has(second)) this.bySecond.set(second, []);
        this.bySecond.get(second).push(index);
      }
    });
  }

  // Boxes of the captions in output pixels, stroke and shadow included, in the order of their tracks:
  // [{box: [x, y, width, height], words: [[x, y, width, height], …], text: [x, y, width, height], lines, inner: [box, …],
  // fit: what part of its size a caption is drawn in, pushed: [x, y] by which it was kept on the canvas}]
  measure() {
    return this.scenario.layers.flatMap((layer, index) => {
      if (layer.kind !== "cue") return [];
      const layout = this.#layout(index);
      const words = layer.words.map((_, i) => wordRegion(layer, layout, i, null));
      const text = turned(layout.block, layout.block, layer.style.rotate);
      return [{box: layout.box, words, text, lines: Math.max(0, ...layout.places.map((place) => place.line)) + 1,
        inner: layout.words.map((word) => word.rect), fit: layout.fit, pushed: layout.pushed}];
    });
  }

  // What to draw for frames at these times (seconds): tiles = [[id, x, y, width, height], …] that are new, frames = for
  // each time a list of layers [opacity 0..255, part, …]; a part is a tile's id, or [id, other, x, width]: the tile with
  // these columns from another tile of the same place. Parts are laid over each other in order and replace what is below.
  plan(times) {
    this.tiles.clear();
    this.keys.clear();
    this.layouts.clear();
    this.fresh = [];
    const frames = times.map((t) => this.#visible(t).flatMap(([index, state]) => {
      const parts = this.#parts(index, state, t);
      return parts.length ? [[state.opacity, ...parts]] : [];
    }));
    return {tiles: this.fresh, frames};
  }

  // Each tile [id, left, top] is drawn at (left, top) of the surface, with what lies BESIDE it on the canvas.
  // Returns how many were built anew: where nothing but
  // places differs from a tile of the last call, what was built for that one is moved, which needs no layout of its text.
  draw(tiles) {
    const spare = new Map();
    for (const window of this.windows) spare.set(window.form, [...spare.get(window.form) ?? [], window]);
    if (!this.windows.length) this.root.replaceChildren();
    let built = 0;
    this.windows = tiles.map(([id, left, top]) => {
      const {index, state, words, rect: own} = this.tiles.get(id);
      const rect = withBeside(own);
      const near = words && this.#near(index, state, words, rect);
      const form = words ? formOf(index, state, words, near) : id;
      const found = spare.get(form)?.pop();
      if (found) return again(found, left, top, rect, state, words);
      built++;
      const canvas = this.#window(left, top, rect);
      if (isApart(state, words)) canvas.classList.add("apart");
      return {form, canvas, movers: this.#paint(canvas, index, state, words, near)};
    });
    for (const window of [...spare.values()].flat()) window.canvas.parentNode.remove();
    return built;
  }

  // The whole canvas at time t, for previews and stills.
  drawAt(t) {
    this.root.replaceChildren();
    this.windows = [];
    const canvas = this.#window(0, 0, [0, 0, this.width, this.height]);
    for (const [index, state] of this.#visible(t)) {
      const layer = this.scenario.layers[index];
      const words = layer.kind === "cue" ? wordStates(layer, t, this.#layout(index).places) : null;
      const holder = element(canvas, "div", "canvas", {
        width: `${this.width}px`, height: `${this.height}px`, opacity: state.opacity / 255});
      this.#paint(holder, index, state, words, words?.map(Boolean));
    }
  }

  #visible(t) {
    const found = (this.bySecond.get(Math.floor(t)) ?? []).map((index) => [index, layerState(this.scenario.layers[index], t)]);
    return found.filter(([, state]) => state && state.opacity > 0);
  }

  #layout(index) {
    if (!this.layouts.has(index)) {
      const layer = this.scenario.layers[index];
      this.layouts.set(index, layer.kind === "cue" ? this.#layoutCue(layer)
        : layoutLayer(layer, this.scenario, this.scale, this.images[layer.image]));
    }
    return this.layouts.get(index);
  }

  #layoutCue(cue) {
    const layout = layoutCue(this.root, cue, this.scenario, this.scale);
    layout.box = cue.words.reduce((box, _, i) => union(box, wordRegion(cue, layout, i, null)),
      turned(layout.block, layout.block, cue.style.rotate));
    // At rest a word looks as before it is spoken; where words appear one by one it is not there.
    const early = {...cue, words: cue.words.map((word) => ({...word, start: Infinity, end: Infinity}))};
    const still = {...cue.animation, enter: {...cue.animation.enter, keyframes: []}, exit: {...cue.animation.exit, keyframes: []},
      loop: {...cue.animation.loop, keyframes: [], colors: null}};
    layout.rest = wordStates({...early, animation: still}, cue.start, layout.places);
    layout.restKeys = layout.rest.map((state) => JSON.stringify(state));
    return layout;
  }

  #parts(index, state, t) {
    const layer = this.scenario.layers[index], layout = this.#layout(index);
    if (layer.kind === "image") return this.#tile(index, {fx: state.fx}, null, this.#far(layer, layout, state.fx));
    if (layer.kind === "progress") return this.#bar(index, layout, state);
    const words = wordStates(layer, t, layout.places);
    const keys = words.map((word) => JSON.stringify(word));
    const changed = keys.flatMap((key, i) => key === layout.restKeys[i] ? [] : [i]);
    const moving = words.filter((word) => word?.fx || word?.letters).length;
    if (state.fx || (moving > 2 && moving > words.length / 2)) {
      return this.#tile(index, {fx: state.fx}, words, this.#whole(layer, layout, words, state));
    }
    const isBlank = !layer.style.background && layout.rest.every((word) => word === null);
    const parts = isBlank ? [] : this.#tile(index, {fx: null}, layout.rest, spread(layout.box));
    const regions = new Map(changed.map((i) =>
      [i, evenRect(spread(wordRegion(layer, layout, i, words[i], isCut(state, words))), this.width, this.height)]));
    for (const i of changed) {
      const shown = layout.rest.map((rest, j) =>
        j === i || (j < i && regions.has(j) && overlaps(regions.get(j), withBeside(regions.get(i)))) ? words[j] : rest);
      parts.push(...this.#word(index, layout, i, shown, regions.get(i)));
    }
    return parts;
  }

  // A word in the middle of its sweep is the unsung word with columns of the sung one.
  #word(index, layout, i, shown, region) {
    const word = shown[i];
    const isTurned = this.scenario.layers[index].style.rotate !== 0;
    if (!word?.sung || word.sweep <= 0 || word.sweep >= 1 || word.fx || word.letters || isTurned) {
      return this.#tile(index, {fx: null}, shown, region);
    }
    const at = (sweep) => shown.map((other, j) => j === i ? {...word, sweep} : other);
    const [from] = this.#tile(index, {fx: null}, at(0), region);
    const [to] = this.#tile(index, {fx: null}, at(1), region);
    if (from === undefined) return [];
    const cut = layout.words[i].cut(word.sweep);
    const [x, , width] = this.tiles.get(from).rect;
    const [left, right] = layout.words[i].rtl ? [cut, x + width] : [x, cut];
    const start = Math.max(x, left), end = Math.min(x + width, right);
    return end > start ? [[from, to, start, end - start]] : [from];
  }

  #bar(index, layout, state) {
    const region = grow(layout.rect, 2);
    const [from] = this.#tile(index, {fx: null, done: 0}, null, region);
    const [to] = this.#tile(index, {fx: null, done: 1}, null, region);
    if (from === undefined) return [];
    const [x] = this.tiles.get(from).rect;
    const width = layout.cut(state.done) - x;
    return width > 0 ? [[from, to, x, width]] : [from];
  }

  #whole(layer, layout, words, {fx}) {
    const isWide = isCut({fx}, words);
    const boxes = words.flatMap((word, i) => word ? [wordRegion(layer, layout, i, word, isWide)] : []);
    // What grows or turns does so about the block's middle; else only a background is more than the words.
    if (fx || isWide || layer.style.background) boxes.push(layout.block);
    const box = boxes.reduce(union);
    return fx ? this.#far(layer, {...layout, rect: box}, fx, layer.style.fontSize * layout.s) : spread(box);
  }

  #far(layer, layout, fx, size = layout.rect[3]) {
    const still = turned(layout.rect, layout.rect, layer.rotate ?? 0);
    if (!fx) return grow(still, 2);
    const around = layout.block ?? still;
    const shift = moved(still, fx, size, FAR);
    return union(shift, moved(around, fx, size, FAR));
  }

  // Returns [id] of the tile with this content, [] when it lies outside the canvas.
  #tile(index, state, words, region) {
    const key = JSON.stringify([index, state, words, region]);
    if (!this.keys.has(key)) {
      const rect = evenRect(region, this.width, this.height);
      const id = rect[2] && rect[3] ? ++this.lastTile : 0;
      this.keys.set(key, id);
      if (id) {
        this.tiles.set(id, {index, state, words, rect});
        this.fresh.push([id, ...rect]);
      }
    }
    const id = this.keys.get(key);
    return id ? [id] : [];
  }

  #window(left, top, [x, y, width, height]) {
    const window = element(this.root, "div", "tile", frame([left, top, width, height]));
    return element(window, "div", "canvas", frame([-x, -y, this.width, this.height]));
  }

  // Which words can reach the rect.
  #near(index, state, words, rect) {
    const layer = this.scenario.layers[index], layout = this.#layout(index);
    return words.map((word, i) => Boolean(word && (state.fx || overlaps(wordRegion(layer, layout, i, word), rect))));
  }

  // Paints a layer, of a caption the words that are near; returns what places all that moves anew, given other states.
  #paint(canvas, index, state, words, near) {
    const layer = this.scenario.layers[index], layout = this.#layout(index);
    if (layer.kind !== "cue") {
      paintLayer(canvas, layer, layout, state, this.images[layer.image]);
      return [];
    }
    const s = layout.s;
    const holder = element(canvas, "div", "layer", frame(layout.block));
    const inner = element(holder, "div", "canvas", {left: `${-layout.block[0]}px`, top: `${-layout.block[1]}px`,
      width: `${this.width}px`, height: `${this.height}px`});
    const {rotate, fontSize} = layer.style;
    const place = ({fx}) => {
      if (fx) move(holder, fx, fontSize * s, FAR);
      if (rotate) holder.style.transform = `${fx ? holder.style.transform : ""} rotate(${rotate}deg)`;
    };
    place(state);
    holder.dir = layout.rtl ? "rtl" : "ltr";
    if (layer.style.background) background(inner, layout.block, layer.style.background, s);
    words.forEach((word, i) => { if (near[i] && word.box !== undefined) wordBox(inner, layer, layout, i, word, s); });
    const movers = words.map((word, i) => near[i] ? paintWord(inner, layer, layout, i, word, s) : null);
    return [place, ...movers.map((mover, i) => mover && ((_, words) => mover(words[i]))).filter(Boolean)];
  }
}

// Pictures, bars and what turns in space would come out a little different elsewhere on a surface: they get one of their own.
function isApart(state, words) {
  return !words || hasFx(state, words, (fx) => fx.rotateX || fx.rotateY);
}

// What turns in space or is cut has edges that depend on where its tile begins, by a level: its tiles have room to spare.
function isCut(state, words) {
  return hasFx(state, words, (fx) => fx.rotateX || fx.rotateY || fx.shown !== undefined);
}

function hasFx(state, words, holds) {
  const is = (fx) => Boolean(fx && holds(fx));
  return is(state.fx) || words.some((word) => is(word?.fx) || word?.letters?.some(is));
}

// What of a caption's tile is more than places: tiles of one form differ in where, how large, how turned things are.
function formOf(index, state, words, near) {
  return JSON.stringify([index, state, words, near, isApart(state, words)], (name, value) => name === "fx" ? (value ? 1 : 0)
    : name === "letters" ? value.map((fx) => fx === 0 ? 0 : 1) : value);
}

// Makes a window show a tile of the same form.
function again(window, left, top, [x, y, width, height], state, words) {
  Object.assign(window.canvas.parentNode.style, frame([left, top, width, height]));
  Object.assign(window.canvas.style, {left: `${-x}px`, top: `${-y}px`});
  for (const place of window.movers) place(state, words);
  return window;
}

// The smallest region of whole chroma samples around a box, cut to the picture.
function evenRect([x, y, width, height], across, down) {
  const left = Math.max(0, 2 * Math.floor(x / 2)), top = Math.max(0, 2 * Math.floor(y / 2));
  const right = Math.min(2 * Math.floor(across / 2), 2 * Math.ceil((x + width) / 2));
  const bottom = Math.min(2 * Math.floor(down / 2), 2 * Math.ceil((y + height) / 2));
  return [left, top, Math.max(0, right - left), Math.max(0, bottom - top)];
}

// An even region with what is drawn with it.
function withBeside([x, y, width, height]) {
  const left = Math.min(x, BESIDE), above = Math.min(y, BESIDE);
  return [x - left, y - above, width + left, height + above];
}

// A region of ink and of the chroma samples that the ink's last column and row are a part of.
const spread = ([x, y, width, height]) => [x, y, width + 1, height + 1];

// Fonts are handed in as bytes; nothing is ever fetched. Each: {family, weight, style, data: base64}.
export async function loadFonts(fonts) {
  for (const {family, weight, style, data} of fonts) {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const face = new FontFace(family, bytes, {weight, style});
    document.fonts.add(await face.load());
  }
  await document.fonts.ready;
}

// Pictures are handed in as data: URLs by name.
export async function loadImages(sources) {
  const images = {};
  for (const [name, source] of Object.entries(sources)) {
    images[name] = new Image();
    images[name].src = source;
    await images[name].decode();
  }
  return images;
}
