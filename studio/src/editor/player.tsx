// The video with the captions over it, drawn by the stage that renders load.

import {useEffect, useLayoutEffect, useRef, useState} from "preact/hooks";
import type {Schemas} from "../api/client";
import {clock} from "../format";
import {href} from "../router";
import {useStore} from "../store";
import {text} from "../text";
import {Button, ProblemNote} from "../ui/kit";
import type {Look} from "./look";
import type {Playhead} from "./playhead";
import type {Preview} from "./preview";

type SafeArea = Schemas["SafeAreaResponse"];

interface PlayerProps {
  url: string;
  hasPicture: boolean;
  playhead: Playhead;
  preview: Preview;
  look: Look;
  safeArea: SafeArea | null;
  onLoaded: () => void;
  onBroken: () => void;
}

export function Player(props: PlayerProps) {
  const {playhead, preview, hasPicture, look} = props;
  const {size, problem} = useStore(preview);
  const [isFull, setFull] = useState(false);
  const room = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const shown = useFit(room, size, isFull);
  useEffect(() => {
    playhead.attach(video.current);
    return () => playhead.attach(null);
  }, []);
  useEffect(() => playhead.hear((t) => preview.draw(t)), [playhead, preview]);
  return (
    <section class="player" aria-label={text.editor.play}>
      <div ref={room} class={isFull ? "room full" : "room"} hidden={!hasPicture}>
        <div class={`screen fit-${look.fit}`} data-testid="screen" style={{width: shown.width, height: shown.height}} onClick={() => playhead.toggle()}>
          <video ref={video} src={props.url} preload="auto" playsInline onError={props.onBroken} />
          {hasPicture && <StageFrame preview={preview} size={size} shown={shown.width} onLoaded={props.onLoaded} />}
          {props.safeArea && <SafeAreas area={props.safeArea} />}
        </div>
      </div>
      {problem && <ProblemNote problem={problem} />}
      <Controls playhead={playhead} isFull={isFull} setFull={hasPicture ? setFull : null} />
    </section>
  );
}

// The page of the stage itself, as large as the canvas, made smaller to lie over the video.
function StageFrame({preview, size, shown, onLoaded}: {preview: Preview; size: {width: number; height: number}; shown: number; onLoaded: () => void}) {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => () => preview.attach(null), []);
  return (
    <iframe ref={frame} title={text.editor.style} src={href("stage/page.html")} tabIndex={-1} aria-hidden="true" class="stage"
      style={{width: size.width, height: size.height, transform: `scale(${shown / size.width})`}}
      onLoad={() => whenReady(frame.current, () => { preview.attach(frame.current); onLoaded(); })} />
  );
}

// The frame's module may run a moment after its page has loaded.
function whenReady(frame: HTMLIFrameElement | null, then: () => void, tries = 100): void {
  if (!frame || tries === 0) return;
  if ((frame.contentWindow as unknown as {reelyard?: unknown} | null)?.reelyard) then();
  else setTimeout(() => whenReady(frame, then, tries - 1), 30);
}

// How large the picture is shown: as large as there is room, or pixel for pixel.
function useFit(room: {current: HTMLDivElement | null}, size: {width: number; height: number}, isFull: boolean): {width: number; height: number} {
  const [space, setSpace] = useState({width: 640, height: 360});
  useLayoutEffect(() => {
    const box = room.current;
    if (!box) return;
    const watcher = new ResizeObserver(() => setSpace({width: box.clientWidth, height: box.clientHeight}));
    watcher.observe(box);
    return () => watcher.disconnect();
  }, []);
  const ratio = globalThis.devicePixelRatio || 1;
  if (isFull) return {width: size.width / ratio, height: size.height / ratio};
  const scale = Math.min(space.width / size.width, space.height / size.height);
  return {width: Math.max(1, Math.floor(size.width * scale)), height: Math.max(1, Math.floor(size.height * scale))};
}

function SafeAreas({area}: {area: SafeArea}) {
  const percent = (part: number) => `${part * 100}%`;
  return (
    <div class="safe" aria-hidden="true" style={{borderWidth: 0}}>
      <i style={{inset: `0 0 auto 0`, height: percent(area.top)}} />
      <i style={{inset: `auto 0 0 0`, height: percent(area.bottom)}} />
      <i style={{top: percent(area.top), bottom: percent(area.bottom), left: 0, width: percent(area.left)}} />
      <i style={{top: percent(area.top), bottom: percent(area.bottom), right: 0, width: percent(area.right)}} />
      <span>{area.title}</span>
    </div>
  );
}

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2];

function Controls({playhead, isFull, setFull}: {playhead: Playhead; isFull: boolean; setFull: ((full: boolean) => void) | null}) {
  const {isPlaying, duration, isMuted, rate} = useStore(playhead);
  const words = text.editor;
  return (
    <div class="controls">
      <Button icon={isPlaying ? "pause" : "play"} label={isPlaying ? words.pause : words.play} onClick={() => playhead.toggle()} />
      <Button icon="previous" tiny label={words.frameBack} onClick={() => playhead.step(-1)} />
      <Button icon="next" tiny label={words.frameOn} onClick={() => playhead.step(1)} />
      <Time playhead={playhead} /><span class="soft num small">/ {clock(duration, 1)}</span>
      <Scrubber playhead={playhead} duration={duration} />
      <select class="input tiny-select" aria-label={words.speed} value={String(rate)} onChange={(event) => { if (playhead.media) playhead.media.playbackRate = Number(event.currentTarget.value); }}>
        {RATES.map((each) => <option key={each} value={String(each)}>{each}×</option>)}
      </select>
      <Button icon={isMuted ? "mute" : "sound"} label={isMuted ? words.volumeOff : words.volume} onClick={() => { if (playhead.media) playhead.media.muted = !isMuted; }} />
      {setFull && <Button tiny pressed={isFull} onClick={() => setFull(!isFull)}>{words.full}</Button>}
    </div>
  );
}

function Time({playhead}: {playhead: Playhead}) {
  const span = useRef<HTMLSpanElement>(null);
  useEffect(() => playhead.hear((t) => { if (span.current) span.current.textContent = clock(t, 1); }), [playhead]);
  return <span ref={span} class="num small now" data-testid="now" />;
}

function Scrubber({playhead, duration}: {playhead: Playhead; duration: number}) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => playhead.hear((t) => { if (input.current) input.current.value = String(t); }), [playhead]);
  return <input ref={input} class="scrub" type="range" min={0} max={duration || 1} step={0.01} aria-label={text.editor.time}
    aria-valuetext={clock(playhead.t, 1)} onInput={(event) => playhead.seek(Number(event.currentTarget.value))} />;
}
