import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { systemDisk } from '../platform/index.ts'
import { Authority } from './authority.ts'
import { writeCertificates } from './certificate-files.ts'
import { ClusterSecret } from './cluster-secret.ts'

const authority = await Authority.from(await ClusterSecret.from('sixteen or more of them'))
const name = 'tool'

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'kingbus-certs-')), 'new')
})

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

test('a client’s certificate hangs on the authority, and only its owner can read the key', async () => {
  const files = await writeCertificates(systemDisk, authority, { folder, name, hosts: [] })
  const client = new X509Certificate(await readFile(files.client.certificate))
  expect(client.checkIssued(new X509Certificate(await readFile(files.authority)))).toBe(true)
  expect(await readFile(files.client.key, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
  expect(await modeOf(files.client.key)).toBe(0o600)
  expect(await modeOf(folder)).toBe(0o700)
  expect(files.server).toBeUndefined()
  expect(await readdir(folder)).toHaveLength(3)
})

test('a server’s has the hosts that were named', async () => {
  const wish = { folder, name, hosts: ['etcd.example', '10.0.0.7'] }
  const { server } = await writeCertificates(systemDisk, authority, wish)
  const certificate = new X509Certificate(await readFile(server?.certificate ?? ''))
  expect(certificate.checkHost('etcd.example')).toBe('etcd.example')
  expect(certificate.checkIP('10.0.0.7')).toBe('10.0.0.7')
  expect(await modeOf(server?.key ?? '')).toBe(0o600)
})

test('a file that is there is named and stays, and nothing else is written', async () => {
  const { client } = await writeCertificates(systemDisk, authority, { folder, name, hosts: [] })
  const before = await readFile(client.key, 'utf8')
  const again = writeCertificates(systemDisk, authority, { folder, name, hosts: ['h'] })
  await expect(again).rejects.toMatchObject({
    code: 'E_CONFIG_INVALID',
    message: expect.stringContaining(`${folder}/authority.pem is there already`),
  })
  expect(await readFile(client.key, 'utf8')).toBe(before)
  expect(await readdir(folder)).toHaveLength(3)
})

test('a folder that cannot be made is named with the reason', async () => {
  const file = `${folder}-file`
  await writeFile(file, '')
  const wish = { folder: join(file, 'certs'), name, hosts: [] }
  await expect(writeCertificates(systemDisk, authority, wish)).rejects.toMatchObject({
    code: 'E_CONFIG_INVALID',
    message: expect.stringMatching(/certs: ENOTDIR/),
  })
})
