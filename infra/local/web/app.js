// The developer page: ask for a token, read it, call the API with it.

import { badge, sendAll, showCalls } from "./calls.js";
import { byId, copyButton, element, say } from "./dom.js";
import { answerText, curl, object, requestText, send } from "./http.js";
import { inspector } from "./inspector.js";
import { tampered } from "./jwt.js";
import { tokenRequest, whyNoToken, withoutSecret } from "./token_request.js";

const DEFAULT_SCOPES = new Set(["products:read", "products:write"]);

/** Fill in what the stack says of itself, and wire the three steps. */
function start(config) {
  let token = null;
  byId("issuer").textContent = config.issuer;
  byId("api").textContent = config.api;
  byId("client").textContent = config.client_id;
  byId("client-id").value = config.client_id;
  byId("client-secret").value = config.client_secret;
  byId("resource").value = config.audience;
  byId("scopes").append(...config.scope.split(" ").map(choice));
  wireReveal();

  const show = inspector({ issuer: config.issuer, audience: config.audience }, () => token ?? "");

  /** Ask for a token of the form's client; null where the server gives none, which the first step then explains. */
  async function ask(scope, { quietly = false } = {}) {
    const [clientId, clientSecret, resource] = ["client-id", "client-secret", "resource"].map((id) => byId(id).value);
    const request = tokenRequest({ issuer: config.issuer, clientId, clientSecret, scope, resource });
    const answer = await send(request);
    const document = object(answer.body);
    const got = answer.status === 200 ? document.access_token ?? null : null;
    if (got === null || !quietly) showExchange(request, answer, got === null ? whyNoToken(answer, document) : "");
    return got;
  }

  async function askForYours() {
    token = await ask(chosenScope());
    await show(token ?? "");
    return token;
  }

  const tokens = {
    yours: async () => token ?? (await askForYours()),
    none: async () => "",
    tampered: async () => tamperedOf(token ?? (await askForYours())),
    expired: async () => config.expired_token,
    narrow: () => ask(config.scope.split(" ").find((each) => !each.startsWith("products:")), { quietly: true }),
  };
  const inspect = async (text) => {
    await show(text);
    byId("read-title").scrollIntoView();
    byId("read-title").focus();
  };

  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    askForYours();
  });
  showCalls(config, tokens, inspect);
  byId("all").addEventListener("click", () => sendAll(config, tokens, inspect));
}

const tamperedOf = (token) => token && tampered(token);

function choice(scope) {
  const attributes = { type: "checkbox", name: "scope", value: scope };
  if (DEFAULT_SCOPES.has(scope)) attributes.checked = "";
  return element("label", { class: "choice" }, element("input", attributes), element("code", {}, scope));
}

function chosenScope() {
  const chosen = [...document.querySelectorAll("[name=scope]:checked")].map(({ value }) => value);
  return [...chosen, byId("other-scope").value.trim()].filter(Boolean).join(" ");
}

function wireReveal() {
  byId("reveal").addEventListener("click", ({ target }) => {
    const hidden = byId("client-secret").type === "password";
    byId("client-secret").type = hidden ? "text" : "password";
    target.textContent = hidden ? "Hide" : "Show";
    target.setAttribute("aria-pressed", String(hidden));
  });
}

function showExchange(request, answer, refused) {
  const hidden = withoutSecret(request);
  byId("exchange").replaceChildren(
    element("p", { class: "because" }, badge(answer.status), " ", refused || "A token: the second step reads it."),
    element("h3", {}, "Request"), element("pre", { tabindex: "0" }, requestText(hidden)),
    element("h3", {}, "Answer"), element("pre", { tabindex: "0", class: "answer" }, answerText(answer)),
    element("div", { class: "buttons" }, copyButton("Copy as curl", () => curl(request))),
    element("p", { class: "note" }, "The copied command has the secret in it, which is shown here as dots."),
  );
  if (refused) say(`No token: ${answer.status || "no answer"}. ${refused}`);
}

async function begin() {
  try {
    start(await (await fetch("config.json", { cache: "no-store" })).json());
  } catch (error) {
    byId("trouble").textContent = "The local stack does not answer. Start it with make run, and load this page again.";
    byId("trouble").hidden = false;
    throw error;
  }
}

begin();
