// Songs: what they are made of, where they turn, and the film that is cut to them.

import {useEffect, useRef, useState} from "preact/hooks";
import {lazy, Suspense} from "preact/compat";
import {api, newKey, take, type Schemas} from "../api/client";
import {ago, clock} from "../format";
import {go, href} from "../router";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {Button, Chip, Empty, Loading, ProblemNote, sayProblem, Select, useLoad} from "../ui/kit";
import {Clips} from "./song-clips";
import {Sections} from "./song-sections";
import "../styles/songs.css";

type Song = Schemas["SongResponse"];
type Analysis = Schemas["AnalysisResponse"];
const SongWave = lazy(() => import("./song-wave"));

export function Songs({id}: {id: string}) {
  return id ? <SongPage key={id} id={id} /> : <SongList />;
}

function SongList() {
  const t = text.songs;
  const list = useLoad(() => take(api.GET("/api/v1/songs", {params: {query: {limit: 50}}})), [], 5000);
  const assets = useLoad(() => take(api.GET("/api/v1/assets", {params: {query: {kind: "audio", state: "ready", limit: 50}}})), []);
  const options: [string, string][] = [["", t.choose], ...(assets.value?.items.map((asset): [string, string] => [asset.id, asset.filename]) ?? [])];
  const make = (id: string) => take(api.POST("/api/v1/songs", {body: {asset_id: id}})).then((song) => go(`songs/${song.id}`), sayProblem);
  return (
    <main class="page" id="content">
      <header><h1>{t.title}</h1><Select label={t.add} hideLabel value="" options={options} onChange={(id) => { if (id) void make(id); }} /></header>
      {list.problem && <ProblemNote problem={list.problem} retry={list.reload} />}
      {!list.value && !list.problem && <Loading lines={4} />}
      {list.value?.items.length === 0 && <Empty icon="sound" title={t.empty} body={t.emptyBody}><a class="button" href={href("")}>{text.toLibrary}</a></Empty>}
      {Boolean(list.value?.items.length) && <ul class="panel pad list">{list.value?.items.map((song) => (
        <li key={song.id}><a class="grow" href={href(`songs/${song.id}`)}><strong>{song.title}</strong></a><span class="small soft num">{clock(song.duration_s)}</span><Chip state={song.state} /><span class="small soft">{ago(song.created_at)}</span></li>))}</ul>}
    </main>
  );
}

function SongPage({id}: {id: string}) {
  const t = text.songs, path = {song_id: id};
  const song = useLoad(() => take(api.GET("/api/v1/songs/{song_id}", {params: {path}})), [id]);
  const isBusy = song.value?.state === "analyzing";
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(song.reload, 2500);
    return () => clearInterval(timer);
  }, [isBusy]);
  const analyse = () => take(api.POST("/api/v1/songs/{song_id}/analyze", {params: {path, header: {"Idempotency-Key": newKey()}}, body: {lyrics: true, language: null}})).then(song.reload, sayProblem);
  return (
    <main class="page" id="content">
      <p><a class="button quiet tiny" href={href("songs")}><Icon name="back" />{t.back}</a></p>
      {song.problem && <ProblemNote problem={song.problem} retry={song.reload} />}
      {!song.value && !song.problem && <Loading lines={5} />}
      {song.value && (
        <>
          <header><h1>{song.value.title}</h1><div class="row"><Chip state={song.value.state} />
            <Button kind={song.value.state === "new" ? "main" : undefined} disabled={isBusy} onClick={() => void analyse()}>{song.value.state === "new" ? t.analyse : t.again}</Button></div></header>
          {song.value.error && <div class="note bad"><strong>{song.value.error.message}</strong></div>}
          {isBusy && <Loading lines={2} />}
          {song.value.state === "ready" && <Analysed song={song.value} />}
        </>
      )}
    </main>
  );
}

function Analysed({song}: {song: Song}) {
  const path = {song_id: song.id};
  const told = useLoad(() => take(api.GET("/api/v1/songs/{song_id}/analysis", {params: {path}})), [song.id, song.updated_at]);
  const sections = useLoad(() => take(api.GET("/api/v1/songs/{song_id}/sections", {params: {path}})), [song.id, song.updated_at]);
  const file = useLoad(() => take(api.GET("/api/v1/assets/{asset_id}/download", {params: {path: {asset_id: song.asset_id}}})), [song.asset_id]);
  const audio = useRef<HTMLAudioElement>(null);
  if (told.problem) return <ProblemNote problem={told.problem} retry={told.reload} />;
  if (!told.value) return <Loading />;
  const {analysis, waveform_url: wave} = told.value;
  const kept = sections.value?.items ?? [], shown = kept.length ? kept : (sections.value?.suggested ?? []);
  return (
    <>
      <Facts told={told.value} />
      <section class="panel pad"><h2>{text.songs.player}</h2>
        {file.value && <audio ref={audio} class="audio" controls src={file.value.url} />}
        {file.value && wave && <Suspense fallback={<div class="skeleton" style={{height: 110}} />}>
          <SongWave audio={audio} peaksUrl={wave} duration={analysis.duration_s} beats={analysis.beats} downbeats={analysis.downbeats} sections={shown} isKept={kept.length > 0} song={song.id} changed={sections.reload} /></Suspense>}
        <Lyrics told={told.value} audio={audio} />
      </section>
      <section class="panel pad"><h2>{text.songs.sections}</h2><Sections song={song} value={sections.value} beats={analysis.beats} changed={sections.reload} /></section>
      {kept.length > 0 && <Clips song={song} />}
    </>
  );
}

function Facts({told: {analysis}}: {told: Analysis}) {
  const t = text.songs;
  const facts: [string, string][] = [[t.tempo, analysis.tempo.bpm ? `${analysis.tempo.bpm.toFixed(1)} bpm` : "–"], [t.key, analysis.key.name], [t.mood, analysis.mood.primary], [t.genre, analysis.genre.name],
    [t.loudness, analysis.loudness.integrated_lufs === null ? "–" : `${analysis.loudness.integrated_lufs.toFixed(1)} LUFS`]];
  return <dl class="song-facts">{facts.map(([name, value]) => <div key={name} class="panel"><dt class="small soft">{name}</dt><dd>{value || "–"}</dd></div>)}</dl>;
}

interface LyricWord {
  text: string;
  start: number;
  end: number;
}

function Lyrics({told, audio}: {told: Analysis; audio: {current: HTMLAudioElement | null}}) {
  const [t, setT] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setT(audio.current?.currentTime ?? 0), 120);
    return () => clearInterval(timer);
  }, []);
  const lines = (told.lyrics?.segments ?? []) as {id: string; text: string; start: number; end: number; words: LyricWord[]}[];
  if (!lines.length) return null;
  return (
    <div class="lyrics" aria-label={text.songs.lyrics}>{lines.map((line) => (
      <p key={line.id} class={line.start <= t && t < line.end + 0.4 ? "now" : ""}>{line.words.map((word, index) => <span key={index} class={word.start <= t && t < word.end ? "word spoken" : "word"} onClick={() => { if (audio.current) audio.current.currentTime = word.start; }}>{word.text} </span>)}</p>))}</div>
  );
}
