// Where everything lies: measured once per layer in the page, in output pixels, and the same for all its states.

import {element, em, font, frame, boxRect} from "./paint.js";

const even = (value) => 2 * Math.round(value / 2);

export function layoutCue(root, cue, scenario, scale) {
  const width = scenario.width * scale, height = scenario.height * scale;
  let fit = 1, measured = null;
  // Captions too long for their place are set smaller, once, so that all their states agree.
  for (;;) {
    measured = measureCue(root, cue, width, scale * fit);
    const isTooLarge = measured.block[3] > 0.9 * height || measured.words.some((word) => word.rect[2] > cue.style.maxWidth * width);
    if (!isTooLarge || fit <= 0.05) break;
    fit *= 0.9;
  }
  measured.fit = fit;
  measured.pushed = place(measured, cue.style.position, width, height);
  if (cue.animation.reveal === "one-word") gather(measured);
  measured.s = scale * fit;
  finish(measured, cue, width);
  return measured;
}

function measureCue(root, cue, width, s) {
  const {style} = cue;
  const holder = element(root, "div", "measure", {left: 0, top: 0, width: `${Math.round(style.maxWidth * width)}px`});
  const block = element(holder, "div", "block", {textAlign: style.textAlign, lineHeight: style.lineHeight,
    fontSize: `${style.fontSize * s}px`, wordSpacing: `${style.wordSpacing * s}px`, letterSpacing: `${style.letterSpacing * s}px`,
    fontFamily: JSON.stringify(style.fontFamily), fontWeight: style.fontWeight});
  block.dir = style.direction;
  const {paddingX = 0, paddingY = 0} = style.background ?? {};
  block.style.padding = `${paddingY * s}px ${paddingX * s}px`;
  const slots = slotsOf(block, cue, s);
  const outer = block.getBoundingClientRect();
  const rtl = getComputedStyle(block).direction === "rtl";
  const words = slots.map((slot, i) => measureWord(slot, cue.words[i], cue, s, outer));
  holder.remove();
  return {block: [0, 0, outer.width, outer.height], words, rtl};
}

function slotsOf(block, cue, s) {
  let parent = block;
  return cue.words.map((word, i) => {
    const next = cue.words[i + 1], glued = next?.join === "none" && !next.breaks;
    if (word.join !== "none" || word.breaks) {
      parent = block;
      if (i) block.append(word.breaks ? element(block, "br", "", {}) : word.join === "space" ? " " : "\u200b");
      if (glued) parent = element(block, "span", "join", {});
    }
    // To the bidirectional algorithm a slot is a neutral thing, so marks say which way its word runs.
    const mark = {rtl: "\u200f", ltr: "\u200e"}[word.direction] ?? "";
    parent.append(mark);
    const slot = element(parent, "span", "slot", word.room ? {marginInlineStart: `${word.room * s}px`} : {});
    font(slot, word, s);
    slot.append(word.text);
    parent.append(mark);
    const heavier = (word.active ?? cue.animation.active).fontWeight;
    if (heavier) {
      const light = slot.getBoundingClientRect().width;
      slot.style.fontWeight = heavier;
      slot.style.minWidth = `${Math.max(light, slot.getBoundingClientRect().width)}px`;
      slot.style.fontWeight = word.style.fontWeight;
    }
    return slot;
  });
}

function measureWord(slot, word, cue, s, outer) {
  const rect = slot.getBoundingClientRect();
  const probe = element(slot, "span", "probe", {});
  const base = probe.getBoundingClientRect().bottom - rect.top;
  probe.remove();
  const reaches = (text, width = Infinity) => reachesOf(slot, word, cue, {text, base, width, height: rect.height}, s);
  return {rect: [rect.x - outer.x, rect.y - outer.y, rect.width, rect.height], base,
    letters: needsLetters(cue) ? measureLetters(slot, word, rect, reaches) : [], reach: reachOf(word.style, s),
    ...reaches(word.text)};
}

const pen = new OffscreenCanvas(1, 1).getContext("2d");

