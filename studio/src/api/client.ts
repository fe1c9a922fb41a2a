// The API, typed by its own OpenAPI document.

import createClient from "openapi-fetch";
import {Problem, readProblem, toProblem} from "./problem";
import type {paths} from "./schema";
import {session} from "./session";

export type {Schemas} from "./types";

async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const answer = await bearing(request, await session.token());
  if (answer.status !== 401) return answer;
  if (!(await session.refresh())) return answer;
  return bearing(again, await session.token());
}

async function bearing(request: Request, token: string): Promise<Response> {
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  return fetch(request);
}

export const api = createClient<paths>({baseUrl: location.origin, fetch: send});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

// The body of an answer; anything but success is a Problem.
export async function take<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    throw toProblem(error);
  }
  if (!answer.response.ok) throw readProblem(answer.response.status, answer.error);
  return answer.data as T;
}

// The same, with the answer's ETag.
export async function takeTagged<T>(call: Promise<Answer<T>>): Promise<[T, string]> {
  let tag = "";
  const body = await take(call.then((answer) => {
    tag = answer.response.headers.get("ETag") ?? "";
    return answer;
  }));
  return [body, tag];
}

export function newKey(): string {
  return crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export {Problem};
