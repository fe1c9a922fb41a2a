// How captions look and what is exported: a preset, what was changed of it, the shape of the picture.

import type {Schemas} from "../api/client";

export type Container = NonNullable<Schemas["RenderOutputRequest"]["container"]>;

export interface Look {
  preset: string;
  maxWords: number;
  style: Record<string, unknown>;
  animation: Record<string, unknown>;
  safeArea: string;
  aspect: "" | "9:16" | "1:1" | "4:5" | "16:9";
  shorter: number;
  fit: "crop" | "pad" | "blur" | "stretch";
  quality: "draft" | "medium" | "high" | "best";
  container: Container;
  layer: "video" | "captions";
  loudness: boolean;
}

export type Scenario = Record<string, unknown>;
export const FIRST: Look = {preset: "pop", maxWords: 4, style: {}, animation: {}, safeArea: "", aspect: "", shorter: 0, fit: "crop", quality: "high", container: "mp4", layer: "video", loudness: false};

const key = (assetId: string) => `reelyard.look.${assetId}`;

export function recallLook(assetId: string): Look {
  try {
    return {...FIRST, ...(JSON.parse(localStorage.getItem(key(assetId)) ?? "{}") as Partial<Look>)};
  } catch {
    return FIRST;
  }
}

export const keepLook = (assetId: string, look: Look) => localStorage.setItem(key(assetId), JSON.stringify(look));

const WEB_LUFS = -14;
const SOUND = {mute: false, loudness_lufs: null, true_peak_dbtp: -1, fade_in_s: 0, fade_out_s: 0, music: null};
const OUTPUT = {codec: "auto", encoder: "auto", aspect: "", background: "#000000", fps: "", crf: null, bit_rate: 0, preset: "medium", bit_depth: 0, dynamic_range: "sdr", alpha: null} as const;

const even = (value: number) => Math.max(2, 2 * Math.round(value / 2));

// Pixels of what is exported, and so of the canvas that captions are laid out on.
export function sizeOf(look: Look, video: {display_width: number; display_height: number}): {width: number; height: number} {
  const [across, down] = look.aspect ? (look.aspect.split(":").map(Number) as [number, number]) : [video.display_width, video.display_height];
  const shorter = look.shorter || Math.min(video.display_width, video.display_height);
  const unit = shorter / Math.min(across, down);
  return {width: even(across * unit), height: even(down * unit)};
}

// The scenario with what was changed of its look; the size of fonts and outlines is a share of the shorter side.
export function dressed(scenario: Scenario, look: Look): Scenario {
  const copy = structuredClone(scenario) as {styles: {caption: Record<string, unknown>}; tracks: {animation?: Record<string, unknown>}[]; canvas: {width: number; height: number}; safeArea?: string};
  const unit = Math.min(copy.canvas.width, copy.canvas.height);
  copy.styles.caption = {...copy.styles.caption, ...scaled(look.style, unit)};
  for (const track of copy.tracks) track.animation = {...track.animation, ...look.animation};
  if (look.safeArea) copy.safeArea = look.safeArea;
  return copy as unknown as Scenario;
}

function scaled(style: Record<string, unknown>, unit: number): Record<string, unknown> {
  const lengths = new Set(["fontSize", "letterSpacing", "width", "paddingX", "paddingY", "borderRadius", "offsetX", "offsetY", "blur"]);
  const round = (value: number) => Math.round(value * unit * 10) / 10;
  return Object.fromEntries(Object.entries(style).map(([name, value]) => {
    if (lengths.has(name) && typeof value === "number") return [name, round(value)];
    if (value && typeof value === "object" && !Array.isArray(value) && name !== "position") return [name, scaled(value as Record<string, unknown>, unit)];
    return [name, value];
  }));
}

// ProRes and GIF have no choice of quality.
const UNRATED = new Set(["mov", "gif"]);

export function outputOf(look: Look, size: {width: number; height: number}): Schemas["RenderOutputRequest"] {
  const container = look.layer === "captions" && look.container === "mp4" ? ("webm" as const) : look.container;
  const sound = {...SOUND, loudness_lufs: look.loudness ? WEB_LUFS : null};
  return {...OUTPUT, container, fit: look.fit, quality: UNRATED.has(container) ? "" : look.quality, layer: look.layer, ...size, sound};
}
