// The clips of a song's film: made, looked at, made again, joined, finished.

import {useEffect} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {text} from "../text";
import {ask, Bar, Button, Chip, Empty, sayProblem, useLoad} from "../ui/kit";

const OPEN = ["queued", "running", "generating", "composing", "waiting"];

export function Clips({song}: {song: Schemas["SongResponse"]}) {
  const t = text.songs, path = {song_id: song.id};
  const status = useLoad(() => take(api.GET("/api/v1/songs/{song_id}/generation/status", {params: {path}})), [song.id]);
  const clips = useLoad(() => take(api.GET("/api/v1/songs/{song_id}/clips", {params: {path}})), [song.id, status.value?.clips_made]);
  const isBusy = OPEN.includes(status.value?.state ?? "");
  const reload = () => { status.reload(); clips.reload(); };
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(reload, 3000);
    return () => clearInterval(timer);
  }, [isBusy]);
  const header = {"Idempotency-Key": newKey()};
  const doing = (call: Promise<unknown>) => void call.then(reload, sayProblem);
  const video = status.value?.video_id;
  const finalize = async () => {
    if (video && (await ask(t.finalizeAsk, t.finalizeBody, t.finalize))) doing(take(api.POST("/api/v1/videos/{video_id}/finalize", {params: {path: {video_id: video}}})));
  };
  const fetchFilm = () => video && take(api.GET("/api/v1/videos/{video_id}/download", {params: {path: {video_id: video}, query: {}}})).then(({url}) => location.assign(url), sayProblem);
  return (
    <section class="panel pad stack"><div class="row"><h2 class="grow">{t.clips}</h2>
      <Button tiny disabled={isBusy} onClick={() => doing(take(api.POST("/api/v1/songs/{song_id}/clips/generate", {params: {path, header}, body: {} as Schemas["GenerateRequest"]})))}>{t.generate}</Button>
      {video && <><Button tiny disabled={isBusy} onClick={() => doing(take(api.POST("/api/v1/songs/{song_id}/compose", {params: {path, header}, body: {} as Schemas["ComposeRequest"]})))}>{t.compose}</Button>
        <Button tiny icon="download" label={t.download} onClick={() => void fetchFilm()} /><Button tiny disabled={isBusy} onClick={() => void finalize()}>{t.finalize}</Button></>}</div>
      {status.value && video && (
        <div class="stack"><div class="row"><Chip state={status.value.state} /><span class="small soft grow">{status.value.stage}</span><span class="small soft num">{status.value.clips_made} / {status.value.clips_total} · {t.spent(status.value.spent_usd.toFixed(2), status.value.cap_usd.toFixed(2))}</span></div>
          {isBusy && <Bar percent={status.value.percent} label={t.clips} marked />}</div>)}
      {(clips.problem || clips.value?.items.length === 0) && <Empty title={t.noClips} />}
      <ul class="clips">{clips.value?.items.map((clip) => (
        <li key={clip.id}>{clip.url ? <video src={clip.url} poster={clip.still_url ?? undefined} preload="none" controls muted playsInline /> : clip.still_url ? <img src={clip.still_url} alt={clip.prompt} /> : <div class="skeleton still" />}
          <p class="small"><strong class="num">{clip.number}</strong> <span class="soft">{clip.prompt.slice(0, 90)}</span></p>
          <div class="row"><span class="small soft grow">{t.left(clip.remakes_left)}</span>{clip.remakes_left > 0 && clips.value && <Button tiny disabled={isBusy} onClick={() => doing(take(api.POST("/api/v1/videos/{video_id}/regenerate/clip/{clip_id}", {params: {path: {video_id: clips.value?.video_id ?? "", clip_id: clip.id}, header}, body: {} as Schemas["RemakeRequest"]})))}>{t.remake}</Button>}</div>
        </li>))}</ul>
    </section>
  );
}
