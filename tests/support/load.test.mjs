// The load must be trusted when it says "0 failed": here it meets servers that fail in each of the ways it has to see.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";

const LOAD = new URL("load.mjs", import.meta.url).pathname;
/** Where the number of an answer matters. */
const ONLY_GET = ["--posts", "0", "--sockets", "0"];
const servers = [];

after(() => {
  for (const server of servers) server.closeAllConnections();
});

test("a healthy server has no failures, and every kind of client was at work", async () => {
  const url = await serve({});
  const { report, code } = await load(url, [
    "--requests",
    "300",
    "--version-pattern",
    "release (\\w+)",
  ]);
  assert.equal(code, 0);
  assert.deepEqual([report.failed, report.errors], [0, []]);
  assert.ok(report.ok >= 300);
  for (const kind of ["fresh", "kept", "post", "websocket"])
    assert.ok(report.kinds[kind].ok > 0, kind);
  assert.deepEqual(Object.keys(report.versions), ["blue"]);
});

test("one bad status among many answers is a failure", async () => {
  let answered = 0;
  const url = await serve({
    page: (response) => response.writeHead(++answered === 50 ? 502 : 200).end("release blue"),
  });
  const { report, code } = await load(url, ["--requests", "200", ...ONLY_GET]);
  assert.equal(code, 1);
  assert.equal(report.failed, 1);
  assert.match(report.errors[0].error, /answered 502/);
});

test("an answer that is cut off is a failure", async () => {
  let answered = 0;
  const url = await serve({
    page: (response) => {
      response.writeHead(200, { "Content-Length": 12 });
      if (++answered === 20) response.write("rel", () => response.destroy());
      else response.end("release blue");
    },
  });
  const { report } = await load(url, ["--requests", "100", ...ONLY_GET]);
  assert.equal(report.failed, 1);
});

test("a refused mutation is a failure", async () => {
  const url = await serve({ call: (response) => response.writeHead(403).end("csrf_failed") });
  const { report } = await load(url, ["--requests", "60"]);
  assert.ok(report.kinds.post.failed > 0);
  assert.equal(report.kinds.fresh.failed, 0);
});

test("a WebSocket that is drained reconnects, one that breaks is a failure", async () => {
  const drained = await load(await serve({ onPing: closeInOrder }), ["--requests", "100"]);
  assert.equal(drained.report.failed, 0);
  assert.ok(drained.report.kinds.websocket.reconnects > 0);

  const abrupt = (socket) => socket.destroy();
  const broken = await load(await serve({ onPing: abrupt }), ["--requests", "100"]);
  assert.ok(broken.report.kinds.websocket.failed > 0);
  assert.match(broken.report.errors[0].error, /no close frame/);
});

test("SIGTERM ends it with its summary, but not before the requests that were asked for", async () => {
  const url = await serve({});
  const seconds = 600;
  const args = ["--seconds", String(seconds), "--at-least", "400"];
  const { report } = await load(url, args, (child) => child.kill("SIGTERM"));
  assert.ok(report.ok >= 400);
  assert.ok(report.seconds < seconds);
});

test("every client is there before it says that it runs, and again after SIGTERM", async () => {
  let release = "blue";
  const url = await serve({ page: (response) => response.end(`release ${release}`) });
  const args = [
    "--seconds",
    "600",
    "--version-pattern",
    "release (\\w+)",
    "--get",
    "/",
    "--get",
    "/",
  ];
  const { report } = await load(url, args, (child) => {
    release = "green";
    child.kill("SIGTERM");
  });
  assert.ok(report.versions.blue >= 8 * 2, JSON.stringify(report.versions));
  assert.ok(report.versions.green >= 8 * 2, JSON.stringify(report.versions));
  assert.ok(report.kinds.post.ok >= 4 && report.kinds.websocket.ok >= 4);
});

function closeInOrder(socket) {
  socket.end(Buffer.from([0x88, 2, 0x03, 0xe9])); // close, 1001: going away
}

/** A server that speaks as much of the board as the load asks for; each part can be replaced. */
async function serve({
  page = (response) => response.end("release blue"),
  call = (response) => response.end("{}"),
  onPing = (socket, answer) => socket.write(answer),
}) {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url === "/api/mizan/csrf/") {
      response.setHeader("Set-Cookie", "csrftoken=abc; Path=/");
      return response.end('{"csrfToken":"abc"}');
    }
    return request.method === "POST" ? call(response) : page(response);
  });
  server.on("upgrade", (request, socket) => {
    socket.on("error", () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(request)}\r\n\r\n`,
    );
    socket.on("data", (frame) => {
      if ((frame[0] & 0x0f) === 0x8) return socket.end(Buffer.from([0x88, 2, 0x03, 0xe8])); // close, 1000
      const pong = JSON.stringify({ pong: unmask(frame).ping });
      return onPing(socket, Buffer.concat([Buffer.from([0x81, pong.length]), Buffer.from(pong)]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  servers.push(server);
  return `http://board.localhost:${server.address().port}`;
}

/** The JSON in a short masked frame. */
function unmask(frame) {
  const mask = frame.subarray(2, 6);
  return JSON.parse(
    Buffer.from(frame.subarray(6).map((byte, index) => byte ^ mask[index % 4])).toString(),
  );
}

function accept(request) {
  return createHash("sha1")
    .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
}

async function load(url, args, whenRunning = () => {}) {
  const child = spawn(process.execPath, [LOAD, "--url", url, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.once("data", () => whenRunning(child)); // it says when it is running
  const [code] = await once(child, "close");
  return { report: JSON.parse(output), code };
}
