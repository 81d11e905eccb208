// node-oidc-provider as an authorization server for machines, and a small API that asks oauth4webapi who calls.
// Prints where both listen as one line of JSON, and serves until it is killed. `ahead` is what its clock is ahead, in s.
import { createServer } from 'node:http'
import * as oauth from 'oauth4webapi'

const { clients, scope, ahead = 0 } = JSON.parse(process.argv[2])
const now = Date.now
Date.now = () => now() + ahead * 1000
const { default: Provider } = await import('oidc-provider')

const options = { [oauth.allowInsecureRequests]: true }
const needed = { GET: 'items:read', POST: 'items:write' }
const nonce = 'a-nonce-of-the-api'

async function listen() {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return [server, `http://127.0.0.1:${server.address().port}`]
}

const [authorization, issuer] = await listen()
const [resource, api] = await listen()

const provider = new Provider(issuer, {
  clients: clients.map((client) => ({ grant_types: ['client_credentials'], redirect_uris: [], response_types: [], ...client })),
  scopes: scope.split(' '),
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  ttl: { ClientCredentials: 600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope, audience: api, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
})
const serve = provider.callback()
authorization.on('request', (request, response) => {
  response.setHeader('Date', new Date(Date.now()).toUTCString())
  serve(request, response)
})

async function authorizationServer() {
  const url = new URL(issuer)
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options))
}

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function challenge(response, status, error, more) {
  answer(response, status, { error }, { 'WWW-Authenticate': `Bearer error="${error}"${more}` })
}

function lacksNonce({ headers }) {
  const proof = headers.dpop
  if (proof === undefined) return false
  return JSON.parse(Buffer.from(proof.split('.')[1], 'base64url')).nonce !== nonce
}

let known
resource.on('request', async (request, response) => {
  const { method, url, headers } = request
  if (url !== '/items') return answer(response, 404, {})
  if (lacksNonce(request)) {
    response.setHeader('WWW-Authenticate', 'DPoP error="use_dpop_nonce", algs="ES256"')
    return answer(response, 401, {}, { 'DPoP-Nonce': nonce })
  }
  try {
    known ??= await authorizationServer()
    const call = new Request(`${api}${url}`, { method, headers })
    const claims = await oauth.validateJwtAccessToken(known, call, api, options)
    if (!claims.scope.split(' ').includes(needed[method])) {
      return challenge(response, 403, 'insufficient_scope', `, scope="${needed[method]}"`)
    }
    answer(response, 200, { client_id: claims.client_id, bound: claims.cnf !== undefined })
  } catch (error) {
    challenge(response, 401, 'invalid_token', `, error_description="${error.code ?? error.name}"`)
  }
})

console.log(JSON.stringify({ issuer, api, token_endpoint: `${issuer}/token` }))
