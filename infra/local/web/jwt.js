// A JWT in its three parts (RFC 7515 3.1), read but not believed.

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Decode base64url (RFC 7515 2) into bytes; throws for anything else. */
export function bytes(text) {
  if (!/^[\w-]*$/.test(text)) throw new Error("not base64url");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function encode(value) {
  const binary = String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value)));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function object(part) {
  const value = JSON.parse(utf8.decode(bytes(part)));
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("not an object");
  return value;
}

/** Give {parts, header, claims}: what a token says, which nobody has verified yet. Null where it is no JWT. */
export function read(text) {
  const parts = text.trim().split(".");
  try {
    return parts.length === 3 ? { parts, header: object(parts[0]), claims: object(parts[1]) } : null;
  } catch {
    return null;
  }
}

/** Give the token with a scope more than was signed, and the signature that it had. */
export function tampered(text) {
  const { parts, claims } = read(text);
  const more = { ...claims, scope: [claims.scope, "admin"].filter(Boolean).join(" ") };
  return [parts[0], encode(more), parts[2]].join(".");
}
