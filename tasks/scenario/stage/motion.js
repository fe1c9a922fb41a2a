// What moves, and how far, at a time: plain numbers, no page. Everything here is a pure function of (layer, t, seed),
// so frames can be asked for in any order. Effects arrive as keyframes; none is known here by name.

const clamp = (value, low = 0, high = 1) => Math.max(low, Math.min(high, value));
const share = (elapsed, length) => length <= 0 ? (elapsed < 0 ? 0 : 1) : clamp(elapsed / length);
const round = (value) => Math.round(value * 1e4) / 1e4;

const REST = {opacity: 1, translateX: 0, translateY: 0, scale: 1, scaleX: 1, scaleY: 1, rotate: 0, rotateX: 0,
  rotateY: 0, blur: 0, shown: 1, along: 0, grow: 0};
const EFFECTS = Object.keys(REST);

// Cubic Béziers as CSS Easing 1 has them; back, bounce and elastic after Robert Penner's equations.
const EASINGS = {
  linear: (x) => x,
  ease: bezier(0.25, 0.1, 0.25, 1),
  "ease-in": bezier(0.42, 0, 1, 1),
  "ease-out": bezier(0, 0, 0.58, 1),
  "ease-in-out": bezier(0.42, 0, 0.58, 1),
  "back-out": (x) => 1 + 2.70158 * (x - 1) ** 3 + 1.70158 * (x - 1) ** 2,
  "bounce-out": (x) => {
    for (const [until, middle, rest] of [[1, 0, 0], [2, 1.5, 0.75], [2.5, 2.25, 0.9375], [2.75, 2.625, 0.984375]]) {
      if (x < until / 2.75) return 7.5625 * (x - middle / 2.75) ** 2 + rest;
    }
    return 1;
  },
  "elastic-out": (x) => x <= 0 || x >= 1 ? clamp(x)
    : 2 ** (-10 * x) * Math.sin((x * 10 - 0.75) * 2 * Math.PI / 3) + 1,
  "step-end": (x) => x < 1 ? 0 : 1,
};

function bezier(x1, y1, x2, y2) {
  const at = (a, b, u) => 3 * a * u * (1 - u) ** 2 + 3 * b * u ** 2 * (1 - u) + u ** 3;
  return (x) => {
    let low = 0, high = 1;
    for (let step = 0; step < 40; step++) {
      const middle = (low + high) / 2;
      if (at(x1, x2, middle) < x) low = middle; else high = middle;
    }
    return at(y1, y2, (low + high) / 2);
  };
}

// Values of keyframes at p (0..1); a property that a keyframe does not name is at rest there. null: all at rest.
export function sample(keyframes, p) {
  if (!keyframes.length) return null;
  let next = keyframes.findIndex((frame) => frame.at > p);
  if (next < 0) next = keyframes.length;
  const from = keyframes[Math.max(0, next - 1)], to = keyframes[Math.min(next, keyframes.length - 1)];
  const span = to.at - from.at;
  const part = span > 0 ? EASINGS[from.easing ?? "linear"](clamp((p - from.at) / span)) : 1;
  const result = {};
  for (const name of EFFECTS) {
    const start = from[name] ?? REST[name], end = to[name] ?? REST[name];
    const value = start + (end - start) * part;
    if (value !== REST[name]) result[name] = value;
  }
  return Object.keys(result).length ? result : null;
}

// Two sets of values at once: what multiplies is multiplied, what adds is added.
function join(a, b) {
  if (!a || !b) return a ?? b;
  const joined = {...a};
  for (const [name, value] of Object.entries(b)) {
    if (name === "opacity" || name.startsWith("scale")) joined[name] = (a[name] ?? 1) * value;
    else if (name === "shown") joined[name] = Math.min(a[name] ?? 1, value);
    else if (name === "side") joined[name] = value;
    else joined[name] = (a[name] ?? 0) + value;
  }
  return joined;
}

// Turns "along a direction" into plain movement, and says from which side a cut comes.
function directed(values, transition, sign) {
  if (!values) return null;
  const {along, ...fx} = values;
  const [x, y] = transition.direction;
  if (along) {
    fx.translateX = (fx.translateX ?? 0) + sign * along * transition.distance * x;
    fx.translateY = (fx.translateY ?? 0) + sign * along * transition.distance * y;
  }
  if (fx.shown !== undefined) fx.side = [sign * x, sign * y];
  return fx;
}

