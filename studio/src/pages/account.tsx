// What is left, what it costs, who may come in.

import {useState} from "preact/hooks";
import {lazy, Suspense} from "preact/compat";
import {api, take, type Schemas} from "../api/client";
import {session} from "../api/session";
import {toProblem, type Problem} from "../api/problem";
import {ago, bytes, whole} from "../format";
import {go} from "../router";
import {useStore} from "../store";
import {text} from "../text";
import {applyTheme, keepTheme, readTheme} from "../theme";
import {Bar, Button, Empty, Field, Loading, ProblemNote, say, sayProblem, Segments, useLoad} from "../ui/kit";
import "../styles/tables.css";

const Chart = lazy(() => import("../ui/chart"));

export function Account(_: {id: string}) {
  const {user} = useStore(session);
  const usage = useLoad(() => take(api.GET("/api/v1/usage")), []);
  return (
    <main class="page" id="content">
      <header><div><h1>{text.account.title}</h1><p class="soft">{user?.email}{usage.value && ` · ${text.account.plan(usage.value.plan)}`}</p></div><Theme /></header>
      <div class="columns">
        <section class="panel pad"><h2>{text.account.usage}</h2>
          {usage.problem && <ProblemNote problem={usage.problem} retry={usage.reload} />}
          {!usage.value && !usage.problem && <Loading />}
          {usage.value && <Quotas quotas={usage.value.quotas as Record<string, Schemas["QuotaStateResponse"]>} />}
        </section>
        <Credits />
        <Tokens />
        <Sessions />
        <Password />
        <Identities />
      </div>
      <History />
    </main>
  );
}

function Theme() {
  const [theme, setTheme] = useState(readTheme);
  const t = text.theme;
  return <Segments label={t.label} value={theme} options={[["auto", t.auto], ["light", t.light], ["dark", t.dark]]}
    onChange={(next) => { keepTheme(next); setTheme(next); applyTheme(); }} />;
}

function Quotas({quotas}: {quotas: Record<string, Schemas["QuotaStateResponse"]>}) {
  const t = text.account;
  return (
    <div class="meters">
      {Object.entries(quotas).map(([kind, quota]) => {
        const show = kind.endsWith("bytes") ? bytes : whole;
        const name = t.quotas[kind] ?? kind.replaceAll("_", " ");
        return (
          <div key={kind} class="meter">
            <div class="row"><span class="grow">{name}</span><span class="small soft num">{quota.cap > 0 ? t.of(show(quota.used), show(quota.cap)) : t.unlimited}{quota.resets_at && `, ${t.resets(ago(quota.resets_at))}`}</span></div>
            <Bar percent={quota.cap > 0 ? (100 * quota.used) / quota.cap : 0} label={name} />
          </div>
        );
      })}
    </div>
  );
}

function Credits() {
  const t = text.account;
  const credits = useLoad(() => take(api.GET("/api/v1/credits")), []);
  const history = useLoad(() => take(api.GET("/api/v1/credits/history", {params: {query: {limit: 8}}})), []);
  return (
    <section class="panel pad"><h2>{t.credits}</h2>
      {credits.problem && <ProblemNote problem={credits.problem} retry={credits.reload} />}
      {!credits.value && !credits.problem && <Loading />}
      {credits.value && (
        <div class="stack">
          <p class="big num">{whole(credits.value.balance)}</p>
          <p class="small soft">{credits.value.enabled ? `${t.held}: ${whole(credits.value.held)} · ${t.next(ago(credits.value.next_recharge_at))}` : t.creditsOff}</p>
          <h3>{t.history}</h3>
          {history.value?.items.length === 0 && <p class="soft">{t.noHistory}</p>}
          <ul class="list small">{history.value?.items.map((entry) => <li key={entry.id}><span class="grow">{t.changes[entry.kind] ?? entry.kind}{entry.action && `: ${entry.action.replaceAll("_", " ")}`}</span><span class="num">{entry.amount > 0 ? "+" : ""}{whole(entry.amount)}</span><span class="soft">{ago(entry.created_at)}</span></li>)}</ul>
        </div>
      )}
    </section>
  );
}

type ScopeName = NonNullable<Schemas["TokenRequest"]["scopes"]>[number];
const SCOPES: ScopeName[] = ["read", "upload", "render", "organisation", "webhooks"];

