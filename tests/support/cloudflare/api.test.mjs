// The API's side of the stand-in: who may call, what is refused and with which code, what is
// remembered and shown. It needs the vendor's schemas, which MIZAN_TEST_DATA names.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { eventually } from "../../workers/support/promises.mjs";
import { answering, Client, COUNTER, counter, NEW_COUNTER, upload } from "./testing/client.mjs";

let client;
before(async () => {
  client = await Client.start();
});
after(() => client.stop());
beforeEach(async () => {
  client.token = "canary-cloudflare-token-3f9c";
  await client.control("POST", "reset");
});

const hello = answering("hello");

/** What a call was refused with. */
const refusal = ({ status, codes }) => [status, ...codes];

describe("who calls", () => {
  it("a token is wanted, and must be known", async () => {
    const without = await fetch(`${client.fake.api}/zones`);
    assert.equal((await without.json()).errors[0].code, 9106);
    client.token = "another";
    assert.deepEqual(refusal(await client.call("GET", "zones")), [403, 9109]);
    assert.deepEqual(refusal(await client.call("GET", "/workers/scripts")), [401, 10000]);
    assert.deepEqual(refusal(await client.call("GET", "user/tokens/verify")), [401, 1000]);
  });

  it("a token can do what its permissions say", async () => {
    const zone = await client.control("POST", "zones", { name: "example.com" });
    await client.control("POST", "zones", { name: "example.org" });
    await client.control("POST", "token", {
      token: "narrow",
      permissions: ["Workers Scripts Read", "Workers Routes Write", "Zone Read"],
      zones: ["example.com"],
    });
    await client.put("one", hello);
    client.token = "narrow";
    assert.equal((await client.done("GET", "user/tokens/verify")).status, "active");
    assert.equal((await client.done("GET", "/tokens/verify")).status, "active");
    assert.deepEqual(
      (await client.done("GET", "zones")).map(({ name }) => name),
      ["example.com"],
    );
    assert.equal((await client.done("GET", "/workers/scripts")).length, 1);
    assert.deepEqual(refusal(await client.put("one", hello)), [403, 9109]);
    assert.deepEqual(
      refusal(await client.call("GET", `zones/${zone.id}/dns_records`)),
      [403, 9109],
    );
    assert.deepEqual(refusal(await client.call("GET", "memberships")), [403, 9109]);
    assert.deepEqual(await client.done("GET", "accounts"), []);
    const [other] = (await client.control("GET", "state")).zones.filter(
      ({ name }) => name === "example.org",
    );
    assert.deepEqual(
      refusal(await client.call("GET", `zones/${other.id}/workers/routes`)),
      [403, 9109],
    );
  });

  it("the account and the user are told", async () => {
    assert.equal((await client.done("GET", "accounts"))[0].id, "a".repeat(32));
    assert.equal((await client.done("GET", "memberships"))[0].account.id, "a".repeat(32));
    assert.ok((await client.done("GET", "user")).email);
    const other = await client.call("GET", `accounts/${"b".repeat(32)}/workers/scripts`);
    assert.deepEqual(refusal(other), [403, 10000]);
  });
});

