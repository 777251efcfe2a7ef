import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Config } from '../config/index.ts'
import { messageOf, systemCodeOf } from '../lib/index.ts'
import type { Clock, Disk } from '../platform/index.ts'
import { type DoctorFinding, ok, problem, warning } from './checks.ts'

type CertificateId = 'serve.certificate' | 'admin.certificate'

const DAY_MS = 86_400_000
const SOON_DAYS = 30

interface Parts {
  readonly config: Config
  readonly disk: Disk
  readonly clock: Clock
  readonly dataDir: string
}

export async function certificateFindings(parts: Parts): Promise<DoctorFinding[]> {
  return [await checkServe(parts), await checkAdmin(parts)]
}

async function checkServe(parts: Parts): Promise<DoctorFinding> {
  const { config, disk, dataDir } = parts
  const id = 'serve.certificate'
  const certificate = config['serve.cert-file']
  const key = config['serve.key-file']
  if (certificate !== undefined && key !== undefined) {
    return await checkPair(id, { certificate, key }, parts)
  }
  const kept = `${dataDir}/serve-cert.pem`
  if (await disk.exists(kept)) return await checkPair(id, { certificate: kept, key: kept }, parts)
  return ok(id, 'one is made at the first start and kept in the data directory')
}

async function checkAdmin(parts: Parts): Promise<DoctorFinding> {
  const certificate = parts.config['admin.cert-file']
  const key = parts.config['admin.key-file']
  if (certificate === undefined || key === undefined) return ok('admin.certificate', 'plain HTTP')
  return await checkPair('admin.certificate', { certificate, key }, parts)
}

async function checkPair(
  id: CertificateId,
  files: { readonly certificate: string; readonly key: string },
  { disk, clock }: Parts,
): Promise<DoctorFinding> {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(await disk.readFile(files.certificate))
    const key = createPrivateKey(await disk.readFile(files.key))
    if (!certificate.checkPrivateKey(key)) {
      const found = `${files.key} is not the key of ${files.certificate}`
      return problem(id, found, 'name the two files of one pair')
    }
  } catch (thrown) {
    if (systemCodeOf(thrown) === undefined) throw thrown
    const found = `${files.certificate} with ${files.key} cannot be used: ${messageOf(thrown)}`
    return problem(id, found, 'give PEM files that the user that runs kingbus can read')
  }
  const mode = (await disk.attributes(files.key))?.mode ?? 0
  if ((mode & 0o007) !== 0) {
    return warning(id, `everybody can read the key ${files.key}`, `chmod o= ${files.key}`)
  }
  return checkDates(id, files.certificate, { certificate, nowMs: clock.nowMs() })
}

function checkDates(
  id: CertificateId,
  file: string,
  { certificate, nowMs }: { certificate: X509Certificate; nowMs: number },
): DoctorFinding {
  const { validFrom, validTo } = certificate
  const days = Math.floor((Date.parse(validTo) - nowMs) / DAY_MS)
  const renew = 'renew it and start again: kingbus reads it at its start'
  if (Date.parse(validFrom) > nowMs) {
    return warning(id, `${file} is valid only from ${validFrom}`, 'see that the clock is right')
  }
  if (days < 0) return warning(id, `${file} has expired on ${validTo}`, renew)
  if (days < SOON_DAYS) return warning(id, `${file} expires in ${days} days, on ${validTo}`, renew)
  return ok(id, `${file} is valid until ${validTo}`)
}
