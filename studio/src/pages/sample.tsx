// One sample: the steps it is made in, how it sounds, where it can go round, what the service told of it.

import {useEffect, useState} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {OVER, useJob} from "../api/job";
import {ago, clock, lasting, whole} from "../format";
import {go, href} from "../router";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {ask, Bar, Button, Chip, Dialog, Field, Loading, ProblemNote, say, sayProblem, useLoad} from "../ui/kit";
import {Wave} from "../ui/wave";
import {Fetch, shownKey, tagsOf, useListening, type Listening, type Sample} from "./sample-parts";
import {NOTHING, wanted} from "./sample-search";
import "../styles/samples.css";
import "../styles/tables.css";

type Step = Schemas["JobResponse"]["steps"][number];

// What the media itself is at fault for: trying again cannot help.
const FOR_GOOD = /^(link\.(?!unavailable)|media\.|sample\.duplicate)/;

export function SamplePage({id}: {id: string}) {
  const t = text.samples, path = {sample_id: id};
  const sample = useLoad(() => take(api.GET("/api/v1/samples/{sample_id}", {params: {path}})), [id]);
  const told = sample.value;
  return (
    <main class="page" id="content">
      <p><a class="button quiet tiny" href={href("samples")}><Icon name="back" />{t.back}</a></p>
      {sample.problem && <ProblemNote problem={sample.problem} retry={sample.reload} />}
      {!told && !sample.problem && <Loading lines={5} />}
      {told && <>
        <Head sample={told} changed={sample.reload} />
        {told.status !== "ready" && told.job_id && <Making key={told.job_id} sample={told} job={told.job_id} changed={sample.reload} />}
        {told.duplicate && <div class="note warn"><div>{t.alike[told.duplicate.kind]}</div><a class="button tiny" href={href(`samples/${told.duplicate.sample_id}`)}>{t.show}</a></div>}
        {told.status === "ready" && <Ready sample={told} changed={sample.reload} />}
        <Source sample={told} />
      </>}
    </main>
  );
}

