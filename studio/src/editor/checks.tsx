// What the validator finds: hard to read, outside of the safe area, hard to see; each with the word that it is about.

import {useEffect, useState} from "preact/hooks";
import {api, take, type Schemas} from "../api/client";
import {toProblem, type Problem} from "../api/problem";
import {clock} from "../format";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {Button, Empty, Loading, ProblemNote} from "../ui/kit";
import type {EditedTranscript, Operation, Transcript} from "./document";
import {outputOf, type Look, type Scenario} from "./look";
import type {Flag} from "./transcript";

export interface Finding {
  key: string;
  code: string;
  message: string;
  suggestion: string;
  t: number | null;
  word: string;
  segment: string;
  isError: boolean;
  fix: Operation[];
}

interface Found {
  items: Finding[] | null;
  problem: Problem | null;
  isBusy: boolean;
  look: () => void;
}

// Reading speed at once, after each save; the picture itself only when asked, since a node has to draw it.
export function useFindings(transcript: Transcript | null, assetId: string, scenario: Scenario | null, look: Look, size: {width: number; height: number}, isOpen: boolean): Found {
  const [reading, setReading] = useState<Finding[] | null>(null);
  const [deep, setDeep] = useState<Finding[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [turn, setTurn] = useState(0);
  const id = transcript?.id, version = transcript?.version;
  useEffect(() => {
    if (!id) return;
    take(api.GET("/api/v1/transcripts/{transcript_id}/cues", {params: {path: {transcript_id: id}}})).then((answer) => setReading(answer.findings.map(fromReading)), (error: unknown) => setProblem(toProblem(error)));
  }, [id, version]);
  useEffect(() => {
    if (!isOpen || !scenario) return;
    let isGone = false;
    const timer = setTimeout(() => {
      setBusy(true);
      validate(assetId, scenario, look, size).then((items) => { if (!isGone) { setDeep(items); setProblem(null); } }, (error: unknown) => { if (!isGone) setProblem(toProblem(error)); })
        .finally(() => { if (!isGone) setBusy(false); });
    }, 600);
    return () => { isGone = true; clearTimeout(timer); };
  }, [scenario, isOpen, turn]);
  return {items: reading && [...reading, ...deep], problem, isBusy, look: () => setTurn(turn + 1)};
}

async function validate(assetId: string, scenario: Scenario, look: Look, size: {width: number; height: number}): Promise<Finding[]> {
  const output = outputOf(look, size);
  let told = await take(api.POST("/api/v1/renders/validate", {body: {source_asset_id: assetId, scenario, output, safe_area: look.safeArea, samples: 8, wait_s: null}}));
  for (let tries = 0; told.valid === null && told.id && tries < 30; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    told = await take(api.GET("/api/v1/validations/{validation_id}", {params: {path: {validation_id: told.id}}}));
  }
  return (told.findings ?? []).map(fromQuality);
}

const fromReading = (found: Schemas["ReadingFindingResponse"]): Finding => ({key: `${found.code}/${found.segment}`, code: found.code, message: found.message, suggestion: "", t: found.start,
  word: "", segment: found.segment, isError: false, fix: found.fix as unknown as Operation[]});

const fromQuality = (found: Schemas["QualityFindingResponse"]): Finding => ({key: `${found.code}/${found.pointer}`, code: found.code, message: found.message, suggestion: found.suggestion ?? "", t: found.t,
  word: found.word_id ?? "", segment: "", isError: found.severity === "error", fix: []});

// By word, and for findings about a whole line by line; by its caption's first word where a caption is meant.
export function flagsOf(items: Finding[] | null, scenario: Scenario | null): Map<string, Flag> {
  const tracks = (scenario?.["tracks"] ?? []) as {cues?: {words: {id: string}[]}[]}[];
  const flags = new Map<string, Flag>();
  for (const item of items ?? []) {
    const [, track = "", cue = ""] = /^\/tracks\/(\d+)\/cues\/(\d+)/.exec(item.key.slice(item.code.length + 1)) ?? [];
    const place = item.word || item.segment || (track && tracks[Number(track)]?.cues?.[Number(cue)]?.words[0]?.id) || "";
    if (place) flags.set(place, {message: item.message, code: item.code});
  }
  return flags;
}

export function ChecksPanel({found, edited, show}: {found: Found; edited: EditedTranscript; show: (finding: Finding) => void}) {
  const t = text.checks;
  return (
    <div class="stack side">
      <div class="row"><span class="grow small soft" role="status">{found.isBusy ? t.looking : found.items ? t.count(found.items.length) : ""}</span>
        <Button tiny disabled={found.isBusy} onClick={found.look}>{t.again}</Button></div>
      {found.problem && <ProblemNote problem={found.problem} />}
      {!found.items && !found.problem && <Loading />}
      {found.items?.length === 0 && !found.isBusy && <Empty icon="check" title={t.fine} body={t.fineBody} />}
      <ul class="findings">
        {found.items?.map((item) => (
          <li key={item.key} class={item.isError ? "error" : ""}>
            <Icon name="warn" />
            <div class="grow"><p>{item.message}</p><p class="small soft">{item.t !== null && <span class="num">{clock(item.t, 1)} · </span>}{item.suggestion || <code>{item.code}</code>}</p></div>
            {item.t !== null && <Button tiny onClick={() => show(item)}>{t.go}</Button>}
            {item.fix.length > 0 && <Button tiny kind="main" onClick={() => edited.do(...item.fix)}>{t.fix}</Button>}
          </li>
        ))}
      </ul>
    </div>
  );
}
