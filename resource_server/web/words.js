// What a person is told about an error, in plain words. A server's own text is shown where it names what to change.

const WORDS = new Map([
  ["username_taken", "That name is taken. Choose another."],
  ["invalid_credentials", "The name or the password is wrong."],
  ["insufficient_scope", "Your account may read messages and not write them."],
  ["access_denied", "That is not allowed here."],
]);

/** A sentence for an ApiError, or for any other error. */
export function words(error) {
  if (error.status === 0) return "There is no connection to the server. Check your network and try again.";
  if (error.status === 429) return `That was too often. ${again(error.retryAfterSeconds)}`;
  if (WORDS.has(error.code)) return WORDS.get(error.code);
  if (error.status === 401) return "The server does not know you any more. Log out, and log in again.";
  if (error.status === 400 && error.description) return error.description;
  if (error.status >= 500) return `The server cannot answer at the moment. ${again(error.retryAfterSeconds)}`;
  return "That did not work. Reload the page and try again.";
}

function again(seconds) {
  if (seconds === null || seconds === undefined) return "Try again in a moment.";
  if (seconds < 90) return `Try again in ${seconds === 1 ? "a second" : `${seconds} seconds`}.`;
  return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}
