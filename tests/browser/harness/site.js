// A site that a tester controls: another site (127.0.0.1) or a sibling of the app (localhost, another port).

import { createServer } from "node:http";

/** Another site to the app, which is at `localhost`. */
export const OTHER_SITE = "127.0.0.1";
/** Another origin on the app's own site: browsers send it even `SameSite=Strict` cookies. */
export const SIBLING = "localhost";

/**
 * Serves one page until the test ends.
 *
 * @param {import("node:test").TestContext} test
 * @param {string} host one of the two above
 * @param {string} html
 * @returns {Promise<string>} the page's address
 */
export async function serve(test, host, html = "<!doctype html><title>Elsewhere</title><p>Elsewhere.</p>") {
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(html);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://${host}:${server.address().port}/`;
}
