// Why the API answered as it did, out of its challenge and the token itself: it tells no client more.

const ERRORS = {
  invalid_request: "The request is not one that the API understands; the body says what is wrong.",
  not_found: "There is no such thing at this path.",
  method_not_allowed: "The path is there, but not with this method.",
  access_denied: "Something in front of the API refuses this call, whatever the token.",
  temporarily_unavailable: "The API, or something that it depends on, does not answer now. The token is not to blame: try again.",
  server_error: "The API failed. The token is not to blame.",
};

/** Give the parameters of a challenge (RFC 9110 11.6.1, RFC 6750 3): {realm, error, scope, resource_metadata}. */
export function challenge(text) {
  const pairs = (text ?? "").matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries([...pairs].map(([, name, value]) => [name, value.replaceAll(/\\(.)/g, "$1")]));
}

/**
 * Say in plain words why a call ended so. `call` is {method, path, needs}, `claims` and `checks` are null without a token.
 */
export function why(call, status, error, claims, checks) {
  if (status === 0) return "The API did not answer. Is the stack still running?";
  if (status < 400) return `Allowed: the token is good, and its scope has ${call.needs}, which ${call.method} ${call.path} needs.`;
  if (status === 401) return claims === null && checks === null ? NO_TOKEN : badToken(checks);
  if (error === "insufficient_scope") return wrongScope(call, claims);
  return Object.hasOwn(ERRORS, error ?? "") ? ERRORS[error] : `The API answered ${status}, with an error that this page does not know.`;
}

const NO_TOKEN = "Refused, because there was no token. The challenge names the scopes of the API, and where to learn who issues "
  + "tokens for it (resource_metadata).";

function badToken(checks) {
  const failed = checks.filter(({ ok }) => ok === false).map(({ text }) => text);
  if (failed.length > 0) return `Refused, because of the token: ${failed.join("; ")}. The API says only that it is invalid; the checks are this page's own.`;
  return "Refused, though every check of this page went well. It may have been revoked, or its client disabled: "
    + "latchkey token inspect knows more, and the audit line in the terminal knows the reason.";
}

function wrongScope({ method, path, needs }, claims) {
  const has = claims?.scope ? `its scope is ${claims.scope}` : "it has no scope";
  return `Refused, though the token is good: ${has}, and ${method} ${path} needs ${needs}. The answer is 403 and not 401: another token of the same scope would not help.`;
}
