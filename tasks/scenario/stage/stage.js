// Draws captions as a pure function of (scenario, t, seed). The preview, stills and the render load this very file.
// The scenario comes resolved (tasks/scenario/model.py, Scenario.to_stage); text enters the page as text nodes only.

const clamp = (value) => Math.max(0, Math.min(1, value));

// What a cue shows at time t: index of the spoken word (-1 before the first), phase of its motion 0..1, opacity 0..1.
// tasks/scenario/timeline.py computes the same; a test compares the two.
export function stateAt(cue, t) {
  if (t < cue.start || t >= cue.end) return null;
  const {activeWord, enter, exit} = cue.animation;
  let active = -1;
  if (activeWord.type !== "none") cue.words.forEach((word, i) => { if (word.start <= t) active = i; });
  const word = cue.words[active];
  let phase = 0;
  if (word && activeWord.type === "pop") phase = fraction(t - word.start, activeWord.durationMs / 1000);
  if (word && activeWord.type === "karaoke") phase = fraction(t - word.start, word.end - word.start);
  const opacity = Math.min(
    enter.type === "fade" ? fraction(t - cue.start, enter.durationMs / 1000) : 1,
    exit.type === "fade" ? fraction(cue.end - t, exit.durationMs / 1000) : 1);
  return {active, phase, opacity};
}

const fraction = (elapsed, length) => length <= 0 ? 1 : clamp(elapsed / length);

export class Stage {
  // scale: output pixels per canvas pixel. root: an element at the surface's top left corner.
  constructor(root, scenario, scale = 1) {
    this.root = root;
    this.scenario = scenario;
    this.scale = scale;
    this.width = Math.round(scenario.width * scale);
    this.height = Math.round(scenario.height * scale);
    this.fits = new Map();
  }

  // Boxes in output pixels, everything that a motion, stroke or shadow can reach included:
  // [{box: [x, y, width, height], words: [[x, y, width, height], …], text: [x, y, width, height]}]
  measure() {
    return this.scenario.cues.map((cue) => {
      const canvas = this.#canvas(this.root, 0, 0, this.width, this.height, 0, 0);
      const block = this.#cue(canvas, cue, {active: -1, phase: 0, opacity: 1});
      const grow = cue.animation.activeWord.type === "pop" ? Math.max(0, cue.animation.activeWord.scale - 1) / 2 : 0;
      const words = [...block.querySelectorAll(".word")].map((element, i) => {
        const rect = element.getBoundingClientRect();
        const reach = this.#reach(cue.words[i].style);
        return spread(rect, reach + grow * rect.width, reach + grow * rect.height);
      });
      const text = block.getBoundingClientRect();
      const box = words.reduce(union, spread(text, 0, 0));
      this.root.replaceChildren();
      return {box, words, text: spread(text, 0, 0)};
    });
  }

  // Each tile shows the region (x, y, width, height) of the canvas at (left, top) of the surface.
  draw(tiles) {
    this.root.replaceChildren();
    for (const tile of tiles) {
      const canvas = this.#canvas(this.root, tile.left, tile.top, tile.width, tile.height, tile.x, tile.y);
      const state = {active: tile.active, phase: tile.phase, opacity: tile.opacity ?? 1};
      this.#cue(canvas, this.scenario.cues[tile.cue], state);
    }
  }

  // The whole canvas at time t, for previews and stills.
  drawAt(t) {
    this.root.replaceChildren();
    const canvas = this.#canvas(this.root, 0, 0, this.width, this.height, 0, 0);
    for (const cue of this.scenario.cues) {
      const state = stateAt(cue, t);
      if (state) this.#cue(canvas, cue, state);
    }
  }

