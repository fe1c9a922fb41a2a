// Samples: sounds behind links, found by tempo, key, maker and words, listened to and downloaded.

import {useEffect, useState} from "preact/hooks";
import {api, take} from "../api/client";
import {clock} from "../format";
import {href} from "../router";
import {useStore} from "../store";
import {text} from "../text";
import {Button, Chip, Empty, Loading, ProblemNote, sayProblem, Select, useLoad} from "../ui/kit";
import {Wave} from "../ui/wave";
import {SamplePage} from "./sample";
import {Fetch, NewSample, shownKey, useListening, type Listening, type Sample} from "./sample-parts";
import {FASTEST_BPM, isFiltered, NOTHING, queryOf, SLOWEST_BPM, wanted, type Wanted} from "./sample-search";
import "../styles/samples.css";

const SORTS = ["-created_at", "title", "bpm", "-bpm", "duration_s", "-duration_s", "-downloads", "-likes", "-views"] as const;
const TONICS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const KEYS = TONICS.flatMap((tonic) => [`${tonic} major`, `${tonic} minor`]);

export function Samples({id}: {id: string}) {
  return id ? <SamplePage key={id} id={id} /> : <SampleList />;
}

// What is typed is asked for once nothing was typed for a moment.
function useSettled<T>(value: T, ms = 250): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [JSON.stringify(value)]);
  return settled;
}

function SampleList() {
  const t = text.samples;
  const filters = useStore(wanted), query = queryOf(useSettled(filters)), name = JSON.stringify(query);
  const page = useLoad(() => take(api.GET("/api/v1/samples", {params: {query}})), [name]);
  const [extra, setExtra] = useState<{items: Sample[]; cursor: string | null} | null>(null);
  const [isOrdering, setOrdering] = useState(false);
  const player = useListening();
  useEffect(() => setExtra(null), [name]);
  const items = page.value && [...page.value.items, ...(extra?.items ?? [])];
  const cursor = extra ? extra.cursor : page.value?.next_cursor;
  const isBusy = items?.some((sample) => sample.status === "processing") ?? false;
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(page.reload, 3000);
    return () => clearInterval(timer);
  }, [isBusy, name]);
  const more = () => take(api.GET("/api/v1/samples", {params: {query: {...query, cursor: cursor ?? undefined}}})).then((next) => setExtra({items: [...(extra?.items ?? []), ...next.items], cursor: next.next_cursor}), sayProblem);
  return (
    <main class="page" id="content">
      <header><h1>{t.title}</h1><Button kind="main" icon="link" onClick={() => setOrdering(true)}>{t.order}</Button></header>
      <Filters filters={filters} />
      {page.problem && <ProblemNote problem={page.problem} retry={page.reload} />}
      {!items && !page.problem && <Loading lines={5} />}
      {items?.length === 0 && (isFiltered(filters) ? <Empty icon="search" title={t.noMatch}><Button onClick={() => wanted.set(NOTHING)}>{t.clear}</Button></Empty>
        : <Empty icon="link" title={t.empty} body={t.emptyBody}><Button onClick={() => setOrdering(true)}>{t.order}</Button></Empty>)}
      {items && items.length > 0 && <ul class="panel samples">{items.map((sample) => <Row key={sample.id} sample={sample} player={player} changed={page.reload} />)}</ul>}
      {cursor && <div><Button onClick={() => void more()}>{text.more}</Button></div>}
      {isOrdering && <NewSample close={() => setOrdering(false)} />}
    </main>
  );
}

function Filters({filters}: {filters: Wanted}) {
  const t = text.samples;
  const typed = (part: keyof Wanted) => ({value: filters[part], onInput: (event: {currentTarget: HTMLInputElement}) => wanted.set({[part]: event.currentTarget.value})});
  const choice = (part: keyof Wanted, label: string, options: [string, string][]) => <Select label={label} value={filters[part]} options={options} onChange={(value) => wanted.set({[part]: value})} />;
  return (
    <search class="filters" aria-label={t.search}>
      <label class="field words"><span>{t.search}</span><input type="search" {...typed("q")} maxLength={200} placeholder={t.searchHint} /></label>
      <div class="field" role="group" aria-label={t.tempo}><span aria-hidden="true">{t.tempo}</span><span class="range">
        <input type="number" {...typed("bpmMin")} min={SLOWEST_BPM} max={FASTEST_BPM} aria-label={t.bpmMin} placeholder={t.from} /><span class="soft" aria-hidden="true">–</span>
        <input type="number" {...typed("bpmMax")} min={SLOWEST_BPM} max={FASTEST_BPM} aria-label={t.bpmMax} placeholder={t.to} /></span></div>
      {choice("key", t.key, [["", t.any], ...KEYS.map((key): [string, string] => [key, shownKey(key)])])}
      <label class="field"><span>{t.creator}</span><input {...typed("creator")} maxLength={200} placeholder={t.any} /></label>
      <label class="field"><span>{t.tag}</span><input {...typed("tag")} maxLength={40} placeholder={t.any} /></label>
      {choice("status", t.state, [["", t.any], ...(["ready", "processing", "failed"] as const).map((state): [string, string] => [state, text.states[state] ?? state])])}
      {choice("sort", t.sort, SORTS.map((sort): [string, string] => [sort, t.sorts[sort] ?? sort]))}
      {isFiltered(filters) && <Button kind="quiet" onClick={() => wanted.set({...NOTHING, sort: filters.sort})}>{t.clear}</Button>}
    </search>
  );
}

function Row({sample, player, changed}: {sample: Sample; player: Listening; changed: () => void}) {
  const t = text.samples, isOn = player.on === sample.id, name = sample.title || sample.url;
  return (
    <li class={isOn ? "sample on" : "sample"}>
      <Button icon={isOn && player.isPlaying ? "pause" : "play"} label={isOn && player.isPlaying ? t.pause(name) : t.play(name)} disabled={!sample.listen_url} onClick={() => player.toggle(sample)} />
      <div class="sample-name"><a class="truncate" href={href(`samples/${sample.id}`)}><strong>{name}</strong></a>
        <p class="small soft truncate">{sample.creator && <button type="button" class="plain" onClick={() => wanted.set({creator: sample.creator?.handle || sample.creator?.name || ""})}>{sample.creator.name || sample.creator.handle}</button>}
          {sample.tags.map((tag) => <button key={tag} type="button" class="plain" onClick={() => wanted.set({tag})}>#{tag}</button>)}</p></div>
      {sample.status === "ready" ? <>
        <Wave path={sample.peaks_url} duration={sample.duration_s ?? 0} t={isOn ? player.t : 0} label={t.placeOf(name)} isQuiet={!isOn} seek={(at) => player.seek(sample, at)} />
        <span class="sample-facts num small"><b>{sample.bpm ? `${Math.round(sample.bpm)} bpm` : "–"}</b><b>{shownKey(sample.key)}</b><span class="soft">{clock(sample.duration_s ?? 0)}</span><span class="soft">{t.downloads(sample.downloads)}</span></span>
        <Fetch sample={sample} changed={changed} isSmall />
      </> : <p class="sample-open small"><Chip state={sample.status} /> <span class={sample.error ? "bad-text" : "soft"}>{sample.error?.message ?? t.making}</span></p>}
    </li>
  );
}
