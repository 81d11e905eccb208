// openid-client gets tokens by every method, with and without DPoP, introspects and revokes them.
import * as client from 'openid-client'

const { issuer, api, clients, privateKey } = JSON.parse(process.argv[2])
const insecure = { execute: [client.allowInsecureRequests], algorithm: 'oauth2' }
const signingKey = await crypto.subtle.importKey(
  'jwk', privateKey, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'])
const methods = {
  client_secret_basic: client.ClientSecretBasic(clients.secret.client_secret),
  client_secret_post: client.ClientSecretPost(clients.secret.client_secret),
  private_key_jwt: client.PrivateKeyJwt(signingKey),
}

function check(condition, message) {
  if (!condition) throw new Error(message)
}

for (const [name, authentication] of Object.entries(methods)) {
  const clientId = name === 'private_key_jwt' ? clients.key.client_id : clients.secret.client_id
  const config = await client.discovery(new URL(issuer), clientId, undefined, authentication, insecure)
  const tokens = await client.clientCredentialsGrant(config, { scope: 'products:read', resource: api })
  const answer = await client.fetchProtectedResource(config, tokens.access_token, new URL(`${api}/products`), 'GET')
  check(answer.status === 200, `${name}: the API answered ${answer.status}`)

  const before = await client.tokenIntrospection(config, tokens.access_token)
  check(before.active && before.client_id === clientId, `${name}: a live token is not active`)
  await client.tokenRevocation(config, tokens.access_token)
  const after = await client.tokenIntrospection(config, tokens.access_token)
  check(after.active === false && Object.keys(after).length === 1, `${name}: a revoked token is active`)

  const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
  const bound = await client.clientCredentialsGrant(config, { scope: 'products:read' }, { DPoP: dpop })
  check(bound.token_type === 'dpop', `${name}: a DPoP token is of type ${bound.token_type}`)
}

const wrong = await client.discovery(
  new URL(issuer), clients.secret.client_id, undefined, client.ClientSecretBasic('wrong'), insecure)
const refusal = await client.clientCredentialsGrant(wrong, {}).catch((error) => error)
check(refusal.code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' || refusal.error === 'invalid_client', `refused by ${refusal}`)
console.log('ok')
