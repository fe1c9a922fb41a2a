// What can be done to the chosen word.

import {useEffect, useState} from "preact/hooks";
import {text} from "../text";
import {Button} from "../ui/kit";
import type {EditedTranscript, Segment, Word} from "./document";

interface Props {
  words: Word[];
  segments: Segment[];
  edited: EditedTranscript;
  selected: string;
  edit: () => void;
}

export function WordBar({words, segments, edited, selected, edit}: Props) {
  const word = words.find((each) => each.id === selected);
  const row = segments.findIndex((segment) => segment.words.some((each) => each.id === selected));
  const segment = segments[row];
  const say = text.editor;
  return (
    <div class="wordbar" role="toolbar" aria-label={word ? say.wordMenu(word.text) : say.words(words.length)}>
      {word && segment ? (
        <>
          <Button tiny onClick={edit}>{say.edit}</Button>
          <Button tiny icon="split" label={say.splitHere} disabled={segment.words[0]?.id === word.id} onClick={() => edited.do({op: "split_segment", before: word.id})} />
          <Button tiny icon="back" label={say.mergeUp} disabled={row === 0} onClick={() => edited.join(word.id)} />
          <Insert after={word} edited={edited} />
          <Button tiny icon="trash" label={say.deleteWord} onClick={() => edited.do({op: "delete", word: word.id})} />
          <Times key={word.id + word.start + word.end} word={word} edited={edited} />
          <Speaker segment={segment} segments={segments} edited={edited} />
        </>
      ) : <span class="small soft">{say.words(words.length)}</span>}
    </div>
  );
}

function Insert({after, edited}: {after: Word; edited: EditedTranscript}) {
  const [isOpen, setOpen] = useState(false);
  if (!isOpen) return <Button tiny onClick={() => setOpen(true)}>+</Button>;
  return <input class="word-input" autoFocus aria-label={text.editor.insertAfter} placeholder={text.editor.insertAfter} size={14}
    ref={(input) => input?.focus()} onBlur={() => setOpen(false)}
    onKeyDown={(event) => {
      if (event.key === "Enter" && event.currentTarget.value.trim()) edited.do({op: "insert_word", after: after.id, text: event.currentTarget.value.trim()});
      if (event.key === "Enter" || event.key === "Escape") setOpen(false);
    }} />;
}

function Times({word, edited}: {word: Word; edited: EditedTranscript}) {
  const [start, setStart] = useState(word.start.toFixed(2));
  const [end, setEnd] = useState(word.end.toFixed(2));
  useEffect(() => { setStart(word.start.toFixed(2)); setEnd(word.end.toFixed(2)); }, [word.start, word.end]);
  const send = () => {
    const from = Number(start), until = Number(end);
    if (until > from && (from.toFixed(2) !== word.start.toFixed(2) || until.toFixed(2) !== word.end.toFixed(2))) edited.do({op: "retime", word: word.id, start: from, end: until});
  };
  const field = (label: string, value: string, set: (value: string) => void) => (
    <input class="time-input num" type="number" step={0.01} min={0} aria-label={label} title={label} value={value} onInput={(event) => set(event.currentTarget.value)} onChange={send} />
  );
  return <span class="times">{field(text.editor.start, start, setStart)}–{field(text.editor.end, end, setEnd)}</span>;
}

const NEW = "+";

function Speaker({segment, segments, edited}: {segment: Segment; segments: Segment[]; edited: EditedTranscript}) {
  const [isNaming, setNaming] = useState<"new" | "rename" | null>(null);
  const known = [...new Set(segments.map((each) => each.speaker).filter((name): name is string => Boolean(name)))].sort();
  const say = text.editor;
  if (isNaming) {
    return <input class="word-input" aria-label={isNaming === "new" ? say.newSpeaker : say.rename} placeholder={isNaming === "new" ? say.newSpeaker : say.rename} defaultValue={isNaming === "rename" ? (segment.speaker ?? "") : ""}
      size={14} maxLength={64} ref={(input) => input?.focus()} onBlur={() => setNaming(null)}
      onKeyDown={(event) => {
        const name = event.currentTarget.value.trim();
        if (event.key === "Enter" && name && isNaming === "new") edited.do({op: "set_speaker", segment: segment.id, speaker: name});
        if (event.key === "Enter" && name && isNaming === "rename" && segment.speaker) edited.do({op: "rename_speaker", speaker: segment.speaker, to: name});
        if (event.key === "Enter" || event.key === "Escape") setNaming(null);
      }} />;
  }
  return (
    <>
      <select class="input tiny-select" aria-label={say.speaker} value={segment.speaker ?? ""}
        onChange={(event) => {
          const {value} = event.currentTarget;
          if (value === NEW) setNaming("new");
          else edited.do({op: "set_speaker", segment: segment.id, speaker: value || null});
        }}>
        <option value="">{say.noSpeaker}</option>
        {known.map((name) => <option key={name} value={name}>{name}</option>)}
        <option value={NEW}>{say.newSpeaker}…</option>
      </select>
      {segment.speaker && <Button tiny icon="person" label={`${say.rename} ${say.renameEverywhere}`} onClick={() => setNaming("rename")} />}
    </>
  );
}