describe("zones and their records", () => {
  it("lists have pages", async () => {
    for (const name of ["a.example", "b.example", "c.example"])
      await client.control("POST", "zones", { name });
    const { body } = await client.call("GET", "zones?per_page=2&page=2");
    assert.deepEqual(
      body.result.map(({ name }) => name),
      ["c.example"],
    );
    assert.deepEqual(body.result_info, {
      page: 2,
      per_page: 2,
      count: 1,
      total_count: 3,
      total_pages: 2,
    });
  });

  it("records are made, changed and deleted, and clashes are refused", async () => {
    const { id } = await client.control("POST", "zones", { name: "example.com" });
    const records = `zones/${id}/dns_records`;
    const a = { type: "A", name: "www.example.com", content: "192.0.2.1", ttl: 1 };
    const made = await client.done("POST", records, a);
    assert.deepEqual(refusal(await client.call("POST", records, a)), [400, 81058]);
    const alias = { type: "CNAME", name: "www.example.com", content: "other.example.com", ttl: 1 };
    assert.deepEqual(refusal(await client.call("POST", records, alias)), [400, 81053]);
    const outside = { ...a, name: "www.example.org" };
    assert.deepEqual(refusal(await client.call("POST", records, outside)), [400, 9999]);
    assert.deepEqual(
      refusal(await client.call("POST", records, { ...a, colour: "red" })),
      [400, 9005],
    );
    assert.deepEqual(refusal(await client.call("GET", `${records}?colour=red`)), [400, 1001]);
    const changed = await client.done("PUT", `${records}/${made.id}`, {
      ...a,
      content: "192.0.2.2",
    });
    assert.equal(changed.content, "192.0.2.2");
    await client.done("DELETE", `${records}/${made.id}`);
    assert.deepEqual(refusal(await client.call("DELETE", `${records}/${made.id}`)), [404, 81044]);
    assert.deepEqual(
      refusal(await client.call("GET", `zones/${"0".repeat(32)}/dns_records`)),
      [404, 7003],
    );
  });
});

