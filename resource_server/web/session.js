// Who is logged in: the token, held in memory, and renewed before it expires.
//
// Only where the person asked for it does the token lie in the browser's local storage, until log-out or its end.

const KEY = "latchkey.session";
// The issuer hands out a new token when the old one has 5 minutes left; a minute is for clocks that disagree.
const RENEW_BEFORE_MS = 4 * 60_000;
const TRY_AGAIN_MS = 30_000;
const LONGEST_TIMER_MS = 60 * 60_000;

/** There is no session, or it has ended: the person has to log in. */
export class SessionEndedError extends Error {}

/** Fires "started", and "ended" with `detail` true where nobody here has asked for it. */
export class Session extends EventTarget {
  #storage;
  #kept = null; // {token, exp, username, keep}; exp in Unix seconds
  #renew = null;
  #renewing = null;
  #timer = null;

  /** `storage` is localStorage, or null where the browser has none to give. */
  constructor(storage) {
    super();
    this.#storage = storage;
    // Other tabs tell what they did: a log-out there is one here.
    globalThis.addEventListener("storage", (event) => {
      if (this.#kept?.keep && (event.key === KEY || event.key === null)) this.#follow();
    });
  }

  /** `renew` takes a token, and returns a promise of {token, exp}. */
  renewWith(renew) {
    this.#renew = renew;
  }

  get username() {
    return this.#kept?.username ?? null;
  }

  get expiresAt() {
    return this.#kept === null ? null : new Date(this.#kept.exp * 1000);
  }

  /** Begin with what log-in answered; `keep` also in local storage. */
  start({ token, exp, username }, keep) {
    this.#set({ token, exp, username, keep });
    this.dispatchEvent(new Event("started"));
  }

  /** Begin with what local storage has, if that is any good. */
  resume() {
    const stored = this.#stored();
    if (stored === null) return this.#store(null);
    this.#set({ ...stored, keep: true });
    this.dispatchEvent(new Event("started"));
  }

  /** Forget the token, and return it. */
  end() {
    return this.#end(false);
  }

  /** A token that is good for a while: renewed first, where it is about to expire. */
  async freshToken() {
    if (this.#kept === null) throw new SessionEndedError();
    if (!this.#isAboutToExpire()) return this.#kept.token;
    try {
      return await this.renewed(this.#kept.token);
    } catch (error) {
      // The old one may serve, if its time has not come or this clock is wrong: the API will tell.
      if (error instanceof SessionEndedError || this.#kept === null) throw error;
      return this.#kept.token;
    }
  }

  /** A token other than `refused`, which many may ask for at once; ends the session where the issuer says no. */
  renewed(refused) {
    if (this.#kept === null) return Promise.reject(new SessionEndedError());
    if (this.#kept.token !== refused) return Promise.resolve(this.#kept.token);
    this.#renewing ??= this.#askForAnother(this.#kept).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #askForAnother(old) {
    let answer;
    try {
      answer = await this.#renew(old.token);
    } catch (error) {
      if (this.#kept === old) {
        if (error.status === 401 || error.status === 403) {
          this.#end(true);
          throw new SessionEndedError();
        }
        this.#schedule(TRY_AGAIN_MS);
      }
      throw error;
    }
    if (this.#kept === null || this.#kept.username !== old.username) throw new SessionEndedError(); // in the meantime
    this.#set({ ...this.#kept, token: answer.token, exp: answer.exp });
    return answer.token;
  }

  #isAboutToExpire() {
    return this.#kept.exp * 1000 - Date.now() <= RENEW_BEFORE_MS;
  }

  #set(kept) {
    this.#kept = kept;
    if (kept.keep) this.#store({ token: kept.token, exp: kept.exp, username: kept.username });
    this.#schedule(Math.max(kept.exp * 1000 - Date.now() - RENEW_BEFORE_MS, TRY_AGAIN_MS));
  }

  #schedule(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#kept === null) return;
      if (this.#isAboutToExpire()) this.renewed(this.#kept.token).catch(() => {});
      else this.#schedule(TRY_AGAIN_MS);
    }, Math.min(delay, LONGEST_TIMER_MS));
  }

  #end(unasked) {
    const token = this.#kept?.token ?? null;
    if (this.#kept?.keep) this.#store(null);
    this.#kept = null;
    clearTimeout(this.#timer);
    if (token !== null) this.dispatchEvent(new CustomEvent("ended", { detail: unasked }));
    return token;
  }

  #follow() {
    const stored = this.#stored();
    if (stored === null || stored.username !== this.#kept.username) this.#end(true);
    else if (stored.token !== this.#kept.token) this.#set({ ...stored, keep: true });
  }

  #stored() {
    try {
      const { token, exp, username } = JSON.parse(this.#storage?.getItem(KEY) ?? "null") ?? {};
      const isGood = typeof token === "string" && typeof username === "string" && exp * 1000 > Date.now();
      return isGood ? { token, exp, username } : null;
    } catch {
      return null;
    }
  }

  #store(value) {
    try {
      if (value === null) this.#storage?.removeItem(KEY);
      else this.#storage?.setItem(KEY, JSON.stringify(value));
    } catch {
      // Storage that is full or forbidden: the session lasts as long as the page.
    }
  }
}
