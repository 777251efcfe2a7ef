import { createPrivateKey, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { makePasswordKey, makeServerCertificate } from './self-signed.ts'
import { makeServerTls } from './tls.ts'

const VALID = {
  commonName: 'kingbus',
  notBeforeMs: Date.parse('2026-05-01T00:00:00Z'),
  notAfterMs: Date.parse('2056-05-01T00:00:00Z'),
}

test('a certificate that we make is signed by its own key and valid as long as asked', async () => {
  const made = await makeServerCertificate(VALID)
  const certificate = new X509Certificate(made.certificate)
  expect(certificate.subject).toBe('CN=kingbus')
  expect(certificate.checkPrivateKey(createPrivateKey(made.key))).toBe(true)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(Date.parse(certificate.validFrom)).toBe(VALID.notBeforeMs)
  expect(Date.parse(certificate.validTo)).toBe(VALID.notAfterMs)
  expect(makeServerTls(made).secureContext).toBeDefined()
})

test("a key that is not the certificate's is refused", async () => {
  const made = await makeServerCertificate(VALID)
  const key = await makePasswordKey()
  expect(() => makeServerTls({ certificate: made.certificate, key })).toThrow(/cannot be used/)
})

test('authorities of clients that are none are refused', async () => {
  const made = await makeServerCertificate(VALID)
  expect(() => makeServerTls({ ...made, clientAuthority: 'no PEM at all' })).toThrow(
    /serve\.client-ca-file cannot be used/,
  )
})
