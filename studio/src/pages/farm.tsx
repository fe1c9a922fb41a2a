// The operators' board: nodes, queues and what failed; every change says first what it would do.

import {useEffect, useRef, useState} from "preact/hooks";
import {lazy, Suspense} from "preact/compat";
import {api, take} from "../api/client";
import {session} from "../api/session";
import {ago, bytes, lasting, whole} from "../format";
import {useStore} from "../store";
import {text} from "../text";
import {NotFound} from "../app";
import {Bar, Button, Chip, Dialog, Empty, Loading, ProblemNote, say, sayProblem, Segments, useLoad} from "../ui/kit";
import {Accounts, Audit} from "./farm-people";
import {DeadLetters} from "./farm-letters";
import {OrderDialog, shortName, type Node, type Order, type Queue, type QueueName} from "./farm-orders";
import "../styles/tables.css";
import "../styles/farm.css";

type Section = "board" | "dead" | "users" | "audit";

const Chart = lazy(() => import("../ui/chart"));
const EVERY_MS = 3000;
const DRAG = "application/x-reelyard-queue";

export function Farm(_: {id: string}) {
  const {user} = useStore(session);
  const [section, setSection] = useState<Section>("board");
  const t = text.farm;
  if (user?.role !== "admin") return <NotFound />;
  return (
    <main class="page wide-page" id="content">
      <header><h1>{t.title}</h1>
        <div class="row">
          <Segments label={t.sections} value={section} onChange={setSection} options={[["board", `${t.nodes} · ${t.queues}`], ["dead", t.dead], ["users", t.users], ["audit", t.audit]]} />
          <Button onClick={() => void openFlower()}>{t.flower}</Button>
        </div></header>
      {section === "board" && <Board />}
      {section === "dead" && <DeadLetters />}
      {section === "users" && <Accounts />}
      {section === "audit" && <Audit />}
    </main>
  );
}

async function openFlower(): Promise<void> {
  try {
    const told = await take(api.POST("/api/v1/admin/flower"));
    open(told.url, "_blank", "noopener");
  } catch (error) {
    sayProblem(error);
  }
}

function Board() {
  const t = text.farm;
  const nodes = useLoad(() => take(api.GET("/api/v1/admin/farm/nodes")), [], EVERY_MS);
  const queues = useLoad(() => take(api.GET("/api/v1/admin/farm/queues")), [], EVERY_MS);
  const [isPlanning, setPlanning] = useState(false);
  const reload = () => { nodes.reload(); queues.reload(); };
  const problem = nodes.problem ?? queues.problem;
  return (
    <>
      {problem && <ProblemNote problem={problem} retry={reload} />}
      <section class="stack"><div class="row"><h2 class="grow">{t.queues}</h2><span class="small soft">{t.dropHint}</span><Button tiny onClick={() => setPlanning(true)}>{t.rebalance}</Button></div>
        {!queues.value && !problem && <Loading />}
        {queues.value && <Queues items={queues.value.items} nodes={nodes.value?.items ?? []} changed={reload} />}
      </section>
      {queues.value && <Depths items={queues.value.items} />}
      <section class="stack"><h2>{t.nodes}</h2>
        {!nodes.value && !problem && <Loading />}
        {nodes.value?.items.length === 0 && <Empty title={t.noNodes} />}
        <ul class="nodes">{nodes.value?.items.map((node) => <NodeCard key={node.id} node={node} changed={reload} />)}</ul>
      </section>
      {isPlanning && <Rebalance close={() => { setPlanning(false); reload(); }} />}
    </>
  );
}

const run = (call: Promise<unknown>, done: string, changed: () => void) => call.then(() => { if (done) say(done); changed(); }, sayProblem);

