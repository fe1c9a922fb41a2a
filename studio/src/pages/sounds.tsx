// Short sounds at one touch, and the player with its playlist, as everybody who is signed in sees it.

import {useEffect, useRef, useState} from "preact/hooks";
import {api, take, type Schemas} from "../api/client";
import {follow} from "../api/events";
import {toProblem, type Problem} from "../api/problem";
import {clock} from "../format";
import {text} from "../text";
import {Icon} from "../ui/icon";
import {Button, Chip, Empty, Loading, ProblemNote, say, sayProblem, Segments, Select, useLoad} from "../ui/kit";
import "../styles/sounds.css";

type Sound = Schemas["SoundResponse"];
type Player = Schemas["PlayerResponse"];

export function Sounds(_: {id: string}) {
  const t = text.sounds;
  const [query, setQuery] = useState("");
  const [which, setWhich] = useState<"all" | "favourites">("all");
  const list = useLoad(() => take(api.GET("/api/v1/sounds", {params: {query: {limit: 100}}})), [], 0);
  const isBusy = list.value?.items.some((sound) => sound.state === "levelling") ?? false;
  useEffect(() => {
    if (!isBusy) return;
    const timer = setTimeout(list.reload, 2500);
    return () => clearTimeout(timer);
  }, [list.value]);
  const needle = query.trim().toLowerCase();
  const items = (list.value?.items ?? []).filter((sound) => (which === "all" || sound.favourite) && (!needle || `${sound.title} ${sound.tags.join(" ")}`.toLowerCase().includes(needle)));
  const play = usePads(items);
  return (
    <main class="page" id="content">
      <header><h1>{t.title}</h1><Add done={list.reload} /></header>
      <PlayerBar />
      <div class="row"><input class="input search" type="search" aria-label={t.search} placeholder={t.search} value={query} onInput={(event) => setQuery(event.currentTarget.value)} />
        <Segments label={text.library.filterLabel} value={which} onChange={setWhich} options={[["all", t.all], ["favourites", t.favourites]]} />
        <span class="grow small soft">{t.keys}</span>
        <Button tiny icon="stop" onClick={() => { play.stop(); void take(api.POST("/api/v1/sounds/stop")).catch(sayProblem); }}>{t.stopAll}</Button></div>
      {list.problem && <ProblemNote problem={list.problem} retry={list.reload} />}
      {!list.value && !list.problem && <Loading />}
      {list.value && !list.value.items.length && <Empty icon="sound" title={t.empty} body={t.emptyBody} />}
      {list.value && list.value.items.length > 0 && !items.length && <Empty icon="search" title={t.noMatch} />}
      <ul class="pads">{items.map((sound, index) => <Pad key={sound.id} sound={sound} number={index < 9 ? index + 1 : 0} isOn={play.on === sound.id} play={() => play.start(sound)} changed={list.reload} />)}</ul>
    </main>
  );
}

