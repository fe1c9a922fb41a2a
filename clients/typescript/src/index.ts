// Client of a Reelyard API: every operation typed, and the few ways that take several of them.
import createFetch, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export { Webhook, WebhookError } from "./webhooks.js";
export type { components, paths };

type Schemas = components["schemas"];
export type ContentType = Schemas["UploadRequest"]["content_type"];
export type Job = Schemas["JobResponse"];
export interface JobEvent { id: string; event: string; data: Record<string, unknown> }
export interface Options { baseUrl: string; token?: string }

const ENDED = new Set(["succeeded", "failed", "cancelled"]);

/** An answer that is an error; `code` is stable, the message is for people. */
export class ReelyardError extends Error {
  constructor(readonly code: string, message: string, readonly status: number, readonly details: object = {}) {
    super(`${code}: ${message}`);
  }
}

/** A user of one API. `api` has every operation: `reelyard.api.GET("/api/v1/renders")`. */
export class Reelyard {
  readonly api: Client<paths>;
  token: string;

  constructor(private readonly options: Options) {
    this.token = options.token ?? "";
    this.api = createFetch<paths>({ baseUrl: options.baseUrl });
    this.api.use({
      onRequest: ({ request }) => {
        if (this.token) request.headers.set("Authorization", `Bearer ${this.token}`);
        return request;
      },
    });
  }

  /** Carry this account's access token from now on. */
  async signIn(email: string, password: string): Promise<void> {
    const answer = good(await this.api.POST("/api/v1/auth/login", { body: { email, password } }));
    this.token = answer.access_token ?? "";
  }

  /** Send a file straight into the storage and complete the upload. */
  async upload(
    file: Blob,
    filename: string,
    contentType: ContentType,
    purpose: "captions" | "sound" = "captions",
  ): Promise<Schemas["UploadCompletedResponse"]> {
    const body = { filename, content_type: contentType, size_bytes: file.size };
    const ticket = good(await this.api.POST("/api/v1/uploads", { body }));
    const transfer = ticket.upload!;
    for (const part of transfer.parts ?? []) {
      const start = part.offset_bytes!;
      const bytes = file.slice(start, start + part.size_bytes!);
      const answer = await fetch(part.url!, { method: "PUT", body: bytes, headers: transfer.headers as Record<string, string> });
      if (!answer.ok) throw new ReelyardError("upload.refused", await answer.text(), answer.status);
    }
    const params = { path: { upload_id: ticket.id! } };
    return good(await this.api.POST("/api/v1/uploads/{upload_id}/complete", { params, body: { purpose } }));
  }

  /** Follow a job until it has ended and return it; throw unless it succeeded. */
  async wait(jobId: string, timeoutMs = 1_800_000): Promise<Job> {
    for await (const event of this.events(jobId, timeoutMs)) void event;
    const job = await this.job(jobId);
    if (job.state !== "succeeded") {
      const error = job.error as { code?: string; message?: string; details?: object } | null | undefined;
      throw new ReelyardError(error?.code ?? `job.${job.state}`, error?.message ?? `The job was ${job.state}`, 0, error?.details);
    }
    return job;
  }

  /** Yield a job's events until it has ended; a broken stream goes on after the last event that came. */
  async *events(jobId: string, timeoutMs = 1_800_000): AsyncGenerator<JobEvent> {
    const url = `${this.options.baseUrl}/api/v1/jobs/${encodeURIComponent(jobId)}/events`;
    const deadline = Date.now() + timeoutMs;
    let last = "";
    while (Date.now() < deadline) {
      const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
      if (last) headers["Last-Event-ID"] = last;
      try {
        const answer = await fetch(url, { headers });
        if (!answer.ok) throw problem(await answer.json(), answer.status);
        for await (const event of parseEvents(answer.body!)) {
          last = event.id || last;
          yield event;
        }
      } catch (error) {
        if (error instanceof ReelyardError) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      if (ENDED.has((await this.job(jobId)).state!)) return;
    }
    throw new ReelyardError("client.timeout", `${jobId} did not end in ${timeoutMs} ms`, 0);
  }

  private async job(jobId: string): Promise<Job> {
    return good(await this.api.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: jobId } } }));
  }
}

/** Return the data of an answer; throw a ReelyardError when it is an error. */
export function good<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.error !== undefined || !answer.response.ok) throw problem(answer.error, answer.response.status);
  return answer.data as T;
}

function problem(body: unknown, status: number): ReelyardError {
  const error = (typeof body === "object" && body ? body : {}) as { code?: string; message?: string; details?: object };
  return new ReelyardError(error.code ?? "api.unexpected", error.message ?? String(body), status, error.details);
}

/** Parse Server-Sent Events; comments are skipped, `data` is read as JSON. */
async function* parseEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<JobEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const block of body) {
    const texts = (rest + decoder.decode(block, { stream: true })).replaceAll("\r\n", "\n").split("\n\n");
    rest = texts.pop()!;
    for (const text of texts) {
      const event = parseEvent(text);
      if (event) yield event;
    }
  }
}

function parseEvent(text: string): JobEvent | undefined {
  const fields = { id: "", event: "message" };
  const data: string[] = [];
  for (const line of text.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line)!;
    if (name === "data") data.push(value!);
    else if (name === "id" || name === "event") fields[name] = value!;
  }
  return data.length ? { ...fields, data: JSON.parse(data.join("\n")) } : undefined;
}