function Queues({items, nodes, changed}: {items: Queue[]; nodes: Node[]; changed: () => void}) {
  const t = text.farm;
  return (
    <div class="panel scroll">
      <table class="table">
        <thead><tr><th>{t.queues}</th><th class="right">{t.depth}</th><th class="right">{text.states["running"]}</th><th class="right">{t.oldest}</th><th class="right">{t.perMinute}</th><th class="right">{t.predicted}</th><th>{t.nodes}</th><th class="right">{text.jobs.actions}</th></tr></thead>
        <tbody>{items.map((queue) => (
          <tr key={queue.name} draggable onDragStart={(event) => event.dataTransfer?.setData(DRAG, queue.name)} class="draggable">
            <td><strong>{queue.name}</strong>{queue.paused && <> <span class="chip warn" title={queue.paused_reason}>{t.paused}</span></>}</td>
            <td class="right num">{whole(queue.depth)}</td><td class="right num">{whole(queue.running)}</td><td class="right num">{queue.depth ? lasting(queue.oldest_s) : "–"}</td>
            <td class="right num">{queue.per_minute.toFixed(1)}</td><td class="right num">{queue.predicted_s ? lasting(queue.predicted_s) : "–"}</td>
            <td class="small">{queue.nodes.length ? queue.nodes.map((id) => shortName(id)).join(", ") : <span class="bad-text">{t.unmet}</span>}</td>
            <td class="right"><span class="row end"><Take queue={queue} nodes={nodes} changed={changed} /><Pause queue={queue} changed={changed} /></span></td>
          </tr>))}</tbody>
      </table>
    </div>
  );
}

// The same as dragging, for the keyboard.
function Take({queue, nodes, changed}: {queue: Queue; nodes: Node[]; changed: () => void}) {
  const able = nodes.filter((node) => node.able.includes(queue.name) && !queue.nodes.includes(node.id));
  if (!able.length) return null;
  return (
    <select class="input tiny-select" aria-label={`${text.farm.move} ${queue.name}`} value="" onChange={(event) => { if (event.currentTarget.value) void move(queue.name, event.currentTarget.value, changed); }}>
      <option value="">{text.farm.move}…</option>
      {able.map((node) => <option key={node.id} value={node.id}>{shortName(node.id)}</option>)}
    </select>
  );
}

function move(queue: string, node: string, changed: () => void): Promise<void> {
  return run(take(api.POST("/api/v1/admin/farm/moves", {body: {queue: queue as QueueName, target: node, source: null}})), text.farm.moved(queue, shortName(node)), changed);
}

function Pause({queue, changed}: {queue: Queue; changed: () => void}) {
  const t = text.farm, params = {path: {name: queue.name as QueueName}};
  const [isAsking, setAsking] = useState(false);
  if (queue.paused) return <Button tiny onClick={() => void run(take(api.POST("/api/v1/admin/farm/queues/{name}/resume", {params})), "", changed)}>{t.resume}</Button>;
  return <><Button tiny label={`${t.pause} ${queue.name}`} onClick={() => setAsking(true)}>{t.pause}</Button>{isAsking && <OrderDialog order={{kind: "pause", queue: queue.name}} close={() => { setAsking(false); changed(); }} />}</>;
}

function NodeCard({node, changed}: {node: Node; changed: () => void}) {
  const t = text.farm;
  const [isOver, setOver] = useState(false);
  const [order, setOrder] = useState<Order | null>(null);
  const params = {path: {node_id: node.id}};
  const post = (call: Promise<unknown>) => void run(call, "", changed);
  return (
    <li class={isOver ? "node panel over" : "node panel"} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); const queue = event.dataTransfer?.getData(DRAG); if (queue) void move(queue, node.id, changed); }}>
      <div class="row"><strong class="grow truncate" title={node.id}>{shortName(node.id)}</strong><Chip state={node.state} /></div>
      <p class="small soft truncate">{node.role} · {node.host} · {t.seen(ago(node.seen_at))}</p>
      <div class="meter"><span class="small soft num">{t.slots(node.busy, node.slots)}</span><Bar percent={node.slots ? (100 * node.busy) / node.slots : 0} label={t.slots(node.busy, node.slots)} marked /></div>
      {node.gpus.map((gpu) => (
        <div key={gpu.uuid} class="gpu small"><strong>{gpu.name}</strong>
          <Gauge label={t.gpuUse} percent={gpu.use_percent} told={gpu.use_percent === null ? "–" : `${gpu.use_percent} %`} />
          <Gauge label={t.memory} percent={gpu.memory_total ? (100 * gpu.memory_used) / gpu.memory_total : null} told={bytes(gpu.memory_used)} />
          <Gauge label={t.encoder} percent={gpu.encoder_percent} told={gpu.encoder_percent === null ? "–" : `${gpu.encoder_percent} %`} />
          <span class="soft num">{[gpu.temperature_c !== null && `${gpu.temperature_c} °C`, gpu.power_w !== null && `${Math.round(gpu.power_w)} W`].filter(Boolean).join(" · ")}</span>
        </div>))}
      <p class="small">{t.consumes}: {node.queues.map((queue) => (
        <button key={queue} type="button" class="tag" title={t.stop(queue)} onClick={() => setOrder({kind: "stop", node: node.id, queue})}>{queue} ×</button>))}</p>
      {node.reason && <p class="small bad-text">{node.reason}</p>}
      <div class="row">
        {node.state === "draining" ? <Button tiny onClick={() => post(take(api.POST("/api/v1/admin/farm/nodes/{node_id}/resume", {params})))}>{t.resume}</Button>
          : <Button tiny onClick={() => setOrder({kind: "drain", node: node.id})}>{t.drain}</Button>}
        {node.state === "quarantined" ? <Button tiny onClick={() => post(take(api.DELETE("/api/v1/admin/farm/nodes/{node_id}/quarantine", {params})))}>{t.test}</Button>
          : <Button tiny onClick={() => setOrder({kind: "quarantine", node: node.id})}>{t.quarantine}</Button>}
      </div>
      {order && <OrderDialog order={order} close={() => { setOrder(null); changed(); }} />}
    </li>
  );
}

