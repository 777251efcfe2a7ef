import { join } from 'node:path'
import { encodeCheckedJson } from '../../../lib/index.ts'
import type { CertificateAndKey, Disk } from '../../../platform/index.ts'
import { replaceFile } from '../../../store/index.ts'
import type { Authority } from '../../authority.ts'
import { configurationOf, type MemberPaths, type MemberSettings } from './member-settings.ts'

const JOINED_CONTENT = encodeCheckedJson({ format: 1 })

/**
 * The files of a member below the node's data directory:
 *
 *     etcd/                  etcd's own, made by it at its first start and never by us
 *     etcd-member/
 *       lock                 a kernel lock that the running etcd has
 *       output               what etcd writes, read from there and dropped
 *       joined.json          that `etcd/` was there once: without it, it is lost
 *       config.json, *.pem   written anew at every start
 */
export class MemberFiles implements MemberPaths {
  readonly dataFolder: string
  readonly lock: string
  readonly output: string
  readonly configuration: string
  readonly authority: string
  readonly serverCertificate: string
  readonly serverKey: string
  readonly clientCertificate: string
  readonly clientKey: string
  readonly #folder: string
  readonly #joined: string
  readonly #disk: Disk

  constructor(dataDir: string, disk: Disk) {
    const inFolder = (name: string): string => join(dataDir, 'etcd-member', name)
    this.#folder = inFolder('.')
    this.#disk = disk
    this.dataFolder = join(dataDir, 'etcd')
    this.lock = inFolder('lock')
    this.output = inFolder('output')
    this.configuration = inFolder('config.json')
    this.#joined = inFolder('joined.json')
    this.authority = inFolder('authority.pem')
    this.serverCertificate = inFolder('server.pem')
    this.serverKey = inFolder('server-key.pem')
    this.clientCertificate = inFolder('client.pem')
    this.clientKey = inFolder('client-key.pem')
  }

  async makeFolder(): Promise<void> {
    await this.#disk.makeFolder(this.#folder)
  }

  /** Whether etcd has data here, and whether it ever had. */
  async history(): Promise<{ hasData: boolean; hasJoined: boolean }> {
    return {
      hasData: await this.#disk.exists(join(this.dataFolder, 'member', 'wal')),
      hasJoined: await this.#disk.exists(this.#joined),
    }
  }

  /** Keeps in mind that etcd has data here, once it has. A damaged file is written anew: that it is there counts. */
  async noteJoined(): Promise<void> {
    const { hasData, hasJoined } = await this.history()
    if (!hasData) return
    if (hasJoined && (await this.#disk.readFile(this.#joined)).equals(JOINED_CONTENT)) return
    await this.#write(this.#joined, JOINED_CONTENT)
  }

  /** Writes what etcd is started with; the client's certificate serves us as well. */
  async writeAll(settings: MemberSettings, authority: Authority): Promise<CertificateAndKey> {
    const hosts = [settings.peerUrl, settings.clientUrl].map(hostOf)
    const server = await authority.issueForServer(settings.name, [...hosts, ...LOOPBACK])
    const client = await authority.issueForClient(settings.name)
    await this.#write(this.authority, authority.certificate)
    await this.#write(this.serverCertificate, server.certificate)
    await this.#write(this.serverKey, server.key)
    await this.#write(this.clientCertificate, client.certificate)
    await this.#write(this.clientKey, client.key)
    const configuration = configurationOf(settings, this)
    // etcd passes over the check.
    await this.#write(this.configuration, encodeCheckedJson(configuration))
    return client
  }

  /** It will have data of another member, or none: what was here is given up. Durable when it resolves. */
  async forgetJoined(): Promise<void> {
    if (!(await this.#disk.exists(this.#joined))) return
    await this.#disk.remove(this.#joined)
    await this.#disk.syncFolder(this.#folder)
  }

  async #write(path: string, content: string | Buffer): Promise<void> {
    await replaceFile(this.#disk, path, Buffer.from(content))
  }
}

/** etcd calls itself there, whatever its address is. */
const LOOPBACK = ['localhost', '127.0.0.1', '::1']

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
