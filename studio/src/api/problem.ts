// What went wrong, as the API says it: a stable code, a sentence, details.

export interface Finding {
  code: string;
  message: string;
  pointer?: string;
  suggestion?: string | null;
  cue_id?: string | null;
  word_id?: string | null;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
    readonly requestId = "",
  ) {
    super(message);
  }

  get findings(): Finding[] {
    return Array.isArray(this.details["findings"]) ? (this.details["findings"] as Finding[]) : [];
  }

  get isOffline(): boolean {
    return this.code === "network.unreachable";
  }
}

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError || (error instanceof DOMException && error.name === "NetworkError")) {
    return new Problem(0, "network.unreachable", "The server cannot be reached");
  }
  return new Problem(0, "studio.unexpected", error instanceof Error ? error.message : String(error));
}

export function readProblem(status: number, body: unknown): Problem {
  const {code, message, details, request_id: id} = (body ?? {}) as Record<string, unknown>;
  if (typeof code !== "string" || typeof message !== "string") {
    return new Problem(status, "api.unexpected", `The server answered ${status}`);
  }
  return new Problem(status, code, message, (details as Record<string, unknown>) ?? {}, String(id ?? ""));
}
