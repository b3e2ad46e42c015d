// What stands behind the gateway: a front page, a page for people who are signed in, and an API that remembers what came.

import { createServer } from "node:http";

/** A request as it came to the upstream. Header names are in lower case. */
class Seen {
  constructor({ method, url, headers }) {
    this.method = method;
    this.path = url;
    this.headers = headers;
  }

  /** The access token, where there is one. */
  get token() {
    return /^Bearer (.+)$/.exec(this.headers.authorization ?? "")?.[1];
  }
}

export class Upstream {
  /** @type {Seen[]} */
  requests = [];
  #server;

  static async start() {
    const upstream = new Upstream();
    upstream.#server = createServer((question, answer) => upstream.#answer(question, answer));
    await new Promise((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get address() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** The requests that reached the API. */
  get apiCalls() {
    return this.requests.filter(({ path }) => path.startsWith("/api"));
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(question, answer) {
    question.resume();
    this.requests.push(new Seen(question));
    if (question.url.startsWith("/api")) {
      answer.setHeader("Content-Type", "application/json");
      answer.end(JSON.stringify({ path: question.url, calls: this.apiCalls.length }));
      return;
    }
    answer.setHeader("Content-Type", "text/html; charset=utf-8");
    answer.end(question.url.startsWith("/account") ? ACCOUNT : FRONT);
  }
}

const FRONT = `<!doctype html><title>App</title><h1>App</h1>
<a id="sign-in" href="/auth/login?return_to=/">Sign in</a> <a href="/account">My account</a>`;
const ACCOUNT = `<!doctype html><title>My account</title><h1>My account</h1><p id="subject">Only for who is signed in.</p>`;
