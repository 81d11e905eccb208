// The board: asks for the latest messages every few seconds while somebody can see them, and shows them.
//
// What people wrote becomes text by textContent, and nothing else: it cannot become markup.

const EVERY_MS = 4_000;
const AT_THE_SLOWEST_MS = 60_000;

export class Board {
  #latest;
  #list;
  #template;
  #rows = new Map(); // id -> <li>
  #timer = null;
  #asking = false;
  #added = 0;
  #failures = 0;
  #report;

  /** `latest` returns a promise of messages; `report` is told {arrived, error, count} after each time. */
  constructor({ latest, list, template, report }) {
    this.#latest = latest;
    this.#list = list;
    this.#template = template;
    this.#report = report;
  }

  /** Ask now, and from now on, except while the page is hidden. */
  start() {
    document.addEventListener("visibilitychange", () => this.#ask());
    globalThis.addEventListener("online", () => this.#ask());
    return this.#ask();
  }

  /** Show a message that was just posted, before the board is asked again. */
  add(message) {
    this.#added += 1;
    this.#show([message]);
  }

  /** Mark what `username` wrote. */
  markOwn(username) {
    for (const row of this.#rows.values()) {
      const isOwn = username !== null && row.dataset.author === username;
      row.querySelector(".you").hidden = !isOwn;
      row.classList.toggle("own", isOwn);
    }
  }

  async #ask() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#asking) return;
    this.#asking = true;
    let wait = EVERY_MS;
    const added = this.#added;
    try {
      const messages = await this.#latest();
      const isFirst = this.#list.dataset.loaded === undefined;
      const arrived = this.#show(messages);
      if (added === this.#added) this.#forget(messages); // an answer from before a post does not have it
      this.#list.dataset.loaded = "";
      this.#failures = 0;
      this.#report({ arrived: isFirst ? [] : arrived, error: null, count: this.#rows.size });
    } catch (error) {
      this.#failures += 1;
      wait = Math.min(EVERY_MS * 2 ** this.#failures, AT_THE_SLOWEST_MS);
      wait = Math.max(wait, (error.retryAfterSeconds ?? 0) * 1000);
      this.#report({ arrived: [], error, count: this.#rows.size });
    } finally {
      this.#asking = false;
    }
    this.#timer = setTimeout(() => this.#ask(), wait);
  }

  /** Put what is not there yet into its place, and return it. Ids are in the order of time. */
  #show(messages) {
    const arrived = messages.filter(({ id }) => !this.#rows.has(id));
    for (const message of arrived) {
      const row = this.#row(message);
      const below = [...this.#list.children].find((other) => other.dataset.id < message.id);
      this.#list.insertBefore(row, below ?? null);
      this.#rows.set(message.id, row);
    }
    return arrived;
  }

  /** Drop what is no longer among the latest. */
  #forget(messages) {
    const ids = new Set(messages.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
  }

  #row({ id, text, author, created_at: createdAt }) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    row.dataset.id = id;
    row.dataset.author = author ?? "";
    row.querySelector(".author").textContent = author ?? "Somebody";
    row.querySelector(".text").textContent = text;
    const time = row.querySelector("time");
    const at = new Date(createdAt);
    if (!Number.isNaN(at.valueOf())) {
      time.dateTime = at.toISOString();
      time.textContent = told(at);
    }
    return row;
  }
}

/** The time, as the reader's own browser writes it. */
function told(at) {
  const isToday = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(undefined, isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}
