// Looks, and what is changed of one. Every change is seen on the video at once.

import {useEffect, useState} from "preact/hooks";
import {api, take} from "../api/client";
import {text} from "../text";
import {Button, Field, Loading, ProblemNote, Select, useLoad} from "../ui/kit";
import {FIRST, type Look, type Scenario} from "./look";

interface Preset {
  name: string;
  title: string;
  description: string;
  style: Record<string, unknown>;
  animation: Record<string, Record<string, unknown> | undefined>;
}

interface FontFace {
  family: string;
  style: string;
  weight_min: number;
  weight_max: number;
}

interface Props {
  look: Look;
  change: (change: Partial<Look>) => void;
  scenario: Scenario | null;
}

const ENTERS = ["none", "fade", "pop", "bounce", "slide", "zoom", "wipe", "drop", "flip", "blur", "ascend"];
const ACTIVES = ["none", "highlight", "karaoke", "pop", "bounce", "scale", "box", "pill", "pill-move", "underline", "glow", "outline"];
const LOOPS = ["none", "wave", "shake", "pulse", "swing", "float"];
const named = (names: string[]): [string, string][] => names.map((name) => [name, name === "none" ? text.style.none : name.charAt(0).toUpperCase() + name.slice(1).replace("-", " ")]);

export function StylePanel({look, change, scenario}: Props) {
  const presets = useLoad(() => take(api.GET("/api/v1/scenario/presets")).then((answer) => answer.items as unknown as Preset[]), []);
  const fonts = useLoad(() => take(api.GET("/api/v1/fonts")).then((answer) => answer.items as unknown as FontFace[]), []);
  if (presets.problem) return <ProblemNote problem={presets.problem} retry={presets.reload} />;
  if (!presets.value) return <Loading />;
  return (
    <div class="stack side">
      <fieldset><legend class="hidden">{text.style.looks}</legend>
        <div class="looks">
          {presets.value.map((preset) => <LookCard key={preset.name} preset={preset} isChosen={preset.name === look.preset}
            choose={() => change({preset: preset.name, style: {}, animation: {}})} />)}
        </div>
      </fieldset>
      <Slider label={text.style.words} value={look.maxWords} min={1} max={12} step={1} onChange={(maxWords) => change({maxWords})} />
      <Details look={look} change={change} scenario={scenario} fonts={fonts.value ?? []} />
      <Button tiny disabled={!Object.keys(look.style).length && !Object.keys(look.animation).length && look.maxWords === FIRST.maxWords}
        onClick={() => change({style: {}, animation: {}, maxWords: FIRST.maxWords})}>{text.style.reset}</Button>
    </div>
  );
}

// A look in two words: text, and the word that is spoken.
function LookCard({preset, isChosen, choose}: {preset: Preset; isChosen: boolean; choose: () => void}) {
  const style = preset.style as {color?: string; fontWeight?: number; textTransform?: string; fontFamily?: string; background?: {color?: string}};
  const active = preset.animation["activeWord"] as {type?: string; color?: string; boxColor?: string} | undefined;
  const box = active?.boxColor ?? "none", isLine = active?.type === "underline";
  return (
    <button type="button" class="look" aria-pressed={isChosen} title={preset.description} onClick={choose}>
      <span class="look-words" aria-hidden="true" style={{color: style.color ?? "#fff", fontWeight: style.fontWeight ?? 600, textTransform: (style.textTransform ?? "none") as "none"}}>
        <span style={{background: style.background?.color ?? "none"}}>So <b style={{color: active?.color ?? "inherit", background: isLine ? "none" : box, boxShadow: isLine ? `inset 0 -3px ${box}` : "none"}}>say</b></span>
      </span>
      <span class="look-name">{preset.title}</span>
    </button>
  );
}

