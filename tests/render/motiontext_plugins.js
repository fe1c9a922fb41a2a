// Plugins for the package under test, made for these tests: they do with channels what the ones of these names do.

const turn = 2 * Math.PI;
const channels = {
  pulse: ({maxScale = 1.2, cycles = 1}, p) => {
    const size = 1 + (maxScale - 1) * (1 - Math.cos(turn * cycles * p)) / 2;
    return {sx: size, sy: size};
  },
  bobY: ({amplitudePx = 8, cycles = 1}, p) => ({ty: amplitudePx * Math.sin(turn * cycles * p)}),
  spin: ({fullTurns = 1}, p) => ({rot: 360 * fullTurns * p}),
};

export function register(add) {
  for (const [name, at] of Object.entries(channels)) {
    add({name, version: "2.0.0", module: {name, evalChannels: (spec, p) => at(spec.params ?? {}, p)},
      baseUrl: "http://motiontext.invalid/"});
  }
}
