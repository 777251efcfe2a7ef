import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Logger, OperationalError, silentLogger } from '../../../lib/index.ts'
import { type Disk, type Processes, systemDisk } from '../../../platform/index.ts'
import { SeededRandom } from '../../../platform/testing/seeded-random.ts'
import { SimulatedClock } from '../../../platform/testing/simulated-clock.ts'
import { Authority } from '../../authority.ts'
import { ClusterSecret } from '../../cluster-secret.ts'
import { EtcdMember } from './etcd-member.ts'

const authority = await Authority.from(await ClusterSecret.from('the secret of these tests'))
const settings = {
  name: 'n1',
  peerUrl: 'https://127.0.0.1:2380',
  clientUrl: 'https://127.0.0.1:2379',
  initialCluster: 'n1=https://127.0.0.1:2380',
  initialClusterState: 'new' as const,
  clusterToken: 'token',
  heartbeatMs: 100,
  electionMs: 1000,
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-member-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** A member on a disk that refuses its files as long as there is a code, and whose program is never there. */
class Refused {
  refusal: { readonly code: string; readonly syscall: string } | undefined
  readonly lines: string[] = []
  readonly member: EtcdMember
  writes = 0
  readonly #time = new SimulatedClock()
  readonly #over = new AbortController()
  readonly #running: Promise<void>

  constructor(code: string) {
    this.fails(code)
    const note = (level: string, fields: object, message: string): void => {
      const { code: told } = { code: '', ...fields }
      this.lines.push(`${level} ${told} ${message.split(':')[0]}`)
    }
    const log: Logger = {
      ...silentLogger,
      info: (fields, message) => note('info', fields, message),
      warn: (fields, message) => note('warn', fields, message),
    }
    this.member = new EtcdMember({
      binary: 'etcd',
      dataDir: folder,
      settings,
      authority,
      disk: this.#disk(),
      processes,
      clock: this.#time.process(),
      random: new SeededRandom(1),
      log,
    })
    this.#running = this.member.run(this.#over.signal)
    this.#running.catch(() => {})
  }

  fails(code: string | undefined): void {
    this.refusal = code === undefined ? undefined : { code, syscall: 'write' }
  }

  #disk(): Disk {
    return {
      ...systemDisk,
      replaceFile: async (path, bytes) => {
        this.writes += 1
        if (this.refusal !== undefined) throw Object.assign(new Error('refused'), this.refusal)
        await systemDisk.replaceFile(path, bytes)
      },
    }
  }

  /** Time goes by until its files were tried to be written so many times more. */
  async tries(count: number): Promise<void> {
    const goal = this.writes + count
    await this.until(() => this.writes >= goal)
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.#time.step()
      await new Promise(setImmediate)
    }
  }

  async end(): Promise<void> {
    this.#over.abort()
    await this.#running
  }
}

const processes: Processes = {
  output: () => Promise.resolve('etcd Version: 3.5.30\n'),
  start: () =>
    Promise.reject(new OperationalError('E_OPEN_FILES', 'etcd cannot be opened, too many files')),
  holders: () => Promise.resolve([]),
  signal: () => {},
}

describe('a member of etcd whose files cannot be written', () => {
  it('says so once, and again when the reason is another one or is over', async () => {
    const refused = new Refused('EROFS')
    await refused.tries(5)
    const { state } = refused.member
    expect(state.value).toMatchObject({ phase: 'waiting', error: { code: 'E_STORE_WRITE' } })
    refused.fails('ENOSPC')
    await refused.tries(5)
    expect(state.value).toMatchObject({ phase: 'waiting', error: { code: 'E_DISK_FULL' } })
    const before = refused.lines.slice()
    refused.fails(undefined)
    await refused.until(() => refused.lines.length >= before.length + 2)
    expect(before).toEqual([
      'info  starting the member of etcd',
      'warn E_STORE_WRITE the member of etcd waits',
      'warn E_DISK_FULL the member of etcd waits',
    ])
    expect(refused.lines.slice(before.length)).toEqual([
      'info  the files of the member of etcd are written again',
      'warn E_OPEN_FILES etcd cannot be opened, too many files',
    ])
    expect(state.value).toMatchObject({ phase: 'waiting', error: { code: 'E_OPEN_FILES' } })
    await refused.end()
  })
})
