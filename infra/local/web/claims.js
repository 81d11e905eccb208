// What each member of a token's header and claims means.

import { element } from "./dom.js";
import { away, local } from "./time.js";

const HEADER = {
  alg: "How it is signed: RSA, with SHA-256. Verifiers pin this, and never choose by it.",
  typ: "What kind of JWT it is: an access token (RFC 9068), so that no other JWT passes for one.",
  kid: "Which of the issuer's published keys verifies it.",
};

const CLAIMS = {
  iss: "Who made it. An API accepts issuers that it knows.",
  sub: "Who it is about: for a machine, the client itself.",
  client_id: "Which client asked for it.",
  aud: "Which API it is for. Any other refuses it.",
  scope: "What its bearer may do.",
  iat: "When it was made.",
  nbf: "When it begins to be good.",
  exp: "When it ends, whatever happens.",
  auth_time: "When the person last gave the password.",
  jti: "Its own name. By this it is revoked, and found in the audit log.",
  cnf: "The key that it is bound to: whoever bears it has to prove possession (RFC 7800).",
  act: "Who acts, on behalf of the subject (RFC 8693).",
  identity_provider: "Who vouches for the subject, which then is no client.",
  usage_identifier_key: "By this API Gateway counts the client's usage plan.",
};

const TIMES = new Set(["iat", "nbf", "exp", "auth_time"]);
const UNKNOWN = "A claim of the client's own, which this page does not know.";

/** Give the elements that explain a token, claim by claim. */
export function explained({ header, claims }) {
  return [
    element("h3", { class: "part-0" }, "Header"), list(header, HEADER),
    element("h3", { class: "part-1" }, "Claims"), list(claims, CLAIMS),
  ];
}

/** Bring the countdowns up to date. */
export function tick() {
  for (const each of document.querySelectorAll("[data-time]")) each.textContent = away(Number(each.dataset.time));
}

function list(members, meanings) {
  const rows = Object.entries(members).map(([name, value]) => element("div", { "data-claim": name },
    element("dt", {}, name),
    element("dd", { class: "value" }, ...shown(name, value)),
    element("dd", { class: "meaning" }, Object.hasOwn(meanings, name) ? meanings[name] : UNKNOWN)));
  return element("dl", { class: "claims" }, ...rows);
}

function shown(name, value) {
  if (TIMES.has(name) && typeof value === "number") {
    const counted = element("span", { class: "away", role: "timer", "data-time": String(value) }, away(value));
    return [local(value), " ", counted, " ", element("span", { class: "raw" }, String(value))];
  }
  return [typeof value === "string" ? value : JSON.stringify(value)];
}
