// The two servers that the page talks to: the issuer, and the API with the messages.
//
//   const api = new Api({ issuer: "https://auth.example.com", api: "https://api.example.com" }, session)
//   await api.post("Tea at four?")   // {id, text, author, created_at}; throws ApiError

const TIMEOUT_MS = 15_000;

/** An answer that is not a success: `status` is 0 where there was none at all, `code` the member `error` of its body. */
export class ApiError extends Error {
  constructor(status, { error = "", error_description: description = "" } = {}, retryAfterSeconds = null) {
    super(`${status} ${error}`);
    this.status = status;
    this.code = String(error);
    this.description = String(description);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export class Api {
  #issuer;
  #api;
  #session;

  constructor({ issuer, api }, session) {
    this.#issuer = issuer;
    this.#api = api;
    this.#session = session;
    session.renewWith((token) => exchange(`${issuer}/tokens`, { token }));
  }

  signUp(username, password) {
    return exchange(`${this.#issuer}/signup`, { method: "POST", body: { username, password } });
  }

  logIn(username, password) {
    return exchange(`${this.#issuer}/login`, { method: "POST", body: { username, password } });
  }

  /** Revoke a token. One that has ended already is no error. */
  logOut(token) {
    return exchange(`${this.#issuer}/logout`, { method: "POST", body: {}, token });
  }

  /** The latest messages, newest first. Anyone may read them, so no token goes with it. */
  async latest() {
    const { messages } = await exchange(`${this.#api}/messages`);
    if (!Array.isArray(messages)) throw new ApiError(200, { error: "no_messages" });
    return messages;
  }

  post(text) {
    return this.#withToken((token) => exchange(`${this.#api}/messages`, { method: "POST", body: { text }, token }));
  }

  /** The one interceptor: it attaches the token, and after a 401 renews it and tries once more. */
  async #withToken(call) {
    const token = await this.#session.freshToken();
    try {
      return await call(token);
    } catch (error) {
      if (error.status !== 401) throw error;
      return call(await this.#session.renewed(token));
    }
  }
}

/** Send one request and return the JSON object of its answer; throws ApiError for anything else. */
async function exchange(url, { method = "GET", body, token } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  let response;
  let text;
  try {
    response = await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error", // a token goes to the URL that was meant, and nowhere else
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch {
    throw new ApiError(0);
  }
  const document = parsed(text);
  const retryAfter = Number(response.headers.get("Retry-After"));
  if (!response.ok) throw new ApiError(response.status, document ?? {}, retryAfter > 0 ? retryAfter : null);
  if (document === null) throw new ApiError(response.status, { error: "no_json" });
  return document;
}

function parsed(text) {
  try {
    const document = JSON.parse(text);
    return typeof document === "object" ? document : null;
  } catch {
    return null;
  }
}
