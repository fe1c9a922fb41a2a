// Every word that the studio says, in one place: translating it is translating this file.

const plural = (count: number, one: string, many: string) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export const text = {
  title: (page: string) => (page ? `${page} · Reelyard` : "Reelyard studio"),
  skip: "Skip to content",
  loading: "Loading",
  retry: "Try again",
  close: "Close",
  cancel: "Cancel",
  remove: "Delete",
  more: "Show more",
  menu: "Main",
  signOut: "Sign out",
  theme: {label: "Theme", auto: "As the system", light: "Light", dark: "Dark"},
  offline: "You are offline. What you change is kept here and sent once the connection is back.",
  notFound: {title: "There is nothing at this address", body: "The page may have moved, or what it showed was deleted.", back: "Back to the library"},
  crashed: {title: "This page stopped working", body: "Your edits are saved as you make them. Load the page again to go on.", reload: "Load again"},
  toLibrary: "Upload in the library",
  nav: {library: "Library", songs: "Songs", shorts: "Shorts", sounds: "Sounds", jobs: "Jobs", account: "Account", farm: "Farm"},
  states: {queued: "Waiting", running: "Running", succeeded: "Done", failed: "Failed", cancelled: "Cancelled", pending: "Waiting for its file",
    probing: "Being looked at", ready: "Ready", refused: "Refused", online: "Online", draining: "Draining", offline: "Offline",
    quarantined: "Quarantined", new: "New", analyzing: "Analysing", levelling: "Being levelled", found: "Found", cutting: "Being cut", cut: "Cut"} as Record<string, string>,
  problem: {unreachable: "The server cannot be reached. Check the connection; this page tries again by itself.", id: (id: string) => `Request ${id}`,
    rate: "Too many requests just now. Wait a moment and try again."},
  sign: {
    in: "Sign in", up: "Open an account", email: "E-mail", password: "Password", show: "Show password", least: "At least 10 characters",
    toUp: "New here? Open an account", toIn: "Have an account? Sign in", forgot: "Forgotten the password?", with: (name: string) => `Continue with ${name}`, or: "or",
    mailed: "A mail is on its way. Follow its link, then sign in.", lead: "Captions that keep time with every word.",
    points: ["Upload a talk; every word gets its time", "Edit the words beside the video", "What you see is the frame that is rendered"],
  },
  library: {
    title: "Library", empty: "Your first video goes here", emptyBody: "Drop a file anywhere on this page, or choose one. It is heard at once, and its words are ready to edit.",
    choose: "Choose files", drop: "Drop to upload", uploads: "Uploads", open: (name: string) => `Edit ${name}`,
    filter: {all: "All", video: "Videos", audio: "Sound", render: "Exports"} as Record<string, string>, filterLabel: "Show", deleteAsk: (name: string) => `Delete ${name}?`,
    deleteBody: "The file and its transcripts go for good. Exports made of it stay.", deleted: (name: string) => `${name} was deleted`,
    download: "Download", edit: "Edit", language: "Spoken language", detect: "Language: detect", noMatch: "Nothing of this kind yet", hearing: "Listening to the words", looking: "Looking at the file",
  },
  upload: {
    waiting: "Waiting", sending: (percent: number) => `${percent} %`, paused: "Paused", failed: "Failed", done: "Uploaded",
    pause: "Pause", resume: "Resume", stop: "Stop", hide: "Hide", again: "Try again", rate: (rate: string, left: string) => `${rate}, ${left} left`,

  },
  editor: {
    title: "Editor", back: "Library", noTranscript: "No words yet", noTranscriptBody: "Nothing was heard in this file, or it is still being listened to.", hear: "Listen again", hearing: "Listening to the words",
    saved: "Saved", saving: "Saving", unsaved: (count: number) => `${plural(count, "change waits", "changes wait")}`, undo: "Undo", redo: "Redo", play: "Play", pause: "Pause",
    transcript: "Transcript", style: "Style", format: "Format", checks: "Checks", export: "Export", tabs: "What to change", words: (count: number) => plural(count, "word", "words"),
    edit: "Edit word", splitHere: "New line before this word", mergeUp: "Join with the line before", deleteWord: "Delete word", insertAfter: "Add a word after it",
    speaker: "Speaker", noSpeaker: "Nobody named", newSpeaker: "New speaker", rename: "Rename speaker", renameEverywhere: "everywhere", start: "Starts at", end: "Ends at", seconds: "s",
    wordMenu: (word: string) => `Word ${word}`, segment: (time: string) => `Line at ${time}`,
    zoom: "Zoom of the waveform", waveform: "Waveform", waveNone: "This file has no sound to draw, or is too large to draw here.", full: "100 %",
    safe: "Safe area", safeNone: "None", volume: "Sound on", volumeOff: "Sound off", speed: "Speed", time: "Time", frameBack: "One frame back", frameOn: "One frame on",
    conflict: {title: "Somebody else changed this transcript", body: (count: number) => `Version ${"%v"} is newer than yours. ${plural(count, "change", "changes")} of yours ${count === 1 ? "is" : "are"} not saved yet.`,
      keep: "Put my changes on top", drop: "Take theirs", lost: (count: number) => `${plural(count, "change", "changes")} no longer fit and ${count === 1 ? "was" : "were"} left out`},
    refused: "That change cannot be made", keys: "Keys", keyList: [["Space", "Play or pause"], ["← →", "One word back or on"], ["Enter", "Edit the word"], ["S", "New line before the word"], ["M", "Join with the line before"],
      ["Delete", "Delete the word"], ["Ctrl Z", "Undo"], ["Ctrl Shift Z", "Redo"], [", .", "One frame back or on"]] as [string, string][],
  },
  style: {
    looks: "Looks", words: "Words in a caption", font: "Font", weight: "Weight", size: "Size", colour: "Text", active: "Spoken word", activeColour: "Spoken word's colour", stroke: "Outline",
    strokeWidth: "Outline's width", background: "Box behind", place: "Height on screen", width: "Widest line", caps: "Letters", capsOptions: {none: "As written", uppercase: "CAPITALS", lowercase: "small letters"} as Record<string, string>,
    enter: "Entrance", exit: "Exit", loop: "While shown", reset: "Back to the look", none: "None",
  },
  format: {
    aspect: "Shape", source: (size: string) => `As filmed, ${size}`, aspects: {"9:16": "Upright 9:16", "1:1": "Square 1:1", "4:5": "Portrait 4:5", "16:9": "Wide 16:9"} as Record<string, string>,
    size: "Size", fit: "When the shape differs", fits: {crop: "Fill the picture, cut the sides", pad: "Show all, with borders", blur: "Show all over a blur", stretch: "Stretch"} as Record<string, string>, quality: "Quality", qualities: {draft: "Draft", medium: "Medium", high: "High", best: "Best"} as Record<string, string>,
    container: "File", layer: "What is drawn", layers: {video: "Video with captions", captions: "Captions alone, transparent"} as Record<string, string>, loudness: "Level the loudness for the web (-14 LUFS)",
  },
  checks: {
    fine: "Nothing to mend", fineBody: "Reading speed, length and times are all within their bounds.", fix: "Mend", go: "Show", again: "Check again", count: (count: number) => plural(count, "finding", "findings"), looking: "Checking",
  },
  export: {
    button: "Export video", estimate: "Estimate", about: (seconds: string) => `about ${seconds}`, wait: "Waits first", credits: "Credits", free: "free", cached: "This very video is there already", frames: (count: number) => plural(count, "frame", "frames"),
    running: "Exporting", cancel: "Cancel", download: "Download", share: "Share", copied: "The link was copied; it works until it expires", again: "Export again", left: (time: string) => `${time} left`, past: "Earlier exports",
    subtitle: "Subtitles", asFile: "Format", unsaved: "Wait for the last change to be saved",
  },
  jobs: {
    title: "Jobs", empty: "No jobs yet", emptyBody: "Uploads, exports and everything else that takes time shows here.", kind: "What", state: "State", progress: "How far", started: "Asked for", actions: "Actions", cancel: "Cancel", retry: "Retry",
    why: "Why it failed", steps: "Steps", attempt: (number: number) => `Try ${number}`, filter: "Show", all: "All", cancelled: "Cancelled; what was not done is given back", retried: "On its way again", back: "All jobs", run: (run: number) => `Run ${run}`, eta: (time: string) => `${time} left`,
    kinds: {render: "Export", ingest: "Upload", still: "Still picture", transcription: "Listening", transcribe: "Listening", check: "Check of captions", validation: "Check of captions", song_analysis: "Song analysis", analysis: "Analysis"} as Record<string, string>,
  },
  account: {
    title: "Account", usage: "What is left", of: (used: string, cap: string) => `${used} of ${cap}`, resets: (when: string) => `anew ${when}`, unlimited: "no limit", credits: "Credits", balance: "Balance", held: "Held by running work", next: (when: string) => `Filled up again ${when}`, history: "What changed the balance", noHistory: "Nothing has changed it yet", tokens: "API tokens",
    tokensBody: "For scripts and other programs. A token is shown once.", newToken: "Make a token", tokenName: "What it is for", tokenMade: "Copy it now: it is not shown again", copy: "Copy", copied: "Copied", revoke: "Revoke", noTokens: "No tokens", scopes: "What it may do", used: (when: string) => `used ${when}`, never: "never used", sessions: "Where you are signed in", here: "here", end: "End",
    endAll: "Sign out everywhere", identities: "Sign-in providers", noIdentities: "No provider is linked", password: "Change the password", current: "Present password", fresh: "New password", changed: "The password was changed", plan: (plan: string) => `${plan} plan`, creditsOff: "This installation does not count credits", charts: "The last 30 days",
    quotas: {daily_renders: "Exports today", monthly_renders: "Exports this month", storage_bytes: "Storage", concurrent_renders: "Exports at once", monthly_minutes: "Minutes this month"} as Record<string, string>,
    chart: {rendered_s: "Seconds rendered", transcribed_s: "Seconds heard"},
  },
  farm: {
    title: "Farm", nodes: "Nodes", queues: "Queues", noNodes: "No node has reported yet", drain: "Drain", resume: "Resume", quarantine: "Quarantine", test: "Test now", pause: "Pause", reason: "Reason", slots: (busy: number, all: number) => `${busy} of ${all} slots busy`,
    seen: (when: string) => `seen ${when}`, consumes: "Consumes", move: "Take queue", dropHint: "Drag a queue onto a node to have it consumed there", moved: (queue: string, node: string) => `${queue} is now consumed by ${node}`, stop: (queue: string) => `Stop consuming ${queue}`,
    depth: "Waiting", oldest: "Longest wait", perMinute: "A minute", predicted: "Work waiting", rebalance: "Rebalance", rebalanceTitle: "What a rebalancing would change", rebalanceNone: "Nothing would change: every queue is consumed as it should be", apply: "Carry it out", applied: "Carried out", was: "now", becomes: "then", dead: "Dead letters",
    noDead: "Nothing has failed for good", replay: "Retry", replayTitle: "What a retry would do", replayBody: (count: number, owners: number) => `${plural(count, "job", "jobs")} of ${plural(owners, "account", "accounts")} would start again`, replayed: (count: number) => `${plural(count, "job", "jobs")} on their way again`, users: "Accounts", plan: "Plan", role: "Role", ban: "Ban", unban: "Lift ban",
    audit: "Audit log", flower: "Open Flower", count: (count: number) => plural(count, "job", "jobs"), paused: "Paused", unmet: "Not consumed anywhere", gpuUse: "GPU", memory: "Memory", encoder: "Encoder", over: "Depth over the last minutes", sections: "Sections", reasonDefault: "By hand, from the studio",
  },
  songs: {
    title: "Songs", empty: "No songs yet", emptyBody: "Upload a sound file, and hear where its beats and sections are.", add: "Make a song", choose: "Start with a sound file…", analyse: "Analyse", again: "Analyse again", tempo: "Tempo", key: "Key", mood: "Mood", genre: "Genre", loudness: "Loudness", sections: "Sections", suggested: "Suggested; not kept yet",
    keep: "Keep these sections", snap: "Edges snap to the nearest beat", clips: "Clips", generate: "Make clips", compose: "Join into a film", finalize: "Finish", finalizeAsk: "Finish this film?", finalizeBody: "Clips, stills and drafts are deleted; nothing changes any more.", remake: "Make again", left: (count: number) => plural(count, "try left", "tries left"), lyrics: "Words", noClips: "No clips yet", download: "Download the film", back: "All songs",
    label: "Label", beats: (count: number) => plural(count, "beat", "beats"), player: "Player", spent: (spent: string, cap: string) => `$${spent} of $${cap}`,
  },
  shorts: {
    title: "Shorts", empty: "No projects yet", emptyBody: "Choose a long video above, and the stretches that stand on their own are found.", add: "Start a project", choose: "Start with a video…", find: "Find highlights", again: "Find again", none: "Nothing found yet", evidence: "Why this stretch", start: "Starts", end: "Ends", cut: "Cut", look: "Look", aspect: "Shape", state: "State", export: "Cut chosen", back: "All projects",
    reasons: {hook: "Opening", energy: "Energy", novelty: "New words", payoff: "Ending", boundary: "Whole sentences", cuts: "Cuts"} as Record<string, string>, count: (count: number) => plural(count, "short", "shorts"), download: "Download", name: "Title", chosen: (count: number) => `${count} chosen`, score: "Score",
  },
  sounds: {
    title: "Sounds", empty: "No sounds yet", emptyBody: "Upload short sounds to play them at one touch.", search: "Search titles and tags", all: "All", favourites: "Favourites", play: (name: string) => `Play ${name}`, stopAll: "Stop all", add: "Add from the library…", favourite: "Favourite", unfavourite: "No favourite", download: "Download", player: "Player", playlist: "Playlist", next: "Next", previous: "Previous", pause: "Pause", resume: "Play", volume: "Volume", mode: "Mode",
    modes: {continuous: "On and on", loop: "Around", "loop-one": "One, again and again", random: "At random", single: "One only"} as Record<string, string>, nothing: "Nothing is on", keys: "Keys 1 to 9 play the first nine", plays: (count: number) => plural(count, "play", "plays"), noMatch: "No sound fits the search", noPlaylist: "No playlist yet",
  },
};
