// Puts words, boxes and pictures on the page at measured places. Text enters as text nodes only.

import {mix} from "./motion.js";

const SVG = "http://www.w3.org/2000/svg";
const px = (value) => `${value}px`;

export function element(parent, name, kind, style) {
  const made = document.createElement(name);
  made.className = kind;
  Object.assign(made.style, style);
  parent.append(made);
  return made;
}

// Shapes lie on whole pixels: the edges of their curves then come out the same wherever they are drawn.
const whole = (rect) => rect.map(Math.round);

export const frame = ([x, y, width, height]) => ({left: px(x), top: px(y), width: px(width), height: px(height)});

// Font, size and spacing of a word; what decides its shape, and so its place.
export function font(target, word, s, weight = word.style.fontWeight) {
  const {style} = word;
  Object.assign(target.style, {
    fontFamily: word.fonts.map((family) => JSON.stringify(family)).join(", "),
    fontWeight: weight, fontStyle: style.fontStyle, fontSize: px(style.fontSize * s),
    letterSpacing: px(style.letterSpacing * s), lineHeight: style.lineHeight});
}

const gradientOf = ({angle = 180, stops}) =>
  `linear-gradient(${angle}deg, ${stops.map((stop) => `${stop.color} ${stop.offset * 100}%`).join(", ")})`;

// A rectangle with round corners. CSS corners are conics, whose edges depend on where on the surface they are drawn;
// cubics with control points on 1/64 pixel (what the rasterizer computes in) come out the same everywhere.
export function shape(parent, rect, color, radius) {
  const [x, y, width, height] = whole(rect);
  const r = Math.round(Math.min(radius, width / 2, height / 2));
  if (r <= 0 || width <= 0 || height <= 0) {
    return element(parent, "div", "shape", {...frame([x, y, Math.max(0, width), Math.max(0, height)]), background: color});
  }
  const k = Math.round(64 * r * (1 - 0.5522847498)) / 64;  // a quarter circle as a cubic
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "ink");
  Object.assign(svg.style, frame([x, y, width, height]));
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", `M${r} 0H${width - r}C${width - k} 0 ${width} ${k} ${width} ${r}V${height - r}`
    + `C${width} ${height - k} ${width - k} ${height} ${width - r} ${height}H${r}`
    + `C${k} ${height} 0 ${height - k} 0 ${height - r}V${r}C0 ${k} ${k} 0 ${r} 0Z`);
  path.style.fill = color;
  svg.append(path);
  parent.append(svg);
  return svg;
}

export const background = (parent, rect, box, s) => shape(parent, rect, box.color, box.borderRadius * s);

// The shape behind the spoken word; a moving one is on its way from the word before.
export function wordBox(parent, cue, layout, i, state, s) {
  const box = (cue.words[i].active ?? cue.animation.active).box;
  shape(parent, boxRect(cue, layout, i, state, s), box.color, box.borderRadius * em(cue, i, s));
}

export const em = (cue, i, s) => cue.words[i].style.fontSize * s;

export function boxRect(cue, layout, i, state, s) {
  const {box} = cue.words[i].active ?? cue.animation.active;
  const around = (at) => {
    const [x, y, width, height] = layout.words[at].rect;
    const across = box.paddingX * em(cue, at, s), down = box.paddingY * em(cue, at, s);
    return [x - across, y - down, width + 2 * across, height + 2 * down];
  };
  const here = around(i);
  if (!box.moves || state.box >= 1 || i === 0) return here;
  const from = around(i - 1);
  const part = 1 - (1 - state.box) ** 3;
  return here.map((value, k) => from[k] + (value - from[k]) * part);
}