function Details({look, change, scenario, fonts}: Props & {fonts: FontFace[]}) {
  const base = (scenario as {styles?: {caption?: Record<string, unknown>}; canvas?: {width: number; height: number}; tracks?: {animation?: Record<string, Record<string, unknown>>}[]} | null);
  const style = base?.styles?.caption ?? {}, animation = base?.tracks?.[0]?.animation ?? {};
  const unit = Math.min(base?.canvas?.width ?? 1000, base?.canvas?.height ?? 1000);
  const set = (part: Record<string, unknown>) => change({style: {...look.style, ...part}});
  const move = (name: string, part: Record<string, unknown>) => change({animation: {...look.animation, [name]: {...animation[name], ...part}}});
  const stroke = (style["stroke"] ?? {color: "#000000", width: 0}) as {color: string; width: number};
  const position = {x: 0.5, y: 0.7, anchor: "center", ...(style["position"] as object | undefined)} as {x: number; y: number};
  const family = String(style["fontFamily"] ?? ""), weight = Number(style["fontWeight"] ?? 600);
  const families = [...new Set(fonts.map((font) => font.family))].sort();
  const own = fonts.filter((font) => font.family === family && font.style === "normal");
  const weights = [100, 200, 300, 400, 500, 600, 700, 800, 900].filter((each) => own.some((font) => font.weight_min <= each && each <= font.weight_max));
  const t = text.style;
  return (
    <>
      <div class="pair">
        <Select label={t.font} value={family} options={families.map((name) => [name, name])} onChange={(next) => set({fontFamily: next, fontWeight: nearest(fonts, next, weight)})} />
        <Select label={t.weight} value={String(weight)} options={(weights.length ? weights : [weight]).map((each) => [String(each), String(each)])} onChange={(next) => set({fontWeight: Number(next)})} />
      </div>
      <Slider label={t.size} value={Number(style["fontSize"] ?? 60) / unit} min={0.02} max={0.2} step={0.002} show={(part) => `${Math.round(part * unit)} px`} onChange={(fontSize) => set({fontSize})} />
      <Slider label={t.place} value={1 - position.y} min={0.03} max={0.97} step={0.005} show={(part) => `${Math.round(part * 100)} %`} onChange={(up) => set({position: {...position, y: round(1 - up)}})} />
      <Slider label={t.width} value={Number(style["maxWidth"] ?? 0.84)} min={0.2} max={1} step={0.01} show={(part) => `${Math.round(part * 100)} %`} onChange={(maxWidth) => set({maxWidth})} />
      <div class="pair">
        <Colour label={t.colour} value={String(style["color"] ?? "#FFFFFF")} onChange={(color) => set({color, gradient: null})} />
        <Colour label={t.stroke} value={stroke.color} onChange={(color) => set({stroke: {color, width: stroke.width / unit}})} />
      </div>
      <Slider label={t.strokeWidth} value={stroke.width / unit} min={0} max={0.02} step={0.0005} show={(part) => `${(part * unit).toFixed(1)} px`} onChange={(width) => set({stroke: {color: stroke.color, width}})} />
      <div class="pair">
        <Select label={t.active} value={String(animation["activeWord"]?.["type"] ?? "none")} options={named(ACTIVES)} onChange={(type) => move("activeWord", {type})} />
        <Colour label={t.activeColour} value={String(animation["activeWord"]?.["color"] ?? animation["activeWord"]?.["boxColor"] ?? "#FFE14D")}
          onChange={(color) => move("activeWord", ["box", "pill", "pill-move", "underline"].includes(String(animation["activeWord"]?.["type"])) ? {boxColor: color} : {color})} />
      </div>
      <div class="pair">
        <Select label={t.enter} value={String(animation["enter"]?.["type"] ?? "none")} options={named(ENTERS)} onChange={(type) => move("enter", {type})} />
        <Select label={t.exit} value={String(animation["exit"]?.["type"] ?? "none")} options={named(ENTERS)} onChange={(type) => move("exit", {type})} />
      </div>
      <div class="pair">
        <Select label={t.loop} value={String(animation["loop"]?.["type"] ?? "none")} options={named(LOOPS)} onChange={(type) => move("loop", {type})} />
        <Select label={t.caps} value={String(style["textTransform"] ?? "none")} options={Object.entries(t.capsOptions)} onChange={(textTransform) => set({textTransform})} />
      </div>
      <label class="check"><input type="checkbox" checked={Boolean(style["background"])}
        onChange={(event) => set({background: event.currentTarget.checked ? {color: "#000000B8", paddingX: 0.03, paddingY: 0.016, borderRadius: 0.012} : null})} />{t.background}</label>
    </>
  );
}

const round = (value: number) => Math.round(value * 1000) / 1000;

// The weight of another family that comes nearest to the present one.
function nearest(fonts: FontFace[], family: string, weight: number): number {
  const own = fonts.filter((font) => font.family === family && font.style === "normal");
  const all = own.map((font) => Math.max(font.weight_min, Math.min(weight, font.weight_max)));
  return all.sort((a, b) => Math.abs(a - weight) - Math.abs(b - weight))[0] ?? weight;
}

interface SliderProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  show?: (value: number) => string;
  onChange: (value: number) => void;
}

export function Slider({label, value, min, max, step, show = String, onChange}: SliderProps) {
  const [own, setOwn] = useState(value);
  useEffect(() => setOwn(value), [value]);
  return (
    <label class="field slider"><span class="row"><span class="grow">{label}</span><span class="num value" aria-hidden="true">{show(own)}</span></span>
      <input type="range" min={min} max={max} step={step} value={own} aria-valuetext={show(own)}
        onInput={(event) => { const next = Number(event.currentTarget.value); setOwn(next); onChange(next); }} /></label>
  );
}

function Colour({label, value, onChange}: {label: string; value: string; onChange: (value: string) => void}) {
  const alpha = value.slice(7);
  return <Field label={label}><input type="color" value={value.slice(0, 7).toLowerCase()} onInput={(event) => onChange(event.currentTarget.value.toUpperCase() + alpha)} /></Field>;
}
