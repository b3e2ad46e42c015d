// Everything that passed between a browser profile and its servers.

/** Requests and answers in the order in which they began. */
export class Record {
  /** @type {import("playwright-core").Request[]} */
  requests = [];
  /** @type {import("playwright-core").Response[]} */
  responses = [];
  /** Messages of errors and warnings, as the developer tools show them. */
  complaints = [];

  /** @param {import("playwright-core").BrowserContext} context */
  constructor(context) {
    context.on("request", (request) => this.requests.push(request));
    context.on("response", (response) => this.responses.push(response));
    context.on("weberror", (error) => this.complaints.push(String(error.error())));
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
  }

  /** Every address that was asked for. */
  urls() {
    return this.requests.map((request) => request.url());
  }

  /** The answers to requests whose address begins so. */
  answers(prefix) {
    return this.responses.filter((response) => response.url().startsWith(prefix));
  }

  /** The requests whose address begins so. */
  asked(prefix) {
    return this.requests.filter((request) => request.url().startsWith(prefix));
  }

  /** Every header but `Set-Cookie`, and every body: what script could read if it were allowed to. */
  async readable() {
    const answers = await Promise.all(
      this.responses.map(async (response) => {
        const headers = await response.headersArray();
        const lines = headers
          .filter(({ name }) => name.toLowerCase() !== "set-cookie")
          .map(({ name, value }) => `${name}: ${value}`);
        // A redirect has no body that the browser keeps.
        const body = await response.text().catch(() => "");
        return [response.url(), ...lines, body];
      }),
    );
    return answers.flat();
  }
}
