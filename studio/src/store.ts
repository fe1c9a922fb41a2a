// A value that pages watch.

import {useEffect, useState} from "preact/hooks";

export class Store<T extends object> {
  #watchers = new Set<() => void>();

  constructor(public state: T) {}

  set(change: Partial<T>): void {
    this.state = {...this.state, ...change};
    for (const watcher of this.#watchers) watcher();
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

export function useStore<T extends object>(store: Store<T>): T {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    setState(store.state);
    return store.watch(() => setState(store.state));
  }, [store]);
  return state;
}
