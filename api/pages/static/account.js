// The pages that mailed links open, and sign-in. Tokens of links come in the fragment, which no server sees.
"use strict";

const API = "/api/v1";
const form = document.getElementById("form");
const said = document.getElementById("said");
const fragment = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname); // the link's secret leaves the address bar

const PAGES = {
  "verify-email": { path: "/auth/register/verify", done: "Your address is proven, and you are signed in." },
  "forgot-password": { path: "/auth/password/forgot", done: "A mail is on its way, if the address has an account." },
  "reset-password": { path: "/auth/password/reset", done: "Your password is set. Sign in with it." },
  "confirm-email": { path: "/auth/email/confirm", done: "Your account has its new address." },
  invitations: { path: "/invitations/accept", done: "You are a member now." },
  "sign-in": { path: "/auth/login", done: "You are signed in." },
};
const OF_LINKS = ["verify-email", "reset-password", "confirm-email", "invitations"];
const ERRORS = {
  "auth.bad_token": "Sign in on this site first, in this tab; then open the link again.",
  "auth.expired_token": "Your sign-in is over. Sign in again; then open the link again.",
  "invitation.not_found": "The invitation was answered or withdrawn.",
  "invitation.other_address": "The invitation is for another address than that of your account.",
  "invitation.expired": "The invitation is too old. Ask for a new one.",
  "mail.off": "This installation sends no mail. Ask its administrator.",
  "auth.bad_credentials": "E-mail and password do not fit.",
  "auth.link_invalid": "The link was used, is too old, or the password is not the one that was chosen.",
  "auth.too_many_attempts": "Too many attempts. Try again in a while.",
  "auth.unverified": "Prove your address first: follow the link in the mail.",
  "oauth.account_exists": "This address has an account. Sign in with its password and link the provider there.",
  "oauth.unverified_email": "The provider has not proven your address.",
  "oauth.denied": "You did not allow the sign-in.",
  "identity.linked_elsewhere": "That identity belongs to another account.",
};

function say(text) {
  said.textContent = text;
}

function explain(code, message) {
  say(ERRORS[code] || message || "The sign-in did not work. Try again.");
}

function access() {
  const tokens = JSON.parse(sessionStorage.getItem("reelyard.tokens") || "{}");
  return form.dataset.page === "invitations" ? { Authorization: `Bearer ${tokens.access_token || ""}` } : {};
}

async function post(path, body) {
  const answer = await fetch(API + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...access() },
    body: JSON.stringify(body),
  });
  const read = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw read;
  return read;
}

function keep(tokens) {
  if (tokens.access_token) sessionStorage.setItem("reelyard.tokens", JSON.stringify(tokens));
}

async function finish(path, body, done) {
  try {
    keep(await post(path, body));
    form.hidden = true;
    document.getElementById("others").hidden = true;
    say(done);
  } catch (error) {
    explain(error.code, error.message);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const page = PAGES[form.dataset.page];
  const body = Object.fromEntries(new FormData(form));
  if (OF_LINKS.includes(form.dataset.page)) body.token = fragment.get("token") || "";
  form.querySelector("button").disabled = true;
  await finish(page.path, body, page.done);
  form.querySelector("button").disabled = false;
});

function encode(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function goTo(provider) {
  const verifier = encode(crypto.getRandomValues(new Uint8Array(48)));
  sessionStorage.setItem("reelyard.verifier", verifier);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const challenge = encode(new Uint8Array(hash));
  location.assign(`${provider.start}?challenge=${challenge}&next=${encodeURIComponent("/sign-in")}`);
}

async function showProviders() {
  const { items } = await (await fetch(`${API}/auth/oauth`)).json();
  for (const provider of items) {
    const button = document.createElement("button");
    button.textContent = `Sign in with ${{ google: "Google", github: "GitHub" }[provider.name] || provider.name}`;
    button.addEventListener("click", () => goTo(provider));
    document.getElementById("others").append(button);
  }
}

if (form.dataset.page === "sign-in") {
  if (fragment.get("error")) explain(fragment.get("error"));
  if (fragment.get("code")) {
    const verifier = sessionStorage.getItem("reelyard.verifier") || "";
    sessionStorage.removeItem("reelyard.verifier");
    finish("/auth/oauth/token", { code: fragment.get("code"), verifier }, PAGES["sign-in"].done);
  } else {
    showProviders();
  }
} else if (OF_LINKS.includes(form.dataset.page) && !fragment.get("token")) {
  say("Open the link from the mail.");
}
