// The least that Node does for a token: HTTP, one digest compared, one RS256 signature. A reference, not a server.
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const privateKey = createPrivateKey(
  generateKeyPairSync("rsa", { modulusLength: 2048, privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } }).privateKey,
);
const [id, secret] = process.argv.slice(2);
const digest = (text) => createHash("sha256").update(text).digest();
const expected = digest(secret);
const segment = (document) => Buffer.from(JSON.stringify(document)).toString("base64url");
const header = segment({ alg: "RS256", typ: "at+jwt", kid: "bare" });

function token(scope) {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, exp: now + 3600, jti: randomBytes(16).toString("base64url") };
  const claims = { iss: "https://auth.example.com", sub: id, client_id: id, aud: "https://api.example.com", ...times, scope };
  const input = `${header}.${segment(claims)}`;
  return `${input}.${sign("sha256", Buffer.from(input), privateKey).toString("base64url")}`;
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const credentials = Buffer.from((request.headers.authorization ?? "").slice(6), "base64").toString().split(":");
    const [claimed, given] = credentials.map(decodeURIComponent);
    const scope = new URLSearchParams(body).get("scope");
    const good = claimed === id && timingSafeEqual(digest(given), expected);
    const answer = good ? { access_token: token(scope), token_type: "Bearer", expires_in: 3600, scope } : { error: "invalid_client" };
    const text = JSON.stringify(answer);
    response.writeHead(good ? 200 : 401, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text), "Cache-Control": "no-store" });
    response.end(text);
  });
});

server.listen(0, "127.0.0.1", () => {
  const commands = {
    port: () => server.address().port,
    cpu: () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; },
  };
  createInterface({ input: process.stdin })
    .on("line", (line) => process.stdout.write(`${JSON.stringify(commands[JSON.parse(line)[0]]())}\n`))
    .on("close", () => process.exit(0));
});
