// Server-Sent Events with a bearer token, taken up again after the last event that came.

import {readProblem, toProblem} from "./problem";
import {session} from "./session";

export interface ServerEvent {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

const PAUSE_MS = [500, 1000, 2000, 5000, 10_000];

// Calls `hear` for each event until the stream ends for good, `signal` aborts, or the API refuses.
export async function follow(path: string, hear: (event: ServerEvent) => void, signal: AbortSignal, isOver: () => boolean = () => false): Promise<void> {
  let last = "", failures = 0;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = {Authorization: `Bearer ${await session.token()}`, Accept: "text/event-stream"};
      if (last) headers["Last-Event-ID"] = last;
      const answer = await fetch(path, {headers, signal});
      if (answer.status === 204) return;
      if (!answer.ok || !answer.body) throw readProblem(answer.status, await answer.json().catch(() => null));
      failures = 0;
      for await (const event of readEvents(answer.body)) {
        last = event.id || last;
        hear(event);
      }
      if (isOver()) return;
    } catch (error) {
      if (signal.aborted) return;
      const problem = toProblem(error);
      if (problem.status >= 400 && problem.status < 500 && problem.status !== 401 && problem.status !== 429) throw problem;
      failures += 1;
    }
    await pause(PAUSE_MS[Math.min(failures, PAUSE_MS.length - 1)] ?? 1000, signal);
  }
}

async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let text = "";
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
  }
}

function parseEvent(block: string): ServerEvent | null {
  const fields: Record<string, string> = {};
  for (const line of block.split("\n")) {
    if (line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon), value = line.slice(colon + 1).replace(/^ /, "");
    fields[name] = name === "data" && fields["data"] ? `${fields["data"]}\n${value}` : value;
  }
  if (!fields["data"]) return null;
  return {id: fields["id"] ?? "", event: fields["event"] ?? "message", data: JSON.parse(fields["data"]) as Record<string, unknown>};
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, {once: true});
  });
}
