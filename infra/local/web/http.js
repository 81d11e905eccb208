// Requests as values: sent, written out, and written as a curl command.

const SHOWN = ["Content-Type", "WWW-Authenticate", "Retry-After", "Location", "Cache-Control"];

/**
 * Send {method, url, headers, body}; give {status, statusText, headers: [[name, value]], body}, status 0 for no answer.
 *
 * Credentials are omitted: the browser then never asks for a password of its own at a 401 (Fetch, 4.6).
 */
export async function send({ method, url, headers, body }) {
  try {
    const answer = await fetch(url, { method, headers, body, credentials: "omit", cache: "no-store", redirect: "error" });
    const shown = SHOWN.filter((name) => answer.headers.has(name)).map((name) => [name, answer.headers.get(name)]);
    return { status: answer.status, statusText: answer.statusText, headers: shown, body: await answer.text() };
  } catch {
    return { status: 0, statusText: "No answer", headers: [], body: "" };
  }
}

/** Write a request as it goes over the wire. */
export function requestText({ method, url, headers, body }) {
  const { host, pathname, search } = new URL(url);
  const lines = [`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...lined(Object.entries(headers))];
  return lines.join("\n") + (body === undefined ? "" : `\n\n${body}`);
}

/** Write an answer: status, the headers that matter here, and the body as it came. */
export function answerText({ status, statusText, headers, body }) {
  if (status === 0) return "no answer";
  return [`HTTP/1.1 ${status} ${statusText}`.trimEnd(), ...lined(headers)].join("\n") + `\n\n${body}`;
}

const lined = (headers) => headers.map(([name, value]) => `${name}: ${value}`);

/** Write a curl command; `user` is "id:secret", each encoded as RFC 6749 2.3.1 wants it. */
export function curl({ method, url, headers, body, form, user }) {
  const shown = Object.entries(headers).filter(([name]) => !(user && name === "Authorization") && !form);
  const words = [
    ...(user ? ["-u", user] : []),
    ...shown.flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    ...(form ? [...form].flatMap(([name, value]) => ["--data-urlencode", `${name}=${value}`]) : []),
    ...(body !== undefined && !form ? ["--data-raw", body] : []),
    url,
  ];
  const method_ = method === "GET" || body !== undefined ? [] : ["-X", method];
  return ["curl", "-i", ...method_, ...words.map(quoted)].join(" ");
}

/** Quote a word for a shell (POSIX.1-2024 XCU 2.2.2): inside single quotes nothing is special but the single quote. */
const quoted = (word) => (/^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Give the object in a body, {} where it holds none. */
export function object(body) {
  try {
    const value = JSON.parse(body);
    return value !== null && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}
