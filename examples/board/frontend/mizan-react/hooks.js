// What components use: context data that stays current, mutations, and channels.

import { createContext, use, useCallback, useEffect, useState, useSyncExternalStore } from "react";

import { openChannel } from "./channel.js";
import { callMutation } from "./http.js";

/** `<MizanRoot value={store}>` gives the store to everything below it. */
export const MizanRoot = createContext(null);

export const useMizanStore = () => use(MizanRoot);

/** The context's `{status, data, error}`, rendered again whenever it changes. */
export function useMizanContext(name, params = {}) {
  const store = useMizanStore();
  const identity = JSON.stringify(params); // equal parameters must not subscribe again on each render
  const subscribe = useCallback(
    (listener) => store.subscribe(name, JSON.parse(identity), listener),
    [store, name, identity],
  );
  const snapshot = () => store.snapshot(name, params);
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}

/** A function that calls the mutation, waits until the page shows its effect, and gives its result. */
export function useMutation(name) {
  const store = useMizanStore();
  return useCallback(
    async (params = {}) => {
      const { result, invalidate } = await callMutation(name, params);
      await store.invalidate(invalidate);
      return result;
    },
    [store, name],
  );
}

/** The channel's latest news; null until there is some. */
export function useChannel(name) {
  const [news, setNews] = useState(null);
  useEffect(() => openChannel(name, setNews), [name]);
  return news;
}