  #canvas(parent, left, top, width, height, x, y) {
    const window = element(parent, "div", "tile", {
      left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`});
    return element(window, "div", "canvas", {
      left: `${-x}px`, top: `${-y}px`, width: `${this.width}px`, height: `${this.height}px`});
  }

  // Captions too long for their place are set smaller, found once per cue so that all its states agree.
  #cue(canvas, cue, state) {
    let fit = this.fits.get(cue) ?? 1;
    let block = this.#lay(canvas, cue, state, this.scale * fit);
    if (this.fits.has(cue)) return block;
    const isTooLarge = () => block.getBoundingClientRect().height > 0.9 * this.height
      || [...block.querySelectorAll(".word")].some((word) => word.offsetWidth > block.parentElement.offsetWidth);
    while (fit > 0.05 && isTooLarge()) {
      block.parentElement.remove();
      fit *= 0.9;
      block = this.#lay(canvas, cue, state, this.scale * fit);
    }
    this.fits.set(cue, fit);
    return block;
  }

  #lay(canvas, cue, state, s) {
    const style = cue.style;
    const maxWidth = Math.round(style.maxWidth * this.width);
    const holder = element(canvas, "div", "holder", {
      width: `${maxWidth}px`, textAlign: style.textAlign, opacity: state.opacity});
    const block = element(holder, "div", "block", {
      textAlign: style.textAlign,
      lineHeight: style.lineHeight,
      fontSize: `${style.fontSize * s}px`,
      wordSpacing: `${style.wordSpacing * s}px`,
      letterSpacing: `${style.letterSpacing * s}px`,
    });
    block.dir = style.direction;
    font(block, style, s);
    if (style.background) {
      const {color, paddingX = 0, paddingY = 0, borderRadius = 0} = style.background;
      Object.assign(block.style, {
        background: color, padding: `${paddingY * s}px ${paddingX * s}px`, borderRadius: `${borderRadius * s}px`});
    }
    cue.words.forEach((word, i) => {
      if (i) block.append(" ");
      this.#word(block, cue, word, i, state, s);
    });
    const rect = block.getBoundingClientRect();
    const top = {top: 0, center: 0.5, bottom: 1}[style.position.anchor] * rect.height;
    holder.style.left = `${Math.round(style.position.x * this.width - maxWidth / 2)}px`;
    const highest = Math.max(0, this.height - rect.height);
    holder.style.top = `${Math.round(Math.max(0, Math.min(highest, style.position.y * this.height - top)))}px`;
    if (cue.animation.activeWord.type === "pop" && state.active >= 0) swell(canvas, block, cue, state, s);
    return block;
  }

  #word(block, cue, word, index, state, s) {
    const {activeWord} = cue.animation;
    const isActive = index === state.active;
    const span = element(block, "span", "word", paint(word.style, s));
    font(span, word.style, s);
    span.append(cased(word));
    if (isActive && (activeWord.type === "highlight" || activeWord.type === "pop")) {
      span.style.color = activeWord.color;
      span.style.zIndex = 1;
    }
    if (activeWord.type === "karaoke" && index <= state.active) {
      this.#fill(span, word, activeWord.color, index < state.active ? 1 : state.phase);
    }
  }

  // The sung part of a word lies over it, cut where the voice is; it runs with the script's direction.
  #fill(span, word, color, phase) {
    const width = span.getBoundingClientRect().width;
    const reach = this.#reach(word.style);
    const rest = (1 - phase) * (width + 2 * reach) - reach;
    const isRight = getComputedStyle(span.parentElement).direction === "rtl";
    const fill = element(span, "span", "fill", {
      color, clipPath: isRight ? `inset(${-reach}px ${-reach}px ${-reach}px ${rest}px)`
        : `inset(${-reach}px ${rest}px ${-reach}px ${-reach}px)`});
    fill.append(cased(word));
  }

  // How far ink can lie outside a word's line box, in output pixels.
  #reach(style) {
    const shadow = Math.max(0, ...style.shadow.map((each) =>
      Math.max(Math.abs(each.offsetX ?? 0), Math.abs(each.offsetY ?? 0)) + 1.5 * (each.blur ?? 0)));
    return Math.ceil(this.scale * (0.12 * style.fontSize + style.stroke.width + shadow)) + 2;
  }
}

// The spoken word grows and shrinks back; never so far that it touches a neighbour on its line or leaves the canvas.
function swell(canvas, block, cue, {active, phase}, s) {
  if (phase >= 1) return;
  const spans = [...block.querySelectorAll(".word")];
  const own = spans[active].getBoundingClientRect();
  const stroke = cue.words[active].style.stroke.width * s;
  const gaps = [active - 1, active + 1].filter((i) => spans[i]).map((i) => {
    const other = spans[i].getBoundingClientRect();
    const isSameLine = other.top < own.bottom && own.top < other.bottom;
    const gap = Math.max(other.left - own.right, own.left - other.right);
    return isSameLine ? gap - stroke - cue.words[i].style.stroke.width * s : Infinity;
  });
  const limits = canvas.getBoundingClientRect();
  gaps.push(own.left - limits.left - stroke, limits.right - own.right - stroke);
  const room = 1 + 2 * Math.max(0, Math.min(...gaps)) / (own.width + 2 * stroke);
  const peak = Math.min(cue.animation.activeWord.scale, Math.max(1, room));
  spans[active].style.transform = `scale(${1 + (peak - 1) * Math.sin(Math.PI * phase)})`;
}

const cased = (word) => document.createTextNode({
  uppercase: word.text.toUpperCase(), lowercase: word.text.toLowerCase()}[word.style.textTransform] ?? word.text);

function element(parent, name, kind, style) {
  const made = document.createElement(name);
  made.className = kind;
  Object.assign(made.style, style);
  parent.append(made);
  return made;
}

function font(target, style, scale) {
  Object.assign(target.style, {
    fontFamily: JSON.stringify(style.fontFamily), fontWeight: style.fontWeight, fontStyle: style.fontStyle,
    fontSize: `${style.fontSize * scale}px`});
}

function paint(style, s) {
  return {
    color: style.color,
    webkitTextStroke: style.stroke.width ? `${2 * style.stroke.width * s}px ${style.stroke.color}` : "0",
    textShadow: style.shadow.map((each) =>
      `${(each.offsetX ?? 0) * s}px ${(each.offsetY ?? 0) * s}px ${(each.blur ?? 0) * s}px ${each.color}`).join(", ")
      || "none",
  };
}

const spread = (rect, x, y) => [rect.x - x, rect.y - y, rect.width + 2 * x, rect.height + 2 * y];

function union(a, b) {
  const left = Math.min(a[0], b[0]), top = Math.min(a[1], b[1]);
  return [left, top, Math.max(a[0] + a[2], b[0] + b[2]) - left, Math.max(a[1] + a[3], b[1] + b[3]) - top];
}

// Fonts are handed in as bytes; nothing is ever fetched. Each: {family, weight, style, data: base64}.
export async function loadFonts(fonts) {
  for (const {family, weight, style, data} of fonts) {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const face = new FontFace(family, bytes, {weight, style});
    document.fonts.add(await face.load());
  }
  await document.fonts.ready;
}
