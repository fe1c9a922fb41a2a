// Sending one file in parts, straight into the storage: several at once, again after a fault, on after a reload.

import {api, take, type Schemas} from "../api/client";
import {Problem, toProblem} from "../api/problem";
import {forgetSent, readSent, writeSent} from "./memory";

type Transfer = Schemas["TransferResponse"];
type Part = Schemas["PartResponse"];

const AT_ONCE = 3;
const TRIES = 6;
const EXPIRED = 403;

export interface Tick {
  sentBytes: number;
  totalBytes: number;
}

// Returns the answer to completing it; throws Problem, or an AbortError when the signal does.
export async function sendFile(file: File, language: string | null, signal: AbortSignal, tick: (tick: Tick) => void): Promise<Schemas["UploadCompletedResponse"]> {
  const {id, transfer, done} = await begin(file, language);
  const live = new Map<number, number>();
  const tell = () => tick({totalBytes: file.size,
    sentBytes: transfer.parts.reduce((sum, part) => sum + (done.has(part.number) ? part.size_bytes : (live.get(part.number) ?? 0)), 0)});
  const signed = {transfer};
  const waiting = transfer.parts.filter((part) => !done.has(part.number)).map((part) => part.number);
  tell();
  const work = async () => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      const mine = number;
      await sendPart(file, id, mine, signed, signal, (bytes) => { live.set(mine, bytes); tell(); });
      done.add(mine);
      writeSent(file, id, done);
      tell();
    }
  };
  await Promise.all(Array.from({length: AT_ONCE}, work));
  const answer = await take(api.POST("/api/v1/uploads/{upload_id}/complete", {params: {path: {upload_id: id}}, body: {}}));
  forgetSent(file);
  return answer;
}

interface Begun {
  id: string;
  transfer: Transfer;
  done: Set<number>;
}

// Takes up an upload of the same file that was left unfinished, if there is one.
async function begin(file: File, language: string | null): Promise<Begun> {
  const known = readSent(file);
  if (known) {
    try {
      const transfer = await take(api.POST("/api/v1/uploads/{upload_id}/parts", {params: {path: {upload_id: known.id}}}));
      return {id: known.id, transfer, done: new Set(known.done)};
    } catch (error) {
      if (toProblem(error).isOffline) throw error;
      forgetSent(file);
    }
  }
  const body = {filename: file.name, content_type: typeOf(file), size_bytes: file.size, language};
  const made = await take(api.POST("/api/v1/uploads", {body}));
  writeSent(file, made.id, new Set());
  return {id: made.id, transfer: made.upload, done: new Set()};
}

async function sendPart(file: File, id: string, number: number, signed: {transfer: Transfer}, signal: AbortSignal, tell: (bytes: number) => void): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const part = signed.transfer.parts.find((each) => each.number === number) as Part;
    try {
      await put(part, signed.transfer.headers, file, signal, tell);
      return;
    } catch (error) {
      if (signal.aborted || attempt >= TRIES) throw error;
      tell(0);
      if (toProblem(error).status === EXPIRED) {
        signed.transfer = await take(api.POST("/api/v1/uploads/{upload_id}/parts", {params: {path: {upload_id: id}}}));
      } else await pause(Math.min(15_000, 500 * 2 ** attempt), signal);
    }
  }
}

// XMLHttpRequest, since fetch does not tell how much was sent.
function put(part: Part, headers: Record<string, string>, file: File, signal: AbortSignal, tell: (bytes: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open("PUT", part.url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => tell(event.loaded);
    request.onload = () => request.status < 300 ? resolve() : reject(new Problem(request.status, "upload.refused", `The storage answered ${request.status}`));
    request.onerror = () => reject(new Problem(0, "network.unreachable", "The storage cannot be reached"));
    request.onabort = () => reject(new DOMException("Stopped", "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    if (signal.aborted) return stop();
    request.send(file.slice(part.offset_bytes, part.offset_bytes + part.size_bytes));
  });
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, {once: true});
  });
}

type MediaType = Schemas["UploadRequest"]["content_type"];

const TYPES: Record<string, MediaType> = {mp4: "video/mp4", m4v: "video/mp4", mov: "video/quicktime", webm: "video/webm", mkv: "video/x-matroska", mp3: "audio/mpeg", wav: "audio/wav",
  m4a: "audio/mp4", flac: "audio/flac", ogg: "audio/ogg", png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", webp: "image/webp"};

// Browsers leave out the type of what their system does not know; the API refuses what it cannot take.
export function typeOf(file: File): MediaType {
  return (file.type as MediaType) || (TYPES[file.name.split(".").pop()?.toLowerCase() ?? ""] ?? "video/mp4");
}
