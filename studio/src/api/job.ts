// One job, live until it has ended.

import {useEffect} from "preact/hooks";
import {sayProblem, useLoad, type Loaded} from "../ui/kit";
import {api, take, type Schemas} from "./client";
import {follow} from "./events";

export const OVER = ["succeeded", "failed", "cancelled"];

export function useJob(id: string): Loaded<Schemas["JobResponse"]> {
  const job = useLoad(() => take(api.GET("/api/v1/jobs/{job_id}", {params: {path: {job_id: id}}})), [id]);
  const state = job.value?.state, isOpen = state !== undefined && !OVER.includes(state);
  useEffect(() => {
    if (!isOpen) return;
    const stop = new AbortController();
    let last = "";
    follow(`/api/v1/jobs/${id}/events`, ({event}) => { last = event; job.reload(); }, stop.signal, () => OVER.includes(last.replace("job.", ""))).catch(sayProblem);
    return () => stop.abort();
  }, [id, isOpen]);
  return job;
}
