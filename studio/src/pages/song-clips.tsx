// The film of a song: its clips are made, looked at, made again, joined, shared, finished.

import {useEffect, useState} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {text} from "../text";
import {ask, Bar, Button, Chip, Empty, Loading, ProblemNote, sayProblem, useLoad} from "../ui/kit";
import {MakeClips, ShareFilm} from "./song-film";

type Status = Schemas["VideoStatusResponse"];
type Clip = Schemas["VideoClipResponse"];

const EVERY_MS = 2500;
const JOINED = ["ready", "finalized"];

export function Clips({song}: {song: Schemas["SongResponse"]}) {
  const t = text.songs, path = {song_id: song.id};
  const status = useLoad<Status | null>(() => take(api.GET("/api/v1/songs/{song_id}/generation/status", {params: {path}})).catch(noneYet), [song.id]);
  const seen = status.value, isBusy = seen?.state === "working";
  const [dialog, setDialog] = useState<"" | "make" | "share">("");
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(status.reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [isBusy]);
  const doing = (call: Promise<unknown>) => void call.then(status.reload, sayProblem);
  const close = () => { setDialog(""); status.reload(); };
  return (
    <section class="panel pad stack"><div class="row"><h2 class="grow">{t.film}</h2>
      {seen && <Orders song={song.id} status={seen} doing={doing} share={() => setDialog("share")} />}
      {seen?.state !== "finalized" && <Button tiny kind={seen ? undefined : "main"} disabled={isBusy} onClick={() => setDialog("make")}>{seen ? t.anew : t.generate}</Button>}</div>
      {status.problem && !seen && <ProblemNote problem={status.problem} retry={status.reload} />}
      {!seen && !status.problem && <Empty title={t.noClips} body={t.noClipsBody} />}
      {seen && <>
        <Standing status={seen} />
        {JOINED.includes(seen.state) && <Film key={`${seen.job_id}${seen.state}`} video={seen.video_id} />}
        {seen.state !== "finalized" && <ClipList status={seen} doing={doing} />}
      </>}
      {dialog === "make" && <MakeClips song={song} close={close} />}
      {dialog === "share" && seen && <ShareFilm video={seen.video_id} close={close} />}
    </section>
  );
}

function noneYet(error: unknown): null {
  if ((error as {status?: number}).status === 404) return null;
  throw error;
}

function Orders({song, status, doing, share}: {song: string; status: Status; doing: (call: Promise<unknown>) => void; share: () => void}) {
  const t = text.songs, isBusy = status.state === "working", isJoined = JOINED.includes(status.state);
  const video = {params: {path: {video_id: status.video_id}, header: {"Idempotency-Key": newKey()}}};
  const compose = () => doing(take(api.POST("/api/v1/songs/{song_id}/compose", {params: {path: {song_id: song}, header: {"Idempotency-Key": newKey()}}, body: {} as Schemas["ComposeRequest"]})));
  const finalize = async () => { if (await ask(t.finalizeAsk, t.finalizeBody, t.finalize)) doing(take(api.POST("/api/v1/videos/{video_id}/finalize", video))); };
  const fetchFilm = () => take(api.GET("/api/v1/videos/{video_id}/download", {params: {path: {video_id: status.video_id}, query: {}}})).then(({url}) => location.assign(url), sayProblem);
  return (
    <>
      {status.state === "waiting" && <Button tiny kind="main" onClick={() => doing(take(api.POST("/api/v1/videos/{video_id}/approve", video)))}>{t.approve}</Button>}
      {(status.state === "made" || status.state === "ready") && <Button tiny kind={isJoined ? undefined : "main"} disabled={isBusy} onClick={compose}>{isJoined ? t.composeAgain : t.compose}</Button>}
      {isJoined && <><Button tiny icon="download" onClick={() => void fetchFilm()}>{text.library.download}</Button><Button tiny icon="share" onClick={share}>{t.share}</Button></>}
      {status.state === "ready" && <Button tiny kind="main" onClick={() => void finalize()}>{t.finalize}</Button>}
    </>
  );
}

