// Which variables give access to something: what a stranger's change must not see, and what is never printed.

import { encoded } from "./text.mjs";

/** The variables of the clouds, of GitHub and of its runner, by their beginnings. */
const OF_PLATFORMS =
  /^(AWS_|AZURE_|ARM_|CLOUDFLARE_|CF_|GITHUB_TOKEN$|GH_|ACTIONS_|IDENTITY_|MSI_|DOCKER_AUTH)/;
/** What people call such variables. */
const BY_NAME = /(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|KEY$)/i;
/** Shorter values would be found everywhere. */
const SHORTEST = 8;

/** @param {string} name */
function isCredential(name) {
  return OF_PLATFORMS.test(name) || BY_NAME.test(name);
}

/**
 * The variables of a program that this step starts: never the inputs of the step, of which one is a token.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{trusted: boolean}} options Without trust it gets no credentials.
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnvironment(env, { trusted }) {
  const kept = Object.entries(env).filter(
    ([name]) => !name.startsWith("INPUT_") && (trusted || !isCredential(name)),
  );
  return Object.fromEntries(kept);
}

/**
 * What a run came to, without the values of credentials. mizan prints none; what a vendor or a program of the user's
 * says is another matter, and GitHub masks logs only, not comments.
 *
 * @template T
 * @param {T} run
 * @param {NodeJS.ProcessEnv} env
 * @returns {T}
 */
export function withoutValues(run, env) {
  const values = Object.entries(env)
    .filter(([name]) => BY_NAME.test(name))
    .flatMap(([, value]) => (value ?? "").split("\n"))
    .filter((value) => value.length >= SHORTEST)
    // mizan's Markdown is encoded.
    .flatMap((value) => [value, encoded(value)])
    // What another one begins with must not leave the rest of it behind.
    .sort((one, other) => other.length - one.length);
  /** @param {string} text */
  const mask = (text) => values.reduce((masked, value) => masked.replaceAll(value, "***"), text);
  return JSON.parse(JSON.stringify(run), (_, value) =>
    typeof value === "string" ? mask(value) : value,
  );
}
