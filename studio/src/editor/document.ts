// A transcript being edited: shown at once, saved in order, never lost, never over somebody else's work.

import {api, take, takeTagged, type Schemas} from "../api/client";
import {toProblem, type Problem} from "../api/problem";
import {Store} from "../store";
import {applyLocally} from "./operations";

export type Transcript = Schemas["TranscriptResponse"];
export type Segment = Schemas["SegmentResponse"];
export type Word = Schemas["WordResponse"];
export type Operation = Schemas["OperationRequest"];

const RETRY_MS = [1000, 2000, 5000, 15_000];

interface State {
  transcript: Transcript | null;
  problem: Problem | null;
  saving: "saved" | "saving" | "waiting";
  pending: Operation[][];
  canUndo: boolean;
  canRedo: boolean;
  conflict: number | null;
  refused: Problem | null;
}

interface Kept {
  tag: string;
  pending: Operation[][];
}

export class EditedTranscript extends Store<State> {
  #tag = "";
  #saved: Transcript | null = null;
  #isBusy = false;
  #failures = 0;
  #timer = 0;

  constructor(readonly id: string) {
    super({transcript: null, problem: null, saving: "saved", pending: [], canUndo: false, canRedo: false, conflict: null, refused: null});
    addEventListener("online", this.#again);
  }

  close(): void {
    removeEventListener("online", this.#again);
    clearTimeout(this.#timer);
  }

  async load(): Promise<void> {
    try {
      await this.#read();
      await this.#readSteps();
      const kept = this.#recall();
      if (!kept) return;
      this.set({pending: kept.pending, conflict: kept.tag === this.#tag ? null : this.#version()});
      this.#show();
      void this.#flush();
    } catch (error) {
      this.set({problem: toProblem(error)});
    }
  }

  // Shows the change now and saves it after those before it.
  do(...operations: Operation[]): void {
    this.set({pending: [...this.state.pending, operations], refused: null});
    this.#remember();
    this.#show();
    void this.#flush();
  }

  // Joins the line of a word with the one before.
  join(wordId: string): void {
    const segments = this.state.transcript?.document.segments ?? [];
    const row = segments.findIndex((segment) => segment.words.some((word) => word.id === wordId));
    const above = segments[row - 1], here = segments[row];
    if (above && here) this.do({op: "merge_segments", segments: [above.id, here.id]});
  }

  undo = () => this.#step("undo");
  redo = () => this.#step("redo");

  // Answers a conflict: my changes go on top of what is there now, or they are dropped.
  async settle(isMine: boolean): Promise<void> {
    if (!isMine) this.set({pending: []});
    this.set({conflict: null});
    this.#remember();
    try {
      await this.#read();
      await this.#readSteps();
    } catch (error) {
      this.set({refused: toProblem(error)});
    }
    void this.#flush();
  }

  async #step(way: "undo" | "redo"): Promise<void> {
    if (this.#isBusy || this.state.pending.length || this.state.conflict !== null) return;
    this.#isBusy = true;
    this.set({saving: "saving"});
    const options = {params: {path: {transcript_id: this.id}, header: {"If-Match": this.#tag}}};
    try {
      const call = way === "undo" ? api.POST("/api/v1/transcripts/{transcript_id}/undo", options) : api.POST("/api/v1/transcripts/{transcript_id}/redo", options);
      this.#keep(await takeTagged(call));
      await this.#readSteps();
      this.set({saving: "saved"});
    } catch (error) {
      this.#fail(toProblem(error));
    }
    this.#isBusy = false;
    void this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#isBusy || this.state.conflict !== null) return;
    this.#isBusy = true;
    clearTimeout(this.#timer);
    while (this.state.pending.length && this.state.conflict === null) {
      this.set({saving: "saving"});
      if (!(await this.#send(this.state.pending[0] ?? []))) break;
    }
    this.#isBusy = false;
    if (!this.state.pending.length && this.state.conflict === null) this.set({saving: "saved"});
  }

  async #send(ops: Operation[]): Promise<boolean> {
    try {
      const params = {path: {transcript_id: this.id}, header: {"If-Match": this.#tag}};
      const answer = await takeTagged(api.POST("/api/v1/transcripts/{transcript_id}/edits", {params, body: {ops, note: ""}}));
      this.set({pending: this.state.pending.slice(1), canUndo: true, canRedo: false});
      this.#failures = 0;
      this.#keep(answer);
      this.#remember();
      return true;
    } catch (error) {
      return this.#fail(toProblem(error));
    }
  }

  // Returns whether to go on with the next change.
  #fail(problem: Problem): boolean {
    if (problem.code === "transcript.version_conflict") {
      const {current_version: version, version: other} = problem.details as {current_version?: number; version?: number};
      this.set({conflict: version ?? other ?? this.#version() + 1, saving: "waiting"});
      return false;
    }
    if (problem.isOffline || problem.status >= 500 || problem.status === 429 || problem.status === 401) {
      const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
      this.#timer = setTimeout(this.#again, wait) as unknown as number;
      this.set({saving: "waiting"});
      return false;
    }
    this.set({pending: this.state.pending.slice(1), refused: problem});
    this.#remember();
    this.#show();
    return true;
  }

  #again = () => void this.#flush();

  async #read(): Promise<void> {
    this.#keep(await takeTagged(api.GET("/api/v1/transcripts/{transcript_id}", {params: {path: {transcript_id: this.id}}})));
  }

  async #readSteps(): Promise<void> {
    const steps = await take(api.GET("/api/v1/transcripts/{transcript_id}/edits", {params: {path: {transcript_id: this.id}}}));
    this.set({canUndo: steps.undo !== null, canRedo: steps.redo !== null});
  }

  #keep([transcript, tag]: [Transcript, string]): void {
    this.#saved = transcript;
    this.#tag = tag || `"${transcript.version}"`;
    this.#show();
  }

  #show(): void {
    if (!this.#saved) return;
    const document = this.state.pending.flat().reduce(applyLocally, this.#saved.document);
    this.set({transcript: {...this.#saved, document}, problem: null});
  }

  #version = () => this.#saved?.version ?? 0;

  get #key() { return `reelyard.pending.${this.id}`; }

  #remember(): void {
    if (this.state.pending.length) localStorage.setItem(this.#key, JSON.stringify({tag: this.#tag, pending: this.state.pending}));
    else localStorage.removeItem(this.#key);
  }

  #recall(): Kept | null {
    try {
      return JSON.parse(localStorage.getItem(this.#key) ?? "null") as Kept | null;
    } catch {
      return null;
    }
  }
}
