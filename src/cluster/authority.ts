import { createECDH, webcrypto } from 'node:crypto'
// The next import looks for what this one adds to the global `Reflect`.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { type CertificateAndKey, isAddress } from '../platform/index.ts'
import type { ClusterSecret } from './cluster-secret.ts'

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }
const GROUP_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
/** 128 bits more than the group's order, so that the remainder is as good as evenly spread. */
const SCALAR_BYTES = 48

const SUBJECT = 'CN=Kingbus cluster authority'
// A certificate is worth no more than the secret, which everyone has who can make another; and no clock
// that is wrong may keep the nodes apart. So they hold for ever.
const VALIDITY = {
  notBefore: new Date('2020-01-01T00:00:00Z'),
  notAfter: new Date('9999-12-31T23:59:59Z'),
}

/** The name that every server certificate has beside its hosts: whoever has it is one of the cluster. */
export const CLUSTER_SERVER_NAME = 'node.kingbus.internal'

/**
 * The certificate authority that every node makes for itself from the cluster secret: the same key and
 * name everywhere, so that what one node signs all others trust, without anything being sent around.
 */
export class Authority {
  /** PEM text; made anew by each node, equal in name and key */
  readonly certificate: string
  readonly #keys: webcrypto.CryptoKeyPair

  static async from(secret: ClusterSecret): Promise<Authority> {
    const keys = await deriveKeys(await secret.key('cluster authority P-256', SCALAR_BYTES))
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        name: SUBJECT,
        keys,
        signingAlgorithm: SIGNATURE,
        ...VALIDITY,
        extensions: [
          new BasicConstraintsExtension(true, 0, true),
          new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
          await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    )
    return new Authority(keys, certificate.toString('pem'))
  }

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: string) {
    this.#keys = keys
    this.certificate = certificate
  }

  /** For a server at these hosts (names or addresses). etcd also calls itself with it. */
  async issueForServer(name: string, hosts: readonly string[]): Promise<CertificateAndKey> {
    const names = [...new Set([...hosts, CLUSTER_SERVER_NAME])]
    return await this.#issue(name, [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isAddress(value) ? 'ip' : 'dns', value })),
      ),
    ])
  }

  /** For a client, wherever it calls from: etcd compares the hosts of a certificate with the caller's. */
  async issueForClient(name: string): Promise<CertificateAndKey> {
    return await this.#issue(name, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])])
  }

  async #issue(name: string, extensions: readonly Extension[]): Promise<CertificateAndKey> {
    const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
    const certificate = await X509CertificateGenerator.create(
      {
        subject: [{ CN: [name] }],
        issuer: SUBJECT,
        publicKey: keys.publicKey,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: SIGNATURE,
        ...VALIDITY,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          await AuthorityKeyIdentifierExtension.create(this.#keys.publicKey, false, webcrypto),
          ...extensions,
        ],
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

async function deriveKeys(material: Buffer): Promise<webcrypto.CryptoKeyPair> {
  const scalar = (BigInt(`0x${material.toString('hex')}`) % (GROUP_ORDER - 1n)) + 1n
  const secret = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(secret)
  const point = curve.getPublicKey()
  const shared = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  }
  const whole = { ...shared, d: secret.toString('base64url') }
  return {
    publicKey: await webcrypto.subtle.importKey('jwk', shared, CURVE, true, ['verify']),
    privateKey: await webcrypto.subtle.importKey('jwk', whole, CURVE, false, ['sign']),
  }
}
