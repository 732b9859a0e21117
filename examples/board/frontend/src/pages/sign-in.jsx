import { useMizanStore } from "mizan-react";
import { use } from "react";

import { Form } from "../components/form.jsx";
import { Navigation } from "../router.jsx";
import { signIn } from "../session.js";
import { titles, useTitle } from "../titles.js";

export function SignInPage() {
  const navigate = use(Navigation);
  const store = useMizanStore();
  useTitle(titles.SignInPage());

  async function enter({ username, password }) {
    await signIn(username, password);
    await store.invalidate(["me"]);
    navigate("/");
  }

  return (
    <section className="narrow">
      <h1>Sign in</h1>
      <Form id="sign-in" className="card" action={enter} label="Sign in">
        <input
          name="username"
          aria-label="Name"
          placeholder="Name"
          autoComplete="username"
          required
        />
        <input
          name="password"
          type="password"
          aria-label="Password"
          placeholder="Password"
          autoComplete="current-password"
          required
        />
      </Form>
    </section>
  );
}
