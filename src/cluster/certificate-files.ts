import { join } from 'node:path'
import { messageOf, OperationalError, systemCodeOf } from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import type { Authority } from './authority.ts'

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly authority: string
  readonly client: { readonly certificate: string; readonly key: string }
  /** undefined where no host was named */
  readonly server: { readonly certificate: string; readonly key: string } | undefined
}

export interface CertificateWish {
  readonly folder: string
  /** of whom the certificates are; nobody asks for it */
  readonly name: string
  /** names and addresses of a server; none for a client alone */
  readonly hosts: readonly string[]
}

/**
 * Writes the authority and new certificates of it for what is no node: a tool that calls etcd, an etcd of the
 * operator's. Every file has mode 0600, and none that is there is written over.
 * @throws OperationalError E_CONFIG_INVALID
 */
export async function writeCertificates(
  disk: Disk,
  authority: Authority,
  { folder, name, hosts }: CertificateWish,
): Promise<CertificateFiles> {
  const pathOf = (file: string): string => join(folder, file)
  const client = await authority.issueForClient(name)
  const server = hosts.length === 0 ? undefined : await authority.issueForServer(name, hosts)
  const files: CertificateFiles = {
    authority: pathOf('authority.pem'),
    client: { certificate: pathOf('client.pem'), key: pathOf('client-key.pem') },
    server: server && { certificate: pathOf('server.pem'), key: pathOf('server-key.pem') },
  }
  const texts = new Map([
    [files.authority, authority.certificate],
    [files.client.certificate, client.certificate],
    [files.client.key, client.key],
  ])
  if (files.server !== undefined && server !== undefined) {
    texts.set(files.server.certificate, server.certificate).set(files.server.key, server.key)
  }
  try {
    await disk.makeFolder(folder)
    for (const path of texts.keys()) if (await disk.exists(path)) throw taken(path)
    for (const [path, text] of texts) await create(disk, path, text)
    await disk.syncFolder(folder)
  } catch (cause) {
    if (systemCodeOf(cause) === undefined || cause instanceof OperationalError) throw cause
    const message = `certificates cannot be written to ${folder}: ${messageOf(cause)}`
    throw new OperationalError('E_CONFIG_INVALID', message, { folder }, { cause })
  }
  return files
}

async function create(disk: Disk, path: string, text: string): Promise<void> {
  const file = await disk.open(path, 'create')
  try {
    await file.write(Buffer.from(text), 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

function taken(path: string): OperationalError {
  const message = `${path} is there already and stays as it is: name another folder, or remove it`
  return new OperationalError('E_CONFIG_INVALID', message, { path })
}
