// The whole app: the page that fits the path, between the header and the footer.

import { MizanRoot } from "mizan-react";
import { useEffect, useState } from "react";

import { Footer } from "./components/footer.jsx";
import { Header } from "./components/header.jsx";
import { HomePage } from "./pages/home.jsx";
import { NotFoundPage } from "./pages/not-found.jsx";
import { PostPage } from "./pages/post.jsx";
import { SignInPage } from "./pages/sign-in.jsx";
import { match, Navigation } from "./router.jsx";

const PAGES = { HomePage, NotFoundPage, PostPage, SignInPage };

/** `start` is `{page, props}`: the server and the first render in the browser must agree on it. */
export function App({ store, start }) {
  const [{ page, props }, setRoute] = useState({ page: start.page, props: start.props });
  const Page = PAGES[page];

  useEffect(() => {
    const show = () => setRoute(match(location.pathname));
    addEventListener("popstate", show);
    document.documentElement.dataset.hydrated = "true"; // for tests: from now on, clicks are answered
    return () => removeEventListener("popstate", show);
  }, []);

  function navigate(path) {
    history.pushState(null, "", path);
    setRoute(match(path));
    scrollTo(0, 0);
  }

  return (
    <MizanRoot value={store}>
      <Navigation value={navigate}>
        <Header />
        <main>
          <Page key={JSON.stringify(props)} {...props} />
        </main>
        <Footer />
      </Navigation>
    </MizanRoot>
  );
}
