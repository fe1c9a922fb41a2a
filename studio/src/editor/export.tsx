// What it takes and costs, the export itself, and the exports there were.

import {useEffect, useRef, useState} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {follow} from "../api/events";
import {toProblem, type Problem} from "../api/problem";
import {session} from "../api/session";
import {ago, lasting} from "../format";
import {text} from "../text";
import {Bar, Button, Chip, ProblemNote, say, sayProblem, Select, useLoad} from "../ui/kit";
import {outputOf, type Look, type Scenario} from "./look";

type Render = Schemas["RenderSummaryResponse"];

interface Props {
  assetId: string;
  transcriptId: string;
  scenario: Scenario | null;
  look: Look;
  size: {width: number; height: number};
  isFresh: boolean;
}

interface Live {
  id: string;
  jobId: string;
  state: Render["state"];
  percent: number;
  eta: number | null;
  stage: string;
}

const OVER = ["succeeded", "failed", "cancelled"];

export function ExportPanel(props: Props) {
  const {assetId, scenario, look, size, isFresh} = props;
  const [live, setLive] = useState<Live | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const past = useLoad(() => take(api.GET("/api/v1/renders", {params: {query: {limit: 50}}})).then((page) => page.items.filter((item) => item.source_asset_id === assetId)), [assetId, live?.state]);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  useEffect(() => {
    const running = past.value?.find((item) => !OVER.includes(item.state));
    if (running && !live) void watch(running);
  }, [past.value]);

  async function watch(render: {id: string; job_id: string; state: Render["state"]}) {
    setLive({id: render.id, jobId: render.job_id, state: render.state, percent: 0, eta: null, stage: ""});
    let last = "";
    try {
      await follow(`/api/v1/jobs/${render.job_id}/events`, ({event, data}) => {
        last = event;
        const progress = data["progress"] as {percent?: number; stage?: string} | null;
        setLive((old) => old && {...old, percent: progress?.percent ?? old.percent, stage: progress?.stage ?? old.stage, eta: (data["eta_s"] as number | null) ?? null,
          state: event.startsWith("job.") ? (event.slice(4) as Render["state"]) : old.state});
        const error = data["error"] as {code: string; message: string; details?: Record<string, unknown>} | null;
        if (event === "job.failed" && error) setProblem(toProblem(new Error(error.message)));
      }, stop.current.signal, () => OVER.includes(last.replace("job.", "")));
      if (OVER.includes(render.state)) setLive((old) => old && {...old, state: render.state, percent: 100});
    } catch (error) {
      setProblem(toProblem(error));
    }
  }

  async function order() {
    if (!scenario) return;
    setProblem(null);
    try {
      const body = {source_asset_id: assetId, scenario, output: outputOf(look, size), strict: false, priority: "normal" as const, mode: "warn" as const, force: false};
      const render = await take(api.POST("/api/v1/renders", {params: {header: {"Idempotency-Key": newKey()}}, body}));
      await watch(render);
    } catch (error) {
      setProblem(toProblem(error));
    }
  }

  const isRunning = live !== null && !OVER.includes(live.state);
  return (
    <div class="stack side">
      <Estimate {...props} />
      {!isRunning && <Button kind="main" disabled={!scenario || !isFresh} onClick={() => void order()}>{live ? text.export.again : text.export.button}</Button>}
      {!isFresh && <p class="small soft">{text.export.unsaved}</p>}
      {problem && <ProblemNote problem={problem} />}
      {live && <Running live={live} />}
      <Past items={past.value} />
      <Subtitles transcriptId={props.transcriptId} />
    </div>
  );
}

function Estimate({assetId, scenario, look, size}: Props) {
  const [told, setTold] = useState<Schemas["EstimateResponse"] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (!scenario) return;
    let isGone = false;
    const timer = setTimeout(() => {
      take(api.POST("/api/v1/renders/estimate", {body: {source_asset_id: assetId, scenario, output: outputOf(look, size)}}))
        .then((answer) => { if (!isGone) { setTold(answer); setProblem(null); } }, (error: unknown) => { if (!isGone) setProblem(toProblem(error)); });
    }, 300);
    return () => { isGone = true; clearTimeout(timer); };
  }, [scenario, look.quality, look.container, look.layer, look.fit, look.loudness]);
  if (problem) return <ProblemNote problem={problem} />;
  const t = text.export;
  return (
    <dl class="facts" aria-busy={!told}>
      <div><dt>{t.estimate}</dt><dd class="num">{told ? (told.cached ? t.cached : t.about(lasting(told.seconds.p50_s))) : "…"}</dd></div>
      {told && told.queue.wait_s > 1 && <div><dt>{t.wait}</dt><dd class="num">{lasting(told.queue.wait_s)}</dd></div>}
      <div><dt>{t.credits}</dt><dd class="num">{told ? (told.credits || t.free) : "…"}</dd></div>
      <div><dt>{text.format.size}</dt><dd class="num">{size.width}×{size.height}{told && ` · ${t.frames(told.frames)}`}</dd></div>
    </dl>
  );
}