// Plays here, and tells the player beside which it is played; the keys 1 to 9 play the first nine.
function usePads(items: Sound[]) {
  const [on, setOn] = useState("");
  const audio = useRef<HTMLAudioElement | null>(null);
  const stop = () => { audio.current?.pause(); setOn(""); };
  const start = async (sound: Sound) => {
    if (on === sound.id) return stop();
    audio.current?.pause();
    try {
      const {url} = await take(api.GET("/api/v1/sounds/{sound_id}/file", {params: {path: {sound_id: sound.id}}}));
      const made = new Audio(url);
      audio.current = made;
      made.onended = () => setOn("");
      await made.play();
      setOn(sound.id);
      await take(api.POST("/api/v1/sounds/play/{sound_id}", {params: {path: {sound_id: sound.id}}}));
    } catch (error) {
      sayProblem(error);
    }
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const sound = /^[1-9]$/.test(event.key) ? items[Number(event.key) - 1] : undefined;
      if (sound && !event.ctrlKey && !event.metaKey && !(event.target as Element).closest("input, select, textarea")) void start(sound);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
  useEffect(() => () => audio.current?.pause(), []);
  return {on, start: (sound: Sound) => void start(sound), stop};
}

function Pad({sound, number, isOn, play, changed}: {sound: Sound; number: number; isOn: boolean; play: () => void; changed: () => void}) {
  const t = text.sounds, path = {sound_id: sound.id};
  const favour = () => (sound.favourite ? take(api.DELETE("/api/v1/sounds/{sound_id}/favourite", {params: {path}})) : take(api.PUT("/api/v1/sounds/{sound_id}/favourite", {params: {path}}))).then(changed, sayProblem);
  return (
    <li class={isOn ? "sound panel on" : "sound panel"}>
      <button type="button" class="pad-play" disabled={sound.state !== "ready"} aria-pressed={isOn} onClick={play}>
        <Icon name={isOn ? "stop" : "play"} />{number > 0 && <kbd>{number}</kbd>}
        <strong>{sound.title}</strong><span class="small soft num">{clock(sound.duration_s, 1)}{sound.plays > 0 && ` · ${t.plays(sound.plays)}`}</span>
      </button>
      <div class="row">{sound.state !== "ready" && <Chip state={sound.state} />}<span class="small soft truncate grow">{sound.tags.join(" ")}</span>
        <Button tiny kind="quiet" icon="star" pressed={sound.favourite} label={sound.favourite ? t.unfavourite : t.favourite} onClick={() => void favour()} /></div>
    </li>
  );
}

function Add({done}: {done: () => void}) {
  const t = text.sounds;
  const assets = useLoad(() => take(api.GET("/api/v1/assets", {params: {query: {kind: "audio", state: "ready", limit: 50}}})), []);
  const options: [string, string][] = [["", t.add], ...(assets.value?.items.map((asset): [string, string] => [asset.id, asset.filename]) ?? [])];
  const add = (id: string) => take(api.POST("/api/v1/sounds", {body: {asset_id: id, title: "", tags: []}})).then(() => { say(text.states["levelling"] ?? ""); done(); }, sayProblem);
  return <Select label={t.add} hideLabel value="" options={options} onChange={(id) => { if (id) void add(id); }} />;
}

// Follows the player live; what one does here shows everywhere.
function PlayerBar() {
  const t = text.sounds;
  const [player, setPlayer] = useState<Player | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const playlists = useLoad(() => take(api.GET("/api/v1/playlists", {params: {query: {limit: 20}}})), []);
  const read = () => take(api.GET("/api/v1/player")).then(setPlayer, (error: unknown) => setProblem(toProblem(error)));
  useEffect(() => {
    const stop = new AbortController();
    void read();
    follow("/api/v1/player/events", () => void read(), stop.signal).catch(() => undefined);
    return () => stop.abort();
  }, []);
  const doing = (call: Promise<unknown>) => void call.then(read, sayProblem);
  if (problem) return <ProblemNote problem={problem} />;
  if (!player) return <div class="skeleton" style={{height: 62}} />;
  const isPlaying = player.status === "playing";
  const lists: [string, string][] = [["", playlists.value?.items.length ? t.playlist : t.noPlaylist], ...(playlists.value?.items.map((list): [string, string] => [list.id, list.name]) ?? [])];
  return (
    <section class="panel player-bar" aria-label={t.player}>
      <Button icon="previous" label={t.previous} onClick={() => doing(take(api.POST("/api/v1/player/previous")))} />
      <Button icon={isPlaying ? "pause" : "play"} label={isPlaying ? t.pause : t.resume} onClick={() => doing(isPlaying ? take(api.POST("/api/v1/player/pause")) : take(api.POST("/api/v1/player/play", {body: {}})))} />
      <Button icon="next" label={t.next} onClick={() => doing(take(api.POST("/api/v1/player/next")))} />
      <div class="grow"><strong class="truncate">{player.title ?? t.nothing}</strong><p class="small soft num">{player.duration_s ? `${clock(player.position_s)} / ${clock(player.duration_s)}` : ""}</p></div>
      <Select label={t.playlist} hideLabel value={player.playlist_id ?? ""} options={lists} onChange={(id) => { if (id) doing(take(api.POST("/api/v1/player/load", {body: {playlist_id: id}}))); }} />
      <Select label={t.mode} hideLabel value={player.mode} options={Object.entries(t.modes) as [Player["mode"], string][]} onChange={(mode) => doing(take(api.PATCH("/api/v1/player", {body: {mode}})))} />
      <label class="volume"><span class="hidden">{t.volume}</span><input type="range" min={0} max={100} value={player.volume} onChange={(event) => doing(take(api.PATCH("/api/v1/player", {body: {volume: Number(event.currentTarget.value)}})))} /></label>
    </section>
  );
}
