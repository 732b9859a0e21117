// Is somebody signed in here? The session cookie is hidden from scripts, so a note beside it remembers.
// Without it, each anonymous visitor would ask for the `me` context only to be refused.

import { send } from "mizan-react";
import { useSyncExternalStore } from "react";

const URL = "/api/auth/session/";
const NOTE = "signed-in";
const listeners = new Set();

export async function signIn(username, password) {
  await send("POST", URL, { username, password });
  remember(true);
}

export async function signOut() {
  await send("DELETE", URL, {});
  remember(false);
}

/** The session ended without us: it expired, or was closed elsewhere. */
export const forget = () => remember(false);

/** False on the server and during hydration, so that cached pages are the same for everyone. */
export function useSignedIn() {
  return useSyncExternalStore(
    subscribe,
    () => localStorage.getItem(NOTE) !== null,
    () => false,
  );
}

function remember(signedIn) {
  if (signedIn) localStorage.setItem(NOTE, "yes");
  else localStorage.removeItem(NOTE);
  for (const listener of listeners) listener();
}

function subscribe(listener) {
  listeners.add(listener);
  addEventListener("storage", listener); // other tabs
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", listener);
  };
}
