import { X509Certificate } from 'node:crypto'
import * as tls from 'node:tls'
import { messageOf, OperationalError } from '../lib/index.ts'
import type { CertificateAndKey } from './self-signed.ts'

/** The server's half of TLS, made once and used by every connection. */
export interface ServerTls {
  readonly secureContext: tls.SecureContext
  /** set when clients are asked for a certificate, which they may do without */
  readonly clientOptions: tls.TlsOptions | undefined
}

export interface ServerTlsOptions extends CertificateAndKey {
  /** authorities that may have signed the certificates of clients, PEM text */
  readonly clientAuthority?: string | undefined
}

const MIN_VERSION = 'TLSv1.2'

/** E_CONFIG_INVALID when the texts are no PEM or the key is not the certificate's. */
export function makeServerTls({ certificate, key, clientAuthority }: ServerTlsOptions): ServerTls {
  const own = { cert: certificate, key, minVersion: MIN_VERSION } as const
  const secureContext = made("the server's certificate and key", () => tls.createSecureContext(own))
  if (clientAuthority === undefined) return { secureContext, clientOptions: undefined }
  // Node itself takes any text for the certificates of authorities, and trusts nobody then.
  made('serve.client-ca-file', () => new X509Certificate(clientAuthority))
  // Who has none, or a stranger's, is judged by what its user needs.
  const asking = { ca: clientAuthority, requestCert: true, rejectUnauthorized: false }
  return { secureContext, clientOptions: { ...own, ...asking } }
}

function made<T>(what: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    const message = `${what} cannot be used: ${messageOf(error)}`
    throw new OperationalError('E_CONFIG_INVALID', message, {}, { cause: error })
  }
}

/** Of a certificate that one of our authorities has signed: names as `/C=SE/O=Example/CN=replica1`. */
export interface ClientCertificate {
  readonly subject: string
  readonly issuer: string
}

/** Undefined when the client has shown none, or one that nobody we trust has signed. */
export function clientCertificateOf(socket: tls.TLSSocket): ClientCertificate | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate && namesOf(certificate)
}

function namesOf({ subject, issuer }: X509Certificate): ClientCertificate {
  return { subject: onOneLine(subject), issuer: onOneLine(issuer) }
}

/** As MySQL writes it, from one line for each part. */
function onOneLine(name: string): string {
  return `/${name.split('\n').join('/')}`
}