describe("uploads", () => {
  it("code that does not start is refused, with what it said", async () => {
    const thrown = await client.put("one", 'export default {}; throw new Error("not today");');
    assert.deepEqual(refusal(thrown), [400, 10021]);
    assert.match(thrown.body.errors[0].message, /Uncaught Error: not today/);
    assert.deepEqual(refusal(await client.put("one", "export default {")), [400, 10021]);
    assert.deepEqual(
      refusal(await client.put("one", 'import "./gone.js"; export default {};')),
      [400, 10021],
    );
    assert.deepEqual(refusal(await client.put("one", "export default {};")), [400, 10068]);
    assert.deepEqual(
      refusal(await client.call("GET", "/workers/scripts/one/settings")),
      [404, 10007],
    );
  });

  it("what the schema does not know, and parts that are not as they must be, are refused", async () => {
    assert.deepEqual(refusal(await client.put("one", hello, { colour: "red" })), [400, 9005]);
    assert.deepEqual(
      refusal(await client.put("one", hello, { main_module: "other.js" })),
      [400, 10021],
    );
    const odd = { bindings: [{ type: "plain_text", name: "A" }] };
    assert.deepEqual(refusal(await client.put("one", hello, odd)), [400, 9005]);
    const path = "/workers/scripts/one";
    assert.deepEqual(refusal(await client.call("PUT", path, {})), [400, 10001]);
    const form = upload(hello, {});
    form.append("data.bin", new Blob(["x"], { type: "image/png" }), "data.bin");
    assert.deepEqual(refusal(await client.call("PUT", path, form)), [415, 10001]);
    const named = upload(hello, {});
    named.append("text.txt", new Blob(["x"], { type: "text/plain" }), "another.txt");
    assert.deepEqual(refusal(await client.call("PUT", path, named)), [400, 9005]);
    assert.deepEqual(refusal(await client.put("NOT A NAME", hello)), [400, 10016]);
    assert.deepEqual(
      refusal(await client.call("PUT", `${path}?replace=true`, upload(hello, {}))),
      [400, 1001],
    );
  });

  it("code that is too large is refused", async () => {
    const form = upload(hello, {});
    const large = new Uint8Array(65 * 1024 * 1024);
    form.append("data.bin", new Blob([large], { type: "application/octet-stream" }), "data.bin");
    assert.deepEqual(refusal(await client.call("PUT", "/workers/scripts/one", form)), [413, 10027]);
  });

  it("bindings must have what they point at", async () => {
    const bound = (binding) => client.put("one", hello, { bindings: [binding] });
    assert.deepEqual(
      refusal(await bound({ type: "service", name: "A", service: "gone" })),
      [400, 10143],
    );
    await client.put("two", hello);
    const entrypoint = { type: "service", name: "A", service: "two", entrypoint: "Gone" };
    assert.deepEqual(refusal(await bound(entrypoint)), [400, 10144]);
    const large = { type: "plain_text", name: "A", text: "x".repeat(5121) };
    assert.deepEqual(refusal(await bound(large)), [400, 9005]);
    const kv = { type: "kv_namespace", name: "A", namespace_id: "0".repeat(32) };
    assert.deepEqual(refusal(await bound(kv)), [400, 10041]);
    assert.deepEqual(refusal(await bound({ type: "inherit", name: "A" })), [400, 10057]);
    const object = { type: "durable_object_namespace", name: "A", class_name: "A" };
    assert.deepEqual(refusal(await bound(object)), [400, 10061]);
    assert.deepEqual(refusal(await bound({ ...object, script_name: "gone" })), [400, 10061]);
  });

  it("bindings are inherited, and kept by their kind", async () => {
    const bindings = [
      { type: "secret_text", name: "SECRET", text: "s3cret" },
      { type: "plain_text", name: "OLD", text: "old" },
      { type: "plain_text", name: "GONE", text: "gone" },
    ];
    await client.put("one", hello, { bindings });
    const next = [{ type: "inherit", name: "NEW", old_name: "OLD" }];
    await client.put("one", hello, {
      bindings: next,
      keep_bindings: ["secret_text", "secret_key"],
    });
    const settings = await client.done("GET", "/workers/scripts/one/settings");
    assert.deepEqual(settings.bindings, [
      { type: "plain_text", name: "NEW", text: "old" },
      { name: "SECRET", type: "secret_text" },
    ]);
    assert.ok(!JSON.stringify(await client.control("GET", "state")).includes("s3cret"));
  });

  it("service workers and Workers of assets alone are taken too", async () => {
    const form = new FormData();
    form.append(
      "metadata",
      JSON.stringify({ body_part: "script", compatibility_date: "2026-10-01" }),
    );
    const script =
      'addEventListener("fetch", (event) => event.respondWith(new Response("old style")));';
    form.append("script", new Blob([script], { type: "application/javascript" }), "script");
    await client.done("PUT", "/workers/scripts/one", form);
    await client.publish("one");
    assert.equal(await client.read("one"), "old style");
    const jwt = await client.assets("two", {
      "/index.html": { type: "text/html", content: "<p>site</p>" },
    });
    const site = new FormData();
    const metadata = { compatibility_date: "2026-10-01", assets: { jwt } };
    site.append("metadata", JSON.stringify(metadata));
    await client.done("PUT", "/workers/scripts/two", site);
    await client.publish("two");
    assert.equal(await client.read("two"), "<p>site</p>");
  });
});