function Tokens() {
  const t = text.account;
  const list = useLoad(() => take(api.GET("/api/v1/tokens", {params: {query: {limit: 50}}})), []);
  const [made, setMade] = useState("");
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<ScopeName[]>(["read", "upload", "render"]);
  const [problem, setProblem] = useState<Problem | null>(null);
  async function make(event: Event) {
    event.preventDefault();
    try {
      const token = await take(api.POST("/api/v1/tokens", {body: {name, scopes}}));
      setMade(token.token);
      setName("");
      setProblem(null);
      list.reload();
    } catch (error) {
      setProblem(toProblem(error));
    }
  }
  const revoke = (id: string) => take(api.DELETE("/api/v1/tokens/{token_id}", {params: {path: {token_id: id}}})).then(list.reload, sayProblem);
  const good = list.value?.items.filter((token) => !token.revoked_at) ?? [];
  return (
    <section class="panel pad stack"><h2>{t.tokens}</h2><p class="small soft">{t.tokensBody}</p>
      {made && <div class="note good"><div><strong>{t.tokenMade}</strong><p class="secret"><code>{made}</code><Button tiny onClick={() => void navigator.clipboard.writeText(made).then(() => say(t.copied))}>{t.copy}</Button></p></div></div>}
      {list.value && !good.length && <p class="soft">{t.noTokens}</p>}
      <ul class="list">{good.map((token) => <li key={token.id}><span class="grow"><strong>{token.name}</strong> <code class="small soft">{token.prefix}…</code><br /><span class="small soft">{token.scopes.join(", ")} · {token.last_used_at ? t.used(ago(token.last_used_at)) : t.never}</span></span><Button tiny kind="bad" onClick={() => void revoke(token.id)}>{t.revoke}</Button></li>)}</ul>
      <form class="form" onSubmit={(event) => void make(event)}>
        {problem && <ProblemNote problem={problem} />}
        <Field label={t.tokenName}><input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
        <fieldset><legend class="small soft">{t.scopes}</legend><div class="checks">{SCOPES.map((scope) => <label key={scope} class="check small"><input type="checkbox" checked={scopes.includes(scope)} onChange={() => setScopes(scopes.includes(scope) ? scopes.filter((each) => each !== scope) : [...scopes, scope])} />{scope}</label>)}</div></fieldset>
        <div><Button type="submit" disabled={!scopes.length}>{t.newToken}</Button></div>
      </form>
    </section>
  );
}

function Sessions() {
  const t = text.account;
  const list = useLoad(() => take(api.GET("/api/v1/auth/sessions", {params: {query: {limit: 20}}})), []);
  const end = (id: string) => take(api.DELETE("/api/v1/auth/sessions/{session_id}", {params: {path: {session_id: id}}})).then(list.reload, sayProblem);
  return (
    <section class="panel pad"><h2>{t.sessions}</h2>
      {list.problem && <ProblemNote problem={list.problem} retry={list.reload} />}
      <ul class="list">{list.value?.items.map((item) => (
        <li key={item.id}><span class="grow small"><strong>{browserOf(item.user_agent)}</strong>{item.current && ` (${t.here})`}<br /><span class="soft">{item.method} · {item.address} · {ago(item.refreshed_at ?? item.created_at)}</span></span>
          {!item.current && <Button tiny onClick={() => void end(item.id)}>{t.end}</Button>}</li>))}</ul>
      <Button tiny onClick={() => void session.signOut(true).then(() => go(""))}>{t.endAll}</Button>
    </section>
  );
}

const browserOf = (agent: string) => /(Firefox|Edg|OPR|Chrome|Safari|python-httpx|curl)/.exec(agent)?.[1]?.replace("Edg", "Edge").replace("OPR", "Opera") ?? (agent.slice(0, 30) || "?");

function Password() {
  const t = text.account;
  const [current, setCurrent] = useState("");
  const [fresh, setFresh] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  async function change(event: Event) {
    event.preventDefault();
    try {
      await take(api.POST("/api/v1/auth/password", {body: {current_password: current, password: fresh}}));
      setCurrent("");
      setFresh("");
      setProblem(null);
      say(t.changed);
    } catch (error) {
      setProblem(toProblem(error));
    }
  }
  return (
    <section class="panel pad"><h2>{t.password}</h2>
      <form class="form" onSubmit={(event) => void change(event)}>
        {problem && <ProblemNote problem={problem} />}
        <Field label={t.current}><input type="password" autocomplete="current-password" required value={current} onInput={(event) => setCurrent(event.currentTarget.value)} /></Field>
        <Field label={`${t.fresh} (${text.sign.least})`}><input type="password" autocomplete="new-password" required minLength={10} value={fresh} onInput={(event) => setFresh(event.currentTarget.value)} /></Field>
        <div><Button type="submit">{t.password}</Button></div>
      </form>
    </section>
  );
}

function Identities() {
  const t = text.account;
  const list = useLoad(() => take(api.GET("/api/v1/auth/identities")), []);
  const remove = (id: string) => take(api.DELETE("/api/v1/auth/identities/{identity_id}", {params: {path: {identity_id: id}}})).then(list.reload, sayProblem);
  return (
    <section class="panel pad"><h2>{t.identities}</h2>
      {list.value?.items.length === 0 && <p class="soft">{t.noIdentities}</p>}
      <ul class="list">{list.value?.items.map((item) => <li key={item.id}><span class="grow"><strong>{item.provider}</strong> <span class="small soft">{item.email}</span></span><Button tiny onClick={() => void remove(item.id).catch(sayProblem)}>{text.remove}</Button></li>)}</ul>
    </section>
  );
}

function History() {
  const t = text.account;
  const list = useLoad(() => take(api.GET("/api/v1/usage/history", {params: {query: {}}})), []);
  const days = [...(list.value?.items ?? [])].sort((a, b) => a.start.localeCompare(b.start));
  if (list.value && !days.length) return <Empty title={t.noHistory} />;
  if (!days.length) return null;
  const times = days.map((day) => Date.parse(day.start) / 1000);
  return (
    <section class="panel pad"><h2>{t.charts}</h2>
      <Suspense fallback={<div class="skeleton chart" />}>
        <Chart times={times} lines={[{name: t.chart.rendered_s, values: days.map((day) => day.rendered_s)}, {name: t.chart.transcribed_s, values: days.map((day) => day.transcribed_s)}]} />
      </Suspense>
    </section>
  );
}
