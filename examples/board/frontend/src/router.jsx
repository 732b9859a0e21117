// Which page a path shows, and links that change it without loading a document. The paths are those of routes.py.

import { createContext, use } from "react";

const ROUTES = [
  { page: "HomePage", pattern: /^\/$/ },
  { page: "PostPage", pattern: /^\/posts\/(?<post_id>[^/]+)\/$/ },
  { page: "SignInPage", pattern: /^\/sign-in\/$/ },
];

/** @returns {{page: string, props: Record<string, string>}} */
export function match(path) {
  for (const { page, pattern } of ROUTES) {
    const found = pattern.exec(path);
    if (found) return { page, props: { ...found.groups } };
  }
  return { page: "NotFoundPage", props: {} };
}

/** Holds the function that goes to a path. */
export const Navigation = createContext(null);

export function Link({ to, ...rest }) {
  const navigate = use(Navigation);
  function follow(event) {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    navigate(to);
  }
  return <a href={to} onClick={follow} {...rest} />;
}
