// The page: forms, focus, and what a person is told. Everything it needs to know about its servers is in config.json.

import { Api } from "./api.js";
import { Board } from "./messages.js";
import { Session, SessionEndedError } from "./session.js";
import { words } from "./words.js";

const MAXIMUM_CHARACTERS = 500;
const MINIMUM_PASSWORD_CHARACTERS = 15;
const ENDED = "You have been logged out, because your session has ended. Log in again to go on.";
const UNREACHABLE = "The messages cannot be loaded at the moment. The page goes on trying.";

const byId = (id) => document.getElementById(id);
const forms = ["log-in", "sign-up", "write"].map(byId);

const session = new Session(localStorageOrNull());
const api = await connect();
if (api !== null) run();

async function connect() {
  try {
    const config = await (await fetch("config.json", { cache: "no-store" })).json();
    for (const url of [config.issuer, config.api]) new URL(url); // throws for what is none
    return new Api(config, session);
  } catch {
    byId("empty").hidden = true;
    tell("This page could not be set up. Reload it in a moment.");
    return null;
  }
}

function run() {
  const board = new Board({
    latest: () => api.latest(),
    list: byId("messages"),
    template: byId("message"),
    report: (what) => report(board, what),
  });
  session.addEventListener("started", () => showWho(board));
  session.addEventListener("ended", ({ detail: unasked }) => {
    const hadFocus = [byId("write"), byId("who")].some((part) => part.contains(document.activeElement));
    showWho(board);
    if (unasked) tell(ENDED);
    if (unasked && hadFocus) byId("alert").focus();
  });

  onSubmit("log-in", logIn);
  onSubmit("sign-up", signUp);
  onSubmit("write", (form) => write(form, board));
  byId("log-out").addEventListener("click", logOut);
  byId("text").addEventListener("input", countDown);
  byId("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("write").requestSubmit();
  });
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      tell("");
      show(button.dataset.show);
      byId(`${button.dataset.show}-username`).focus();
    });
  }
  for (const button of document.querySelectorAll(".reveal")) button.addEventListener("click", () => reveal(button));

  showWho(board);
  session.resume();
  board.start();
}

// The forms: each checks what it can, sends, and says what went wrong at the field that it went wrong in.

async function logIn(form) {
  const { username, password } = form.elements;
  if (!isFilled(username, "Enter your name.") || !isFilled(password, "Enter your password.")) return;
  await begin(form);
}

async function signUp(form) {
  const { username, password } = form.elements;
  if (!isFilled(username, "Choose a name.") || !isFilled(password, "Choose a password.")) return;
  if ([...password.value].length < MINIMUM_PASSWORD_CHARACTERS) {
    return complain(password, `The password needs at least ${MINIMUM_PASSWORD_CHARACTERS} characters.`);
  }
  try {
    await api.signUp(username.value.trim(), password.value);
  } catch (error) {
    if (error.code === "username_taken") return complain(username, words(error));
    throw error;
  }
  await begin(form);
}

async function begin(form) {
  const { username, password, keep } = form.elements;
  const isToBeKept = keep.checked;
  const answer = await api.logIn(username.value.trim(), password.value);
  forms.slice(0, 2).forEach((each) => each.reset()); // what was being written when a session ended is still there
  session.start(answer, isToBeKept);
  say(`You are logged in as ${session.username}.`);
  byId("text").focus();
}

async function write(form, board) {
  const { text } = form.elements;
  const length = [...text.value.trim()].length;
  if (length === 0) return complain(text, "Write something first.");
  if (length > MAXIMUM_CHARACTERS) return complain(text, `The message is ${length - MAXIMUM_CHARACTERS} characters too long.`);
  const message = await api.post(text.value);
  form.reset();
  countDown();
  board.add(message);
  afterChange(board);
  say("Your message is posted.");
  text.focus();
}

async function logOut() {
  const until = session.expiresAt;
  const token = session.end();
  byId("write").reset();
  countDown();
  tell("");
  say("You are logged out.");
  byId("log-in-title").focus();
  try {
    await api.logOut(token);
  } catch {
    const time = until.toLocaleTimeString(undefined, { timeStyle: "short" });
    tell(`You are logged out on this page. The server could not be told, so your token stays good until ${time}.`);
  }
}

function onSubmit(id, send) {
  const form = byId(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    tell("");
    for (const field of form.querySelectorAll("[aria-invalid]")) complain(field, "");
    try {
      await send(form);
    } catch (error) {
      if (!(error instanceof SessionEndedError)) tell(words(error)); // that was told when it ended
    } finally {
      form.ariaBusy = "false";
    }
  });
}

function isFilled(field, complaint) {
  if (field.value.trim() !== "") return true;
  complain(field, complaint);
  return false;
}

function complain(field, text) {
  byId(`${field.id}-error`).textContent = text;
  if (text === "") return field.removeAttribute("aria-invalid");
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

// What is shown: who is logged in, which form, how many characters are left, and how the board is.

function showWho(board) {
  const isIn = session.username !== null;
  byId("who").hidden = !isIn;
  byId("name").textContent = session.username ?? "";
  show(isIn ? "write" : "log-in");
  board.markOwn(session.username);
}

function show(id) {
  for (const form of forms) form.hidden = form.id !== id;
}

function reveal(button) {
  const isShown = button.ariaPressed !== "true";
  button.ariaPressed = String(isShown);
  byId(button.getAttribute("aria-controls")).type = isShown ? "text" : "password";
}

function countDown() {
  const left = MAXIMUM_CHARACTERS - [...byId("text").value.trim()].length;
  byId("left").textContent = left < 0 ? `${-left} characters too many.` : `${left} characters left.`;
}

function report(board, { arrived, error, count }) {
  const trouble = error === null ? "" : UNREACHABLE;
  if (byId("trouble").textContent !== trouble) byId("trouble").textContent = trouble; // said once, not at each attempt
  afterChange(board);
  if (error !== null && count === 0) byId("empty").hidden = true;
  const others = arrived.filter(({ author }) => author !== session.username);
  if (others.length === 1) say(`New message from ${others[0].author ?? "somebody"}: ${others[0].text}`);
  if (others.length > 1) say(`${others.length} new messages.`);
}

function afterChange(board) {
  board.markOwn(session.username);
  byId("empty").textContent = "There is no message yet.";
  byId("empty").hidden = byId("messages").childElementCount > 0;
}

/** What the person must know: seen, and read out at once. */
function tell(text) {
  byId("alert").textContent = text;
  if (text !== "") byId("alert").scrollIntoView({ block: "nearest" });
}

/** What is seen anyway: read out when there is a pause. */
function say(text) {
  byId("status").textContent = "";
  setTimeout(() => (byId("status").textContent = text), 50); // the same words twice are read out twice
}

function localStorageOrNull() {
  try {
    return globalThis.localStorage;
  } catch {
    return null; // a browser that forbids it throws at the first look
  }
}
