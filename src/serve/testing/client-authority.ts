import { webcrypto } from 'node:crypto'
// The next import looks for what this one adds to the global `Reflect`.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509'
import type { CertificateAndKey } from '../../platform/index.ts'

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }
const VALID = { notBefore: new Date('2020-01-01'), notAfter: new Date('2090-01-01') }

const makeKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])

/** Signs certificates of clients, as somebody's openssl would. */
export class ClientAuthority {
  /** PEM text */
  readonly certificate: string
  readonly #name: string
  readonly #keys: webcrypto.CryptoKeyPair

  /** @param name as `CN=our CA` */
  static async make(name: string): Promise<ClientAuthority> {
    const keys = await makeKeys()
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        name,
        keys,
        signingAlgorithm: SIGNATURE,
        ...VALID,
        extensions: [new BasicConstraintsExtension(true, 0, true)],
      },
      webcrypto,
    )
    return new ClientAuthority(name, keys, certificate.toString('pem'))
  }

  private constructor(name: string, keys: webcrypto.CryptoKeyPair, certificate: string) {
    this.#name = name
    this.#keys = keys
    this.certificate = certificate
  }

  /** @param subject as `O=Example, CN=replica1` */
  async issue(subject: string): Promise<CertificateAndKey> {
    const keys = await makeKeys()
    const certificate = await X509CertificateGenerator.create(
      {
        subject,
        issuer: this.#name,
        publicKey: keys.publicKey,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: SIGNATURE,
        ...VALID,
      },
      webcrypto,
    )
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
    const lines = key.toString('base64').match(/.{1,64}/g) ?? []
    return {
      certificate: certificate.toString('pem'),
      key: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
    }
  }
}
