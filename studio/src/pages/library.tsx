// Everything that was uploaded and exported, and what is on its way.

import {useEffect, useRef, useState} from "preact/hooks";
import {api, take, type Schemas} from "../api/client";
import {bytes, clock, lasting, ago} from "../format";
import {go, href} from "../router";
import {useStore} from "../store";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {ask, Bar, Button, Chip, Empty, Loading, ProblemNote, say, sayProblem, Segments, Select, useLoad} from "../ui/kit";
import {Poster} from "../ui/poster";
import {uploads, type Item} from "../upload/queue";
import "../styles/library.css";

type Asset = Schemas["AssetResponse"];
type Kind = "all" | "video" | "audio" | "render";
const LANGUAGES: [string, string][] = [["", text.library.detect], ...["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "ru", "ar", "hi", "ja", "ko", "zh"]
  .map((code): [string, string] => [code, new Intl.DisplayNames("en", {type: "language"}).of(code) ?? code])];
const ACCEPT = "video/*,audio/*,.mkv,.mov";

export function Library() {
  const [kind, setKind] = useState<Kind>("all");
  const [language, setLanguage] = useState("");
  const {finished} = useStore(uploads);
  const shown = useAssets(kind, finished);
  const chooser = useRef<HTMLInputElement>(null);
  const isOver = useDrop((files) => uploads.add(files, language || null));
  return (
    <main class="page" id="content">
      <header>
        <h1>{text.library.title}</h1>
        <div class="row">
          <Select label={text.library.language} hideLabel value={language} options={LANGUAGES} onChange={setLanguage} />
          <Button kind="main" icon="upload" onClick={() => chooser.current?.click()}>{text.library.choose}</Button>
          <input ref={chooser} type="file" multiple accept={ACCEPT} class="hidden" aria-label={text.library.choose} tabIndex={-1}
            onChange={(event) => { uploads.add(event.currentTarget.files ?? [], language || null); event.currentTarget.value = ""; }} />
        </div>
      </header>
      <Uploads />
      <Segments label={text.library.filterLabel} value={kind} onChange={setKind}
        options={(["all", "video", "audio", "render"] as const).map((key) => [key, text.library.filter[key] ?? key] as const)} />
      {shown.problem && <ProblemNote problem={shown.problem} retry={shown.reload} />}
      {!shown.items && !shown.problem && <Grid><Skeletons /></Grid>}
      {shown.items?.length === 0 && (kind === "all"
        ? <Empty icon="upload" title={text.library.empty} body={text.library.emptyBody}><Button kind="main" onClick={() => chooser.current?.click()}>{text.library.choose}</Button></Empty>
        : <Empty icon="search" title={text.library.noMatch} />)}
      {shown.items && shown.items.length > 0 && <Grid>{shown.items.map((asset) => <Card key={asset.id} asset={asset} changed={shown.reload} />)}</Grid>}
      {shown.more && <Button onClick={shown.more}>{text.more}</Button>}
      {isOver && <div class="drop"><div><Icon name="upload" /><strong>{text.library.drop}</strong></div></div>}
    </main>
  );
}

const Grid = ({children}: {children: preact.ComponentChildren}) => <ul class="cards">{children}</ul>;
const Skeletons = () => <>{[0, 1, 2, 3].map((key) => <li key={key} class="card"><div class="skeleton poster" /><Loading lines={1} /></li>)}</>;

function useAssets(kind: Kind, finished: number) {
  const [extra, setExtra] = useState<{items: Asset[]; cursor: string | null} | null>(null);
  const query = kind === "all" ? {limit: 24} : {limit: 24, kind};
  const first = useLoad(() => take(api.GET("/api/v1/assets", {params: {query}})), [kind, finished]);
  useEffect(() => setExtra(null), [kind, finished]);
  const cursor = extra ? extra.cursor : (first.value?.next_cursor ?? null);
  const isOpen = first.value?.items.some((asset) => asset.state === "probing" || asset.state === "pending") ?? false;
  useEffect(() => {
    if (!isOpen) return;
    const timer = setTimeout(first.reload, 4000);
    return () => clearTimeout(timer);
  }, [first.value]);
  const more = async () => {
    const page = await take(api.GET("/api/v1/assets", {params: {query: {...query, cursor: cursor ?? undefined}}}));
    setExtra({items: [...(extra?.items ?? []), ...page.items], cursor: page.next_cursor});
  };
  const items = first.value && [...first.value.items, ...(extra?.items ?? [])].filter((asset) => asset.kind !== "image" || kind !== "all");
  return {items, problem: first.problem, reload: first.reload, more: cursor ? () => void more().catch(sayProblem) : null};
}

// Whether files are being held over the page; a drop hands them over.
function useDrop(take: (files: FileList) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent) => { if (holdsFiles(event)) event.preventDefault(); };
    const enter = (event: DragEvent) => { if (holdsFiles(event)) { depth += 1; setOver(true); } };
    const leave = (event: DragEvent) => { if (holdsFiles(event)) { depth -= 1; if (depth <= 0) setOver(false); } };
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      if (event.dataTransfer) take(event.dataTransfer.files);
    };
    const all = {dragover: over, dragenter: enter, dragleave: leave, drop} as const;
    for (const [name, listener] of Object.entries(all)) addEventListener(name as "drop", listener);
    return () => { for (const [name, listener] of Object.entries(all)) removeEventListener(name as "drop", listener); };
  });
  return isOver;
}

