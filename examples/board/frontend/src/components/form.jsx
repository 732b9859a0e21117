// A form that sends its fields, says when it is busy and why it failed, and is empty again when it worked.

import { useState } from "react";

const MESSAGES = {
  bad_credentials: "This name and password do not fit together.",
  unauthenticated: "Please sign in again.",
  invalid_params: "Please check what you typed.",
  not_found: "This is no longer here.",
};

export function Form({ action, label, children, ...rest }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);

  async function submit(event) {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    setProblem(null);
    try {
      await action(Object.fromEntries(new FormData(form)));
      form.reset();
    } catch (error) {
      setProblem(MESSAGES[error.code] ?? "Something went wrong. Please try again.");
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={submit} method="post" {...rest}>
      {children}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" disabled={busy}>
        {label}
      </button>
    </form>
  );
}
