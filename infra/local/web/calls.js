// The six calls of the third step: what is sent, with which token, and how it went.

import { byId, copyButton, element, say } from "./dom.js";
import { answerText, curl, object, requestText, send } from "./http.js";
import { read } from "./jwt.js";
import { challenge, why } from "./refusal.js";
import { now } from "./time.js";
import { verify } from "./verification.js";

const LIST = { method: "GET", path: "/products", needs: "products:read" };
const ADD = { method: "POST", path: "/products", needs: "products:write", body: '{"name": "Mug", "price": "8.00"}' };

export const CALLS = [
  { id: "list", title: "List the products", token: "yours", with: "your token", ...LIST },
  { id: "add", title: "Add a product", token: "yours", with: "your token", ...ADD },
  { id: "none", title: "Without a token", token: "none", with: "no token", ...LIST },
  { id: "tampered", title: "With a tampered token", token: "tampered", with: "a scope added to yours", ...LIST },
  { id: "expired", title: "With an expired token", token: "expired", with: "a token of two hours ago", ...LIST },
  { id: "narrow", title: "Without the scope", token: "narrow", with: "a token of another scope", ...LIST },
];

/** Show the calls. `tokens[kind]()` gives a token to call with; `inspect(token)` shows it in the second step. */
export function showCalls(config, tokens, inspect) {
  byId("calls").append(...CALLS.map((call) => row(call, () => run(call, config, tokens, inspect))));
}

/** Send every call, one after the other. */
export async function sendAll(config, tokens, inspect) {
  for (const call of CALLS) await run(call, config, tokens, inspect);
  say("All six calls have been answered.");
}

function row(call, onSend) {
  const button = element("button", { type: "button", "aria-describedby": `${call.id}-what` }, "Send");
  button.setAttribute("aria-label", `Send: ${call.title}`);
  button.addEventListener("click", onSend);
  return element("li", { class: "card call", id: `call-${call.id}` },
    element("div", { class: "call-head" },
      element("div", {},
        element("h3", {}, call.title),
        element("p", { class: "note", id: `${call.id}-what` }, element("code", {}, `${call.method} ${call.path}`), ` with ${call.with}`)),
      button),
    element("div", { class: "outcome" }));
}

async function run(call, config, tokens, inspect) {
  const outcome = byId(`call-${call.id}`).querySelector(".outcome");
  outcome.setAttribute("aria-busy", "true");
  const token = await tokens[call.token]();
  if (token === null) {
    say(`${call.title}: not sent, as there is no token.`);
    outcome.replaceChildren(element("p", {}, "Not sent: there is no token to call with. The first step says why."));
  } else {
    const request = requestOf(call, config.api, token);
    const answer = await send(request);
    const checks = token && (await verify(token, { issuer: config.issuer, audience: config.audience }, now()));
    const { error } = object(answer.body);
    const because = why(call, answer.status, error, read(token)?.claims ?? null, checks || null);
    outcome.replaceChildren(...shown(request, answer, because, token, inspect));
    say(`${call.title}: ${answer.status || "no answer"}. ${because}`);
  }
  outcome.removeAttribute("aria-busy");
}

/** Give the request of a call; the token is "" where it is made without one. */
function requestOf({ method, path, body }, api, token) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return { method, url: `${api}${path}`, headers, body };
}

function shown(request, answer, because, token, inspect) {
  const buttons = [copyButton("Copy as curl", () => curl(request))];
  if (token) {
    const look = element("button", { type: "button", class: "quiet" }, "Read this token");
    look.addEventListener("click", () => inspect(token));
    buttons.push(look);
  }
  return [
    element("p", { class: "because" }, badge(answer.status), " ", because),
    element("details", {}, element("summary", {}, "Request and answer"),
      element("h4", {}, "Request"), element("pre", { tabindex: "0" }, requestText(request)),
      element("h4", {}, "Answer"), element("pre", { tabindex: "0" }, answerText(answer)),
      ...meaning(answer)),
    element("div", { class: "buttons" }, ...buttons),
  ];
}

/** Make the coloured status: the number says the same to who sees no colour. */
export function badge(status) {
  const kind = status >= 200 && status < 400 ? "good" : "bad";
  return element("span", { class: `badge ${kind}` }, status === 0 ? "no answer" : String(status));
}

function meaning({ headers }) {
  const [, text] = headers.find(([name]) => name === "WWW-Authenticate") ?? [];
  if (text === undefined) return [];
  const rows = Object.entries(challenge(text)).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", { class: "value" }, value)));
  return [element("h4", {}, "The challenge"), element("dl", { class: "claims" }, ...rows)];
}