const entering = (transition, elapsed) =>
  directed(sample(transition.keyframes, share(elapsed, transition.duration)), transition, 1);
const leaving = (transition, left) =>
  left >= transition.duration ? null
    : directed(sample(transition.keyframes, share(left, transition.duration)), transition, -1);

function looping(loop, elapsed) {
  if (!loop.keyframes.length) return null;
  const turn = elapsed / loop.period;
  const values = sample(loop.keyframes, turn - Math.floor(turn));
  if (!values || loop.amplitude === 1) return values;
  return Object.fromEntries(Object.entries(values).map(([name, value]) =>
    [name, REST[name] + (value - REST[name]) * loop.amplitude]));
}

function cycled(loop, elapsed) {
  const turn = elapsed / loop.period;
  const place = (turn - Math.floor(turn)) * loop.colors.length;
  const index = Math.floor(place) % loop.colors.length;
  // 16 steps from colour to colour: the eye sees no more, and fewer pictures have to be drawn
  return mix(loop.colors[index], loop.colors[(index + 1) % loop.colors.length], Math.round((place % 1) * 16) / 16);
}

export function mix(a, b, part) {
  const parts = (color) => [1, 3, 5, 7].map((at) => parseInt(color.slice(at, at + 2) || "ff", 16));
  const from = parts(a), to = parts(b);
  return "#" + from.map((value, i) => Math.round(value + (to[i] - value) * part).toString(16).padStart(2, "0")).join("");
}

// Fades and movement of a picture, or of a caption as one; null while it is not on screen ([start, end)).
export function layerState(layer, t) {
  if (t < layer.start || t >= layer.end) return null;
  if (layer.kind === "progress") return {opacity: 255, fx: null, done: (t - layer.start) / (layer.end - layer.start)};
  const {enter, exit, loop} = layer.animation ?? layer;
  let fx = null;
  if (enter.unit === "cue") fx = entering(enter, t - layer.start);
  if (exit.unit === "cue") fx = join(fx, leaving(exit, layer.end - t));
  if (loop.unit === "cue") fx = join(fx, looping(loop, t - layer.start));
  const {opacity = 1, ...rest} = fx ?? {};
  const style = (layer.style ?? layer).opacity;
  return {opacity: Math.round(clamp(opacity * style) * 255), fx: tidy(rest)};
}

const tidy = (fx) => {
  const entries = Object.entries(fx ?? {}).filter(([name, value]) => name === "side" || round(value) !== REST[name]);
  if (!entries.length || (entries.length === 1 && entries[0][0] === "side")) return null;
  return Object.fromEntries(entries.map(([name, value]) => [name, name === "side" ? value : round(value)]));
};

// Index of the spoken word at t, -1 before the first. A word stays the spoken one until the next begins.
export function spokenWord(cue, t) {
  let active = -1;
  cue.words.forEach((word, i) => { if (word.start <= t) active = i; });
  return active;
}

// How each word of a cue looks at t: null while hidden, else the values that differ from rest. `places` says for each
// word its line, its letters' count and the index of its first letter; `widest` how far each may grow.
export function wordStates(cue, t, places) {
  const active = spokenWord(cue, t);
  return cue.words.map((word, i) => {
    const next = cue.words[i + 1];
    const {reveal} = cue.animation;
    const from = reveal === "all" ? cue.start : word.start;
    const until = reveal === "one-word" && next ? next.start : cue.end;
    if (t < from || t >= until) return null;
    const state = paintOf(cue, word, i, active, t);
    Object.assign(state, spoken(cue, i, active, t, places[i]));
    const fx = tidy(join(moves(cue, i, t, places[i], from, until), state.fx));
    delete state.fx;
    if (fx) state.fx = fx;
    const letters = lettersOf(cue, word, i, t, places[i], from, until);
    if (letters) state.letters = letters;
    if (word.emoji && t >= word.start) state.emoji = emojiOf(t - word.start);
    return state;
  });
}

const EMOJI_POP = [{at: 0, scale: 0, easing: "ease-out"}, {at: 0.65, scale: 1.25, easing: "ease-in-out"}, {at: 1}];
const emojiOf = (elapsed) => round(sample(EMOJI_POP, share(elapsed, 0.3))?.scale ?? 1);