// How far a word's ink, or a letter's, lies outside its line box on the left, above, on the right and below; where it lies
// inside, less than nothing. Every pixel that is known to stay empty is one that need not be drawn in each of its states.
// `wide` leaves more room than is known to be needed.
function reachesOf(slot, word, cue, {text, base, width, height}, s) {
  const {style} = word, {fontFamily, fontStyle, letterSpacing} = getComputedStyle(slot);
  const heavier = (word.active ?? cue.animation.active).fontWeight;
  const glyphs = [style.fontWeight, ...(heavier ? [heavier] : [])].map((weight) => {
    pen.font = `${fontStyle} ${weight} ${style.fontSize * s}px ${fontFamily}`;
    Object.assign(pen, {letterSpacing, fontKerning: "normal", textRendering: "geometricPrecision", textAlign: "left"});
    const ink = pen.measureText(text);
    const wider = Math.max(0, ink.width - width);  // alone a letter may be wider than among others
    return [ink.actualBoundingBoxLeft + wider, ink.actualBoundingBoxAscent - base,
      ink.actualBoundingBoxRight - ink.width + wider, ink.actualBoundingBoxDescent - (height - base)];
  });
  const isPicture = /\p{Extended_Pictographic}/u.test(text);  // drawn larger than the font says
  const slack = 0.12 * style.fontSize * s;
  const sides = [], wide = [];
  [[-1, 0], [0, -1], [1, 0], [0, 1]].forEach(([x, y], side) => {
    const own = Math.max(...glyphs.map((each) => each[side]), ...(isPicture ? [slack] : []), ...(x ? [0] : []));
    const shadow = Math.max(0, 1.5 * (style.glow?.radius ?? 0), ...style.shadow.map((each) =>
      x * (each.offsetX ?? 0) + y * (each.offsetY ?? 0) + 1.5 * (each.blur ?? 0)));
    // A shadow is the fill's: the edge, which is text of its own, has none.
    sides.push(Math.ceil(own + s * Math.max(style.stroke.width, shadow)) + 2);
    wide.push(Math.ceil(own + s * (style.stroke.width + shadow)) + 2);
  });
  return {sides, wide};
}

const needsLetters = ({animation}) => animation.reveal === "typewriter"
  || [animation.enter, animation.exit, animation.loop].some((effect) => effect.unit === "letter");

// Letters keep the places that the whole word's shaping gave them.
function measureLetters(slot, word, rect, reaches) {
  if (!word.splittable) return [{x: 0, width: rect.width, text: word.text, ...reaches(word.text)}];
  const node = slot.firstChild, range = document.createRange();
  return [...new Intl.Segmenter(undefined, {granularity: "grapheme"}).segment(word.text)].map(({segment, index}) => {
    range.setStart(node, index);
    range.setEnd(node, index + segment.length);
    const own = range.getBoundingClientRect();
    return {x: own.x - rect.x, width: own.width, text: segment, ...reaches(segment, own.width)};
  });
}

// How far ink can lie outside a word's line box.
function reachOf(style, s) {
  const shadow = Math.max(0, ...style.shadow.map((each) =>
    Math.max(Math.abs(each.offsetX ?? 0), Math.abs(each.offsetY ?? 0)) + 1.5 * (each.blur ?? 0)));
  const glow = 1.5 * (style.glow?.radius ?? 0);
  return Math.ceil(s * (0.12 * style.fontSize + style.stroke.width + Math.max(shadow, glow))) + 2;
}

// The anchor of the block goes to the asked place; the block stays on the canvas. Returns how far it was pushed for that.
function place(measured, position, width, height) {
  const [, , across, down] = measured.block;
  const part = {left: 0, top: 0, center: 0.5, right: 1, bottom: 1};
  const x = Math.round(position.x * width - part[position.anchorX] * across);
  const y = Math.round(position.y * height - part[position.anchor] * down);
  const left = Math.max(0, Math.min(x, width - across)), top = Math.max(0, Math.min(y, height - down));
  measured.block = [left, top, across, down];
  for (const word of measured.words) word.rect = [word.rect[0] + left, word.rect[1] + top, word.rect[2], word.rect[3]];
  return [left - x, top - y];
}

