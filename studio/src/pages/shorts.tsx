// Long videos, the stretches of them that stand on their own, and why.

import {useEffect, useState} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {ago, clock} from "../format";
import {go, href} from "../router";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {Bar, Button, Chip, Empty, Loading, ProblemNote, say, sayProblem, Select, useLoad} from "../ui/kit";
import {Poster} from "../ui/poster";
import "../styles/library.css";
import "../styles/tables.css";
import "../styles/songs.css";

type Short = Schemas["ShortResponse"];
type Edit = Schemas["ShortEditRequest"];

export function Shorts({id}: {id: string}) {
  return id ? <Project key={id} id={id} /> : <ProjectList />;
}

function ProjectList() {
  const t = text.shorts;
  const list = useLoad(() => take(api.GET("/api/v1/projects", {params: {query: {limit: 50}}})), []);
  const assets = useLoad(() => take(api.GET("/api/v1/assets", {params: {query: {kind: "video", state: "ready", limit: 50}}})), []);
  const options: [string, string][] = [["", t.choose], ...(assets.value?.items.map((asset): [string, string] => [asset.id, asset.filename]) ?? [])];
  const make = (id: string) => take(api.POST("/api/v1/projects", {body: {asset_id: id}})).then((project) => go(`shorts/${project.id}`), sayProblem);
  return (
    <main class="page" id="content">
      <header><h1>{t.title}</h1><Select label={t.add} hideLabel value="" options={options} onChange={(id) => { if (id) void make(id); }} /></header>
      {list.problem && <ProblemNote problem={list.problem} retry={list.reload} />}
      {!list.value && !list.problem && <Loading lines={4} />}
      {list.value?.items.length === 0 && <Empty icon="play" title={t.empty} body={t.emptyBody}><a class="button" href={href("")}>{text.toLibrary}</a></Empty>}
      {Boolean(list.value?.items.length) && <ul class="cards">{list.value?.items.map((project) => (
        <li key={project.id} class="card"><a class="poster-link" href={href(`shorts/${project.id}`)} aria-label={project.name}><Poster path={`/api/v1/assets/${project.asset_id}/poster`} kind="video" /></a>
          <div class="card-body"><h2 class="truncate">{project.name}</h2><p class="small soft">{t.count(project.shortsCount)} · {ago(project.created_at)}</p></div></li>))}</ul>}
    </main>
  );
}

function Project({id}: {id: string}) {
  const t = text.shorts, path = {project_id: id};
  const project = useLoad(() => take(api.GET("/api/v1/projects/{project_id}", {params: {path}})), [id]);
  const shorts = useLoad(() => take(api.GET("/api/v1/projects/{project_id}/shorts", {params: {path}})), [id]);
  const [chosen, setChosen] = useState<string[]>([]);
  const isBusy = project.value?.isBusy ?? false;
  const reload = () => { project.reload(); shorts.reload(); };
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(reload, 3000);
    return () => clearInterval(timer);
  }, [isBusy]);
  const order = (body: {type: "analysis" | "cutting"; shorts?: string[]}) => void take(api.POST("/api/v1/projects/{project_id}/jobs", {params: {path, header: {"Idempotency-Key": newKey()}}, body: body as Schemas["ProjectJobRequest"]}))
    .then(() => { say(text.jobs.retried); reload(); }, sayProblem);
  const items = shorts.value?.items ?? [];
  return (
    <main class="page" id="content">
      <p><a class="button quiet tiny" href={href("shorts")}><Icon name="back" />{t.back}</a></p>
      {project.problem && <ProblemNote problem={project.problem} retry={reload} />}
      {!project.value && !project.problem && <Loading lines={5} />}
      {project.value && (
        <header><h1>{project.value.name}</h1><div class="row">{isBusy && <Chip state="running" />}{project.value.job_id && <a class="button tiny" href={href(`jobs/${project.value.job_id}`)}>{text.jobs.steps}</a>}
          <Button kind={items.length ? undefined : "main"} disabled={isBusy} onClick={() => order({type: "analysis"})}>{items.length ? t.again : t.find}</Button>
          {items.length > 0 && <Button kind="main" disabled={isBusy || !chosen.length} onClick={() => order({type: "cutting", shorts: chosen})}>{t.export}{chosen.length > 0 && ` (${chosen.length})`}</Button>}</div></header>)}
      {shorts.value && !items.length && project.value && <Empty icon="search" title={isBusy ? text.states["analyzing"] ?? "" : t.none} />}
      <ul class="shorts">{items.map((short) => <ShortCard key={short.id} project={id} short={short} isChosen={chosen.includes(short.id)} changed={reload}
        choose={() => setChosen(chosen.includes(short.id) ? chosen.filter((each) => each !== short.id) : [...chosen, short.id])} />)}</ul>
    </main>
  );
}

const ASPECTS: [NonNullable<Edit["aspect"]>, string][] = [["9:16", "9:16"], ["1:1", "1:1"], ["4:5", "4:5"], ["16:9", "16:9"]];
const GAUGES = ["hook", "energy", "novelty", "payoff", "boundary"] as const;

function ShortCard({project, short, isChosen, choose, changed}: {project: string; short: Short; isChosen: boolean; choose: () => void; changed: () => void}) {
  const t = text.shorts, params = {path: {project_id: project, short_id: short.id}};
  const edit = (body: Partial<Edit>) => void take(api.PATCH("/api/v1/projects/{project_id}/shorts/{short_id}", {params, body: body as Edit})).then(changed, sayProblem);
  const finished = () => short.render_id
    ? take(api.GET("/api/v1/renders/{render_id}/download", {params: {path: {render_id: short.render_id}}}))
    : take(api.GET("/api/v1/assets/{asset_id}/download", {params: {path: {asset_id: short.clip_asset_id ?? ""}}}));
  const fetchShort = () => finished().then(({url}) => location.assign(url), sayProblem);
  const edge = (label: string, name: "start_s" | "end_s") => (
    <label class="field"><span>{label}</span><input type="number" step={0.1} min={0} class="num" value={short[name].toFixed(2)} onChange={(event) => edit({[name]: Number(event.currentTarget.value), snap: true})} /></label>);
  return (
    <li class="panel short">
      <Poster path={short.links.thumbnail} kind="video" />
      <div class="stack">
        <div class="row"><label class="check grow"><input type="checkbox" checked={isChosen} onChange={choose} /><strong>{short.title}</strong></label><Chip state={short.state} />
          {short.state === "cut" && <Button tiny icon="download" label={t.download} onClick={() => void fetchShort()} />}</div>
        <p class="small soft num">{clock(short.start_s, 1)}–{clock(short.end_s, 1)} · {(short.end_s - short.start_s).toFixed(1)} s{short.score !== null && ` · ${t.score} ${short.score.toFixed(2)}`}</p>
        <div class="short-edit">{edge(t.start, "start_s")}{edge(t.end, "end_s")}
          <Select label={t.aspect} value={(short.wish.aspect || "9:16") as NonNullable<Edit["aspect"]>} options={ASPECTS} onChange={(aspect) => edit({aspect})} /></div>
        {short.evidence && <details><summary class="small">{t.evidence}</summary>
          <div class="evidence">{GAUGES.map((name) => <div key={name} class="gauge"><span class="small soft">{t.reasons[name]}</span><Bar percent={100 * (short.evidence?.[name] ?? 0)} label={t.reasons[name] ?? name} /></div>)}</div>
          <ul class="small">{short.evidence.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul></details>}
      </div>
    </li>
  );
}
