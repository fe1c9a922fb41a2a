// The sound as a picture, with the words on it: drag one or its edges to give it other times.

import {useEffect, useRef, useState} from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import RegionsPlugin from "wavesurfer.js/plugins/regions";
import TimelinePlugin from "wavesurfer.js/plugins/timeline";
import {text} from "../text";
import type {EditedTranscript, Word} from "./document";
import {readPeaks} from "./peaks";
import type {Playhead} from "./playhead";

interface Props {
  url: string;
  sizeBytes: number;
  assetId: string;
  duration: number;
  words: Word[];
  edited: EditedTranscript;
  playhead: Playhead;
  selected: string;
  select: (id: string) => void;
}

type Regions = ReturnType<typeof RegionsPlugin.create>;

const MOST_REGIONS = 120;
const REGIONS_FROM = 40;

export default function Waveform(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [wave, setWave] = useState<{surfer: WaveSurfer; regions: Regions} | null>(null);
  const [isMissing, setMissing] = useState(false);
  const [zoom, setZoom] = useState(90);
  useEffect(() => {
    let isGone = false, made: WaveSurfer | null = null;
    readPeaks(props.assetId, props.url, props.sizeBytes).then((peaks) => {
      if (isGone || !box.current || !props.playhead.media) return;
      const regions = RegionsPlugin.create();
      made = makeSurfer(box.current, props.playhead.media, peaks, props.duration, regions);
      setWave({surfer: made, regions});
    }, () => isGone || setMissing(true));
    return () => { isGone = true; made?.destroy(); };
  }, [props.assetId]);
  useEffect(() => {
    if (wave) wave.surfer.zoom(zoom);
  }, [wave, zoom]);
  useRegions(wave, zoom, props);
  return (
    <section class="waveform" aria-label={text.editor.waveform}>
      <div ref={box} class="wave-box" aria-hidden="true" hidden={isMissing} />
      {isMissing ? <p class="small soft">{text.editor.waveNone}</p> : (
        <label class="wave-zoom"><span class="hidden">{text.editor.zoom}</span>
          <input type="range" min={10} max={400} step={5} value={zoom} onInput={(event) => setZoom(Number(event.currentTarget.value))} /></label>
      )}
    </section>
  );
}

function makeSurfer(container: HTMLElement, media: HTMLMediaElement, peaks: Float32Array, duration: number, regions: Regions): WaveSurfer {
  const style = getComputedStyle(document.documentElement);
  const nonce = document.querySelector<HTMLMetaElement>("meta[property='csp-nonce']")?.nonce;
  return WaveSurfer.create({
    container, media, peaks: [peaks], duration, height: 64, barWidth: 2, barGap: 1, barRadius: 2, cursorWidth: 2, autoCenter: true, minPxPerSec: 90,
    waveColor: style.getPropertyValue("--edge").trim(), progressColor: style.getPropertyValue("--ink").trim(), cursorColor: style.getPropertyValue("--bad").trim(),
    ...(nonce ? {cspNonce: nonce} : {}),
    plugins: [regions, TimelinePlugin.create({height: 16})],
  });
}

// Words in view as regions: never more than can be told apart.
function useRegions(wave: {surfer: WaveSurfer; regions: Regions} | null, zoom: number, {words, edited, selected, select, playhead}: Props): void {
  useEffect(() => {
    if (!wave) return;
    const {surfer, regions} = wave;
    const draw = () => {
      regions.clearRegions();
      if (zoom < REGIONS_FROM) return;
      const from = surfer.getScroll() / zoom - 1, until = from + surfer.getWidth() / zoom + 2;
      for (const word of words.filter((each) => each.end > from && each.start < until).slice(0, MOST_REGIONS)) addRegion(word);
    };
    const addRegion = (word: Word) => {
      const at = words.indexOf(word), region = regions.addRegion({id: word.id, start: word.start, end: word.end, content: word.text, drag: true, resize: true,
        color: word.id === selected ? "rgb(255 225 77 / 55%)" : "rgb(128 128 120 / 18%)"});
      region.on("click", (event: MouseEvent) => { event.stopPropagation(); select(word.id); playhead.seekInto(word.start); });
      region.on("update-end", () => {
        const start = Math.max(region.start, words[at - 1]?.end ?? 0), end = Math.max(start + 0.02, Math.min(region.end, words[at + 1]?.start ?? Infinity));
        if (Math.abs(start - word.start) > 0.005 || Math.abs(end - word.end) > 0.005) edited.do({op: "retime", word: word.id, start: round(start), end: round(end)});
        else draw();
      });
    };
    let timer = 0;
    const later = () => { clearTimeout(timer); timer = setTimeout(draw, 120) as unknown as number; };
    draw();
    const offs = [surfer.on("scroll", later), surfer.on("redrawcomplete", later)];
    return () => { clearTimeout(timer); offs.forEach((off) => off()); };
  }, [wave, words, selected, zoom]);
}

const round = (seconds: number) => Math.round(seconds * 1000) / 1000;