// A word in a state. Returns what places it and its letters anew for another state that differs in nothing else.
export function paintWord(parent, cue, layout, i, state, s) {
  const word = cue.words[i], place = layout.words[i];
  const holder = element(parent, "div", "word", frame(place.rect));
  holder.dir = place.rtl ? "rtl" : "ltr";
  const look = lookOf(cue, word, state, s);
  if (state.underline) underline(holder, look, place, state.underline, em(cue, i, s), place.rtl);
  const letters = [];
  if (!state.letters) {
    if (state.sung) sweep(holder, word, look, place, state, s);
    else glyphs(holder, word, look, pieceOf(word, place), s);
  } else {
    state.letters.forEach((fx, k) => {
      if (fx === 0 || !place.letters[k]) return;
      const {x, width, text} = place.letters[k];
      letters[k] = element(holder, "div", "letter", frame([x, 0, width, place.rect[3]]));
      glyphs(letters[k], word, look, {text, width, base: place.base, rtl: place.rtl}, s);
    });
  }
  if (state.emoji && place.emoji) {
    const icon = element(holder, "div", "ink", {...frame(place.emoji), fontSize: px(place.emoji[3] / 1.2), lineHeight: 1.2,
      fontFamily: word.fonts.map((family) => JSON.stringify(family)).join(", "), textAlign: "center",
      transform: `scale(${state.emoji})`, color: word.style.color});
    icon.append(word.emoji);
  }
  const mover = (next) => {
    if (next.fx) move(holder, next.fx, em(cue, i, s), place.reach);
    if (next.dim !== undefined) holder.style.opacity = (next.fx?.opacity ?? 1) * next.dim;
    letters.forEach((letter, k) => move(letter, next.letters[k] ?? {}, em(cue, i, s), place.reach));
  };
  mover(state);
  return mover;
}

function lookOf(cue, word, state, s) {
  const motion = word.active ?? cue.animation.active;
  const {style} = word;
  const weight = state.weight ? Math.round(style.fontWeight + (motion.fontWeight - style.fontWeight) * state.weight)
    : style.fontWeight;
  const glow = state.glow ? {color: motion.glow.color, radius: motion.glow.radius * style.fontSize * state.glow} : style.glow;
  const shadows = style.shadow.map((each) =>
    `${px((each.offsetX ?? 0) * s)} ${px((each.offsetY ?? 0) * s)} ${px((each.blur ?? 0) * s)} ${each.color}`);
  if (glow) shadows.unshift(...[0.35, 1].map((part) => `0 0 ${px(glow.radius * part * s)} ${glow.color}`));
  // On a box of its own a word needs neither edge nor shadow to be read.
  const isBoxed = state.box !== undefined;
  return {weight, shadows: isBoxed ? [] : shadows, stroke: isBoxed ? 0 : style.stroke.width * s, strokeColor: style.stroke.color,
    color: state.color ?? style.color, gradient: state.gradient ?? (state.color ? null : style.gradient),
    outline: state.outline && motion.outline ? {...motion.outline, part: state.outline} : null, motion};
}

// Shadow, stroke and fill of a piece of text, each a layer of its own: HTML text knows no round joins, so the stroke is
// SVG text; SVG text knows no shadow, so that is HTML text without ink.
function glyphs(parent, word, look, piece, s) {
  if (look.shadows.length) {
    const shade = ink(parent, word, look, piece, s, "ink shade");
    shade.style.textShadow = look.shadows.join(", ");
    if (look.stroke) shade.style.webkitTextStrokeWidth = px(2 * look.stroke);
  }
  if (look.stroke) outline(parent, word, look, piece, s, {stroke: look.strokeColor, strokeWidth: 2 * look.stroke});
  if (look.outline) {
    const size = word.style.fontSize * s, length = 12 * size;
    outline(parent, word, look, piece, s, {stroke: look.outline.color, strokeWidth: 2 * look.stroke + look.outline.thickness * size,
      strokeDasharray: `${length}`, strokeDashoffset: `${length * (1 - look.outline.part)}`});
  }
  const fill = ink(parent, word, look, piece, s, "ink");
  if (look.gradient) {
    Object.assign(fill.style, {backgroundImage: gradientOf(look.gradient), backgroundClip: "text", color: "transparent"});
  } else {
    fill.style.color = look.color;
  }
  return fill;
}

function ink(parent, word, look, piece, s, kind) {
  const span = element(parent, "div", kind, {width: px(piece.width), textAlign: look.motion.fontWeight ? "center" : "start"});
  font(span, word, s, look.weight);
  span.append(piece.text);
  return span;
}

function outline(parent, word, look, piece, s, paint) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "ink");
  svg.setAttribute("width", "1");
  svg.setAttribute("height", "1");
  const text = document.createElementNS(SVG, "text");
  const middle = look.motion.fontWeight;
  text.setAttribute("x", middle ? piece.width / 2 : piece.rtl ? piece.width : 0);
  text.setAttribute("y", piece.base);
  font(text, word, s, look.weight);
  // HTML's stroke does not show on SVG text, but tells the browser how far its ink goes: without it, text of which only the
  // stroke reaches into a tile is not painted there.
  Object.assign(text.style, {whiteSpace: "pre", direction: piece.rtl ? "rtl" : "ltr", textAnchor: middle ? "middle" : "start",
    webkitTextStrokeWidth: px(paint.strokeWidth), ...paint});
  text.append(piece.text);
  svg.append(text);
  parent.append(svg);
}

