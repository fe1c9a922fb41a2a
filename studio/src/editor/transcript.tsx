// The words, each a place in the video: click to go there, change it, move it, say who spoke it.

import {memo} from "preact/compat";
import {useEffect, useLayoutEffect, useMemo, useRef, useState} from "preact/hooks";
import {clock} from "../format";
import {text} from "../text";
import {Empty} from "../ui/kit";
import type {EditedTranscript, Segment, Transcript, Word} from "./document";
import type {Playhead} from "./playhead";
import {WordBar} from "./wordbar";

export interface Flag {
  message: string;
  code: string;
}

interface Props {
  transcript: Transcript;
  edited: EditedTranscript;
  playhead: Playhead;
  flags: Map<string, Flag>;
  selected: string;
  select: (id: string) => void;
}

export function TranscriptView({transcript, edited, playhead, flags, selected, select}: Props) {
  const list = useRef<HTMLDivElement>(null);
  const [editing, setEditing] = useState("");
  const segments = transcript.document.segments;
  const words = useMemo(() => segments.flatMap((segment) => segment.words), [segments]);
  const isRtl = ["ar", "he", "fa", "ur"].includes(transcript.document.language);
  const returning = useRef("");
  useMark(list, words, playhead);
  useLayoutEffect(() => {
    if (editing || !returning.current) return;
    list.current?.querySelector<HTMLElement>(`[data-word="${CSS.escape(returning.current)}"]`)?.focus();
    returning.current = "";
  }, [editing]);
  useKeys({list, words, segments, edited, playhead, selected, select, edit: setEditing});
  if (!words.length) return <Empty title={text.editor.noTranscript} body={text.editor.noTranscriptBody} />;

  function onClick(event: MouseEvent) {
    const id = (event.target as Element).closest<HTMLElement>("[data-word]")?.dataset["word"];
    const word = words.find((each) => each.id === id);
    if (!word) return;
    select(word.id);
    playhead.seekInto(word.start);
  }

  return (
    <>
      <div ref={list} class="transcript" role="listbox" aria-label={text.editor.transcript} dir={isRtl ? "rtl" : "ltr"} tabIndex={selected ? -1 : 0}
        onClick={onClick} onDblClick={(event) => setEditing((event.target as Element).closest<HTMLElement>("[data-word]")?.dataset["word"] ?? "")}>
        {segments.map((segment) => (
          <Line key={segment.id} segment={segment} flags={flags} selected={segment.words.some((word) => word.id === selected) ? selected : ""}
            editing={segment.words.some((word) => word.id === editing) ? editing : ""}
            done={(word, said, isByKey) => {
              returning.current = isByKey ? word.id : "";
              if (isByKey) select(word.id);
              setEditing("");
              change(edited, word, said);
            }} />
        ))}
      </div>
      <WordBar words={words} segments={segments} edited={edited} selected={selected} edit={() => setEditing(selected)} />
    </>
  );
}

function change(edited: EditedTranscript, word: Word, said: string): void {
  const next = said.trim();
  if (!next) edited.do({op: "delete", word: word.id});
  else if (next !== word.text) edited.do({op: "set_text", word: word.id, text: next});
}

interface LineProps {
  segment: Segment;
  flags: Map<string, Flag>;
  selected: string;
  editing: string;
  done: Done;
}

type Done = (word: Word, said: string, isByKey: boolean) => void;

const Line = memo(function Line({segment, flags, selected, editing, done}: LineProps) {
  const flag = flags.get(segment.id);
  return (
    <div class={flag ? "line flagged" : "line"} role="group" aria-label={text.editor.segment(clock(segment.start))} title={flag?.message}>
      <span class="line-head"><span class="num">{clock(segment.start)}</span>{segment.speaker && <span class="speaker">{segment.speaker}</span>}</span>
      <div>
        {segment.words.map((word) => word.id === editing
          ? <WordInput key={word.id} word={word} done={done} />
          : <><span key={word.id} role="option" data-word={word.id} aria-selected={word.id === selected} tabIndex={word.id === selected ? 0 : -1}
              class={["word", flags.has(word.id) && "flagged", word.score < 0.5 && "unsure"].filter(Boolean).join(" ")} title={flags.get(word.id)?.message}>{word.text}</span>{" "}</>)}
      </div>
    </div>
  );
}, (before, after) => before.segment === after.segment && before.flags === after.flags && before.selected === after.selected && before.editing === after.editing);

