// What a hostile page can try with script. Each attempt says what this page got to know.

const app = document.body.dataset.app;
const invoice = JSON.stringify({ customer: "Somebody Else", amount_cents: 100000 });

const attempts = [
  ["Read the invoices", () => fetch(`${app}/api/invoices`, { credentials: "include" })],
  [
    "Read them with the gateway's header",
    () => fetch(`${app}/api/invoices`, { credentials: "include", headers: { "X-CSRF": "1" } }),
  ],
  ["Ask who is signed in", () => fetch(`${app}/auth/session`, { credentials: "include", headers: { "X-CSRF": "1" } })],
  [
    "Add an invoice without being able to read the answer",
    () => fetch(`${app}/api/invoices`, { method: "POST", mode: "no-cors", credentials: "include", body: invoice }),
  ],
  [
    "Sign the person out",
    () => fetch(`${app}/auth/logout`, { method: "POST", mode: "no-cors", credentials: "include" }),
  ],
];

async function outcome(attempt) {
  try {
    const response = await attempt();
    // An opaque answer has no status for us; the app refused it with 403.
    return response.type === "opaque" ? "sent, but nothing to see (the app answered 403)" : `answer ${response.status}`;
  } catch {
    return "blocked";
  }
}

for (const [name, attempt] of attempts) {
  const row = document.createElement("tr");
  const [what, got] = [document.createElement("td"), document.createElement("td")];
  what.textContent = name;
  got.textContent = "…";
  row.append(what, got);
  document.getElementById("attempts").append(row);
  outcome(attempt).then((text) => {
    got.textContent = text;
  });
}
