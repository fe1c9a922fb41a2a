// A still picture behind a presigned URL, asked for when it comes into view.

import {useEffect, useRef, useState} from "preact/hooks";
import {session} from "../api/session";
import {Icon} from "./icon";

const known = new Map<string, {url: string; until: number}>();

export function Poster({path, kind}: {path: string | null; kind: string}) {
  const box = useRef<HTMLDivElement>(null);
  const [url, setUrl] = useState(path ? (fresh(path) ?? "") : "");
  useEffect(() => {
    if (!path || url || !box.current) return;
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      void read(path).then(setUrl);
    }, {rootMargin: "300px"});
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, [path]);
  return (
    <div ref={box} class="poster">
      {url ? <img src={url} alt="" decoding="async" onError={() => setUrl("")} /> : <Icon name={kind === "audio" ? "sound" : "play"} />}
    </div>
  );
}

function fresh(path: string): string | null {
  const found = known.get(path);
  return found && found.until > Date.now() ? found.url : null;
}

async function read(path: string): Promise<string> {
  const answer = await fetch(path, {headers: {Authorization: `Bearer ${await session.token()}`}}).catch(() => null);
  if (!answer?.ok) return "";
  const {url, expires_at: end} = (await answer.json()) as {url: string; expires_at?: string};
  known.set(path, {url, until: end ? Date.parse(end) - 30_000 : Date.now() + 60_000});
  return url;
}
