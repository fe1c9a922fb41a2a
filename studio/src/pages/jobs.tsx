// Everything that takes time: how far it is, why it failed, again or no further.

import {useEffect, useState} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {OVER, useJob} from "../api/job";
import {ago, lasting} from "../format";
import {href} from "../router";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {Bar, Button, Chip, Empty, Loading, ProblemNote, say, sayProblem, Segments, useLoad} from "../ui/kit";
import "../styles/tables.css";

type Summary = Schemas["JobSummaryResponse"];
type Job = Schemas["JobResponse"];
type Shown = "all" | "running" | "queued" | "failed" | "succeeded";

export const kindOf = (kind: string) => text.jobs.kinds[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll("_", " ");

export function Jobs({id}: {id: string}) {
  return id ? <JobPage key={id} id={id} /> : <JobList />;
}

function JobList() {
  const [shown, setShown] = useState<Shown>("all");
  const [extra, setExtra] = useState<{items: Summary[]; cursor: string | null} | null>(null);
  const query = shown === "all" ? {limit: 30} : {limit: 30, state: shown};
  const page = useLoad(() => take(api.GET("/api/v1/jobs", {params: {query}})), [shown], 3000);
  useEffect(() => setExtra(null), [shown]);
  const items = page.value && [...page.value.items, ...(extra?.items ?? [])];
  const cursor = extra ? extra.cursor : page.value?.next_cursor;
  const more = () => take(api.GET("/api/v1/jobs", {params: {query: {...query, cursor: cursor ?? undefined}}})).then((next) => setExtra({items: [...(extra?.items ?? []), ...next.items], cursor: next.next_cursor}), sayProblem);
  const t = text.jobs;
  return (
    <main class="page" id="content">
      <header><h1>{t.title}</h1>
        <Segments label={t.filter} value={shown} onChange={setShown} options={[["all", t.all], ...(["running", "queued", "succeeded", "failed"] as const).map((state): [Shown, string] => [state, text.states[state] ?? state])]} /></header>
      {page.problem && <ProblemNote problem={page.problem} retry={page.reload} />}
      {!items && !page.problem && <Loading lines={6} />}
      {items?.length === 0 && <Empty icon="check" title={shown === "all" ? t.empty : text.library.noMatch} body={shown === "all" ? t.emptyBody : undefined} />}
      {items && items.length > 0 && (
        <div class="panel scroll">
          <table class="table">
            <thead><tr><th>{t.kind}</th><th>{t.state}</th><th class="wide-cell">{t.progress}</th><th>{t.started}</th><th class="right">{t.actions}</th></tr></thead>
            <tbody>{items.map((job) => <Row key={job.id} job={job} changed={page.reload} />)}</tbody>
          </table>
        </div>
      )}
      {cursor && <Button onClick={() => void more()}>{text.more}</Button>}
    </main>
  );
}

function Row({job, changed}: {job: Summary; changed: () => void}) {
  const isOver = OVER.includes(job.state);
  return (
    <tr>
      <td><a href={href(`jobs/${job.id}`)}>{kindOf(job.kind)}</a>{job.run > 1 && <span class="small soft"> · {text.jobs.run(job.run)}</span>}</td>
      <td><Chip state={job.state} /></td>
      <td>{isOver ? <span class="small soft">{job.error ? job.error.message : job.finished_at && lasting((Date.parse(job.finished_at) - Date.parse(job.created_at)) / 1000)}</span>
        : <><Bar percent={job.progress.percent} label={kindOf(job.kind)} marked /><span class="small soft num">{job.eta_s ? text.jobs.eta(lasting(job.eta_s)) : job.progress.stage}</span></>}</td>
      <td class="small soft nowrap">{ago(job.created_at)}</td>
      <td class="right"><Actions job={job} changed={changed} /></td>
    </tr>
  );
}

function Actions({job, changed}: {job: {id: string; state: string}; changed: () => void}) {
  const path = {job_id: job.id};
  const stop = () => take(api.POST("/api/v1/jobs/{job_id}/cancel", {params: {path}})).then(() => { say(text.jobs.cancelled); changed(); }, sayProblem);
  const again = () => take(api.POST("/api/v1/jobs/{job_id}/retry", {params: {path, header: {"Idempotency-Key": newKey()}}})).then(() => { say(text.jobs.retried); changed(); }, sayProblem);
  if (!OVER.includes(job.state)) return <Button tiny onClick={() => void stop()}>{text.jobs.cancel}</Button>;
  return job.state === "succeeded" ? null : <Button tiny onClick={() => void again()}>{text.jobs.retry}</Button>;
}

function JobPage({id}: {id: string}) {
  const job = useJob(id);
  return (
    <main class="page" id="content">
      <p><a class="button quiet tiny" href={href("jobs")}><Icon name="back" />{text.jobs.back}</a></p>
      {job.problem && <ProblemNote problem={job.problem} retry={job.reload} />}
      {!job.value && !job.problem && <Loading lines={5} />}
      {job.value && <Details job={job.value} changed={job.reload} />}
    </main>
  );
}

function Details({job, changed}: {job: Job; changed: () => void}) {
  const t = text.jobs;
  const asset = job.subject["source_asset_id"] ?? job.subject["asset_id"];
  return (
    <>
      <header><h1>{kindOf(job.kind)}</h1><div class="row"><Chip state={job.state} />{typeof asset === "string" && <a class="button tiny" href={href(`edit/${asset}`)}>{text.library.edit}</a>}<Actions job={job} changed={changed} /></div></header>
      {!OVER.includes(job.state) && <Bar percent={job.progress.percent} label={t.progress} marked />}
      {job.error && <section class="note bad"><div><strong>{t.why}: {job.error.message}</strong><p class="small"><code>{job.error.code}</code></p></div></section>}
      <section class="panel pad"><h2>{t.steps}</h2>
        <ol class="steps">
          {job.steps.map((step) => (
            <li key={step.id}>
              <div class="row"><strong class="grow">{step.name.replaceAll("_", " ")}{step.part > 0 && <span class="soft"> {step.part}</span>}</strong>
                <span class="small soft num">{step.started_at && step.finished_at && lasting((Date.parse(step.finished_at) - Date.parse(step.started_at)) / 1000)}</span><Chip state={step.state} /></div>
              {step.state === "running" && <Bar percent={step.progress.percent} label={step.name} />}
              {step.attempts.filter((attempt) => attempt.code).map((attempt) => <p key={attempt.number} class="small bad-text">{t.attempt(attempt.number)}: {attempt.message} <code>{attempt.code}</code></p>)}
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}
