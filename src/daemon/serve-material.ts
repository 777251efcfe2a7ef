/*
  The certificate shown to replicas and the key by which passwords are sent without TLS: the configured ones, or
  some made at the first start and kept in the data directory, as MySQL does.
*/
import type { Config } from '../config/index.ts'
import { messageOf, OperationalError } from '../lib/index.ts'
import {
  type CertificateAndKey,
  type Clock,
  type Disk,
  makePasswordKey,
  makeServerCertificate,
  makeServerTls,
  type ServerTls,
} from '../platform/index.ts'

const CERTIFICATE_YEARS_MS = 10 * 365 * 86_400_000
const DAY_MS = 86_400_000

export interface ServeMaterial {
  readonly tls: ServerTls
  /** PEM */
  readonly passwordKey: string
}

/** @throws OperationalError E_CONFIG_UNREADABLE, E_CONFIG_INVALID */
export async function loadServeMaterial(
  { disk, clock }: { readonly disk: Disk; readonly clock: Clock },
  config: Config,
  folder: string,
): Promise<ServeMaterial> {
  const own = { certificate: config['serve.cert-file'], key: config['serve.key-file'] }
  const pair =
    own.certificate === undefined || own.key === undefined
      ? await keptPair(disk, clock, folder)
      : {
          certificate: await readPem(disk, own.certificate, 'serve.cert-file'),
          key: await readPem(disk, own.key, 'serve.key-file'),
        }
  const authorities = config['serve.client-ca-file']
  const clientAuthority =
    authorities === undefined ? undefined : await readPem(disk, authorities, 'serve.client-ca-file')
  const passwordKey = await keptFile(disk, `${folder}/password-key.pem`, makePasswordKey)
  return { tls: makeServerTls({ ...pair, clientAuthority }), passwordKey }
}

/** One file holds both, so that a crash between two writes cannot leave a key of another certificate. */
async function keptPair(disk: Disk, clock: Clock, folder: string): Promise<CertificateAndKey> {
  const pem = await keptFile(disk, `${folder}/serve-cert.pem`, async () => {
    const made = await makeServerCertificate({
      commonName: 'Kingbus_Server_Auto_Generated',
      notBeforeMs: clock.nowMs() - DAY_MS,
      notAfterMs: clock.nowMs() + CERTIFICATE_YEARS_MS,
    })
    return `${made.key}${made.certificate}`
  })
  return { certificate: pem, key: pem }
}

async function keptFile(disk: Disk, path: string, make: () => Promise<string>): Promise<string> {
  if (!(await disk.exists(path))) await disk.replaceFile(path, Buffer.from(await make()))
  return (await disk.readFile(path)).toString('utf8')
}

/** @param key the setting that names the file */
export async function readPem(disk: Disk, path: string, key: string): Promise<string> {
  try {
    return (await disk.readFile(path)).toString('utf8')
  } catch (cause) {
    const message = `${key} ${path} cannot be read: ${messageOf(cause)}`
    throw new OperationalError('E_CONFIG_UNREADABLE', message, {}, { cause })
  }
}
