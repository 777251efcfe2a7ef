import * as tls from 'node:tls'
import { messageOf, OperationalError } from '../lib/index.ts'
import type { CertificateAndKey } from './self-signed.ts'

/** The server's half of TLS, made once and used by every connection. */
export interface ServerTls {
  readonly secureContext: tls.SecureContext
}

/** E_CONFIG_INVALID when the texts are no PEM or the key is not the certificate's. */
export function makeServerTls({ certificate, key }: CertificateAndKey): ServerTls {
  try {
    return {
      secureContext: tls.createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' }),
    }
  } catch (error) {
    const message = `the server's certificate and key cannot be used: ${messageOf(error)}`
    throw new OperationalError('E_CONFIG_INVALID', message, {}, { cause: error })
  }
}
