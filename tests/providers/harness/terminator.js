// Speaks TLS with the browser, as the proxy does that stands before every https origin, and writes down what passes.

import { execFileSync } from "node:child_process";
import { request as send } from "node:http";
import { createServer } from "node:https";

/** One request and its answer. Header names are in lower case. */
class Exchange {
  constructor({ method, url, headers }) {
    this.method = method;
    this.path = url;
    this.headers = headers;
    /** 0 until there is an answer. */
    this.status = 0;
  }

  /** Whether the browser sent a cookie of this name along. */
  carries(name) {
    return (this.headers.cookie ?? "").split("; ").some((pair) => pair.split("=")[0] === name);
  }
}

export class Terminator {
  /** @type {Exchange[]} */
  exchanges = [];
  #server;

  /** Stands before a gateway on this machine, with a certificate of its own making for `localhost`. */
  static async before(port) {
    const terminator = new Terminator();
    const pem = certificate();
    terminator.#server = createServer({ key: pem, cert: pem }, (question, answer) => terminator.#pass(port, question, answer));
    await new Promise((resolve) => terminator.#server.listen(0, "127.0.0.1", resolve));
    return terminator;
  }

  get origin() {
    return `https://localhost:${this.#server.address().port}`;
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(port, question, answer) {
    const exchange = new Exchange(question);
    this.exchanges.push(exchange);
    const options = { host: "127.0.0.1", port, method: question.method, path: question.url, headers: question.rawHeaders };
    const onward = send({ ...options, setHost: false, agent: false }, (reply) => {
      exchange.status = reply.statusCode;
      answer.writeHead(reply.statusCode, reply.statusMessage, reply.rawHeaders);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    question.pipe(onward);
  }
}

/** Key and certificate in one text. */
function certificate() {
  const what = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const whose = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const where = ["-keyout", "-", "-out", "-"];
  return execFileSync("openssl", ["req", "-x509", ...what, ...whose, ...where], { stdio: ["ignore", "pipe", "ignore"] });
}