// Words that are shown one at a time all stand in the block's middle.
function gather(measured) {
  const [x, y, width, height] = measured.block;
  const tallest = Math.max(...measured.words.map((word) => word.rect[3]));
  for (const word of measured.words) {
    word.rect = [x + (width - word.rect[2]) / 2, y + (height - tallest) / 2, word.rect[2], word.rect[3]];
  }
}

function finish(layout, cue, width) {
  const {words, rtl} = layout;
  const lines = [...new Set(words.map((word) => Math.round(word.rect[1] + word.rect[3] / 2)))];
  const line = (word) => lines.indexOf(Math.round(word.rect[1] + word.rect[3] / 2));
  const letters = words.map((word) => Math.max(1, word.letters.length));
  const total = letters.reduce((sum, count) => sum + count, 0);
  let first = 0;
  layout.places = words.map((word, i) => {
    const made = {line: line(word), span: spanOf(word, words.filter((other) => line(other) === line(word))), letters: letters[i], first, widest: widest(words, cue, i, layout.s, width),
      after: {word: words.length - 1 - i, line: lines.length - 1 - line(word), letter: total - 1 - first}};
    first += letters[i];
    word.rtl = cue.words[i].direction ? cue.words[i].direction === "rtl" : rtl;
    word.cut = cutter(word.rect, word.reach, word.rtl);
    if (cue.words[i].emoji) word.emoji = emojiRect(word.rect, em(cue, i, layout.s));
    return made;
  });
  words.forEach((word, i) => {
    word.reach += growth(cue, i, layout.s);
    for (const inked of [word, ...word.letters]) {
      for (const kind of ["sides", "wide"]) inked[kind] = inked[kind].map((side) => side + growth(cue, i, layout.s));
    }
  });
}

// Where a word begins and ends on its line, as shares of the line.
function spanOf({rect, reach}, line) {
  const left = Math.min(...line.map((word) => word.rect[0] - word.reach));
  const width = Math.max(...line.map((word) => word.rect[0] + word.rect[2] + word.reach)) - left;
  return [(rect[0] - reach - left) / width, (rect[0] + rect[2] + reach - left) / width];
}

const growth = (cue, i, s) => {
  const {glow, outline} = cue.words[i].active ?? cue.animation.active;
  return Math.ceil(Math.max(glow ? 1.5 * glow.radius : 0, outline ? outline.thickness : 0) * em(cue, i, s));
};

const emojiRect = ([, , width], size) => [(width - 1.4 * size) / 2, -1.25 * size, 1.4 * size, 1.2 * size];

// A sweep is cut at even pixels, where chroma samples end: what is composed of two pictures then equals one drawn whole.
function cutter([x, , width], reach, rtl) {
  return (part) => {
    const from = x - reach, span = width + 2 * reach;
    return part <= 0 ? (rtl ? x + width + reach : from) : part >= 1 ? (rtl ? from : x + width + reach)
      : even(rtl ? from + (1 - part) * span : from + part * span);
  };
}

// How much a word may grow before it touches a neighbour on its line or leaves the canvas.
function widest(words, cue, i, s, width) {
  const own = words[i].rect, stroke = cue.words[i].style.stroke.width * s;
  const gaps = [i - 1, i + 1].filter((k) => words[k]).map((k) => {
    const [x, y, across, down] = words[k].rect;
    if (y >= own[1] + own[3] || own[1] >= y + down) return Infinity;
    return Math.max(x - own[0] - own[2], own[0] - x - across) - stroke - cue.words[k].style.stroke.width * s;
  });
  gaps.push(own[0] - stroke, width - own[0] - own[2] - stroke);
  return 1 + 2 * Math.max(0, Math.min(...gaps)) / (own[2] + 2 * stroke);
}

export function layoutLayer(layer, scenario, scale, image) {
  const width = scenario.width * scale, height = scenario.height * scale;
  if (layer.kind === "progress") {
    const rect = [layer.x * width, layer.y * height, layer.width * width, layer.height * height].map(Math.round);
    const cut = (part) => part <= 0 ? rect[0] : part >= 1 ? rect[0] + rect[2] : even(rect[0] + part * rect[2]);
    return {rect, s: scale, cut};
  }
  const across = layer.width * width, down = across * image.naturalHeight / image.naturalWidth;
  const part = {left: 0, top: 0, center: 0.5, right: 1, bottom: 1};
  const {x, y, anchor, anchorX} = layer.position;
  return {rect: [x * width - part[anchorX] * across, y * height - part[anchor] * down, across, down].map(Math.round), s: scale};
}

