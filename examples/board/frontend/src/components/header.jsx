import { useMizanContext, useMizanStore, useMutation } from "mizan-react";
import { useEffect } from "react";

import { Link } from "../router.jsx";
import { forget, signOut, useSignedIn } from "../session.js";

export function Header() {
  return (
    <header className="bar">
      <Link to="/" className="brand">
        Board
      </Link>
      <nav>{useSignedIn() ? <Account /> : <Link to="/sign-in/">Sign in</Link>}</nav>
    </header>
  );
}

function Account() {
  const store = useMizanStore();
  const markRead = useMutation("mark_read");
  const { data, error } = useMizanContext("me");
  useEffect(() => {
    if (error?.status === 401) forget();
  }, [error]);

  async function leave() {
    await signOut();
    await store.invalidate(["me"]);
  }

  if (!data) return null;
  const { username, unread } = data.profile;
  return (
    <>
      {unread > 0 && (
        <button type="button" className="badge" title="Mark as read" onClick={() => markRead()}>
          {unread} new
        </button>
      )}
      <span id="username">{username}</span>
      <button type="button" className="quiet" onClick={leave}>
        Sign out
      </button>
    </>
  );
}
