// What an authorizer checks of a token (RFC 9068 4), checked in the page, with the keys that the issuer publishes.

import { bytes, read } from "./jwt.js";
import { distance } from "./time.js";

const RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const SKEW_SECONDS = 60; // CLOCK_SKEW_SECONDS of the authorizer, unless it is set

/**
 * Check a token at the Unix time `now`; give [{name, ok, text}], each text a sentence that holds whichever way it went.
 *
 * `ok` is null for what could not be checked. What only this page cannot know, revocation above all, is not in it.
 */
export async function verify(text, { issuer, audience }, now) {
  const token = read(text);
  if (token === null) return [check("form", false, "it is not a JWT: three parts, the first two JSON objects")];
  const { header, claims } = token;
  return [
    await signature(token, issuer),
    type(header),
    check("iss", claims.iss === issuer, claims.iss === issuer ? "this issuer made it" : "it names another issuer"),
    audienceCheck(claims, audience),
    expiry(claims, now),
  ];
}

/** Tell whether each check went well. */
export const verified = (checks) => checks.every(({ ok }) => ok === true);

const check = (name, ok, text) => ({ name, ok, text });

async function signature({ parts, header }, issuer) {
  const failed = (text) => check("signature", false, text);
  if (header.alg !== "RS256") return failed("it is not signed with RS256");
  const keys = await keysOf(issuer);
  if (keys === null) return check("signature", null, "the issuer's keys cannot be had at the moment");
  const jwk = keys.find(({ kid, kty }) => kid === header.kid && kty === "RSA");
  if (jwk === undefined) return failed("the issuer has no key of the name that it gives (kid)");
  const good = await signedBy(jwk, parts);
  return good ? check("signature", true, "the issuer's key signed exactly this")
    : failed("the issuer's key did not sign this: it was changed since, or somebody else made it");
}

async function keysOf(issuer) {
  try {
    const answer = await fetch(`${issuer}/.well-known/jwks.json`, { cache: "no-cache", credentials: "omit" });
    return answer.ok ? (await answer.json()).keys : null;
  } catch {
    return null;
  }
}

/** Verify a signature over the first two parts (RFC 7515 5.2). A part that is not base64url verifies nothing. */
async function signedBy({ kty, n, e }, [header, payload, signed]) {
  try {
    const key = await crypto.subtle.importKey("jwk", { kty, n, e }, RS256, false, ["verify"]);
    return await crypto.subtle.verify(RS256, key, bytes(signed), new TextEncoder().encode(`${header}.${payload}`));
  } catch {
    return false;
  }
}

function type({ typ }) {
  const good = typeof typ === "string" && ["at+jwt", "application/at+jwt"].includes(typ.toLowerCase()); // RFC 9068 4
  return check("typ", good, good ? "it is an access token" : "it is some other kind of JWT than an access token");
}

function audienceCheck({ aud }, audience) {
  const good = [aud].flat().includes(audience);
  return check("aud", good, good ? "it is for this API" : "it is for another API than this one");
}

function expiry({ exp }, now) {
  if (typeof exp !== "number") return check("exp", false, "it does not say when it ends");
  if (now < exp) return check("exp", true, "it has not expired");
  const nearly = now < exp + SKEW_SECONDS ? `; an authorizer allows for a clock that is ${SKEW_SECONDS} seconds off` : "";
  return check("exp", false, `it expired ${distance(now - exp)} ago${nearly}`);
}
