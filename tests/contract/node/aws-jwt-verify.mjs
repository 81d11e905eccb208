// aws-jwt-verify accepts a token of this issuer, and refuses it for another audience.
import { JwtVerifier } from 'aws-jwt-verify'

const { issuer, api, token, jwks } = JSON.parse(process.argv[2])
const verifier = JwtVerifier.create({ issuer, audience: api })
verifier.cacheJwks(jwks)
const claims = await verifier.verify(token)
if (claims.iss !== issuer) throw new Error(JSON.stringify(claims))
const other = JwtVerifier.create({ issuer, audience: 'https://other.example' })
other.cacheJwks(jwks)
const refused = await other.verify(token).then(() => false, () => true)
if (!refused) throw new Error('a token for another audience was accepted')
console.log('ok')