describe("versions and deployments", () => {
  it("a version is shown, and not deployed", async () => {
    await client.put("one", hello);
    const made = await client.version("one", answering("two"), {
      annotations: { "workers/tag": "r2", "workers/message": "release 2" },
    });
    assert.equal(made.result.number, 2);
    assert.equal(made.result.metadata.hasPreview, true);
    const versions = "/workers/scripts/one/versions";
    const shown = await client.done("GET", `${versions}/${made.result.id}`);
    assert.equal(shown.annotations["workers/tag"], "r2");
    assert.equal(shown.annotations["workers/triggered_by"], "upload");
    const { body } = await client.call("GET", `${versions}?per_page=1`);
    assert.deepEqual(
      body.result.items.map(({ id }) => id),
      [made.result.id],
    );
    assert.equal(body.result_info.total_count, 2);
    const { deployments } = await client.done("GET", "/workers/scripts/one/deployments");
    assert.notEqual(deployments[0].versions[0].version_id, made.result.id);
    assert.deepEqual(refusal(await client.call("GET", `${versions}/gone`)), [404, 100146]);
    assert.deepEqual(refusal(await client.version("gone", hello)), [404, 10007]);
  });

  it("a message is cut, a long tag refused", async () => {
    await client.put("one", hello);
    const annotations = { "workers/message": "é".repeat(600), "workers/tag": "r2" };
    const { result } = await client.version("one", hello, { annotations });
    assert.equal(result.annotations["workers/message"], "é".repeat(500));
    const long = { annotations: { "workers/tag": "x".repeat(101) } };
    assert.deepEqual(refusal(await client.version("one", hello, long)), [400, 9005]);
  });

  it("shares must make sense", async () => {
    await client.put("one", hello);
    const { result } = await client.version("one", answering("two"));
    assert.deepEqual(refusal(await client.deploy("one", { [result.id]: 90 })), [400, 9005]);
    assert.deepEqual(refusal(await client.deploy("one", { gone: 100 })), [404, 100146]);
    assert.equal((await client.deploy("one", { [result.id]: 100 })).status, 200);
    assert.deepEqual(refusal(await client.deploy("gone", { [result.id]: 100 })), [404, 10007]);
  });

  it("a hundred versions are kept, and those that are deployed", async () => {
    await client.put("one", hello);
    const put = () => client.done("PATCH", "/workers/workers/one/versions/latest", { env: {} });
    for (let count = 0; count < 101; count += 1) await put();
    const { versions } = (await client.control("GET", "state")).scripts[0];
    assert.equal(versions.length, 101);
    assert.equal(versions.at(-1).number, 1);
    assert.equal(versions.at(-2).number, 3);
  });
});

describe("secrets and settings", () => {
  it("a secret is a new version, deployed, and never shown", async () => {
    await client.put("one", "export default { fetch: (_, env) => new Response(env.KEY) };");
    await client.publish("one");
    const secrets = "/workers/scripts/one/secrets";
    const secret = { name: "KEY", text: "s3cret", type: "secret_text" };
    assert.deepEqual(await client.done("PUT", secrets, secret), {
      name: "KEY",
      type: "secret_text",
    });
    assert.deepEqual(await client.done("GET", secrets), [{ name: "KEY", type: "secret_text" }]);
    assert.equal(await client.read("one"), "s3cret");
    assert.deepEqual(refusal(await client.call("PUT", secrets, { name: "KEY" })), [400, 9005]);
    await client.done("DELETE", `${secrets}/KEY`);
    assert.deepEqual(refusal(await client.call("DELETE", `${secrets}/KEY`)), [404, 10056]);
    assert.deepEqual(
      refusal(await client.call("PUT", "/workers/scripts/gone/secrets", secret)),
      [404, 10007],
    );
  });

  it("a secret is not set over a version that waits", async () => {
    await client.put("one", hello);
    await client.version("one", hello);
    const secret = { name: "KEY", text: "s3cret", type: "secret_text" };
    assert.deepEqual(
      refusal(await client.call("PUT", "/workers/scripts/one/secrets", secret)),
      [400, 10215],
    );
  });

  it("a version with an older secret needs force", async () => {
    await client.put("one", hello, {
      bindings: [{ type: "secret_text", name: "KEY", text: "old" }],
    });
    const { deployments } = await client.done("GET", "/workers/scripts/one/deployments");
    const [{ version_id }] = deployments[0].versions;
    await client.done("PUT", "/workers/scripts/one/secrets", {
      name: "KEY",
      text: "new",
      type: "secret_text",
    });
    assert.deepEqual(refusal(await client.deploy("one", { [version_id]: 100 })), [400, 10220]);
    const body = { strategy: "percentage", versions: [{ version_id, percentage: 100 }] };
    await client.done("POST", "/workers/scripts/one/deployments?force=true", body);
  });

  it("tags and the like belong to the script", async () => {
    await client.put("one", hello, { tags: ["mizan:board:production"] });
    const settings = "/workers/scripts/one/script-settings";
    assert.deepEqual((await client.done("GET", settings)).tags, ["mizan:board:production"]);
    await client.done("PATCH", settings, {
      tags: ["other"],
      logpush: true,
      observability: { enabled: true },
    });
    assert.equal((await client.done("GET", "/workers/scripts?tags=other:yes")).length, 1);
    assert.equal((await client.done("GET", "/workers/scripts?tags=other:no")).length, 0);
    await client.put("one", hello);
    const { tags, logpush, observability } = await client.done(
      "GET",
      "/workers/scripts/one/settings",
    );
    assert.deepEqual([tags, logpush, observability], [["other"], true, { enabled: true }]);
    assert.deepEqual(refusal(await client.call("PATCH", settings, { colour: "red" })), [400, 9005]);
  });

  it("settings of a version are a new one", async () => {
    await client.put("one", "export default { fetch: (_, env) => new Response(env.TEXT) };");
    await client.publish("one");
    const form = new FormData();
    const bindings = [{ type: "plain_text", name: "TEXT", text: "changed" }];
    form.append(
      "settings",
      new Blob([JSON.stringify({ bindings })], { type: "application/json" }),
      "settings",
    );
    await client.done("PATCH", "/workers/scripts/one/settings", form);
    assert.equal(await client.read("one"), "changed");
  });

  it("schedules are remembered", async () => {
    await client.put("one", hello);
    await client.done("PUT", "/workers/scripts/one/schedules", [{ cron: "*/5 * * * *" }]);
    const { schedules } = await client.done("GET", "/workers/scripts/one/schedules");
    assert.deepEqual(
      schedules.map(({ cron }) => cron),
      ["*/5 * * * *"],
    );
  });
});

