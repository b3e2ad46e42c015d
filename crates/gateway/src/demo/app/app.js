// A single-page app behind Cloakroom: it never has a token, keeps nothing, and knows who is signed in by asking.

const element = (id) => document.getElementById(id);
const ownRequest = { headers: { "X-CSRF": "1" }, cache: "no-store" };

/** When the session ends, on this page's own clock; nothing while nobody is signed in. */
let ends = null;

/** Asks the gateway who is signed in. Looking does not count as use of the session. */
async function readSession() {
  let answer;
  try {
    answer = await fetch("/auth/session?touch=0", ownRequest);
  } catch {
    return showUnknown();
  }
  return answer.ok ? showSession(await answer.json()) : showUnknown();
}

function showSession(session) {
  const name = session.claims?.name ?? session.sub ?? "";
  ends = session.authenticated ? deadlines(session) : null;
  showState(session.authenticated ? "signed in" : "signed out");
  element("user").textContent = session.authenticated ? name : "";
  element("session-id").textContent = session.id ?? "";
  element("session-text").textContent = session.authenticated
    ? `Signed in as ${name}. Your browser holds a ticket that script cannot read; the tokens stay at the gateway.`
    : sessionEndText(session.reason);
  showTimeLeft();
}

/** Not knowing is not being signed out: what the page shows stays, only the badge changes. */
function showUnknown() {
  showState("unknown");
  element("session-text").textContent = "The gateway does not answer. Trying again shortly.";
}

function showState(state) {
  const badge = element("state");
  badge.textContent = state;
  badge.dataset.state = state;
  element("sign-in").hidden = state !== "signed out";
  element("sign-out").hidden = state === "signed out";
  element("session-details").hidden = state !== "signed in";
}

function sessionEndText(reason) {
  const ended = { idle: "it was not used for long", absolute: "its time was over", logout: "you signed out" }[reason];
  return ended ? `Your session has ended: ${ended}.` : "Nobody is signed in here.";
}

const deadlines = (session) => ({
  idle: performance.now() + session.idle_in * 1000,
  absolute: performance.now() + session.absolute_in * 1000,
});

function showTimeLeft() {
  if (!ends) return;
  element("idle-in").textContent = timeUntil(ends.idle);
  element("absolute-in").textContent = timeUntil(ends.absolute);
  if (Math.min(ends.idle, ends.absolute) < performance.now()) readSession();
}

function timeUntil(deadline) {
  const seconds = Math.max(0, Math.round((deadline - performance.now()) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const clock = [minutes, seconds % 60].map((part) => String(part).padStart(2, "0")).join(":");
  return hours ? `${hours}:${clock}` : clock;
}

/** Calls the API through the gateway and shows the answer. */
async function callApi(path, options = {}) {
  const result = element("api-result");
  result.textContent = `${options.method ?? "GET"} ${path} …`;
  try {
    const headers = { ...ownRequest.headers, ...options.headers };
    const answer = await fetch(path, { ...ownRequest, ...options, headers });
    result.textContent = `${answer.status} ${answer.statusText}\n${await readable(answer)}`;
  } catch {
    result.textContent = "No answer. Is the demo still running?";
  }
  await readSession();
}

async function readable(answer) {
  const text = await answer.text();
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const addInvoice = () =>
  callApi("/api/invoices", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ customer: "March Hare Catering", amount_cents: 100 + Math.floor(Math.random() * 50000) }),
  });

/** Signs out here, then at the login server, if it has a page for that. */
async function signOut() {
  try {
    const answer = await fetch("/auth/logout", { ...ownRequest, method: "POST" });
    if (!answer.ok) return notice("Signing out did not work. You are still signed in; please try again.");
    const { logout_url: logoutUrl } = answer.status === 200 ? await answer.json() : {};
    if (logoutUrl) return location.assign(logoutUrl);
    return readSession();
  } catch {
    return notice("The gateway does not answer. You are still signed in; please try again.");
  }
}

function notice(text) {
  element("notice").textContent = text;
  element("notice").hidden = false;
}

/** Everything that script can read, as an attacker's script could. */
async function showWhatScriptSees() {
  element("sees-cookie").textContent = document.cookie || "empty";
  element("sees-local-storage").textContent = Object.keys(localStorage).join(", ") || "empty";
  element("sees-session-storage").textContent = Object.keys(sessionStorage).join(", ") || "empty";
  const databases = await indexedDB.databases?.();
  element("sees-indexed-db").textContent = databases
    ? databases.map((database) => database.name).join(", ") || "empty"
    : "this browser does not list databases";
}

async function showLinks() {
  const answer = await fetch("/links.json");
  if (answer.ok) element("elsewhere").href = `${(await answer.json()).elsewhere}/elsewhere`;
}

element("call-api").addEventListener("click", () => callApi("/api/invoices"));
element("post-api").addEventListener("click", addInvoice);
element("who-am-i").addEventListener("click", () => callApi("/api/whoami"));
element("sign-out").addEventListener("click", signOut);
// A page that comes back from the history, or from the background, may show what is no longer true.
addEventListener("pageshow", (event) => event.persisted && readSession());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && readSession());
setInterval(showTimeLeft, 1000);
setInterval(readSession, 30_000);
await readSession();
await Promise.allSettled([showWhatScriptSees(), showLinks()]);
