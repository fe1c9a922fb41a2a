// Sign in and up, beside one sentence that shows what all this is about.

import {useEffect, useState} from "preact/hooks";
import {toProblem, type Problem} from "../api/problem";
import {session} from "../api/session";
import {text} from "../text";
import {Button, Field, ProblemNote, say} from "../ui/kit";
import {Providers, finishOauth} from "./oauth";

export function SignIn() {
  const [isNew, setNew] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    finishOauth().catch((error: unknown) => setProblem(toProblem(error)));
  }, []);

  async function submit(event: Event) {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      if (!isNew) await session.signIn(email, password);
      else if (await session.register(email, password)) {
        say(text.sign.mailed);
        setNew(false);
      }
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  }

  return (
    <main class="sign" id="content">
      <Lead />
      <section class="sign-form" aria-label={isNew ? text.sign.up : text.sign.in}>
        <form onSubmit={(event) => void submit(event)}>
          <h2>{isNew ? text.sign.up : text.sign.in}</h2>
          {problem && <ProblemNote problem={problem} />}
          <Field label={text.sign.email}>
            <input type="email" autocomplete="username" required value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
          </Field>
          <Field label={isNew ? `${text.sign.password} (${text.sign.least})` : text.sign.password}>
            <input {...(isShown ? {type: "text" as const} : {type: "password" as const})} autocomplete={isNew ? "new-password" : "current-password"}
              required minLength={isNew ? 10 : 1} value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
          </Field>
          <label class="check small"><input type="checkbox" checked={isShown} onChange={() => setShown(!isShown)} />{text.sign.show}</label>
          <Button kind="main" type="submit" disabled={isBusy}>{isNew ? text.sign.up : text.sign.in}</Button>
          <Providers />
          <p class="alike small"><Button kind="quiet" tiny onClick={() => { setNew(!isNew); setProblem(null); }}>{isNew ? text.sign.toIn : text.sign.toUp}</Button></p>
          {!isNew && <p class="alike small"><a class="soft" href="/forgot-password">{text.sign.forgot}</a></p>}
        </form>
      </section>
    </main>
  );
}

const BEAT_MS = 420;

function Lead() {
  const words = text.sign.lead.split(" ");
  const [at, setAt] = useState(words.length - 1);
  useEffect(() => {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const timer = setInterval(() => setAt((old) => (old + 1) % (words.length + 4)), BEAT_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <section class="sign-lead">
      <p class="brand">Reel<b>yard</b></p>
      <h1 aria-label={text.sign.lead}>{words.map((word, index) => <span key={index} aria-hidden="true" class={index === Math.min(at, words.length - 1) ? "on" : ""}>{word}{" "}</span>)}</h1>
      <ul>{text.sign.points.map((point) => <li key={point}>{point}</li>)}</ul>
    </section>
  );
}
