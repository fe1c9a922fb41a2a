// The files that are on their way, whatever page is seen.

import {follow} from "../api/events";
import {toProblem, type Problem} from "../api/problem";
import {Store} from "../store";
import {sendFile} from "./transfer";

export interface Item {
  key: number;
  file: File;
  language: string | null;
  state: "waiting" | "sending" | "paused" | "hearing" | "done" | "failed";
  sentBytes: number;
  bytesPerSecond: number;
  percent: number;
  stage: string;
  problem: Problem | null;
  assetId: string;
}

const AT_ONCE = 2;
const ended = new Set(["job.succeeded", "job.failed", "job.cancelled"]);

class Uploads extends Store<{items: Item[]; finished: number}> {
  #stops = new Map<number, AbortController>();
  #last = 0;

  constructor() {
    super({items: [], finished: 0});
  }

  add(files: Iterable<File>, language: string | null): void {
    const items = [...files].map((file): Item => ({key: ++this.#last, file, language, state: "waiting", sentBytes: 0, bytesPerSecond: 0, percent: 0, stage: "", problem: null, assetId: ""}));
    this.set({items: [...this.state.items, ...items]});
    this.#next();
  }

  pause(key: number): void {
    this.#stops.get(key)?.abort();
    this.#change(key, {state: "paused"});
  }

  resume(key: number): void {
    this.#change(key, {state: "waiting", problem: null});
    this.#next();
  }

  drop(key: number): void {
    this.#stops.get(key)?.abort();
    this.set({items: this.state.items.filter((item) => item.key !== key)});
    this.#next();
  }

  #change(key: number, change: Partial<Item>): void {
    this.set({items: this.state.items.map((item) => (item.key === key ? {...item, ...change} : item))});
  }

  #next(): void {
    const busy = this.state.items.filter((item) => item.state === "sending").length;
    for (const item of this.state.items.filter((each) => each.state === "waiting").slice(0, Math.max(0, AT_ONCE - busy))) void this.#send(item);
  }

  async #send({key, file, language}: Item): Promise<void> {
    const stop = new AbortController();
    this.#stops.set(key, stop);
    this.#change(key, {state: "sending"});
    const began = performance.now();
    let first = -1;
    try {
      const answer = await sendFile(file, language, stop.signal, ({sentBytes}) => {
        if (first < 0) first = sentBytes;
        const seconds = (performance.now() - began) / 1000;
        this.#change(key, {sentBytes, percent: (100 * sentBytes) / Math.max(1, file.size), bytesPerSecond: seconds > 0.5 ? (sentBytes - first) / seconds : 0});
      });
      this.#change(key, {state: "hearing", assetId: answer.asset_id, percent: 0, stage: ""});
      this.set({finished: this.state.finished + 1});
      void this.#hear(key, answer.job.id, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) this.#change(key, {state: "failed", problem: toProblem(error)});
    }
    this.#next();
  }

  async #hear(key: number, jobId: string, signal: AbortSignal): Promise<void> {
    let last = "";
    try {
      await follow(`/api/v1/jobs/${jobId}/events`, ({event, data}) => {
        last = event;
        const progress = data["progress"] as {percent?: number; stage?: string} | undefined;
        if (progress) this.#change(key, {percent: progress.percent ?? 0, stage: progress.stage ?? ""});
        const error = data["error"] as {code: string; message: string} | null | undefined;
        if (event === "job.failed" && error) this.#change(key, {state: "failed", problem: toProblem(new Error(error.message))});
      }, signal, () => ended.has(last));
      if (last === "job.succeeded") this.#change(key, {state: "done", percent: 100});
    } catch (error) {
      this.#change(key, {state: "failed", problem: toProblem(error)});
    }
    this.set({finished: this.state.finished + 1});
  }
}

export const uploads = new Uploads();
