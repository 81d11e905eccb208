// The token request (RFC 6749 4.4, RFC 8707 2), and what its errors mean.

const MEANINGS = {
  invalid_request: "The request itself is malformed.",
  invalid_client: "No client of this id has this secret. An unknown id and a wrong secret get one and the same answer.",
  invalid_scope: "The client does not have a scope that was asked for. Nothing is narrowed silently.",
  invalid_target: "The client may not ask for tokens for this resource.",
  unauthorized_client: "The client is who it says, but this grant is not its own.",
  unsupported_grant_type: "The server has no such grant.",
  temporarily_unavailable: "Something that the server depends on does not answer. Try again.",
};

const encoded = (text) => new URLSearchParams([["", text]]).toString().slice(1);

/** Write the request of a client for a token; `scope` and `resource` are left out where they are empty. */
export function tokenRequest({ issuer, clientId, clientSecret, scope, resource }) {
  const chosen = [["scope", scope], ["resource", resource]].filter(([, value]) => value);
  const form = new URLSearchParams([["grant_type", "client_credentials"], ...chosen]);
  const user = `${encoded(clientId)}:${encoded(clientSecret)}`; // RFC 6749 2.3.1
  return {
    method: "POST",
    url: `${issuer}/oauth/token`,
    headers: { Authorization: `Basic ${btoa(user)}`, "Content-Type": "application/x-www-form-urlencoded" },
    body: form.toString(),
    form,
    user,
  };
}

/** Give the same request to be looked at: with the secret as dots. */
export function withoutSecret(request) {
  const user = `${request.user.split(":")[0]}:••••••`;
  return { ...request, user, headers: { ...request.headers, Authorization: "Basic ••••••" } };
}

/** Say in plain words why there is no token. */
export function whyNoToken({ status }, { error }) {
  if (status === 0) return "The authorization server did not answer. Is the stack still running?";
  return MEANINGS[error] ?? `The server answered ${status}, with an error that this page does not know.`;
}
