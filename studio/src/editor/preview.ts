// Keeps the stage's frame showing the present words in the present look: the newest wish wins.

import {api, take, type Schemas} from "../api/client";
import {Problem, toProblem} from "../api/problem";
import {Store} from "../store";
import {dressed, sizeOf, type Look, type Scenario} from "./look";

type Video = Schemas["VideoResponse"];
type StageFont = Schemas["StageFontResponse"];

interface Stage {
  drawAt(t: number): void;
}

interface StageWindow extends Window {
  reelyard?: {stage?: Stage; open(scenario: unknown, scale: number, fonts: unknown[], images: Record<string, string>): Promise<void>};
}

interface State {
  scenario: Scenario | null;
  of: string;
  size: {width: number; height: number};
  problem: Problem | null;
  isBusy: boolean;
  drawn: number;
}

export class Preview extends Store<State> {
  #frame: HTMLIFrameElement | null = null;
  #have = new Set<string>();
  #built = new Map<string, Scenario>();
  #images = new Map<string, string>();
  #turn = 0;
  #timer = 0;
  #t = 0;

  constructor() {
    super({scenario: null, of: "", size: {width: 16, height: 9}, problem: null, isBusy: true, drawn: 0});
  }

  // The frame's page was loaded: it has no fonts yet.
  attach(frame: HTMLIFrameElement | null): void {
    this.#frame = frame;
    this.#have.clear();
  }

  draw(t: number): void {
    this.#t = t;
    this.#window()?.reelyard?.stage?.drawAt(t);
  }

  // Waits a moment, since sliders ask often.
  ask(transcriptId: string, version: number, look: Look, video: Video): void {
    const mine = ++this.#turn;
    this.set({isBusy: true, size: sizeOf(look, video)});
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#show(mine, transcriptId, version, look, sizeOf(look, video)), this.state.drawn ? 90 : 0) as unknown as number;
  }

  async #show(mine: number, transcriptId: string, version: number, look: Look, size: {width: number; height: number}): Promise<void> {
    try {
      const scenario = dressed(await this.#build(transcriptId, version, look, size), look);
      const told = await take(api.POST("/api/v1/scenario/stage", {body: {scenario, have: [...this.#have]}}));
      if (mine !== this.#turn) return;
      const fonts = await Promise.all(told.fonts.map(readFont));
      const images = Object.fromEntries(await Promise.all(Object.entries(told.images).map(async ([name, url]) => [name, await this.#readImage(url)] as const)));
      const page = this.#window()?.reelyard;
      if (!page || mine !== this.#turn) return;
      await page.open(told.stage, 1, fonts, images);
      for (const font of told.fonts) this.#have.add(font.key);
      this.set({scenario, of: nameOf(version, look), problem: null, isBusy: false, drawn: this.state.drawn + 1});
      this.draw(this.#t);
    } catch (error) {
      if (mine === this.#turn) this.set({problem: toProblem(error), isBusy: false});
    }
  }

  async #build(transcriptId: string, version: number, look: Look, size: {width: number; height: number}): Promise<Scenario> {
    const name = [transcriptId, version, look.preset, look.maxWords, size.width, size.height].join("/");
    const known = this.#built.get(name);
    if (known) return known;
    const query = {preset: look.preset, max_words: look.maxWords, ...size};
    const built = await take(api.GET("/api/v1/transcripts/{transcript_id}/scenario", {params: {path: {transcript_id: transcriptId}, query}}));
    this.#built.clear();
    this.#built.set(name, built as Scenario);
    return built as Scenario;
  }

  async #readImage(url: string): Promise<string> {
    const name = new URL(url).pathname;
    const known = this.#images.get(name);
    if (known) return known;
    const data = await toDataUrl(await fetchBytes(url));
    this.#images.set(name, data);
    return data;
  }

  #window(): StageWindow | null {
    return (this.#frame?.contentWindow ?? null) as StageWindow | null;
  }
}

// Which words in which look a scenario is of: what is exported must be what is shown, and neither an older one.
export const nameOf = (version: number, look: Look) => `${version}/${JSON.stringify(look)}`;

async function readFont(font: StageFont): Promise<Record<string, string>> {
  const data = font.data ?? (await toDataUrl(await fetchBytes(font.url ?? ""))).split(",")[1] ?? "";
  return {family: font.family, weight: font.weight, style: font.style, data};
}

async function fetchBytes(url: string): Promise<Blob> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Problem(answer.status, "storage.refused", `The storage answered ${answer.status}`);
  return answer.blob();
}

function toDataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Problem(0, "studio.unexpected", "A file could not be read"));
    reader.readAsDataURL(blob);
  });
}
