// What is looked for among the samples. It outlives the page, so that one comes back to it.

import type {paths} from "../api/schema";
import {Store} from "../store";

type Query = NonNullable<paths["/api/v1/samples"]["get"]["parameters"]["query"]>;

export const NOTHING = {q: "", bpmMin: "", bpmMax: "", key: "", creator: "", tag: "", status: "", sort: "-created_at"};
export type Wanted = typeof NOTHING;
export const SLOWEST_BPM = 1;
export const FASTEST_BPM = 1000;
export const wanted = new Store<Wanted>({...NOTHING});

const PAGE = 20;

export const isFiltered = (filters: Wanted) => Object.entries(NOTHING).some(([part, nothing]) => part !== "sort" && filters[part as keyof Wanted] !== nothing);

function bpmOf(typed: string): number | undefined {
  return typed.trim() && Number.isFinite(Number(typed)) ? Math.min(FASTEST_BPM, Math.max(SLOWEST_BPM, Number(typed))) : undefined;
}

// An empty field asks for nothing; a range typed the wrong way round is turned.
export function queryOf({q, bpmMin, bpmMax, key, creator, tag, status, sort}: Wanted): Query {
  const [least, most] = [bpmOf(bpmMin), bpmOf(bpmMax)];
  const isTurned = least !== undefined && most !== undefined && least > most;
  return {limit: PAGE, sort: sort as Query["sort"], q: q.trim() || undefined, bpm_min: isTurned ? most : least, bpm_max: isTurned ? least : most, key: key || undefined,
    creator: creator.trim() || undefined, tag: tag.trim().toLowerCase() || undefined, status: (status || undefined) as Query["status"]};
}