function WordInput({word, done}: {word: Word; done: Done}) {
  const input = useRef<HTMLInputElement>(null);
  const over = useRef(false);
  useLayoutEffect(() => { input.current?.focus(); input.current?.select(); }, []);
  const end = (said: string, isByKey: boolean) => { if (!over.current) { over.current = true; done(word, said, isByKey); } };
  return (
    <input ref={input} class="word-input" aria-label={text.editor.edit} defaultValue={word.text} size={Math.max(3, word.text.length)}
      onBlur={(event) => end(event.currentTarget.value, false)} onClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") end(event.currentTarget.value, true);
        if (event.key === "Escape") end(word.text, true);
      }} />
  );
}

// Marks the word that is spoken, without drawing the list again.
function useMark(list: {current: HTMLDivElement | null}, words: Word[], playhead: Playhead): void {
  useEffect(() => {
    let marked: Element | null = null, last = -1;
    return playhead.hear((t) => {
      const at = spokenAt(words, t);
      if (at === last && marked?.isConnected) return;
      last = at;
      marked?.classList.remove("spoken");
      const word = words[at];
      marked = word ? (list.current?.querySelector(`[data-word="${CSS.escape(word.id)}"]`) ?? null) : null;
      marked?.classList.add("spoken");
      if (playhead.state.isPlaying) marked?.scrollIntoView({block: "nearest"});
    });
  }, [words, playhead]);
}

// The last word that has begun, unless the pause after it is long.
export function spokenAt(words: Word[], t: number): number {
  let low = 0, high = words.length - 1, found = -1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if ((words[middle]?.start ?? 0) <= t + 0.0005) { found = middle; low = middle + 1; } else high = middle - 1;
  }
  const word = words[found];
  return word && t < word.end + 0.6 ? found : -1;
}

interface Keys extends Pick<Props, "edited" | "playhead" | "selected" | "select"> {
  list: {current: HTMLDivElement | null};
  words: Word[];
  segments: Segment[];
  edit: (id: string) => void;
}

function useKeys(keys: Keys): void {
  useEffect(() => {
    const box = keys.list.current;
    const onKey = (event: KeyboardEvent) => { if (press(event, keys)) event.preventDefault(); };
    box?.addEventListener("keydown", onKey);
    return () => box?.removeEventListener("keydown", onKey);
  });
  const isInside = useRef(false);
  useEffect(() => {
    const box = keys.list.current;
    const look = (event: Event) => { isInside.current = box?.contains(event.target as Node) ?? false; };
    document.addEventListener("focusin", look);
    document.addEventListener("pointerdown", look);
    return () => { document.removeEventListener("focusin", look); document.removeEventListener("pointerdown", look); };
  }, []);
  // A line that is drawn anew takes the focus with it: the chosen word gets it back.
  useEffect(() => {
    const box = keys.list.current, isLost = isInside.current && document.activeElement === document.body;
    const isOnWord = document.activeElement === box || (document.activeElement?.matches("[data-word]") && box?.contains(document.activeElement));
    if (isLost || isOnWord) box?.querySelector<HTMLElement>(`[data-word="${CSS.escape(keys.selected)}"]`)?.focus();
  }, [keys.selected, keys.segments]);
}

// Returns whether the key meant something.
function press(event: KeyboardEvent, {words, segments, edited, playhead, selected, select, edit}: Keys): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const at = words.findIndex((word) => word.id === selected), word = words[at];
  const to = (index: number) => {
    const next = words[Math.max(0, Math.min(words.length - 1, index))];
    if (next) { select(next.id); playhead.seekInto(next.start); }
    return true;
  };
  const steps: Record<string, () => boolean> = {ArrowRight: () => to(at + 1), ArrowLeft: () => to(Math.max(0, at - 1)), Home: () => to(0), End: () => to(words.length - 1),
    ArrowDown: () => to(lineStart(words, segments, at, 1)), ArrowUp: () => to(lineStart(words, segments, at, -1))};
  const step = steps[event.key];
  if (step) return step();
  if (!word) return false;
  if (event.key === "Enter" || event.key === "F2") edit(word.id);
  else if (event.key === "s") edited.do({op: "split_segment", before: word.id});
  else if (event.key === "m") edited.join(word.id);
  else if (event.key === "Delete" || event.key === "Backspace") { to(at + 1); edited.do({op: "delete", word: word.id}); }
  else return false;
  return true;
}

function lineStart(words: Word[], segments: Segment[], at: number, by: number): number {
  const row = segments.findIndex((segment) => segment.words.some((word) => word.id === words[at]?.id));
  const first = segments[Math.max(0, Math.min(segments.length - 1, row + by))]?.words[0];
  return words.findIndex((word) => word.id === first?.id);
}