function Standing({status}: {status: Status}) {
  const t = text.songs, error = status.error as {message?: string; code?: string} | null;
  return (
    <div class="stack" role="status">
      <div class="row"><Chip state={status.state} /><span class="small soft grow">{status.state === "made" ? t.madeBody : (t.stages[status.stage] ?? status.stage)}</span>
        <span class="small soft num">{t.made(status.clips_made, status.clips_total)}{status.cap_usd > 0 && ` · ${t.spent(status.spent_usd.toFixed(2), status.cap_usd.toFixed(2))}`}</span></div>
      {status.state === "working" && <Bar percent={status.percent} label={t.film} marked />}
      {error && <div class="note bad"><div><strong>{error.message}</strong><p class="small"><code>{error.code}</code></p></div></div>}
    </div>
  );
}

function Film({video}: {video: string}) {
  const file = useLoad(() => take(api.GET("/api/v1/videos/{video_id}/download", {params: {path: {video_id: video}, query: {}}})), [video]);
  if (file.problem) return <ProblemNote problem={file.problem} retry={file.reload} />;
  return file.value ? <video class="film" src={file.value.url} controls playsInline preload="metadata" aria-label={text.songs.film} /> : <div class="skeleton film" />;
}

function ClipList({status, doing}: {status: Status; doing: (call: Promise<unknown>) => void}) {
  const clips = useLoad(() => take(api.GET("/api/v1/videos/{video_id}/clips", {params: {path: {video_id: status.video_id}}})), [status.video_id, status.clips_made, status.state, status.stage]);
  const shown = clips.value;
  if (clips.problem) return <ProblemNote problem={clips.problem} retry={clips.reload} />;
  if (!shown) return <Loading lines={2} />;
  return <ul class="clips">{shown.items.map((clip) => <ClipCard key={clip.id} video={shown.video_id} clip={clip} section={shown.sections.find((each) => each.id === clip.section_id)?.label ?? ""} isBusy={status.state === "working"} doing={doing} />)}</ul>;
}

function ClipCard({video, clip, section, isBusy, doing}: {video: string; clip: Clip; section: string; isBusy: boolean; doing: (call: Promise<unknown>) => void}) {
  const t = text.songs;
  const [isOver, setOver] = useState(false);
  const remake = () => doing(take(api.POST("/api/v1/videos/{video_id}/regenerate/clip/{clip_id}", {params: {path: {video_id: video, clip_id: clip.id}, header: {"Idempotency-Key": newKey()}}, body: {} as Schemas["RemakeRequest"]})));
  return (
    <li>{clip.url ? <video src={clip.url} poster={clip.still_url ?? undefined} preload="metadata" controls={isOver} tabIndex={0} muted loop playsInline aria-label={t.clip(clip.number + 1)}
      onMouseEnter={() => setOver(true)} onMouseLeave={() => setOver(false)} onFocus={() => setOver(true)} onBlur={() => setOver(false)} />
      : clip.still_url ? <img src={clip.still_url} alt={clip.prompt} /> : <div class="skeleton still" />}
      <p class="small"><strong class="num">{clip.number + 1}</strong> <span class="soft">{section} · {clip.duration.toFixed(1)} s</span></p>
      {clip.prompt && <p class="small soft clamp" title={clip.prompt}>{clip.prompt}</p>}
      <div class="row"><span class="small soft grow">{clip.remakes_left ? t.left(clip.remakes_left) : t.noneLeft}</span>
        {clip.remakes_left > 0 && clip.state === "made" && <Button tiny disabled={isBusy} label={`${t.remake}: ${t.clip(clip.number + 1)}`} onClick={remake}>{t.remake}</Button>}</div>
    </li>
  );
}