describe("Durable Objects", () => {
  it("a class needs a migration, an export, and its tag in order", async () => {
    assert.deepEqual(refusal(await client.put("one", counter(""), COUNTER)), [400, 10061]);
    assert.deepEqual(refusal(await client.put("one", hello, NEW_COUNTER)), [400, 10070]);
    const older = {
      ...COUNTER,
      migrations: { new_tag: "v1", steps: [{ new_classes: ["Counter"] }] },
    };
    assert.deepEqual(refusal(await client.put("one", counter(""), older)), [400, 10099]);
    await client.done("PUT", "/workers/scripts/one", upload(counter(""), NEW_COUNTER));
    assert.deepEqual(refusal(await client.put("one", counter(""), NEW_COUNTER)), [412, 10079]);
    const again = { ...NEW_COUNTER.migrations, old_tag: "v1", new_tag: "v2" };
    assert.deepEqual(
      refusal(await client.put("one", counter(""), { ...COUNTER, migrations: again })),
      [400, 10074],
    );
    assert.deepEqual(refusal(await client.put("one", hello)), [400, 10064]);
    const namespaces = await client.done(
      "GET",
      "/workers/durable_objects/namespaces?per_page=1000&page=1",
    );
    assert.deepEqual(
      namespaces.map(({ script, class: name }) => [script, name]),
      [["one", "Counter"]],
    );
  });

  it("a version has no preview and no migration, and does not come back across one", async () => {
    await client.put("one", hello);
    const { deployments } = await client.done("GET", "/workers/scripts/one/deployments");
    await client.done("PUT", "/workers/scripts/one", upload(counter(""), NEW_COUNTER));
    assert.deepEqual(refusal(await client.version("one", counter(""), NEW_COUNTER)), [400, 10211]);
    const { result } = await client.version("one", counter(""), COUNTER);
    assert.equal(result.metadata.hasPreview, false);
    const [{ version_id }] = deployments[0].versions;
    assert.deepEqual(refusal(await client.deploy("one", { [version_id]: 100 })), [400, 10211]);
  });
});