const pieceOf = (word, place) => ({text: word.text, width: place.rect[2], base: place.base, rtl: place.rtl});

// The word in two parts that meet where the voice is, never one over the other: edges drawn twice would be too heavy.
function sweep(holder, word, look, place, state, s) {
  const {reach, rect, rtl} = place;
  const sung = {...look, color: state.sung, gradient: null};
  if (state.sweep <= 0 || state.sweep >= 1) {
    glyphs(holder, word, state.sweep >= 1 ? sung : look, pieceOf(word, place), s);
    return;
  }
  const left = place.cut(state.sweep) - rect[0], right = rect[2] - left;
  for (const [part, isLeft] of [[sung, !rtl], [look, rtl]]) {
    const window = element(holder, "div", "ink", {width: px(rect[2]), height: px(rect[3]),
      clipPath: `inset(${-reach}px ${isLeft ? right : -reach}px ${-reach}px ${isLeft ? -reach : left}px)`});
    glyphs(window, word, part, pieceOf(word, place), s);
  }
}

function underline(holder, look, place, part, size, rtl) {
  const {color, thickness} = look.motion.underline;
  const [x, y] = place.rect;
  const width = place.rect[2] * part, height = Math.max(1, Math.round(thickness * size));
  const left = Math.round(x + (rtl ? place.rect[2] - width : 0)), top = Math.round(y + place.base + 0.14 * size);
  const inner = element(holder, "div", "shape", frame([left - x, top - y, Math.round(width), height]));
  shape(inner, [0, 0, width, height], color, Math.floor(height / 2));
}

// Sets all that an effect can move, and takes back what an earlier one did.
export function move(target, fx, size, reach = 0) {
  const turn = [];
  if (fx.rotateX || fx.rotateY) turn.push(`perspective(${px(6 * size)})`);
  if (fx.translateX || fx.translateY) turn.push(`translate(${px((fx.translateX ?? 0) * size)}, ${px((fx.translateY ?? 0) * size)})`);
  if (fx.rotate) turn.push(`rotate(${fx.rotate}deg)`);
  if (fx.rotateX) turn.push(`rotateX(${fx.rotateX}deg)`);
  if (fx.rotateY) turn.push(`rotateY(${fx.rotateY}deg)`);
  const scale = fx.scale ?? 1;
  const across = scale * (fx.scaleX ?? 1), down = scale * (fx.scaleY ?? 1);
  if (across !== 1 || down !== 1) turn.push(`scale(${across}, ${down})`);
  Object.assign(target.style, {transform: turn.join(" "), opacity: fx.opacity ?? "",
    filter: fx.blur ? `blur(${px(fx.blur * size)})` : "", clipPath: fx.shown === undefined ? "" : cutFrom(fx.side, fx.shown, reach)});
}

// Shows a share of a box, uncovered towards `side`.
function cutFrom([x, y], shown, reach) {
  const rest = `calc(${(1 - shown) * 100}% + ${((1 - shown) * 2 - 1) * reach}px)`, open = px(-reach);
  const [top, right, bottom, left] = x > 0 ? [open, rest, open, open] : x < 0 ? [open, open, open, rest]
    : y > 0 ? [open, open, rest, open] : [rest, open, open, open];
  return `inset(${top} ${right} ${bottom} ${left})`;
}

// A picture or a bar, at its measured rect.
export function paintLayer(parent, layer, layout, state, image) {
  const holder = element(parent, "div", "layer", frame(layout.rect));
  const still = layer.rotate ? `rotate(${layer.rotate}deg)` : "";
  if (state.fx) move(holder, state.fx, layout.rect[3]);
  if (still) holder.style.transform = `${holder.style.transform} ${still}`;
  const radius = px((layer.borderRadius ?? 0) * layout.s);
  if (layer.kind === "image") {
    const picture = element(holder, "img", "shape", {width: "100%", height: "100%", borderRadius: radius});
    picture.src = image.src;
    return;
  }
  if (layer.background) element(holder, "div", "shape", {inset: 0, background: layer.background, borderRadius: radius});
  const window = element(holder, "div", "shape", {inset: 0, clipPath: `inset(0 ${layout.rect[0] + layout.rect[2] - layout.cut(state.done)}px 0 0)`});
  element(window, "div", "shape", {inset: 0, borderRadius: radius,
    background: layer.gradient ? gradientOf(layer.gradient) : layer.color});
}

export {mix};
