// The small parts that every page is made of.

import type {ButtonHTMLAttributes, ComponentChildren} from "preact";
import {useCallback, useEffect, useRef, useState} from "preact/hooks";
import {toProblem, type Problem} from "../api/problem";
import {Store, useStore} from "../store";
import {text} from "../text";
import {Icon, type IconName} from "./icon";

interface ButtonProps {
  kind?: "main" | "bad" | "quiet";
  icon?: IconName;
  label?: string;
  tiny?: boolean;
  pressed?: boolean;
  disabled?: boolean;
  type?: "button" | "submit";
  children?: ComponentChildren;
  onClick?: ButtonHTMLAttributes<HTMLButtonElement>["onClick"];
}

// With a label and no children it is an icon alone.
export function Button({kind, icon, label, tiny, pressed, children, type = "button", ...rest}: ButtonProps) {
  const bare = icon && !children;
  const names = ["button", kind, tiny && "tiny", bare && "icon"].filter(Boolean).join(" ");
  return (
    <button {...rest} type={type} class={names} aria-label={label} title={bare ? label : undefined} aria-pressed={pressed}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export function Field({label, error, children}: {label: string; error?: string; children: ComponentChildren}) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {error && <span class="error" role="alert">{error}</span>}
    </label>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  hideLabel?: boolean;
}

export function Select<T extends string>({label, value, options, onChange, hideLabel}: ChoiceProps<T>) {
  return (
    <label class="field">
      <span class={hideLabel ? "hidden" : ""}>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map(([key, name]) => <option key={key} value={key}>{name}</option>)}
      </select>
    </label>
  );
}

// A row of choices of which one is taken.
export function Segments<T extends string>({label, value, options, onChange}: ChoiceProps<T>) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([key, name]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>{name}</button>
      ))}
    </div>
  );
}

export function Loading({what = text.loading, lines = 3}: {what?: string; lines?: number}) {
  return (
    <div role="status" aria-label={what} class="loading">
      {Array.from({length: lines}, (_, row) => <div key={row} class="skeleton" style={{height: row ? 52 : 24, width: row ? "100%" : "40%"}} />)}
    </div>
  );
}

export function Empty({title, body, children, icon}: {title: string; body?: string; children?: ComponentChildren; icon?: IconName}) {
  return (
    <div class="empty">
      {icon && <span class="empty-icon"><Icon name={icon} /></span>}
      <h2>{title}</h2>
      {body && <p class="soft">{body}</p>}
      {children}
    </div>
  );
}

export function ProblemNote({problem, retry}: {problem: Problem; retry?: () => void}) {
  return (
    <div class="note bad" role="alert">
      <div>
        <strong>{problem.isOffline ? text.problem.unreachable : problem.status === 429 ? text.problem.rate : problem.message}</strong>
        {!problem.isOffline && <p class="small soft"><code>{problem.code}</code>{problem.requestId && ` · ${text.problem.id(problem.requestId.slice(0, 12))}`}</p>}
      </div>
      {retry && <Button tiny onClick={retry}>{text.retry}</Button>}
    </div>
  );
}

export function Chip({state}: {state: string}) {
  const tone: Record<string, string> = {succeeded: "good", ready: "good", online: "good", cut: "good", failed: "bad", refused: "bad", quarantined: "bad",
    running: "live", probing: "live", analyzing: "live", levelling: "live", cutting: "live", processing: "live", working: "live", finalized: "good", draining: "warn", offline: "warn"};
  return <span class={`chip ${tone[state] ?? ""}`}>{text.states[state] ?? state}</span>;
}

export function Bar({percent, label, marked}: {percent: number; label: string; marked?: boolean}) {
  const shown = Math.max(0, Math.min(100, percent));
  return (
    <div class={marked ? "bar mark" : "bar"} role="progressbar" aria-label={label} aria-valuenow={Math.round(shown)} aria-valuemin={0} aria-valuemax={100}>
      <i style={{width: `${shown}%`}} />
    </div>
  );
}

export interface Loaded<T> {
  value: T | null;
  problem: Problem | null;
  reload: () => void;
  put: (value: T) => void;
}

// Loads when `keys` change; with `everyMs` again and again while the page is seen.
export function useLoad<T>(load: () => Promise<T>, keys: unknown[], everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{value: T | null; problem: Problem | null}>({value: null, problem: null});
  const turn = useRef(0);
  const reload = useCallback(() => {
    const mine = ++turn.current;
    load().then(
      (value) => mine === turn.current && setState({value, problem: null}),
      (error: unknown) => mine === turn.current && setState((old) => ({...old, problem: toProblem(error)})),
    );
  }, keys);
  useEffect(() => {
    setState({value: null, problem: null});
    reload();
    return () => void turn.current++;
  }, [reload]);
  useEffect(() => {
    if (!everyMs) return;
    const timer = setInterval(() => document.hidden || reload(), everyMs);
    return () => clearInterval(timer);
  }, [reload, everyMs]);
  useEffect(() => {
    addEventListener("online", reload);
    return () => removeEventListener("online", reload);
  }, [reload]);
  return {...state, reload, put: (value) => setState({value, problem: null})};
}

// Without onClose it has to be answered.
export function Dialog({title, onClose, children, wide}: {title: string; onClose?: () => void; children: ComponentChildren; wide?: boolean}) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={box} class={wide ? "dialog wide" : "dialog"} aria-label={title} onCancel={(event) => { event.preventDefault(); onClose?.(); }}
      onClick={(event) => event.target === box.current && onClose?.()}>
      <div class="dialog-body">
        <header><h2>{title}</h2>{onClose && <Button icon="close" label={text.close} kind="quiet" onClick={onClose} />}</header>
        {children}
      </div>
    </dialog>
  );
}

interface Question {
  title: string;
  body: string;
  yes: string;
  answer: (yes: boolean) => void;
}

const asked = new Store<{question: Question | null}>({question: null});

export function ask(title: string, body: string, yes: string): Promise<boolean> {
  return new Promise((resolve) => asked.set({question: {title, body, yes, answer: (answer) => { asked.set({question: null}); resolve(answer); }}}));
}

export function Questions() {
  const {question} = useStore(asked);
  if (!question) return null;
  return (
    <Dialog title={question.title} onClose={() => question.answer(false)}>
      <p class="soft">{question.body}</p>
      <footer>
        <Button onClick={() => question.answer(false)}>{text.cancel}</Button>
        <Button kind="bad" onClick={() => question.answer(true)}>{question.yes}</Button>
      </footer>
    </Dialog>
  );
}

interface Toast {
  id: number;
  body: string;
  bad: boolean;
}

const toasts = new Store<{items: Toast[]}>({items: []});
let lastToast = 0;

export function say(body: string, bad = false): void {
  const id = ++lastToast;
  toasts.set({items: [...toasts.state.items.slice(-2), {id, body, bad}]});
  setTimeout(() => toasts.set({items: toasts.state.items.filter((toast) => toast.id !== id)}), bad ? 9000 : 5000);
}

export const sayProblem = (error: unknown) => say(toProblem(error).message, true);

export function Toasts() {
  const {items} = useStore(toasts);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {items.map((toast) => <div key={toast.id} class={toast.bad ? "toast bad" : "toast"}>{toast.body}</div>)}
    </div>
  );
}