describe("deletion", () => {
  it("what others bind to stays, unless it is forced", async () => {
    await client.put("callee", hello);
    await client.put("caller", hello, {
      bindings: [{ type: "service", name: "A", service: "callee" }],
    });
    assert.deepEqual(refusal(await client.call("DELETE", "/workers/scripts/callee")), [400, 10142]);
    const references = await client.done("GET", "/workers/scripts/callee/references");
    assert.deepEqual(
      references.services.incoming.map(({ service }) => service),
      ["caller"],
    );
    assert.equal((await client.call("DELETE", "/workers/scripts/callee?force=true")).status, 200);
    assert.deepEqual(refusal(await client.call("DELETE", "/workers/scripts/callee")), [404, 10007]);
    await client.put("objects", counter(""), NEW_COUNTER);
    const bindings = [{ ...COUNTER.bindings[0], script_name: "objects" }];
    await client.put("user", hello, { bindings });
    assert.deepEqual(
      refusal(await client.call("DELETE", "/workers/scripts/objects")),
      [400, 10064],
    );
    assert.deepEqual(refusal(await client.call("GET", "/workers/services/callee")), [404, 10090]);
  });

  it("its domains and routes go with a script", async () => {
    const { id } = await client.control("POST", "zones", { name: "example.com" });
    await client.put("one", hello);
    await client.done("PUT", "/workers/domains", { hostname: "one.example.com", service: "one" });
    await client.done("POST", `zones/${id}/workers/routes`, {
      pattern: "example.com/*",
      script: "one",
    });
    await client.done("DELETE", "/workers/scripts/one");
    const { domains, dns, routes } = await client.control("GET", "state");
    assert.deepEqual([domains, dns[id], routes[id]], [[], [], []]);
  });
});

describe("routes and custom domains", () => {
  let zone;
  beforeEach(async () => {
    zone = (await client.control("POST", "zones", { name: "example.com" })).id;
    await client.put("one", hello);
    await client.put("two", hello);
  });

  it("routes are made, changed and deleted", async () => {
    const routes = `zones/${zone}/workers/routes`;
    const { id } = await client.done("POST", routes, { pattern: "example.com/*", script: "one" });
    const same = { pattern: "example.com/*", script: "two" };
    assert.deepEqual(refusal(await client.call("POST", routes, same)), [409, 10020]);
    for (const pattern of [
      "example.org/*",
      "example.com/*.jpg",
      "example.com/?a=b",
      "www.*.example.com/",
    ]) {
      assert.deepEqual(
        refusal(await client.call("POST", routes, { pattern, script: "one" })),
        [400, 10022],
      );
    }
    const gone = { pattern: "example.com/a", script: "gone" };
    assert.deepEqual(refusal(await client.call("POST", routes, gone)), [404, 10019]);
    await client.done("PUT", `${routes}/${id}`, same);
    assert.deepEqual(
      (await client.done("GET", routes)).map(({ script }) => script),
      ["two"],
    );
    await client.done("DELETE", `${routes}/${id}`);
    assert.deepEqual(refusal(await client.call("DELETE", `${routes}/${id}`)), [404, 10009]);
  });

  it("a custom domain has a record that only it can change", async () => {
    const body = { hostname: "app.example.com", service: "one", zone_id: zone };
    const domain = await client.done("PUT", "/workers/domains", body);
    assert.equal(domain.zone_name, "example.com");
    const [record] = await client.done("GET", `zones/${zone}/dns_records`);
    assert.deepEqual(
      [record.type, record.name, record.content, record.proxied, record.meta.read_only],
      ["AAAA", "app.example.com", "100::", true, true],
    );
    const path = `zones/${zone}/dns_records/${record.id}`;
    assert.deepEqual(refusal(await client.call("DELETE", path)), [400, 1043]);
    assert.deepEqual(
      refusal(await client.call("PUT", "/workers/domains", { ...body, service: "two" })),
      [409, 100116],
    );
    const moved = { ...body, service: "two", override_existing_origin: true };
    assert.equal((await client.done("PUT", "/workers/domains", moved)).service, "two");
    assert.equal((await client.done("GET", "/workers/domains?service=two")).length, 1);
    await client.call("DELETE", `/workers/domains/${domain.id}`);
    assert.deepEqual(await client.done("GET", `zones/${zone}/dns_records`), []);
    assert.deepEqual(
      refusal(await client.call("DELETE", `/workers/domains/${domain.id}`)),
      [404, 100114],
    );
  });

  it("a record of somebody else is in the way, unless it is overridden", async () => {
    const record = {
      zone: "example.com",
      type: "A",
      name: "app.example.com",
      content: "192.0.2.1",
    };
    await client.control("POST", "dns", record);
    const body = { hostname: "app.example.com", service: "one" };
    assert.deepEqual(refusal(await client.call("PUT", "/workers/domains", body)), [409, 100117]);
    await client.done("PUT", "/workers/domains", { ...body, override_existing_dns_record: true });
    const records = await client.done("GET", `zones/${zone}/dns_records`);
    assert.deepEqual(
      records.map(({ content }) => content),
      ["100::"],
    );
    const elsewhere = { hostname: "app.example.org", service: "one" };
    assert.deepEqual(
      refusal(await client.call("PUT", "/workers/domains", elsewhere)),
      [404, 10082],
    );
  });
});

