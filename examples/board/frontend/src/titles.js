// The title of each page: the server puts it into <head>, and the browser keeps it right after a click.

import { useEffect } from "react";

/** By page; each is given the data of the page's first context. */
export const titles = {
  HomePage: () => "Board",
  PostPage: (data) => `${data.post_detail.title} · Board`,
  SignInPage: () => "Sign in · Board",
  NotFoundPage: () => "Not found · Board",
};

/** Set the document's title, once it is known. */
export function useTitle(title) {
  useEffect(() => {
    if (title) document.title = title;
  }, [title]);
}
