/** Who wrote it and on which day. The day is UTC, so that server and browser agree wherever they are. */
export function Byline({ author, createdAt, children }) {
  return (
    <p className="byline">
      {author ?? "Someone"} · <time dateTime={createdAt}>{createdAt.slice(0, 10)}</time>
      {children}
    </p>
  );
}