describe("workers.dev", () => {
  it("previews follow the script until they are set", async () => {
    await client.put("one", hello);
    const path = "/workers/scripts/one/subdomain";
    assert.deepEqual(await client.done("GET", path), { enabled: false, previews_enabled: false });
    assert.deepEqual(await client.done("POST", path, { enabled: true }), {
      enabled: true,
      previews_enabled: true,
    });
    const set = { enabled: false, previews_enabled: true };
    assert.deepEqual(await client.done("POST", path, set), set);
    assert.deepEqual(await client.done("POST", path, { enabled: false }), set);
  });

  it("an account may have no subdomain yet", async () => {
    await client.control("POST", "subdomain", { subdomain: null });
    assert.deepEqual(refusal(await client.call("GET", "/workers/subdomain")), [404, 10007]);
    await client.done("PUT", "/workers/subdomain", { subdomain: "chosen" });
    assert.deepEqual(await client.done("GET", "/workers/subdomain"), { subdomain: "chosen" });
  });
});

describe("assets", () => {
  const session = "/workers/scripts/one/assets-upload-session";

  it("only what is missing is uploaded, with the session's token", async () => {
    const files = { "/a.txt": { type: "text/plain", content: "a" } };
    const jwt = await client.assets("one", files);
    assert.equal((await client.put("one", hello, { assets: { jwt } })).status, 200);
    const { manifest } = (await client.control("GET", "state")).scripts[0].versions[0].assets;
    const again = await client.done("POST", session, { manifest });
    assert.deepEqual(again.buckets, []);
    assert.equal((await client.put("one", hello, { assets: { jwt: again.jwt } })).status, 200);
    assert.equal((await client.put("one", hello, { keep_assets: true })).status, 200);
  });

  it("a token of an upload that is not complete is refused", async () => {
    const manifest = { "/a.txt": { hash: "0".repeat(32), size: 1 } };
    const { jwt, buckets } = await client.done("POST", session, { manifest });
    assert.deepEqual(buckets, [["0".repeat(32)]]);
    assert.deepEqual(refusal(await client.put("one", hello, { assets: { jwt } })), [400, 9005]);
    const form = new FormData();
    form.append("1".repeat(32), new Blob(["YQ=="], { type: "text/plain" }), "1".repeat(32));
    const upload = "/workers/assets/upload?base64=true";
    const bearer = { Authorization: `Bearer ${jwt}` };
    assert.deepEqual(refusal(await client.call("POST", upload, form, bearer)), [400, 9005]);
    assert.deepEqual(refusal(await client.call("POST", upload, form)), [401, 10000]);
    assert.deepEqual(
      refusal(await client.call("POST", session, { manifest: { a: { hash: "x", size: 1 } } })),
      [400, 9005],
    );
  });
});