function Card({asset, changed}: {asset: Asset; changed: () => void}) {
  const isEditable = asset.state === "ready" && (asset.kind === "video" || asset.kind === "audio");
  const seconds = asset.media?.duration_s ?? 0;
  const video = asset.media?.video;
  const picture = <Poster path={asset.has_poster ? `/api/v1/assets/${asset.id}/poster` : null} kind={asset.kind} />;
  return (
    <li class="card">
      {isEditable ? <a class="poster-link" href={href(`edit/${asset.id}`)} aria-label={text.library.open(asset.filename)}>{picture}</a> : picture}
      {seconds > 0 && <span class="length num">{clock(seconds)}</span>}
      <div class="card-body">
        <h2 class="truncate" title={asset.filename}>{asset.filename}</h2>
        <p class="small soft truncate">{[video ? `${video.display_width}×${video.display_height}` : "", bytes(asset.size_bytes), ago(asset.created_at)].filter(Boolean).join(" · ")}</p>
        <div class="row">
          {asset.state !== "ready" ? <Chip state={asset.state} /> : isEditable ? <a class="button tiny" href={href(`edit/${asset.id}`)}>{text.library.edit}</a> : null}
          {asset.state === "ready" && <Button tiny icon="download" label={`${text.library.download}: ${asset.filename}`} onClick={() => void download(asset)} />}
          <Button tiny kind="quiet" icon="trash" label={`${text.remove}: ${asset.filename}`} onClick={() => void remove(asset, changed)} />
        </div>
        {asset.refused && <p class="small bad-text">{asset.refused.message}</p>}
      </div>
    </li>
  );
}

async function download(asset: Asset): Promise<void> {
  try {
    const {url} = await take(api.GET("/api/v1/assets/{asset_id}/download", {params: {path: {asset_id: asset.id}}}));
    location.assign(url);
  } catch (error) {
    sayProblem(error);
  }
}

async function remove(asset: Asset, changed: () => void): Promise<void> {
  if (!(await ask(text.library.deleteAsk(asset.filename), text.library.deleteBody, text.remove))) return;
  try {
    await take(api.DELETE("/api/v1/assets/{asset_id}", {params: {path: {asset_id: asset.id}}}));
    say(text.library.deleted(asset.filename));
    changed();
  } catch (error) {
    sayProblem(error);
  }
}

function Uploads() {
  const {items} = useStore(uploads);
  if (!items.length) return null;
  return (
    <section class="panel uploads" aria-label={text.library.uploads}>
      {items.map((item) => <Upload key={item.key} item={item} />)}
    </section>
  );
}

function Upload({item}: {item: Item}) {
  const words = text.upload;
  const left = item.bytesPerSecond > 0 ? (item.file.size - item.sentBytes) / item.bytesPerSecond : 0;
  const told: Record<Item["state"], string> = {waiting: words.waiting, sending: left ? words.rate(`${bytes(item.bytesPerSecond)}/s`, lasting(left)) : words.sending(Math.round(item.percent)),
    paused: words.paused, hearing: item.stage === "probe" ? text.library.looking : text.library.hearing, done: words.done, failed: words.failed};
  return (
    <div class="upload">
      <div class="row">
        <strong class="truncate grow">{item.file.name}</strong>
        <span class="small soft num" role="status">{told[item.state]}</span>
        {item.state === "sending" && <Button tiny onClick={() => uploads.pause(item.key)}>{words.pause}</Button>}
        {item.state === "paused" && <Button tiny onClick={() => uploads.resume(item.key)}>{words.resume}</Button>}
        {item.state === "failed" && !item.assetId && <Button tiny onClick={() => uploads.resume(item.key)}>{words.again}</Button>}
        {item.state === "done" && <Button tiny kind="main" onClick={() => go(`edit/${item.assetId}`)}>{text.library.edit}</Button>}
        <Button tiny kind="quiet" icon="close" label={item.state === "sending" ? words.stop : words.hide} onClick={() => uploads.drop(item.key)} />
      </div>
      {item.state !== "done" && item.state !== "failed" && <Bar percent={item.percent} label={item.file.name} marked={item.state === "hearing"} />}
      {item.problem && <p class="small bad-text">{item.problem.message}</p>}
    </div>
  );
}
