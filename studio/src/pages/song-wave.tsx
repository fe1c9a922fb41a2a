// A song as a picture with its beats and sections. Edges of sections snap to the nearest beat.

import {useEffect, useRef} from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import RegionsPlugin from "wavesurfer.js/plugins/regions";
import TimelinePlugin from "wavesurfer.js/plugins/timeline";
import {api, take} from "../api/client";
import {text} from "../text";
import {sayProblem} from "../ui/kit";

interface Section {
  start: number;
  end: number;
  label: string;
  note: string;
}

interface Props {
  audio: {current: HTMLAudioElement | null};
  peaksUrl: string;
  duration: number;
  beats: number[];
  downbeats: number[];
  sections: Section[];
  isKept: boolean;
  song: string;
  changed: () => void;
}

const SHADES = ["rgb(255 225 77 / 28%)", "rgb(128 128 120 / 16%)"];

export default function SongWave(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const surfer = useRef<WaveSurfer | null>(null);
  const regions = useRef<ReturnType<typeof RegionsPlugin.create> | null>(null);
  useEffect(() => {
    let isGone = false;
    fetch(props.peaksUrl).then((answer) => answer.json()).then((wave: {data: number[]; bits: number}) => {
      if (isGone || !box.current || !props.audio.current) return;
      regions.current = RegionsPlugin.create();
      surfer.current = make(box.current, props, wave, regions.current);
      draw(regions.current, props);
    }).catch(sayProblem);
    return () => { isGone = true; surfer.current?.destroy(); };
  }, [props.song]);
  useEffect(() => { if (regions.current) draw(regions.current, props); }, [props.sections]);
  return <><div ref={box} class="song-wave" /><p class="small soft">{text.songs.snap} · {text.songs.beats(props.beats.length)}</p></>;
}

function make(container: HTMLElement, {audio, duration}: Props, wave: {data: number[]; bits: number}, plugin: ReturnType<typeof RegionsPlugin.create>): WaveSurfer {
  const style = getComputedStyle(document.documentElement), most = 2 ** (wave.bits - 1);
  const nonce = document.querySelector<HTMLMetaElement>("meta[property='csp-nonce']")?.nonce;
  return WaveSurfer.create({container, media: audio.current as HTMLAudioElement, peaks: [wave.data.map((value) => value / most)], duration, height: 90, barWidth: 2, barGap: 1, minPxPerSec: 12,
    waveColor: style.getPropertyValue("--edge").trim(), progressColor: style.getPropertyValue("--ink").trim(), cursorColor: style.getPropertyValue("--bad").trim(),
    ...(nonce ? {cspNonce: nonce} : {}), plugins: [plugin, TimelinePlugin.create({height: 16})]});
}

function draw(plugin: ReturnType<typeof RegionsPlugin.create>, props: Props): void {
  plugin.clearRegions();
  props.sections.forEach((section, index) => {
    const region = plugin.addRegion({start: section.start, end: section.end, content: section.label, color: SHADES[index % 2] ?? "", drag: false, resize: true});
    region.on("update-end", () => void divide(props, index, region.start, region.end));
  });
  for (const beat of props.downbeats) plugin.addRegion({start: beat, color: "rgb(128 128 120 / 70%)", drag: false, resize: false});
}

const snap = (t: number, beats: number[]) => beats.reduce((best, beat) => (Math.abs(beat - t) < Math.abs(best - t) ? beat : best), beats[0] ?? t);

// The section's edges go to beats, its neighbours' with them; then the song is divided anew.
async function divide({sections, beats, song, isKept, changed}: Props, index: number, from: number, until: number): Promise<void> {
  const start = index ? snap(from, beats) : sections[0]?.start ?? 0, end = index < sections.length - 1 ? snap(until, beats) : sections[index]?.end ?? until;
  const moved = sections.map(({label, note, ...at}, place) => ({label, note,
    start: place === index ? start : place === index + 1 ? end : at.start, end: place === index ? end : place === index - 1 ? start : at.end}));
  try {
    if (moved.some((section) => section.end <= section.start)) return changed();
    if (isKept) await take(api.DELETE("/api/v1/songs/{song_id}/sections", {params: {path: {song_id: song}}}));
    await take(api.POST("/api/v1/songs/{song_id}/sections", {params: {path: {song_id: song}}, body: {sections: moved}}));
  } catch (error) {
    sayProblem(error);
  }
  changed();
}
