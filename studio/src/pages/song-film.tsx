// What is asked before clips are made, and the links by which others see a film.

import {useEffect, useState} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {toProblem, type Problem} from "../api/problem";
import {ago, lasting} from "../format";
import {href} from "../router";
import {text} from "../text";
import {Button, Dialog, Field, Loading, ProblemNote, say, sayProblem, Select, useLoad} from "../ui/kit";
import "../styles/tables.css";

type Kind = NonNullable<Schemas["GenerateRequest"]["video_type"]>;

const SIZES: Record<string, [number, number]> = {"1280x720": [1280, 720], "720x1280": [720, 1280], "1080x1080": [1080, 1080], "640x360": [640, 360]};
const KINDS: Kind[] = ["lyric", "performance", "narrative", "abstract", "dance"];

// Says how many clips there will be, how long they take and what they cost, before any is ordered.
export function MakeClips({song, close}: {song: Schemas["SongResponse"]; close: () => void}) {
  const t = text.songs, path = {song_id: song.id};
  const [wish, setWish] = useState({prompt: "", kind: "" as Kind | "", size: "1280x720", captions: "", stills: false});
  const [problem, setProblem] = useState<Problem | null>(null);
  const looks = useLoad(() => take(api.GET("/api/v1/scenario/presets")).then((answer) => answer.items as unknown as {name: string; title: string}[]), []);
  const part = {fps: "30" as const, seed: 0, provider: null, stills: wish.stills};
  const plan = useLoad(() => take(api.POST("/api/v1/songs/{song_id}/clips/plan", {params: {path}, body: {...part, prompt: ""}})), [song.id, wish.stills]);
  const cost = plan.value?.estimate;
  const send = () => {
    const [width, height] = SIZES[wish.size] ?? [1280, 720];
    const body = {...part, prompt: wish.prompt.trim(), width, height, video_type: wish.kind || null, captions: wish.captions || null, cap_usd: cost?.total_usd ?? 0, transition: "cut" as const, container: "mp4" as const, audio: "auto" as const};
    take(api.POST("/api/v1/songs/{song_id}/clips/generate", {params: {path, header: {"Idempotency-Key": newKey()}}, body})).then(close, (error: unknown) => setProblem(toProblem(error)));
  };
  const set = (change: Partial<typeof wish>) => setWish({...wish, ...change});
  return (
    <Dialog title={t.generate} onClose={close}>
      <Field label={t.prompt}><input value={wish.prompt} maxLength={500} placeholder={t.promptHint} onInput={(event) => set({prompt: event.currentTarget.value})} /></Field>
      <div class="pair"><Select label={t.kind} value={wish.kind} options={[["", t.kindAuto], ...KINDS.map((kind): [Kind, string] => [kind, t.kinds[kind] ?? kind])]} onChange={(kind) => set({kind})} />
        <Select label={text.format.size} value={wish.size} options={Object.entries(SIZES).map(([name, [width, height]]): [string, string] => [name, `${width}×${height}`])} onChange={(size) => set({size})} /></div>
      <Select label={t.words} value={wish.captions} options={[["", t.wordsNone], ...(looks.value ?? []).map((look): [string, string] => [look.name, look.title])]} onChange={(captions) => set({captions})} />
      <label class="check"><input type="checkbox" checked={wish.stills} onChange={(event) => set({stills: event.currentTarget.checked})} />{t.stillsFirst}</label>
      {plan.problem ? <ProblemNote problem={plan.problem} retry={plan.reload} /> : <p class="note small" role="status">{cost ? t.plan(cost.clip_count, lasting(cost.time_s), cost.total_usd) : text.loading}</p>}
      {problem && <ProblemNote problem={problem} />}
      <footer><Button onClick={close}>{text.cancel}</Button><Button kind="main" disabled={!plan.value} onClick={send}>{t.generate}</Button></footer>
    </Dialog>
  );
}

const WEEK_H = 168;
const LASTING = [24, WEEK_H, 720, 2160];

// Links that anybody may open until they end or are revoked; each is shown once.
export function ShareFilm({video, close}: {video: string; close: () => void}) {
  const t = text.songs, path = {video_id: video};
  const links = useLoad(() => take(api.GET("/api/v1/videos/{video_id}/shares", {params: {path}})), [video]);
  const [hours, setHours] = useState(String(WEEK_H)), [fresh, setFresh] = useState("");
  const make = () => take(api.POST("/api/v1/videos/{video_id}/shares", {params: {path}, body: {hours: Number(hours)}})).then(({token}) => { setFresh(`${location.origin}${href(`watch/${token}`)}`); links.reload(); }, sayProblem);
  const revoke = (id: string) => take(api.DELETE("/api/v1/videos/{video_id}/shares/{share_id}", {params: {path: {...path, share_id: id}}})).then(links.reload, sayProblem);
  useEffect(() => { if (fresh) void navigator.clipboard?.writeText(fresh).then(() => say(text.account.copied), () => undefined); }, [fresh]);
  const open = links.value?.items.filter((link) => !link.revoked_at && Date.parse(link.expires_at) > Date.now()) ?? [];
  return (
    <Dialog title={t.share} onClose={close}>
      <p class="small soft">{t.shareBody}</p>
      <div class="row bottom"><Select label={t.shareFor} value={hours} options={LASTING.map((each): [string, string] => [String(each), t.days(each / 24)])} onChange={setHours} /><Button kind="main" onClick={() => void make()}>{t.shareMake}</Button></div>
      {fresh && <div class="stack"><p class="small">{text.account.tokenMade}</p><div class="secret"><code class="anywhere">{fresh}</code></div></div>}
      {links.problem && <ProblemNote problem={links.problem} retry={links.reload} />}
      {!links.value && !links.problem && <Loading lines={1} />}
      <ul class="list">{open.map((link) => <li key={link.id}><span class="small soft grow">{t.shareUntil(ago(link.created_at), new Date(link.expires_at).toLocaleDateString("en", {dateStyle: "medium"}))}</span><Button tiny onClick={() => void revoke(link.id)}>{text.account.revoke}</Button></li>)}</ul>
    </Dialog>
  );
}
