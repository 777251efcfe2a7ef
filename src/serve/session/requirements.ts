import type { Connection } from '../../platform/index.ts'
import type { User } from '../user.ts'

/** What the connection lacks of what its user must have, in words for the log; undefined: nothing. */
export function missingRequirement(
  { requires }: User,
  { tlsVersion, clientCertificate }: Pick<Connection, 'tlsVersion' | 'clientCertificate'>,
): string | undefined {
  if (requires.tls && tlsVersion === undefined) return 'the user needs TLS'
  if (!requires.certificate) return undefined
  if (clientCertificate === undefined) {
    return 'the user needs a certificate that serve.client-ca-file has signed'
  }
  const { subject, issuer } = clientCertificate
  if (requires.subject !== undefined && subject !== requires.subject) {
    return `the certificate is of ${subject}, not of ${requires.subject}`
  }
  if (requires.issuer !== undefined && issuer !== requires.issuer) {
    return `the certificate was issued by ${issuer}, not by ${requires.issuer}`
  }
  return undefined
}
