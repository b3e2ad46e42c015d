// Stands on the wire between browser and gateway and writes down what passes: a browser's own tools leave out
// preflights, and answers that it keeps from a page.

import { createServer, request as send } from "node:http";

/** One request and its answer, as they were on the wire. Header names are in lower case. */
class Exchange {
  constructor({ method, url, headers }) {
    this.method = method;
    this.path = url;
    this.headers = headers;
    /** 0 until there is an answer. */
    this.status = 0;
    this.answerHeaders = {};
  }

  /** The cookie's value, where the browser sent it. */
  cookie(name) {
    const pairs = (this.headers.cookie ?? "").split("; ").map((pair) => pair.split("="));
    return pairs.find(([found]) => found === name)?.[1];
  }
}

export class Witness {
  /** @type {Exchange[]} */
  exchanges = [];
  #server;

  /** Passes everything on to a gateway on this machine. */
  static async before(port) {
    const witness = new Witness();
    witness.#server = createServer((question, answer) => witness.#pass(port, question, answer));
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
    for (let waits = 0; passed().some(({ status }) => status === 0) && waits < 500; waits += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { exchanges: passed(), result };
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(port, question, answer) {
    const exchange = new Exchange(question);
    this.exchanges.push(exchange);
    const { method, url: path, rawHeaders: headers } = question;
    const options = { host: "127.0.0.1", port, method, path, headers, setHost: false, agent: false };
    const onward = send(options, (reply) => {
      exchange.status = reply.statusCode;
      exchange.answerHeaders = reply.headers;
      answer.writeHead(reply.statusCode, reply.statusMessage, reply.rawHeaders);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    question.pipe(onward);
  }
}
