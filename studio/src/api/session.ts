// Who is signed in. The access token lives in memory alone; the refresh token in a cookie that no script reads.

import {Store} from "../store";
import {readProblem, toProblem, type Problem} from "./problem";
import type {Schemas} from "./types";

type User = Schemas["UserResponse"];
const AUTH = "/api/v1/auth";
const KEEP = {"X-Reelyard-Session": "cookie", "Content-Type": "application/json"};
const EARLY_S = 30;
const RESTORE_MS = [500, 1500, 4000, 10_000, 20_000];

interface State {
  status: "unknown" | "out" | "in";
  user: User | null;
}

class Session extends Store<State> {
  #token = "";
  #until = 0;
  #refreshing: Promise<boolean> | null = null;

  constructor() {
    super({status: "unknown", user: null});
  }

  // A token that is good for a while yet, or "" when nobody is signed in.
  async token(): Promise<string> {
    if (this.#token && Date.now() < this.#until) return this.#token;
    if (this.state.status === "out") return "";
    return (await this.refresh()) ? this.#token : "";
  }

  // Exchanges the cookie, once for all who ask at the same time: also in other tabs, since each cookie is good once.
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#locked(() => this.#exchange()).finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  // Takes up the session that the cookie stands for; a server that is busy or away is asked again for a while.
  async restore(): Promise<void> {
    for (const wait of RESTORE_MS) {
      try {
        if (await this.refresh()) await this.#readUser();
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
    if (this.state.status === "unknown") this.forget();
  }

  async signIn(email: string, password: string): Promise<void> {
    const answer = await this.#post("/login", {email, password});
    this.#keep(answer as Schemas["TokenResponse"]);
    await this.#readUser();
  }

  // Returns whether a mail is on its way: then the account exists once its link was followed.
  async register(email: string, password: string): Promise<boolean> {
    const answer = (await this.#post("/register", {email, password})) as {status?: string};
    if (answer.status === "mailed") return true;
    await this.signIn(email, password);
    return false;
  }

  async exchangeCode(code: string, verifier: string): Promise<void> {
    this.#keep((await this.#post("/oauth/token", {code, verifier})) as Schemas["TokenResponse"]);
    await this.#readUser();
  }

  async signOut(everywhere = false): Promise<void> {
    const token = await this.token();
    await fetch(`${AUTH}/${everywhere ? "logout-all" : "logout"}`, {method: "POST", headers: {Authorization: `Bearer ${token}`}});
    this.forget();
  }

  forget(): void {
    this.#token = "";
    this.#until = 0;
    this.set({status: "out", user: null});
  }

  async #exchange(): Promise<boolean> {
    const answer = await fetch(`${AUTH}/refresh`, {method: "POST", headers: KEEP, credentials: "same-origin"}).catch((error: unknown) => {
      throw toProblem(error);
    });
    if (!answer.ok) {
      if (answer.status !== 401 && answer.status !== 403) throw await problemOf(answer);
      this.forget();
      return false;
    }
    this.#keep((await answer.json()) as Schemas["TokenResponse"]);
    return true;
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    if (!navigator.locks) return work();
    return navigator.locks.request("reelyard-refresh", work) as Promise<T>;
  }

  #keep(tokens: Schemas["TokenResponse"]): void {
    this.#token = tokens.access_token;
    this.#until = Date.now() + 1000 * Math.max(5, tokens.expires_in_s - EARLY_S);
  }

  async #readUser(): Promise<void> {
    const answer = await fetch(`${AUTH}/me`, {headers: {Authorization: `Bearer ${this.#token}`}});
    if (!answer.ok) throw await problemOf(answer);
    this.set({status: "in", user: (await answer.json()) as User});
  }

  async #post(path: string, body: unknown): Promise<unknown> {
    const options = {method: "POST", headers: KEEP, body: JSON.stringify(body), credentials: "same-origin" as const};
    const answer = await fetch(AUTH + path, options).catch((error: unknown) => {
      throw toProblem(error);
    });
    if (!answer.ok) throw await problemOf(answer);
    return answer.json();
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  return readProblem(answer.status, await answer.json().catch(() => null));
}

export const session = new Session();