function paintOf(cue, word, i, active, t) {
  const {spoken, unspoken, loop} = cue.animation;
  const motion = word.active ?? cue.animation.active;
  const paint = i < active ? spoken : i > active ? unspoken : {};
  const state = {};
  if (paint.color) state.color = paint.color;
  if (paint.opacity !== undefined && paint.opacity !== 1) state.dim = paint.opacity;
  if (motion.sweep && i <= active) {
    if (unspoken.color) state.color = unspoken.color;
    state.sung = spoken.color && i < active ? spoken.color : motion.color;
    state.sweep = i < active && !motion.lasts ? 1 : round(share(t - word.start, word.end - word.start));
  } else if (i === active) {
    if (motion.gradient) state.gradient = motion.gradient;
    else if (motion.color) state.color = motion.color;
  }
  if (loop.colors && i !== active) state.color = cycled(loop, t - cue.start - i * loop.stagger);
  return state;
}

// What being spoken does to a word: its pulse, what it holds while it is spoken, and shapes around it.
function spoken(cue, i, active, t, place) {
  const word = cue.words[i];
  const motion = word.active ?? cue.animation.active;
  const isActive = i === active;
  const since = t - word.start;
  const level = round(isActive ? share(since, motion.duration)
    : i === active - 1 && motion.duration > 0 ? 1 - share(t - cue.words[active].start, motion.duration) : 0);
  const state = {};
  let fx = null;
  const peak = Math.min(motion.scale, place.widest);
  if ((isActive || motion.lasts) && since >= 0 && since < motion.duration && motion.pulse.length) {
    const {grow = 0, ...values} = sample(motion.pulse, share(since, motion.duration)) ?? {};
    fx = join(values, grow ? {scale: 1 + (peak - 1) * grow} : null);
  }
  if (level > 0) {
    if (motion.holds.includes("scale")) fx = join(fx, {scale: 1 + (peak - 1) * level});
    if (motion.holds.includes("glow")) state.glow = level;
    if (motion.holds.includes("weight")) state.weight = level;
    if (motion.underline) state.underline = level;
    if (motion.outline && isActive) state.outline = level;
  }
  if (isActive && motion.box) state.box = motion.box.moves && i > 0 ? level : 1;
  if (fx) state.fx = fx;
  return state;
}

function moves(cue, i, t, place, from, until) {
  const {enter, exit, loop, reveal} = cue.animation;
  const order = {word: i, line: place.line};
  let fx = null;
  if (enter.unit in order) {
    fx = entering(enter, t - from - (reveal === "all" ? order[enter.unit] * enter.stagger : 0));
  }
  if (exit.unit in order) fx = join(fx, leaving(exit, until - t - (place.after[exit.unit] * exit.stagger)));
  if (loop.unit in order) fx = join(fx, looping(loop, t - cue.start - order[loop.unit] * loop.stagger));
  if (fx?.shown !== undefined && [enter, exit].some((effect) => effect.unit === "line")) {
    return {...fx, shown: shareOfWord(fx.shown, fx.side, place.span)};
  }
  return fx;
}

// What is shown of a word when a share of its line is.
function shareOfWord(shown, [x], [start, end]) {
  if (x > 0) return clamp((shown - start) / (end - start));
  if (x < 0) return clamp((shown - 1 + end) / (end - start));
  return shown;
}

// Letters that move on their own: a list of values for each (0: hidden, null: at rest), or undefined when all rest.
function lettersOf(cue, word, i, t, place, from, until) {
  const {enter, exit, loop, reveal} = cue.animation;
  const typed = reveal === "typewriter";
  if (!typed && ![enter, exit, loop].some((effect) => effect.unit === "letter")) return undefined;
  const letters = Array.from({length: place.letters}, (_, k) => {
    if (typed && t < word.start + (word.end - word.start) * k / place.letters) return 0;
    const order = reveal === "all" ? place.first + k : k;
    let fx = null;
    if (enter.unit === "letter") fx = entering(enter, t - from - order * enter.stagger);
    if (exit.unit === "letter") fx = join(fx, leaving(exit, until - t - (place.after.letter - k) * exit.stagger));
    if (loop.unit === "letter") fx = join(fx, looping(loop, t - cue.start - (place.first + k) * loop.stagger));
    return tidy(fx);
  });
  return letters.some((letter) => letter !== null) ? letters : undefined;
}