describe("faults and counts", () => {
  it("calls are counted in their order", async () => {
    await client.control("DELETE", "calls");
    await client.call("GET", "zones?name=example.com");
    await client.put("one", hello);
    const [list, put] = await client.control("GET", "calls");
    assert.deepEqual(list, {
      seq: 1,
      method: "GET",
      path: "/zones",
      query: "name=example.com",
      status: 200,
      bytes: 0,
    });
    assert.equal(put.path, `/accounts/${"a".repeat(32)}/workers/scripts/one`);
    assert.ok(put.bytes > 300);
  });

  it("the meant call is struck, and no other", async () => {
    const strike = (fault) => client.control("POST", "faults", fault);
    const status = async (path = "zones") => (await client.call("GET", path)).status;
    await strike({ kind: "429", at: 2, retryAfter: 7 });
    await strike({ kind: "500", from: 2, match: "^GET /accounts$" });
    assert.equal(await status(), 200);
    const limited = await client.call("GET", "zones");
    assert.deepEqual(refusal(limited), [429, 971]);
    assert.equal(limited.headers.get("Retry-After"), "7");
    assert.deepEqual(
      [await status("accounts"), await status("accounts"), await status("accounts")],
      [200, 500, 500],
    );
    assert.equal(await status(), 200);
    await client.control("DELETE", "faults");
    assert.equal(await status("accounts"), 200);
  });

  it("a cut has its effect or has not, and who is left hanging hears nothing", async () => {
    await client.control("POST", "faults", { kind: "cut-before" });
    await assert.rejects(client.put("one", hello));
    assert.deepEqual(await client.done("GET", "/workers/scripts"), []);
    await client.control("POST", "faults", { kind: "cut-after", match: "^PUT " });
    await assert.rejects(client.put("one", hello));
    assert.equal((await client.done("GET", "/workers/scripts")).length, 1);
    await client.control("POST", "faults", { kind: "hang" });
    const patience = new AbortController();
    const hanging = fetch(`${client.fake.api}/zones`, { signal: patience.signal });
    const isStruck = ({ fault }) => fault === "hang";
    await eventually(async () => (await client.control("GET", "calls")).some(isStruck));
    patience.abort();
    await assert.rejects(hanging, { name: "AbortError" });
  });

  it("who is left hanging after the effect hears nothing either, and a token can end", async () => {
    await client.control("POST", "faults", { kind: "hang-after", match: "^PUT " });
    const hanging = client.put("one", hello).catch(() => {});
    await eventually(async () => (await client.control("GET", "calls")).some(({ hangs }) => hangs));
    assert.equal((await client.done("GET", "/workers/scripts")).length, 1);
    await client.control("DELETE", "faults");
    const ended = { kind: "403", from: 1, match: "^GET /zones$", onwards: true };
    await client.control("POST", "faults", ended);
    assert.equal((await client.call("GET", "accounts")).status, 200);
    assert.deepEqual(refusal(await client.call("GET", "zones")), [403, 10000]);
    assert.deepEqual(refusal(await client.call("GET", "accounts")), [403, 10000]);
    await Promise.race([hanging, Promise.resolve()]);
  });

  it("two states are equal where nothing changed", async () => {
    await client.put("one", hello, {
      bindings: [{ type: "secret_text", name: "KEY", text: "s3cret" }],
    });
    const state = await client.control("GET", "state");
    await client.put("two", hello);
    await client.call("DELETE", "/workers/scripts/two");
    assert.deepEqual(await client.control("GET", "state"), state);
  });
});
