import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { type Connection, createConnection } from 'mysql2/promise'
import { afterEach, expect, test } from 'vitest'
import { TroubledNode } from '../crashes/disk-trouble/troubled-node.ts'
import { endEverything } from './harness/child.ts'
import type { Kingbus, KingbusStatus } from './harness/kingbus.ts'
import { replicationPassword, replicationUser } from './harness/mysqld.ts'
import { makeRunFolder } from './harness/project.ts'
import { pause, waitFor } from './harness/wait.ts'

afterEach(endEverything)

/** More than the process has numbers of files below its highest one. */
const CLIENTS_MOST = 300
/** Numbers that the crowd takes at least, and gives back: the next file of the source needs some. */
const ROOM = 40
/** Between tries of those who are refused: when the node closes a file itself, one is let in soon. */
const CROWD_REST_MS = 30

test('a node that clients leave no open files pauses, serves who is there, and goes on when they leave', async () => {
  const disk = makeRunFolder('open-files')
  const node = await TroubledNode.start({ seed: 5, disk, semiSync: true })
  const { kingbus, source, replica } = node
  await node.beginLoad()
  const monitor = new Monitor(kingbus)
  expect((await monitor.status()).source.state).toBe('streaming')

  letNoMoreBeOpened(kingbus.pid)
  const crowd = new Crowd(kingbus)
  await crowd.waitForRefusal()
  const files = kingbus.binlogs().length
  await source.sql('FLUSH BINARY LOGS')
  await waitFor(
    { what: 'the next file to wait', explain: () => kingbus.logTail() },
    async () => (await monitor.status()).source.error?.code === 'E_OPEN_FILES',
  )
  expect((await monitor.status()).source.state).toBe('paused')
  expect(await monitor.text('/metrics')).toContain('kingbus_source_state{state="paused"} 1')
  await waitFor({ what: 'the lack of files to be shown' }, async () =>
    (await monitor.text('/metrics')).includes('kingbus_open_files_exhausted 1'),
  )
  await node.expectNoCommit(async () => {
    await crowd.waitForRefusal()
    await crowd.expectAnswers()
    expect((await replica.status())['Replica_IO_Running']).toBe('Yes')
  })

  await crowd.leave()
  await node.expectMore()
  expect(kingbus.binlogs().length).toBeGreaterThan(files)
  await (await connect(kingbus)).end()
  const told = node.logLines().filter(({ code, part }) => {
    return code === 'E_OPEN_FILES' && part === 'source'
  })
  expect(told.length).toBe(1)
  monitor.end()
  await node.rest()
}, 120_000)

/** From now on a file that is opened needs one that is closed, but for `ROOM`. */
function letNoMoreBeOpened(pid: number): void {
  const highest = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number))
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${highest + 1 + ROOM}:`])
}

/** Clients that come as long as they are let in, and stay. */
class Crowd {
  readonly #kingbus: Kingbus
  readonly #inside: Connection[] = []
  readonly #coming: Promise<void>
  #refusal = ''
  #isOpen = true

  constructor(kingbus: Kingbus) {
    this.#kingbus = kingbus
    this.#coming = this.#come()
  }

  async #come(): Promise<void> {
    while (this.#isOpen && this.#inside.length < CLIENTS_MOST) {
      try {
        this.#inside.push(await connect(this.#kingbus))
      } catch (thrown) {
        this.#refusal = String(thrown)
        await pause(CROWD_REST_MS)
      }
    }
  }

  /** Until one more finds its connection closed. */
  async waitForRefusal(): Promise<void> {
    this.#refusal = ''
    const explain = (): string => `but the last one met ${this.#refusal}`
    await waitFor({ what: 'a client to be refused', explain }, async () => {
      return /ECONNRESET|Connection lost/.test(this.#refusal)
    })
  }

  async expectAnswers(): Promise<void> {
    expect(this.#inside.length).toBeGreaterThan(0)
    for (const client of this.#inside) await client.ping()
  }

  /** All of them, and nobody comes any more. */
  async leave(): Promise<void> {
    this.#isOpen = false
    await this.#coming
    await Promise.all(this.#inside.map((client) => client.end()))
  }
}

/** Asks by one connection that stays, as Prometheus does. */
class Monitor {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #url: string

  constructor(kingbus: Kingbus) {
    this.#url = kingbus.adminUrl
  }

  async status(): Promise<KingbusStatus> {
    return JSON.parse(await this.text('/api/v1/status')) as KingbusStatus
  }

  text(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = get(`${this.#url}${path}`, { agent: this.#agent }, (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          text += part
        })
        answer.on('end', () => resolve(text))
      })
      request.on('error', reject)
    })
  }

  end(): void {
    this.#agent.destroy()
  }
}

async function connect({ port }: Kingbus): Promise<Connection> {
  return await createConnection({
    host: '127.0.0.1',
    port,
    user: replicationUser,
    password: replicationPassword,
    connectTimeout: 5000,
  })
}
