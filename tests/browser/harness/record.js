// What a browser profile asked for.

/** Requests in the order in which they began, and what the browser complained about. */
export class Record {
  /** @type {import("playwright-core").Request[]} */
  requests = [];
  /** Messages of errors and warnings, as the developer tools show them. */
  complaints = [];

  /** @param {import("playwright-core").BrowserContext} context */
  constructor(context) {
    context.on("request", (request) => this.requests.push(request));
    context.on("weberror", (error) => this.complaints.push(String(error.error())));
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
  }

  /** Every address that was asked for. */
  urls() {
    return this.requests.map((request) => request.url());
  }

  /** The requests whose address begins so. */
  asked(prefix) {
    return this.requests.filter((request) => request.url().startsWith(prefix));
  }
}
