import { NotFoundPage } from "../pages/not-found.jsx";

/** Shown in place of a context that is not there yet, or will not come. */
export function Pending({ status, error }) {
  if (status === "loading") return <p className="byline">Loading…</p>;
  if (error.status === 404) return <NotFoundPage />;
  return <p className="problem">This could not be loaded. Please try again.</p>;
}
