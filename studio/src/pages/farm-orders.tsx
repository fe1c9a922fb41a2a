// Orders that take work from nodes or hold queues: each says first what will happen, as things are at that moment.

import {useState} from "preact/hooks";
import {api, take, type Schemas} from "../api/client";
import {toProblem, type Problem} from "../api/problem";
import {lasting} from "../format";
import {text} from "../text";
import {Button, Dialog, Field, Loading, ProblemNote, Select, useLoad} from "../ui/kit";

export type Node = Schemas["NodeResponse"];
export type Queue = Schemas["FarmQueueResponse"];
export type QueueName = NonNullable<Schemas["MoveRequest"]["queue"]>;

export interface Order {
  kind: "drain" | "quarantine" | "pause" | "stop";
  node?: string;
  queue?: string;
}

interface Effect {
  told: string;
  isBad?: boolean;
}

const WAITS = ["", "60", "300", "1800"];

export const shortName = (id: string) => id.split("@")[0] ?? id;

export function OrderDialog({order, close}: {order: Order; close: () => void}) {
  const t = text.farm;
  const seen = useLoad(async () => ({nodes: (await take(api.GET("/api/v1/admin/farm/nodes"))).items, queues: (await take(api.GET("/api/v1/admin/farm/queues"))).items}), []);
  const [reason, setReason] = useState(t.reasonDefault), [wait, setWait] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const name = order.kind === "pause" ? (order.queue ?? "") : shortName(order.node ?? "");
  const title = order.kind === "stop" ? `${t.stop(order.queue ?? "")}: ${name}` : `${t[order.kind]} ${name}`;
  const needsReason = order.kind === "pause" || order.kind === "quarantine";
  const act = () => carryOut(order, reason.trim(), wait ? Number(wait) : null).then(close, (error: unknown) => setProblem(toProblem(error)));
  return (
    <Dialog title={title} onClose={close}>
      {seen.problem && <ProblemNote problem={seen.problem} retry={seen.reload} />}
      {!seen.value && !seen.problem && <Loading lines={2} />}
      {seen.value && <ul class="effects" aria-label={t.effects}>{effectsOf(order, seen.value.nodes, seen.value.queues, wait).map((effect) => <li key={effect.told} class={effect.isBad ? "bad-text" : ""}>{effect.told}</li>)}</ul>}
      {order.kind === "drain" && <Select label={t.deadline} value={wait} options={WAITS.map((each): [string, string] => [each, each ? t.after(lasting(Number(each))) : t.finish])} onChange={setWait} />}
      {needsReason && <Field label={t.reason}><input value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} /></Field>}
      {problem && <ProblemNote problem={problem} />}
      <footer><Button onClick={close}>{text.cancel}</Button>
        <Button kind="bad" disabled={!seen.value || (needsReason && !reason.trim())} onClick={() => void act()}>{order.kind === "stop" ? t.stopYes : t[order.kind]}</Button></footer>
    </Dialog>
  );
}

function carryOut({kind, node = "", queue = ""}: Order, reason: string, deadline: number | null): Promise<unknown> {
  const params = {path: {node_id: node}}, name = queue as QueueName;
  if (kind === "drain") return take(api.POST("/api/v1/admin/farm/nodes/{node_id}/drain", {params, body: {deadline_s: deadline}}));
  if (kind === "quarantine") return take(api.POST("/api/v1/admin/farm/nodes/{node_id}/quarantine", {params, body: {reason}}));
  if (kind === "pause") return take(api.POST("/api/v1/admin/farm/queues/{name}/pause", {params: {path: {name}}, body: {reason}}));
  return take(api.POST("/api/v1/admin/farm/moves", {body: {queue: name, source: node, target: null}}));
}

function effectsOf({kind, node: id, queue: name}: Order, nodes: Node[], queues: Queue[], wait: string): Effect[] {
  const t = text.farm;
  if (kind === "pause") {
    const queue = queues.find((each) => each.name === name);
    return queue ? [{told: t.holds(queue.depth)}, {told: t.goesOn(queue.running)}, {told: t.pauseEnds}] : [];
  }
  const node = nodes.find((each) => each.id === id);
  if (!node) return [];
  const lost = kind === "stop" ? [name ?? ""] : node.queues;
  const went: Effect[] = [{told: wait && node.running ? t.takenBack(node.running, lasting(Number(wait))) : t.goesOn(node.running)}];
  const left = lost.map((queue) => effectOn(queue, node, nodes, queues));
  return [...went, ...left, {told: {drain: t.drainEnds, quarantine: t.quarantineEnds, stop: t.stopEnds}[kind]}];
}

// Who else takes a queue, or how much stands still.
function effectOn(queue: string, node: Node, nodes: Node[], queues: Queue[]): Effect {
  const others = nodes.filter((each) => each.id !== node.id && each.state === "online" && each.queues.includes(queue));
  const depth = queues.find((each) => each.name === queue)?.depth ?? 0;
  return others.length ? {told: text.farm.elsewhere(queue, others.map((each) => shortName(each.id)).join(", "))} : {told: text.farm.standsStill(queue, depth), isBad: true};
}
