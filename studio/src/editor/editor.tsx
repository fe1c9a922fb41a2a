// One video: its words, its captions' look, its export.

import {useEffect, useMemo, useState} from "preact/hooks";
import {lazy, Suspense} from "preact/compat";
import {api, take, type Schemas} from "../api/client";
import {href} from "../router";
import {useStore} from "../store";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {Button, Dialog, Empty, Loading, ProblemNote, say, sayProblem, useLoad} from "../ui/kit";
import {ChecksPanel, flagsOf, useFindings} from "./checks";
import {EditedTranscript} from "./document";
import {ExportPanel, Subtitles} from "./export";
import {FormatPanel} from "./format";
import {keepLook, recallLook, sizeOf, type Look} from "./look";
import {Player} from "./player";
import {Playhead} from "./playhead";
import {nameOf, Preview} from "./preview";
import {SaveState} from "./save";
import {StylePanel} from "./style";
import {TranscriptView} from "./transcript";
import "../styles/editor.css";

type Asset = Schemas["AssetResponse"];
type Tab = "transcript" | "style" | "format" | "checks" | "export";
const HEAR_AGAIN = {diarize: false, language: null, speakers: null};
const Waveform = lazy(() => import("./waveform"));

export function Editor({id}: {id: string}) {
  const asset = useLoad(() => take(api.GET("/api/v1/assets/{asset_id}", {params: {path: {asset_id: id}}})), [id]);
  const list = useLoad(() => take(api.GET("/api/v1/transcripts", {params: {query: {asset_id: id, limit: 1}}})), [id]);
  const problem = asset.problem ?? list.problem;
  if (problem) return <main class="page" id="content"><ProblemNote problem={problem} retry={() => { asset.reload(); list.reload(); }} /></main>;
  if (!asset.value || !list.value) return <main class="page" id="content"><Loading lines={5} /></main>;
  const transcript = list.value.items[0];
  if (!transcript) return <NoWords asset={asset.value} again={list.reload} />;
  return <Desk key={transcript.id} asset={asset.value} transcriptId={transcript.id} />;
}

function NoWords({asset, again}: {asset: Asset; again: () => void}) {
  useEffect(() => {
    const timer = setInterval(again, 4000);
    return () => clearInterval(timer);
  }, []);
  const hear = () => take(api.POST("/api/v1/assets/{asset_id}/transcripts", {params: {path: {asset_id: asset.id}}, body: HEAR_AGAIN})).then(() => say(text.editor.hearing), sayProblem);
  return (
    <main class="page" id="content">
      <header><h1 class="truncate">{asset.filename}</h1></header>
      <Empty icon="sound" title={text.editor.noTranscript} body={text.editor.noTranscriptBody}><Button onClick={() => void hear()}>{text.editor.hear}</Button></Empty>
    </main>
  );
}