function Running({live}: {live: Live}) {
  const t = text.export;
  if (live.state === "succeeded") return <div class="note good" role="status"><div><strong>{text.states["succeeded"]}</strong></div><Fetch id={live.id} isTold /></div>;
  if (OVER.includes(live.state)) return <div class="note" role="status"><Chip state={live.state} /></div>;
  return (
    <div class="stack" role="status">
      <div class="row"><strong class="grow">{live.state === "queued" ? text.states["queued"] : t.running}</strong><span class="small soft num">{live.eta ? t.left(lasting(live.eta)) : live.stage}</span></div>
      <Bar percent={live.percent} label={t.running} marked />
      <Button tiny onClick={() => void take(api.POST("/api/v1/renders/{render_id}/cancel", {params: {path: {render_id: live.id}}})).catch(sayProblem)}>{t.cancel}</Button>
    </div>
  );
}

interface Link {
  url: string;
  expires_at: string;
}

const linkOf = (id: string): Promise<Link> => take(api.GET("/api/v1/renders/{render_id}/download", {params: {path: {render_id: id}}}));
const until = (link: Link) => text.export.until(new Date(link.expires_at).toLocaleTimeString("en", {timeStyle: "short"}));

async function share(id: string): Promise<Link> {
  const link = await linkOf(id);
  if (navigator.share && matchMedia("(pointer: coarse)").matches) await navigator.share({url: link.url});
  else {
    await navigator.clipboard.writeText(link.url);
    say(`${text.account.copied}. ${until(link)}`);
  }
  return link;
}

const isStopped = (error: unknown) => error instanceof DOMException && error.name === "AbortError";

// A link to an export ends by itself; until when stands beside it, once asked for or at once.
function Fetch({id, isTold}: {id: string; isTold?: boolean}) {
  const [link, setLink] = useState<Link | null>(null);
  useEffect(() => { if (isTold) linkOf(id).then(setLink, () => undefined); }, [id]);
  return (
    <span class="row">
      <Button tiny icon="download" onClick={() => void linkOf(id).then(({url}) => location.assign(url)).catch(sayProblem)}>{text.export.download}</Button>
      <Button tiny icon="share" label={text.export.share} onClick={() => void share(id).then(setLink, (error: unknown) => isStopped(error) || sayProblem(error))}>{isTold && text.export.share}</Button>
      {link && <span class="small soft">{until(link)}</span>}
    </span>
  );
}

function Past({items}: {items: Render[] | null}) {
  if (!items?.length) return null;
  return (
    <section class="stack"><h3>{text.export.past}</h3>
      <ul class="past">{items.slice(0, 8).map((item) => <li key={item.id} class="row"><Chip state={item.state} /><span class="small soft grow">{ago(item.created_at)}</span>{item.state === "succeeded" && <Fetch id={item.id} />}</li>)}</ul>
    </section>
  );
}

type Kind = "srt" | "vtt" | "txt" | "json" | "ass" | "ttml";

// The words as a file, for players and platforms; all there is to export of sound alone.
export function Subtitles({transcriptId}: {transcriptId: string}) {
  const [kind, setKind] = useState<Kind>("srt");
  async function save() {
    try {
      const answer = await fetch(`/api/v1/transcripts/${transcriptId}/export?format=${kind}`, {headers: {Authorization: `Bearer ${await session.token()}`}});
      if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `captions.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      sayProblem(error);
    }
  }
  return (
    <section class="stack"><h3>{text.export.subtitle}</h3>
      <div class="row"><Select label={text.export.asFile} hideLabel value={kind} options={(["srt", "vtt", "ass", "ttml", "txt", "json"] as const).map((each) => [each, each.toUpperCase()] as const)} onChange={setKind} />
        <Button icon="download" onClick={() => void save()}>{text.export.download}</Button></div>
    </section>
  );
}
