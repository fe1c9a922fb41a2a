// Addresses under /studio/, without a page load.

import {Store} from "./store";

const BASE = "/studio/";

export const router = new Store({path: read()});

function read(): string {
  return location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length).replace(/\/+$/, "") : "";
}

export function go(path: string, replace = false): void {
  const url = BASE + path;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  router.set({path: read()});
  scrollTo(0, 0);
}

export const href = (path: string) => BASE + path;

addEventListener("popstate", () => router.set({path: read()}));

// Links to pages of ours are followed in place.
addEventListener("click", (event) => {
  const link = (event.target as Element | null)?.closest?.("a");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || link.target) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || !url.pathname.startsWith(BASE) || url.pathname.startsWith(`${BASE}stage/`)) return;
  if (url.pathname === location.pathname && url.hash) return;
  event.preventDefault();
  go(url.pathname.slice(BASE.length) + url.search);
});