function Desk({asset, transcriptId}: {asset: Asset; transcriptId: string}) {
  const [edited] = useState(() => new EditedTranscript(transcriptId));
  const [playhead] = useState(() => new Playhead(fpsOf(asset)));
  const [preview] = useState(() => new Preview());
  const [look, setLook] = useState(() => recallLook(asset.id));
  const [tab, setTab] = useState<Tab>(() => (matchMedia("(max-width: 900px)").matches ? "transcript" : asset.media?.video ? "style" : "export"));
  const [selected, select] = useState("");
  const [frames, setFrames] = useState(0);
  const source = useLoad(() => take(api.GET("/api/v1/assets/{asset_id}/download", {params: {path: {asset_id: asset.id}}})), [asset.id]);
  const areas = useLoad(() => take(api.GET("/api/v1/scenario/safe-areas")), []);
  const {transcript, problem, pending} = useStore(edited);
  const {scenario, of} = useStore(preview);
  const video = asset.media?.video ?? null;
  const size = useMemo(() => (video ? sizeOf(look, video) : {width: 16, height: 9}), [look.aspect, look.shorter, video]);
  const found = useFindings(transcript, asset.id, scenario, look, size, tab === "checks");
  const flags = useMemo(() => flagsOf(found.items, scenario), [found.items, scenario]);
  useEffect(() => { void edited.load(); return () => edited.close(); }, [edited]);
  useEffect(() => {
    if (transcript && video && frames) preview.ask(transcript.id, transcript.version, look, video);
  }, [transcript?.version, look, frames]);
  useShortcuts(edited, playhead);

  function change(part: Partial<Look>) {
    setLook((old) => {
      const next = {...old, ...part};
      keepLook(asset.id, next);
      return next;
    });
  }

  if (problem && !transcript) return <main class="page" id="content"><ProblemNote problem={problem} retry={() => void edited.load()} /></main>;
  const words = transcript?.document.segments.flatMap((segment) => segment.words) ?? [];
  const tabs: Tab[] = ["transcript", ...(video ? (["style", "format", "checks", "export"] as const) : (["checks", "export"] as const))];
  return (
    <main class={`editor tab-${tab}`} id="content">
      <header class="editor-top">
        <a class="button quiet tiny" href={href("")} aria-label={text.editor.back}><Icon name="back" /></a>
        <h1 class="truncate">{asset.filename}</h1>
        <SaveState edited={edited} />
        <Keys />
      </header>
      <section class="pane words" aria-label={text.editor.transcript}>
        {transcript ? <TranscriptView transcript={transcript} edited={edited} playhead={playhead} flags={flags} selected={selected} select={select} /> : <Loading lines={6} />}
      </section>
      <section class="pane film">
        {source.problem && <ProblemNote problem={source.problem} retry={source.reload} />}
        {source.value && <Player url={source.value.url} hasPicture={video !== null} playhead={playhead} preview={preview} look={look}
          safeArea={areas.value?.items.find((area) => area.name === look.safeArea) ?? null} onLoaded={() => setFrames((old) => old + 1)} onBroken={source.reload} />}
        {source.value && transcript && (
          <Suspense fallback={<div class="skeleton wave-box" />}>
            <Waveform url={source.value.url} sizeBytes={asset.size_bytes} assetId={asset.id} duration={asset.media?.duration_s ?? 0} words={words} edited={edited} playhead={playhead} selected={selected} select={select} />
          </Suspense>
        )}
      </section>
      <section class="pane panels" aria-label={text.editor.tabs}>
        <div class="tabs" role="tablist" aria-label={text.editor.tabs}>
          {tabs.map((each) => (
            <button key={each} type="button" role="tab" class={each === "transcript" ? "phone-only" : ""} aria-selected={each === tab} onClick={() => setTab(each)}>
              {text.editor[each]}{each === "checks" && Boolean(found.items?.length) && <span class="count">{found.items?.length}</span>}
            </button>
          ))}
        </div>
        {tab === "style" && video && <StylePanel look={look} change={change} scenario={scenario} />}
        {tab === "format" && video && <FormatPanel look={look} change={change} video={video} areas={areas.value?.items ?? []} />}
        {tab === "checks" && <ChecksPanel found={found} edited={edited} show={(item) => { playhead.seekInto(item.t ?? 0); if (item.word) select(item.word); }} />}
        {tab === "export" && video && <ExportPanel assetId={asset.id} transcriptId={transcriptId} scenario={scenario} look={look} size={size} isFresh={!pending.length && transcript !== null && of === nameOf(transcript.version, look)} />}
        {tab === "export" && !video && <div class="stack side"><Subtitles transcriptId={transcriptId} /></div>}
      </section>
    </main>
  );
}

const SOUND_STEPS = 25;

function fpsOf(asset: Asset): number {
  const video = asset.media?.video;
  return video ? video.fps_num / video.fps_den : SOUND_STEPS;
}

function useShortcuts(edited: EditedTranscript, playhead: Playhead): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.closest("input:not([type=range]), select, textarea, dialog")) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") void (event.shiftKey ? edited.redo() : edited.undo());
      else if (event.key === " " && !target.closest("button, a, summary")) playhead.toggle();
      else if (event.key === "," || event.key === ".") playhead.step(event.key === "." ? 1 : -1);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [edited, playhead]);
}

function Keys() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button icon="keys" label={text.editor.keys} tiny onClick={() => setOpen(true)} />
      {isOpen && (
        <Dialog title={text.editor.keys} onClose={() => setOpen(false)}>
          <dl class="facts">{text.editor.keyList.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
        </Dialog>
      )}
    </>
  );
}
