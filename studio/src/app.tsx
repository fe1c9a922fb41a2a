// The frame around every page: who is signed in, where one is, what went wrong.

import {Component, type ComponentChildren, type ComponentType} from "preact";
import {useEffect, useRef, useState} from "preact/hooks";
import {session} from "./api/session";
import {Library} from "./pages/library";
import {SignIn} from "./pages/sign";
import {go, href, router} from "./router";
import {useStore} from "./store";
import {text} from "./text";
import {Button, Empty, Loading, Questions, Toasts} from "./ui/kit";

type Page = ComponentType<{id: string}>;

// Pages that are not the first thing seen are loaded when they are asked for.
const PAGES: Record<string, {load: () => Promise<Page>; title: string}> = {
  edit: {load: async () => (await import("./editor/editor")).Editor, title: text.editor.title},
  jobs: {load: async () => (await import("./pages/jobs")).Jobs, title: text.jobs.title},
  account: {load: async () => (await import("./pages/account")).Account, title: text.account.title},
  farm: {load: async () => (await import("./pages/farm")).Farm, title: text.farm.title},
  songs: {load: async () => (await import("./pages/songs")).Songs, title: text.songs.title},
  samples: {load: async () => (await import("./pages/samples")).Samples, title: text.samples.title},
  shorts: {load: async () => (await import("./pages/shorts")).Shorts, title: text.shorts.title},
  sounds: {load: async () => (await import("./pages/sounds")).Sounds, title: text.sounds.title},
};

// Seen without an account.
const watch = async (): Promise<Page> => (await import("./pages/watch")).Watch;

export function App() {
  const {status} = useStore(session);
  const {path} = useStore(router);
  const [name = "", id = ""] = path.split("/");
  useEffect(() => {
    document.title = text.title(status === "in" ? (PAGES[name]?.title ?? (name ? "" : text.library.title)) : text.sign.in);
  }, [name, status]);
  if (name === "watch" && id) return <Lazy key={path} load={watch} id={id} />;
  if (status === "unknown") return <main class="page"><Loading lines={4} /></main>;
  return (
    <>
      {status === "in" && <Top name={name} />}
      <Offline />
      <Guard key={path}>{status === "in" ? <Routed name={name} id={id} /> : <SignIn />}</Guard>
      <Questions />
      <Toasts />
    </>
  );
}

function Routed({name, id}: {name: string; id: string}) {
  if (!name) return <Library />;
  const page = PAGES[name];
  if (!page) return <NotFound />;
  return <Lazy key={name} load={page.load} id={id} />;
}

function Lazy({load, id}: {load: () => Promise<Page>; id: string}) {
  const [loaded, setLoaded] = useState<{page: Page} | {error: unknown} | null>(null);
  useEffect(() => {
    load().then((page) => setLoaded({page}), (error: unknown) => setLoaded({error}));
  }, []);
  if (!loaded) return <main class="page" id="content"><Loading /></main>;
  if ("error" in loaded) throw loaded.error;
  return <loaded.page id={id} />;
}

function Top({name}: {name: string}) {
  const {user} = useStore(session);
  const items = ["", "songs", "samples", "shorts", "sounds", "jobs", "account", ...(user?.role === "admin" ? ["farm"] : [])];
  const names = text.nav as Record<string, string>;
  const row = useRef<HTMLElement>(null);
  useEffect(() => row.current?.querySelector("[aria-current]")?.scrollIntoView({inline: "center", block: "nearest"}), [name]);
  const isHere = (item: string) => item === name || (item === "" && name === "edit");
  return (
    <header class="top">
      <a class="skip button main" href="#content">{text.skip}</a>
      <a class="brand" href={href("")}>Reel<b>yard</b></a>
      <nav ref={row} aria-label={text.menu}>
        {items.map((item) => <a key={item} href={href(item)} aria-current={isHere(item) ? "page" : undefined}>{names[item || "library"]}</a>)}
      </nav>
      <div class="who">
        <span class="soft small truncate email">{user?.email}</span>
        <Button tiny onClick={() => void session.signOut().then(() => go(""))}>{text.signOut}</Button>
      </div>
    </header>
  );
}

function Offline() {
  const [isOff, setOff] = useState(!navigator.onLine);
  useEffect(() => {
    const look = () => setOff(!navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => { removeEventListener("online", look); removeEventListener("offline", look); };
  }, []);
  return isOff ? <div class="offline" role="status">{text.offline}</div> : null;
}

export function NotFound() {
  return (
    <main class="page" id="content">
      <Empty icon="search" title={text.notFound.title} body={text.notFound.body}><a class="button" href={href("")}>{text.notFound.back}</a></Empty>
    </main>
  );
}

class Guard extends Component<{children: ComponentChildren}, {isBroken: boolean}> {
  override state = {isBroken: false};

  override componentDidCatch(error: unknown) {
    console.error(error);
    this.setState({isBroken: true});
  }

  override render() {
    if (!this.state.isBroken) return this.props.children;
    return (
      <main class="page" id="content">
        <Empty icon="warn" title={text.crashed.title} body={text.crashed.body}><Button kind="main" onClick={() => location.reload()}>{text.crashed.reload}</Button></Empty>
      </main>
    );
  }
}
