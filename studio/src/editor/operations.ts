// What an operation looks like before the API has done it. The API's answer replaces it, so near is good enough.

import type {Schemas} from "../api/client";

type Document = Schemas["DocumentResponse"];
type Operation = Schemas["OperationRequest"];
type Segment = Schemas["SegmentResponse"];
type Word = Schemas["WordResponse"];

export function applyLocally(document: Document, operation: Operation): Document {
  const change = CHANGES[operation.op];
  if (!change) return document;
  return {...document, segments: change(document.segments, operation)};
}

const named = (operation: Operation) => new Set(operation.words ?? (operation.word ? [operation.word] : []));

const CHANGES: Partial<Record<Operation["op"], (segments: Segment[], operation: Operation) => Segment[]>> = {
  set_text: (segments, operation) => onWords(segments, named(operation), (word) => ({...word, text: operation.text ?? word.text})),
  retime: (segments, operation) => onWords(segments, named(operation), (word) => ({...word, start: operation.start ?? word.start, end: operation.end ?? word.end})),
  set_speaker: (segments, operation) => operation.segment
    ? segments.map((segment) => (segment.id === operation.segment ? spokenBy(segment, operation.speaker ?? null) : segment))
    : onWords(segments, named(operation), (word) => ({...word, speaker: operation.speaker ?? null})),
  rename_speaker: (segments, {speaker, to}) => segments.map((segment) => ({...segment, speaker: segment.speaker === speaker ? (to ?? null) : segment.speaker,
    words: segment.words.map((word) => (word.speaker === speaker ? {...word, speaker: to ?? null} : word))})),
  delete: (segments, operation) => {
    const gone = named(operation);
    return segments.map((segment) => ({...segment, words: segment.words.filter((word) => !gone.has(word.id))})).filter((segment) => segment.words.length);
  },
  split_segment: (segments, {before}) => segments.flatMap((segment) => {
    const at = segment.words.findIndex((word) => word.id === before);
    if (at <= 0) return [segment];
    return [over(segment, segment.words.slice(0, at)), {...over(segment, segment.words.slice(at)), id: `${segment.id}+`}];
  }),
  merge_segments: (segments, {segments: ids = []}) => {
    const first = segments.findIndex((segment) => segment.id === ids[0]);
    const head = segments[first];
    if (!head || ids.length < 2) return segments;
    return [...segments.slice(0, first), over(head, segments.slice(first, first + ids.length).flatMap((segment) => segment.words)), ...segments.slice(first + ids.length)];
  },
};

function onWords(segments: Segment[], ids: Set<string>, change: (word: Word) => Word): Segment[] {
  return segments.map((segment) => segment.words.some((word) => ids.has(word.id))
    ? over(segment, segment.words.map((word) => (ids.has(word.id) ? change(word) : word))) : segment);
}

const spokenBy = (segment: Segment, speaker: string | null): Segment => ({...segment, speaker, words: segment.words.map((word) => ({...word, speaker}))});

function over(segment: Segment, words: Word[]): Segment {
  const first = words[0], last = words[words.length - 1];
  return {...segment, words, text: words.map((word) => word.text).join(" "), start: first?.start ?? segment.start, end: last?.end ?? segment.end};
}