const Gauge = ({label, percent, told}: {label: string; percent: number | null; told: string}) => <div class="gauge"><span class="soft">{label}</span><Bar percent={percent ?? 0} label={label} /><span class="num">{told}</span></div>;

const KEPT = 200;

// What was seen since the page was opened.
function Depths({items}: {items: Queue[]}) {
  const seen = useRef<{times: number[]; rows: Record<string, number[]>}>({times: [], rows: {}});
  const [, redraw] = useState(0);
  useEffect(() => {
    const {times, rows} = seen.current;
    times.push(Date.now() / 1000);
    for (const queue of items) (rows[queue.name] ??= []).push(queue.depth + queue.running);
    if (times.length > KEPT) { times.shift(); for (const row of Object.values(rows)) row.shift(); }
    redraw((old) => old + 1);
  }, [items]);
  const busy = Object.entries(seen.current.rows).filter(([, row]) => row.some((value) => value > 0)).slice(0, 4);
  if (seen.current.times.length < 2 || !busy.length) return null;
  return (
    <section class="panel pad"><h2>{text.farm.over}</h2>
      <Suspense fallback={<div class="skeleton chart" />}><Chart times={[...seen.current.times]} lines={busy.map(([name, values]) => ({name, values: [...values]}))} height={140} /></Suspense></section>
  );
}

function Rebalance({close}: {close: () => void}) {
  const t = text.farm;
  const plan = useLoad(() => take(api.POST("/api/v1/admin/farm/rebalance", {body: {dry_run: true, by_demand: true}})), []);
  const apply = () => take(api.POST("/api/v1/admin/farm/rebalance", {body: {dry_run: false, by_demand: true}})).then(() => { say(t.applied); close(); }, sayProblem);
  const changes = plan.value?.changes ?? [];
  return (
    <Dialog title={t.rebalanceTitle} onClose={close} wide>
      {plan.problem && <ProblemNote problem={plan.problem} retry={plan.reload} />}
      {!plan.value && !plan.problem && <Loading />}
      {plan.value && !changes.length && <p>{t.rebalanceNone}</p>}
      {changes.length > 0 && <ul class="list small">{changes.map((change) => (
        <li key={change.node}><strong>{shortName(change.node)}</strong><span class="grow"><span class="soft">{t.was}</span> {change.before.join(", ") || "–"} <span class="soft">{t.becomes}</span> {change.after.join(", ") || "–"}</span><span class="soft">{change.reason}</span></li>))}</ul>}
      {plan.value?.unmet.map((item) => <p key={item.queue} class="note warn">{item.queue}: {item.reason}</p>)}
      <footer><Button onClick={close}>{text.close}</Button>{changes.length > 0 && <Button kind="main" onClick={() => void apply()}>{t.apply}</Button>}</footer>
    </Dialog>
  );
}
