import { generateKeyPair, sign } from 'node:crypto'
import { promisify } from 'node:util'

/*
  An X.509 v3 certificate in DER, with no more in it than a self-signed one needs:

    Certificate = SEQUENCE
      SEQUENCE                      the part that is signed
        [0] INTEGER 2               version 3
        INTEGER                     serial number
        SEQUENCE                    signature algorithm
        Name                        issuer
        SEQUENCE of 2 times         validity
        Name                        subject, the same
        SubjectPublicKeyInfo
      SEQUENCE                      signature algorithm again
      BIT STRING                    signature
*/
const Tag = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
  VERSION: 0xa0,
} as const

const SHA256_WITH_RSA = Buffer.from('2a864886f70d01010b', 'hex')
const COMMON_NAME = Buffer.from('550403', 'hex')
const SERIAL_NUMBER = Buffer.of(1)
const VERSION_3 = Buffer.of(2)
const RSA_BITS = 2048

/** A certificate, or a chain of them, with its key; both PEM text. */
export interface CertificateAndKey {
  readonly certificate: string
  readonly key: string
}

export interface CertificateOptions {
  /** what the certificate says of its owner */
  readonly commonName: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Makes a self-signed certificate of an RSA key of its own, as MySQL does at its first start. */
export async function makeServerCertificate(
  options: CertificateOptions,
): Promise<CertificateAndKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
  })
  const name = nameOf(options.commonName)
  const algorithm = sequence(der(Tag.OBJECT_IDENTIFIER, SHA256_WITH_RSA), der(Tag.NULL))
  const signed = sequence(
    der(Tag.VERSION, der(Tag.INTEGER, VERSION_3)),
    der(Tag.INTEGER, SERIAL_NUMBER),
    algorithm,
    name,
    sequence(time(options.notBeforeMs), time(options.notAfterMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', signed, privateKey)
  const certificate = sequence(signed, algorithm, der(Tag.BIT_STRING, Buffer.of(0), signature))
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** Makes the key, PEM text, by which clients encrypt a password when there is no TLS. */
export async function makePasswordKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function nameOf(commonName: string): Buffer {
  const value = der(Tag.UTF8_STRING, Buffer.from(commonName, 'utf8'))
  return sequence(der(Tag.SET, sequence(der(Tag.OBJECT_IDENTIFIER, COMMON_NAME), value)))
}

/** YYMMDDHHMMSSZ before 2050 and YYYYMMDDHHMMSSZ from then on, as RFC 5280 wants it. */
function time(ms: number): Buffer {
  const iso = new Date(ms).toISOString()
  const digits = `${iso.slice(0, 19).replace(/[-:T]/g, '')}Z`
  if (iso < '2050') return der(Tag.UTC_TIME, Buffer.from(digits.slice(2), 'latin1'))
  return der(Tag.GENERALIZED_TIME, Buffer.from(digits, 'latin1'))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(Tag.SEQUENCE, ...parts)
}

/** One DER element: tag, length in as few bytes as it takes, content. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content])
  const length: number[] = []
  for (let rest = content.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff)
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length, ...length), content])
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
