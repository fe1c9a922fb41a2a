// The outline of a sound, with how much of it was heard; gone through by pointer or by keyboard.

import {useEffect, useRef, useState} from "preact/hooks";
import {clock} from "../format";

const BARS = 180;
const HIGH = 100;
const known = new Map<string, Promise<number[]>>();

interface Props {
  path: string | null;
  duration: number;
  t: number;
  label: string;
  seek: (t: number) => void;
  marks?: {start: number; end: number}[];
  isQuiet?: boolean;
}

// Quiet ones are not among what the keyboard goes through: a list has a button for each.
export function Wave({path, duration, t, label, seek, marks = [], isQuiet}: Props) {
  const box = useRef<HTMLDivElement>(null);
  const bars = useBars(box, path);
  const part = (seconds: number) => `${(100 * seconds) / Math.max(0.01, duration)}%`;
  return (
    <div ref={box} class="wave">
      {marks.map((mark) => <i key={mark.start} class="wave-mark" style={{left: part(mark.start), width: part(mark.end - mark.start)}} />)}
      {bars && <svg viewBox={`0 0 ${BARS * 3} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true"><path d={outline(bars)} /></svg>}
      {bars && <svg class="heard" viewBox={`0 0 ${BARS * 3} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true" style={{clipPath: `inset(0 ${100 - (100 * t) / Math.max(0.01, duration)}% 0 0)`}}><path d={outline(bars)} /></svg>}
      <input type="range" min={0} max={duration} step={0.05} value={t} aria-label={label} aria-valuetext={clock(t, 1)} tabIndex={isQuiet ? -1 : 0} onInput={(event) => seek(Number(event.currentTarget.value))} />
    </div>
  );
}

function outline(bars: number[]): string {
  return bars.map((bar, place) => `M${place * 3 + 1} ${(HIGH - bar * HIGH) / 2}v${Math.max(2, bar * HIGH)}`).join("");
}

// Read once the picture comes into view.
function useBars(box: {current: HTMLDivElement | null}, path: string | null): number[] | null {
  const [bars, setBars] = useState<number[] | null>(null);
  const name = path?.split("?")[0] ?? "";
  useEffect(() => {
    if (!path || !box.current) return;
    let isGone = false;
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      const reading = known.get(name) ?? read(path);
      known.set(name, reading);
      reading.then((read) => isGone || setBars(read), () => known.delete(name));
    }, {rootMargin: "200px"});
    watcher.observe(box.current);
    return () => { isGone = true; watcher.disconnect(); };
  }, [name]);
  return bars;
}

// audiowaveform's JSON, version 2: least and largest value in turn.
async function read(path: string): Promise<number[]> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`The storage answered ${answer.status}`);
  const {data} = (await answer.json()) as {data: number[]};
  const loudest = Math.max(1, data.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
  return Array.from({length: BARS}, (_, bar) => {
    const piece = data.slice(Math.floor((bar * data.length) / BARS), Math.max(1, Math.ceil(((bar + 1) * data.length) / BARS)));
    return piece.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / loudest;
  });
}
