// The second step: a token in its three parts, what each claim means, and what was verified.

import { explained, tick } from "./claims.js";
import { byId, copy, element, say } from "./dom.js";
import { read, tampered } from "./jwt.js";
import { now } from "./time.js";
import { verified, verify } from "./verification.js";

const MARKS = new Map([[true, ["good", "passed"]], [false, ["bad", "failed"]], [null, ["open", "not checked"]]]);

/** Wire the second step. `yours()` gives the token that was asked for, "" before. Returns a function that shows one. */
export function inspector(expected, yours) {
  let shown = "";
  let turns = 0;
  let judgedAt = 0;

  async function show(text) {
    shown = text.trim();
    const turn = ++turns;
    byId("pasted").value = shown;
    render(shown);
    judgedAt = now();
    const checks = shown ? await verify(shown, expected, judgedAt) : [];
    if (turn === turns && shown) judge(checks); // else another token has come since
  }

  byId("pasted").addEventListener("input", ({ target }) => show(target.value));
  byId("tamper").addEventListener("click", () => {
    if (read(shown) === null) return say("There is no token to tamper with.");
    return show(tampered(shown));
  });
  byId("restore").addEventListener("click", () => show(yours()));
  byId("copy-token").addEventListener("click", ({ target }) => copy(target, shown));
  setInterval(() => {
    tick();
    const { exp } = read(shown)?.claims ?? {};
    if (judgedAt < exp && exp <= now()) show(shown); // it was good when it was judged
  }, 1000);
  return show;
}

function render(text) {
  byId("no-token").hidden = text !== "";
  byId("token-shown").hidden = text === "";
  const parts = text.split(".").map((part, index) => element("span", { class: `part-${Math.min(index, 2)}` }, part));
  byId("token").replaceChildren(...parts.flatMap((part, index) => (index ? [".", part] : [part])));
  const token = read(text);
  const nothing = element("p", { class: "empty" }, text ? "This cannot be read as a JWT." : "What each claim says will stand here.");
  byId("claims-card").replaceChildren(...(token ? explained(token) : [nothing]));
}

function judge(checks) {
  const good = verified(checks);
  byId("verdict").textContent = good ? "Verified in this page" : "Not verified";
  byId("verdict").className = good ? "good" : "bad";
  byId("checks").replaceChildren(...checks.map(({ name, ok, text }) => {
    const [kind, word] = MARKS.get(ok);
    return element("li", { class: kind, "data-check": name, "data-ok": String(ok) },
      element("span", { class: "unseen" }, `${word}: `), element("code", {}, name), ` ${text}`);
  }));
  const failed = checks.filter(({ ok }) => ok !== true).map(({ text }) => text);
  say(good ? "The token is verified: every check passed." : `The token is not verified: ${failed.join("; ")}.`);
}
