// A film by its share link, for anybody.

import {api, take} from "../api/client";
import {ago, clock} from "../format";
import {href} from "../router";
import {text} from "../text";
import {Empty, Loading, useLoad} from "../ui/kit";
import "../styles/songs.css";

export function Watch({id}: {id: string}) {
  const t = text.watch;
  const film = useLoad(() => take(api.GET("/api/v1/shared/videos/{share_token}", {params: {path: {share_token: id}}})), [id]);
  if (film.problem?.status === 404) return <main class="page" id="content"><Empty icon="link" title={t.gone} body={t.goneBody} /></main>;
  if (film.problem) return <main class="page" id="content"><Empty icon="warn" title={film.problem.message} /></main>;
  if (!film.value) return <main class="page" id="content"><Loading /></main>;
  return (
    <main class="page" id="content">
      <header><h1>{film.value.title}</h1><a class="brand" href={href("")}>Reel<b>yard</b></a></header>
      <video class="film" src={film.value.url} width={film.value.width} height={film.value.height} controls playsInline preload="metadata" aria-label={film.value.title} />
      <p class="small soft num">{clock(film.value.duration_s)} · {t.until(ago(film.value.expires_at))}</p>
    </main>
  );
}
