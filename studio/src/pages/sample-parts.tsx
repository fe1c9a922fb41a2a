// What the list of samples and the page of one share: listening, downloading, ordering.

import {useEffect, useRef, useState} from "preact/hooks";
import {api, newKey, take, type Schemas} from "../api/client";
import {toProblem, type Problem} from "../api/problem";
import {go, href} from "../router";
import {text} from "../text";
import {Button, Dialog, Field, ProblemNote, sayProblem} from "../ui/kit";

export type Sample = Schemas["SampleResponse"];
type Form = NonNullable<Schemas["SampleDownloadRequest"]["form"]>;

export const shownKey = (key: string | null) => (key ?? "–").replace("#", "♯").replace(/^([A-G])b/, "$1♭");

export interface Listening {
  on: string;
  isPlaying: boolean;
  t: number;
  toggle: (sample: Sample) => void;
  seek: (sample: Sample, t: number) => void;
  loop: (sample: Sample, stretch: {start_s: number; end_s: number} | null) => void;
}

// One sound at a time; a stretch of it goes round until another is chosen.
export function useListening(): Listening {
  const [state, setState] = useState({on: "", isPlaying: false, t: 0});
  const audio = useRef<HTMLAudioElement | null>(null);
  const stretch = useRef<{start_s: number; end_s: number} | null>(null);
  useEffect(() => {
    let frame = 0;
    const look = () => {
      const playing = audio.current;
      if (playing && !playing.paused) {
        if (stretch.current && playing.currentTime >= stretch.current.end_s) playing.currentTime = stretch.current.start_s;
        setState((old) => ({...old, t: playing.currentTime}));
      }
      frame = requestAnimationFrame(look);
    };
    frame = requestAnimationFrame(look);
    return () => { cancelAnimationFrame(frame); audio.current?.pause(); };
  }, []);
  const take = (sample: Sample): HTMLAudioElement => {
    if (audio.current && state.on === sample.id) return audio.current;
    audio.current?.pause();
    stretch.current = null;
    const made = new Audio(sample.listen_url ?? "");
    audio.current = made;
    made.onplay = made.onpause = made.onended = () => setState((old) => (audio.current === made ? {...old, isPlaying: !made.paused && !made.ended} : old));
    setState({on: sample.id, isPlaying: false, t: 0});
    return made;
  };
  const play = (sound: HTMLAudioElement) => void sound.play().catch((error: unknown) => { if (!(error instanceof DOMException && error.name === "AbortError")) sayProblem(error); });
  return {
    ...state,
    toggle: (sample) => { const sound = take(sample); if (sound.paused) play(sound); else sound.pause(); },
    seek: (sample, t) => { const sound = take(sample); stretch.current = null; sound.currentTime = t; setState((old) => ({...old, t})); if (sound.paused) play(sound); },
    loop: (sample, wish) => { const sound = take(sample); stretch.current = wish; if (wish) { sound.currentTime = wish.start_s; play(sound); } else sound.pause(); },
  };
}

// Every form there is; a download is counted.
export function Fetch({sample, changed, isSmall}: {sample: Sample; changed: () => void; isSmall?: boolean}) {
  const t = text.samples;
  const save = (form: Form) => take(api.POST("/api/v1/samples/{sample_id}/download", {params: {path: {sample_id: sample.id}, query: {}}, body: {form}}))
    .then(({url}) => { location.assign(url); changed(); }, sayProblem);
  return (
    <span class="row sample-fetch" role="group" aria-label={text.library.download}>
      {(sample.forms as Form[]).map((form) => <Button key={form} tiny={isSmall} icon={isSmall ? undefined : "download"} label={t.download(t.forms[form] ?? form, sample.title)} onClick={() => void save(form)}>{t.forms[form]}</Button>)}
    </span>
  );
}

// Orders a sample and goes to where its steps are seen.
export function NewSample({close}: {close: () => void}) {
  const t = text.samples;
  const [wish, setWish] = useState({url: "", title: "", tags: ""});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isSending, setSending] = useState(false);
  const key = useRef(newKey());
  const set = (part: Partial<typeof wish>) => { key.current = newKey(); setProblem(null); setWish({...wish, ...part}); };
  const send = async (event: Event) => {
    event.preventDefault();
    setSending(true);
    try {
      const made = await take(api.POST("/api/v1/samples", {params: {header: {"Idempotency-Key": key.current}}, body: {url: wish.url.trim(), title: wish.title.trim(), tags: tagsOf(wish.tags), organisation_id: null}}));
      go(`samples/${made.id}`);
    } catch (error) {
      setProblem(toProblem(error));
      setSending(false);
    }
  };
  const known = problem?.code === "sample.duplicate" ? String(problem.details["sample_id"] ?? "") : "";
  return (
    <Dialog title={t.order} onClose={close}>
      <form class="form" onSubmit={(event) => void send(event)}>
        <p class="small soft">{t.orderBody}</p>
        <Field label={t.link}><input type="url" required autoFocus maxLength={2000} placeholder="https://" value={wish.url} onInput={(event) => set({url: event.currentTarget.value})} /></Field>
        <Field label={t.name}><input maxLength={200} value={wish.title} onInput={(event) => set({title: event.currentTarget.value})} /></Field>
        <Field label={t.tags}><input value={wish.tags} placeholder={t.tagsHint} onInput={(event) => set({tags: event.currentTarget.value})} /></Field>
        {problem && (known ? <div class="note warn" role="alert"><div>{problem.message}</div><a class="button tiny" href={href(`samples/${known}`)}>{t.show}</a></div> : <ProblemNote problem={problem} />)}
        <footer><Button onClick={close}>{text.cancel}</Button><Button kind="main" type="submit" disabled={isSending || !wish.url.trim()}>{t.order}</Button></footer>
      </form>
    </Dialog>
  );
}

export const tagsOf = (typed: string) => typed.split(",").map((tag) => tag.trim()).filter(Boolean);
