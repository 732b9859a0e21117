import { Link } from "../router.jsx";
import { titles, useTitle } from "../titles.js";

export function NotFoundPage() {
  useTitle(titles.NotFoundPage());
  return (
    <section className="intro">
      <h1>Not found</h1>
      <p>
        There is nothing here. <Link to="/">Back to the board</Link>
      </p>
    </section>
  );
}
