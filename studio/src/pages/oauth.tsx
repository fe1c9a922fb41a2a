// Sign-in by a provider: out with a challenge, back with a code that only this tab can exchange.

import {useEffect, useState} from "preact/hooks";
import {api, take} from "../api/client";
import {session} from "../api/session";
import {go} from "../router";
import {text} from "../text";

const VERIFIER = "reelyard.verifier";

interface Provider {
  name: string;
  start: string;
}

export function Providers() {
  const [items, setItems] = useState<Provider[]>([]);
  useEffect(() => {
    take(api.GET("/api/v1/auth/oauth")).then((answer) => setItems(answer.items), () => setItems([]));
  }, []);
  if (!items.length) return null;
  return <>{items.map((item) => <button key={item.name} type="button" class="button" onClick={() => void leave(item)}>{text.sign.with(item.name)}</button>)}</>;
}

const base64url = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function leave(provider: Provider): Promise<void> {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(48)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(VERIFIER, verifier);
  const query = new URLSearchParams({next: "/studio/", challenge: base64url(new Uint8Array(digest))});
  location.assign(`${provider.start}?${query.toString()}`);
}

// Takes the code that a provider's way back left in the address.
export async function finishOauth(): Promise<void> {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  const verifier = sessionStorage.getItem(VERIFIER);
  if (!code || !verifier) return;
  sessionStorage.removeItem(VERIFIER);
  history.replaceState(null, "", location.pathname);
  await session.exchangeCode(code, verifier);
  go("", true);
}
