// A song's sections as a list: names, notes, and edges that go to the nearest beat.

import {api, take, type Schemas} from "../api/client";
import {clock} from "../format";
import {text} from "../text";
import {Button, Loading, sayProblem} from "../ui/kit";

export interface Section {
  start: number;
  end: number;
  label: string;
  note: string;
}

const snap = (t: number, beats: number[]) => beats.reduce((best, beat) => (Math.abs(beat - t) < Math.abs(best - t) ? beat : best), beats[0] ?? t);

// The sections with one of them between other beats, its neighbours going along; null where one would vanish.
function moved(sections: Section[], index: number, from: number, until: number, beats: number[]): Section[] | null {
  const start = index ? snap(from, beats) : (sections[0]?.start ?? 0), end = index < sections.length - 1 ? snap(until, beats) : (sections[index]?.end ?? until);
  const all = sections.map(({label, note, ...at}, place) => ({label, note,
    start: place === index ? start : place === index + 1 ? end : at.start, end: place === index ? end : place === index - 1 ? start : at.end}));
  return all.every((section) => section.end > section.start) ? all : null;
}

// Divides the song anew. Where that is refused, what there was is put back.
export async function divide(song: string, {sections, beats, isKept}: {sections: Section[]; beats: number[]; isKept: boolean}, index: number, from: number, until: number): Promise<void> {
  const path = {song_id: song}, wanted = moved(sections, index, from, until, beats);
  const put = (all: Section[]) => take(api.POST("/api/v1/songs/{song_id}/sections", {params: {path}, body: {sections: all}}));
  if (!wanted) return;
  try {
    if (isKept) await take(api.DELETE("/api/v1/songs/{song_id}/sections", {params: {path}}));
    await put(wanted);
  } catch (error) {
    sayProblem(error);
    if (isKept) await put(sections.map(({start, end, label, note}) => ({start, end, label, note}))).catch(sayProblem);
  }
}

export function Sections({song, value, beats, changed}: {song: Schemas["SongResponse"]; value: Schemas["SectionsResponse"] | null; beats: number[]; changed: () => void}) {
  const t = text.songs, path = {song_id: song.id};
  const keep = () => take(api.POST("/api/v1/songs/{song_id}/sections", {params: {path}, body: {suggested: true}})).then(changed, sayProblem);
  if (!value) return <Loading lines={2} />;
  if (value.items.length) return <ul class="list">{value.items.map((section, index) => <Kept key={section.id} song={song.id} sections={value.items} index={index} beats={beats} changed={changed} />)}</ul>;
  return (
    <div class="stack"><p class="small soft">{t.suggested}</p>
      <ul class="list">{value.suggested.map((section) => <li key={section.start}><span class="num small soft section-time">{clock(section.start, 1)}–{clock(section.end, 1)}</span><strong>{section.label}</strong></li>)}</ul>
      {value.suggested.length > 0 && <div><Button kind="main" onClick={() => void keep()}>{t.keep}</Button></div>}</div>
  );
}

function Kept({song, sections, index, beats, changed}: {song: string; sections: Schemas["SectionsResponse"]["items"]; index: number; beats: number[]; changed: () => void}) {
  const t = text.songs, section = sections[index];
  if (!section) return null;
  const change = (body: {label?: string; note?: string}) => take(api.PATCH("/api/v1/songs/{song_id}/sections/{section_id}", {params: {path: {song_id: song, section_id: section.id}}, body})).then(changed, sayProblem);
  const end = (until: number) => void divide(song, {sections, beats, isKept: true}, index, section.start, until).then(changed);
  return (
    <li><span class="num small soft section-time">{clock(section.start, 1)}–{clock(section.end, 1)}</span>
      <input class="input label" aria-label={`${t.label} ${index + 1}`} value={section.label} maxLength={64} onChange={(event) => void change({label: event.currentTarget.value})} />
      <input class="input label grow" aria-label={t.note(section.label)} placeholder={t.noteHint} value={section.note} maxLength={100} onChange={(event) => void change({note: event.currentTarget.value})} />
      {index < sections.length - 1 && <label class="row small soft section-end">{t.ends}<input class="input num" type="number" step={0.1} min={section.start} aria-label={t.endOf(section.label)} value={section.end.toFixed(2)} onChange={(event) => end(Number(event.currentTarget.value))} /></label>}</li>
  );
}
