// Stands on the wire between the browser and the demo and writes down what passes: a browser's own tools leave out
// preflights, answers that it keeps from a page, and the bodies of pages that it has left.

import { createServer, request as send } from "node:http";

/** One request and its answer, as they were on the wire. Header names are in lower case. */
class Exchange {
  constructor({ method, url, headers }) {
    this.method = method;
    this.path = url;
    this.url = `http://${headers.host}${url}`;
    this.headers = headers;
    /** 0 until there is an answer. */
    this.status = 0;
    this.answerHeaders = {};
    /** As far as it has come. */
    this.body = "";
    this.isOver = false;
  }

  /** The cookie's value, where the browser sent it. */
  cookie(name) {
    const pairs = (this.headers.cookie ?? "").split("; ").map((pair) => pair.split("="));
    return pairs.find(([found]) => found === name)?.[1];
  }

  /** What script could read if it were allowed to: the address, every header but `Set-Cookie`, the body. */
  readable() {
    const headers = Object.entries(this.answerHeaders).filter(([name]) => name !== "set-cookie");
    return [this.url, ...headers.map(([name, value]) => `${name}: ${value}`), this.body];
  }
}

export class Witness {
  /** @type {Exchange[]} */
  exchanges = [];
  #server;

  /** Passes everything on to the port of this machine that the request names. */
  static async open() {
    const witness = new Witness();
    witness.#server = createServer((question, answer) => witness.#pass(question, answer));
    await new Promise((resolve) => witness.#server.listen(0, "127.0.0.1", resolve));
    return witness;
  }

  /** Where browsers have to be sent for it to see them. */
  get address() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  /** What passed while `act` ran, once every question has its answer. */
  async during(act) {
    const before = this.exchanges.length;
    const result = await act();
    const passed = () => this.exchanges.slice(before);
    for (let waits = 0; passed().some(({ isOver }) => !isOver) && waits < 500; waits += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { exchanges: passed(), result };
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(question, answer) {
    const exchange = new Exchange(question);
    this.exchanges.push(exchange);
    const { method, url: path, rawHeaders: headers } = question;
    const { port } = new URL(exchange.url);
    const options = { host: "127.0.0.1", port, method, path, headers, setHost: false, agent: false };
    const onward = send(options, (reply) => {
      exchange.status = reply.statusCode;
      exchange.answerHeaders = reply.headers;
      answer.writeHead(reply.statusCode, reply.statusMessage, reply.rawHeaders);
      reply.on("data", (chunk) => (exchange.body += chunk.toString("latin1")));
      reply.on("close", () => (exchange.isOver = true));
      reply.pipe(answer);
    });
    onward.on("error", () => {
      exchange.isOver = true;
      answer.destroy();
    });
    question.pipe(onward);
  }
}
