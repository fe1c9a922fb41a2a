// A song as a picture with its beats and sections. Edges of sections snap to the nearest beat.

import {useEffect, useRef} from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import RegionsPlugin from "wavesurfer.js/plugins/regions";
import TimelinePlugin from "wavesurfer.js/plugins/timeline";
import {text} from "../text";
import {sayProblem} from "../ui/kit";
import {divide, type Section} from "./song-sections";

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

const SHADES = ["rgb(255 225 77 / 26%)", "rgb(128 128 120 / 12%)"];
const BAR = "rgb(128 128 120 / 32%)";

export default function SongWave(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const surfer = useRef<WaveSurfer | null>(null);
  const regions = useRef<ReturnType<typeof RegionsPlugin.create> | null>(null);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    let isGone = false;
    fetch(props.peaksUrl).then((answer) => answer.json()).then((wave: {data: number[]; bits: number}) => {
      if (isGone || !box.current || !props.audio.current) return;
      regions.current = RegionsPlugin.create();
      surfer.current = make(box.current, props, wave, regions.current);
      draw(regions.current, latest.current);
    }).catch(sayProblem);
    return () => { isGone = true; surfer.current?.destroy(); };
  }, [props.song]);
  useEffect(() => { if (regions.current) draw(regions.current, props); }, [props.sections]);
  return <><div ref={box} class="song-wave" /><p class="small soft">{text.songs.snap} · {text.songs.beats(props.beats.length)}</p></>;
}

function make(container: HTMLElement, {audio, duration}: Props, wave: {data: number[]; bits: number}, plugin: ReturnType<typeof RegionsPlugin.create>): WaveSurfer {
  const style = getComputedStyle(document.documentElement), most = 2 ** (wave.bits - 1);
  const nonce = document.querySelector<HTMLMetaElement>("meta[property='csp-nonce']")?.nonce;
  return WaveSurfer.create({container, media: audio.current as HTMLAudioElement, peaks: [wave.data.map((value) => value / most)], duration, height: 96, barWidth: 2, barGap: 1, minPxPerSec: 12, normalize: true,
    waveColor: style.getPropertyValue("--edge").trim(), progressColor: style.getPropertyValue("--ink").trim(), cursorColor: style.getPropertyValue("--bad").trim(),
    ...(nonce ? {cspNonce: nonce} : {}), plugins: [plugin, TimelinePlugin.create({height: 16})]});
}

function draw(plugin: ReturnType<typeof RegionsPlugin.create>, props: Props): void {
  plugin.clearRegions();
  props.sections.forEach((section, index) => {
    const region = plugin.addRegion({start: section.start, end: section.end, content: section.label, color: SHADES[index % 2] ?? "", drag: false, resize: true});
    region.on("update-end", () => void divide(props.song, props, index, region.start, region.end).then(props.changed));
  });
  for (const beat of props.downbeats) plugin.addRegion({start: beat, color: BAR, drag: false, resize: false});
}