function Head({sample, changed}: {sample: Sample; changed: () => void}) {
  const t = text.samples, path = {sample_id: sample.id}, name = sample.title || sample.url;
  const [isEditing, setEditing] = useState(false);
  const remove = async () => {
    if (!(await ask(text.library.deleteAsk(name), t.deleteBody, text.remove))) return;
    take(api.DELETE("/api/v1/samples/{sample_id}", {params: {path}})).then(() => { say(text.library.deleted(name)); go("samples", true); }, sayProblem);
  };
  return (
    <header><div class="grow"><h1 class="anywhere">{name}</h1>
      <p class="small">{sample.tags.map((tag) => <button key={tag} type="button" class="tag" onClick={() => { wanted.set({...NOTHING, tag}); go("samples"); }}>#{tag}</button>)}</p></div>
      <div class="row"><Chip state={sample.status} /><Button onClick={() => setEditing(true)}>{t.edit}</Button>
        <Button kind="bad" icon="trash" label={text.remove} disabled={sample.status === "processing"} onClick={() => void remove()} /></div>
      {isEditing && <Rename sample={sample} close={() => { setEditing(false); changed(); }} />}</header>
  );
}

function Rename({sample, close}: {sample: Sample; close: () => void}) {
  const t = text.samples;
  const [title, setTitle] = useState(sample.title), [tags, setTags] = useState(sample.tags.join(", "));
  const save = (event: Event) => {
    event.preventDefault();
    take(api.PATCH("/api/v1/samples/{sample_id}", {params: {path: {sample_id: sample.id}}, body: {...(title.trim() ? {title: title.trim()} : {}), tags: tagsOf(tags)}})).then(close, sayProblem);
  };
  return (
    <Dialog title={t.edit} onClose={close}>
      <form class="form" onSubmit={save}>
        <Field label={t.name}><input maxLength={200} value={title} onInput={(event) => setTitle(event.currentTarget.value)} /></Field>
        <Field label={t.tags}><input value={tags} placeholder={t.tagsHint} onInput={(event) => setTags(event.currentTarget.value)} /></Field>
        <footer><Button onClick={close}>{text.cancel}</Button><Button kind="main" type="submit">{t.save}</Button></footer>
      </form>
    </Dialog>
  );
}

// The eight steps as they happen; where one failed, why, and what can be done.
function Making({sample, job: jobId, changed}: {sample: Sample; job: string; changed: () => void}) {
  const t = text.samples, job = useJob(jobId), state = job.value?.state ?? "";
  useEffect(() => { if (OVER.includes(state)) changed(); }, [state]);
  const again = () => take(api.POST("/api/v1/jobs/{job_id}/retry", {params: {path: {job_id: jobId}, header: {"Idempotency-Key": newKey()}}})).then(() => { say(text.jobs.retried); job.reload(); changed(); }, sayProblem);
  const stop = () => take(api.POST("/api/v1/jobs/{job_id}/cancel", {params: {path: {job_id: jobId}}})).then(job.reload, sayProblem);
  const error = sample.error ?? job.value?.error ?? null, twin = String(error?.details?.["sample_id"] ?? "");
  return (
    <section class="panel pad stack">
      <div class="row"><h2 class="grow">{t.steps}</h2>{!OVER.includes(state) && job.value && <Button tiny onClick={() => void stop()}>{text.cancel}</Button>}</div>
      {error && <div class="note bad" role="alert"><div><strong>{t.why[error.code] ?? error.message}</strong><p class="small soft">{t.free} <code>{error.code}</code></p></div>
        {twin && <a class="button tiny" href={href(`samples/${twin}`)}>{t.show}</a>}
        {!FOR_GOOD.test(error.code) && <Button tiny onClick={() => void again()}>{text.jobs.retry}</Button>}</div>}
      {job.problem && <ProblemNote problem={job.problem} retry={job.reload} />}
      {!job.value && !job.problem && <Loading lines={3} />}
      <ol class="eight" aria-live="polite">{job.value?.steps.map((step) => <One key={step.id} step={step} />)}</ol>
    </section>
  );
}

function One({step}: {step: Step}) {
  const t = text.samples, isDone = step.state === "succeeded";
  const took = step.started_at && step.finished_at ? lasting((Date.parse(step.finished_at) - Date.parse(step.started_at)) / 1000) : "";
  return (
    <li class={`step-${step.state}`}>
      <span class="step-mark" aria-hidden="true">{isDone ? <Icon name="check" /> : step.state === "failed" ? <Icon name="close" /> : step.state === "running" ? <i class="spin" /> : null}</span>
      <div class="grow"><strong>{t.stepNames[step.name] ?? step.name}</strong><span class="hidden">: {text.states[step.state] ?? step.state}</span>
        {step.state === "running" && step.progress.percent > 0 && <Bar percent={step.progress.percent} label={t.stepNames[step.name] ?? step.name} marked />}
        {step.attempts.length > 1 && <p class="small soft">{text.jobs.attempt(step.attempts.length)}</p>}</div>
      <span class="small soft num">{took}</span>
    </li>
  );
}

function Ready({sample, changed}: {sample: Sample; changed: () => void}) {
  const t = text.samples, player = useListening(), isPlaying = player.on === sample.id && player.isPlaying;
  const loud = sample.loudness?.integrated_lufs ?? null;
  const facts: [string, string, number | null][] = [[text.songs.tempo, sample.bpm ? `${sample.bpm.toFixed(1)} bpm` : "–", sample.bpm_confidence], [t.key, shownKey(sample.key), sample.key ? sample.key_confidence : null],
    [t.length, clock(sample.duration_s ?? 0, 1), null], [t.loudness, loud === null ? "–" : `${loud.toFixed(1)} LUFS`, null], [t.downloaded, whole(sample.downloads), null]];
  return (
    <>
      <section class="panel pad stack" aria-label={t.listen}>
        <div class="sample-player"><Button kind="main" icon={isPlaying ? "pause" : "play"} label={isPlaying ? t.pause(sample.title) : t.play(sample.title)} onClick={() => player.toggle(sample)} />
          <Wave path={sample.peaks_url} duration={sample.duration_s ?? 0} t={player.t} label={t.placeOf(sample.title)} seek={(at) => player.seek(sample, at)} marks={sample.loops.slice(0, 1).map((loop) => ({start: loop.start_s, end: loop.end_s}))} />
          <span class="num small soft">{clock(player.t, 1)}</span></div>
        <div class="row"><span class="small soft grow">{t.fileNote}</span><Fetch sample={sample} changed={changed} /></div>
      </section>
      <dl class="sample-cards">{facts.map(([name, value, sure]) => <div key={name} class="panel"><dt class="small soft">{name}</dt><dd>{value}{sure !== null && <p class="small soft">{t.sure(sure)}</p>}</dd></div>)}</dl>
      <Loops sample={sample} player={player} />
    </>
  );
}

function Loops({sample, player}: {sample: Sample; player: Listening}) {
  const t = text.samples;
  const [on, setOn] = useState(-1);
  if (!sample.loops.length) return <p class="small soft">{t.noLoops}</p>;
  const isOn = (index: number) => index === on && player.isPlaying;
  return (
    <section class="panel pad"><h2>{t.loops}</h2><ul class="list">{sample.loops.map((loop, index) => (
      <li key={index}><Button tiny icon={isOn(index) ? "stop" : "play"} pressed={isOn(index)} label={t.loop(index + 1)} onClick={() => { player.loop(sample, isOn(index) ? null : loop); setOn(isOn(index) ? -1 : index); }} />
        <span class="num">{clock(loop.start_s, 2)}–{clock(loop.end_s, 2)}</span><span class="small soft grow">{t.beats(loop.beats)}</span>
        <span class="gauge-small"><span class="small soft">{t.seam}</span><Bar percent={100 * loop.score} label={t.seam} /></span></li>))}</ul></section>
  );
}

function Source({sample}: {sample: Sample}) {
  const t = text.samples, {source, creator} = sample;
  const counted: [string, number | null][] = source ? [[t.views, source.views], [t.likes, source.likes], [t.comments, source.comments], [t.shares, source.shares]] : [];
  return (
    <section class="panel pad sample-source">{sample.thumbnail_url && <img src={sample.thumbnail_url} alt="" />}
      <div class="stack"><h2>{t.source}</h2>
        <p class="small anywhere"><a href={sample.url} target="_blank" rel="noreferrer noopener">{sample.url}</a></p>
        {creator && <p><button type="button" class="plain" onClick={() => { wanted.set({...NOTHING, creator: creator.handle || creator.name}); go("samples"); }}><strong>{creator.name || creator.handle}</strong></button>
          {creator.followers !== null && <span class="small soft"> · {t.followers(creator.followers)}</span>}</p>}
        {source?.description && <p class="small soft description">{source.description}</p>}
        <p class="small soft num">{counted.filter(([, count]) => count !== null).map(([name, count]) => `${whole(count ?? 0)} ${name}`).join(" · ")}</p>
        <p class="small soft">{t.asked(ago(sample.created_at))}{sample.job_id && <> · <a href={href(`jobs/${sample.job_id}`)}>{text.jobs.steps}</a></>}</p></div></section>
  );
}