// Everything that a word can ink in a state, its place at rest included; with isWide more than that.
export function wordRegion(cue, layout, i, state, isWide = false) {
  const {rect, reach, sides, wide, letters, emoji} = layout.words[i];
  const size = em(cue, i, layout.s), still = isWide ? wide : sides;
  // A wiped word is cut at its reach; were that outside of the tile, the browser would cut its edge in another way.
  const around = (fx, inked) => fx.shown === undefined ? inked : [reach];
  let region = extend(rect, still);
  state?.letters?.forEach((fx, k) => {
    const letter = letters[k];
    if (!fx || !letter) return;
    const box = [rect[0] + letter.x, rect[1], letter.width, rect[3]];
    region = union(region, moved(box, fx, size, ...around(fx, isWide ? [reach] : letter.sides)));
  });
  if (state?.fx) {
    const inked = state.letters && !isWide ? sidesBetween(rect, region) : still;
    region = union(region, moved(rect, state.fx, size, ...around(state.fx, inked)));
  }
  if (state?.box !== undefined) region = union(region, grow(boxRect(cue, layout, i, state, layout.s), 2));
  if (state?.underline) region = union(region, grow([rect[0], rect[1], rect[2], rect[3] + 0.3 * size], 2));
  if (state?.emoji && emoji) region = union(region, grow([rect[0] + emoji[0], rect[1] + emoji[1], emoji[2], emoji[3]], 0.4 * size));
  return turned(region, layout.block, cue.style.rotate);
}

// Where a box goes whose ink lies so far outside of it; it moves, grows and turns about its own middle.
export function moved([x, y, width, height], fx, size, left, top = left, right = left, bottom = left) {
  const tilt = fx.rotateX || fx.rotateY ? 1.5 : 1;
  const across = tilt * (fx.scale ?? 1) * (fx.scaleX ?? 1), down = tilt * (fx.scale ?? 1) * (fx.scaleY ?? 1);
  const middle = [x + width / 2 + (fx.translateX ?? 0) * size, y + height / 2 + (fx.translateY ?? 0) * size];
  const box = [middle[0] - (width / 2 + left) * across, middle[1] - (height / 2 + top) * down,
    (left + width + right) * across, (top + height + bottom) * down];
  return grow(turned(box, [...middle, 0, 0], fx.rotate ?? 0), 3 * (fx.blur ?? 0) * size + 2);
}

// The upright box around a box turned by degrees around the middle of another.
export function turned(box, around, degrees) {
  if (!degrees) return box;
  const cos = Math.cos(degrees * Math.PI / 180), sin = Math.sin(degrees * Math.PI / 180);
  const [x, y] = [around[0] + around[2] / 2, around[1] + around[3] / 2];
  const corners = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([a, b]) => [box[0] + a * box[2] - x, box[1] + b * box[3] - y])
    .map(([dx, dy]) => [x + dx * cos - dy * sin, y + dx * sin + dy * cos]);
  const left = Math.min(...corners.map((c) => c[0])), top = Math.min(...corners.map((c) => c[1]));
  return [left, top, Math.max(...corners.map((c) => c[0])) - left, Math.max(...corners.map((c) => c[1])) - top];
}

const extend = ([x, y, width, height], [left, top, right, bottom]) =>
  [x - left, y - top, left + width + right, top + height + bottom];

const sidesBetween = ([x, y, width, height], [left, top, across, down]) =>
  [x - left, y - top, left + across - x - width, top + down - y - height];

export const grow = ([x, y, width, height], by) => [x - by, y - by, width + 2 * by, height + 2 * by];

export function union(a, b) {
  const left = Math.min(a[0], b[0]), top = Math.min(a[1], b[1]);
  return [left, top, Math.max(a[0] + a[2], b[0] + b[2]) - left, Math.max(a[1] + a[3], b[1] + b[3]) - top];
}

export const overlaps = (a, b) =>
  a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];

export {frame};
