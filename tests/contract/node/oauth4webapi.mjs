// oauth4webapi discovers the server, gets a token, and validates it as a resource server does (RFC 9068).
import * as oauth from 'oauth4webapi'

const { issuer, api, clients, privateKey } = JSON.parse(process.argv[2])
const options = { [oauth.allowInsecureRequests]: true }
const url = new URL(issuer)
const server = await oauth.processDiscoveryResponse(
  url, await oauth.discoveryRequest(url, { ...options, algorithm: 'oauth2' }))
const key = await crypto.subtle.importKey(
  'jwk', privateKey, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'])

async function tokenOf(clientId, authentication, more = {}) {
  const client = { client_id: clientId }
  const answer = await oauth.clientCredentialsGrantRequest(
    server, client, authentication, new URLSearchParams({ scope: 'products:read', resource: api }), { ...options, ...more })
  return oauth.processClientCredentialsResponse(server, client, answer)
}

async function validate(token) {
  const request = new Request(`${api}/products`, { headers: { authorization: `Bearer ${token}` } })
  return oauth.validateJwtAccessToken(server, request, api, options)
}

for (const [id, authentication] of [
  [clients.secret.client_id, oauth.ClientSecretBasic(clients.secret.client_secret)],
  [clients.secret.client_id, oauth.ClientSecretPost(clients.secret.client_secret)],
  [clients.key.client_id, oauth.PrivateKeyJwt({ key, kid: privateKey.kid })],
]) {
  const claims = await validate((await tokenOf(id, authentication)).access_token)
  if (claims.client_id !== id || claims.scope !== 'products:read') throw new Error(JSON.stringify(claims))
}

const pair = await oauth.generateKeyPair('ES256')
const DPoP = oauth.DPoP({ client_id: clients.secret.client_id }, pair)
const bound = await tokenOf(clients.secret.client_id, oauth.ClientSecretBasic(clients.secret.client_secret), { DPoP })
if (bound.token_type !== 'dpop') throw new Error(`a DPoP token is of type ${bound.token_type}`)
console.log('ok')
