import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LocalJournal, type LogEnd } from '../../journal/index.ts'
import { present, silentLogger, Watch, waitUntil } from '../../lib/index.ts'
import { dial, systemClock, systemDisk, systemRandom } from '../../platform/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { Store } from '../../store/index.ts'
import { SilentSource } from '../testing/silent-source.ts'
import { SourceRunner, type SourceSettings } from './source-runner.ts'

/** Counts the sessions that are open at a time. */
class CountingJournal extends LocalJournal {
  open = 0
  openMost = 0

  override async openSession(signal: AbortSignal): Promise<LogEnd | undefined> {
    const end = await super.openSession(signal)
    this.open += 1
    this.openMost = Math.max(this.openMost, this.open)
    return end
  }

  override closeSession(): void {
    this.open -= 1
  }
}

function settingsFor({ port }: SilentSource): SourceSettings {
  return {
    address: {
      dial,
      host: '127.0.0.1',
      port,
      user: 'repl',
      password: () => 'secret',
      tls: { mode: 'disabled', authorities: () => undefined },
    },
    self: { serverId: 2, uuid: 'aaaaaaaa-0000-4000-8000-000000000002' },
    startAt: 'oldest',
    semiSync: false,
  }
}

const settings = new Watch<SourceSettings | undefined>(undefined)
const wanted = new Watch(true)
const mayRun = new Watch(true)
let sources: [SilentSource, SilentSource]
let store: Store
let journal: CountingJournal
let runner: SourceRunner
let running: Promise<void>
let stopping: AbortController

beforeEach(async () => {
  sources = [await SilentSource.listen(), await SilentSource.listen()]
  settings.set(undefined)
  wanted.set(true)
  mayRun.set(true)
  const folder = temporaryFolder('source-runner')
  store = await Store.open({ disk: systemDisk, folder, storeId: 'test', logger: silentLogger })
})

afterEach(async () => {
  stopping.abort()
  await running
  for (const source of sources) source.close()
  await store.close()
})

function start(): void {
  const parts = { clock: systemClock, random: systemRandom, logger: silentLogger }
  journal = new CountingJournal(store)
  runner = new SourceRunner({
    settings,
    wanted,
    mayRun,
    journal,
    heldByReplicas: undefined,
    ...parts,
  })
  stopping = new AbortController()
  running = runner.run(stopping.signal)
}

async function isStopped(): Promise<void> {
  const link = present(runner.current, 'a source').link
  await waitUntil(link.state, ({ phase }) => phase === 'stopped')
}

describe('the source is followed', () => {
  it('while it is wanted, and while this node is the one to do it', async () => {
    settings.set(settingsFor(sources[0]))
    wanted.set(false)
    start()
    for (const condition of [wanted, mayRun]) {
      condition.set(false)
      await isStopped()
      await sources[0].has(0)
      condition.set(true)
      await sources[0].has(1)
    }
  })

  it('with the settings that hold now, and one link at a time', async () => {
    start()
    expect(runner.current).toBeUndefined()
    settings.set(settingsFor(sources[0]))
    await sources[0].has(1)
    const first = runner.current
    settings.set(settingsFor(sources[1]))
    await sources[1].has(1)
    await sources[0].has(0)
    expect(journal).toMatchObject({ open: 1, openMost: 1 })
    expect(runner.current?.settings).toBe(settings.value)
    expect(runner.current?.link).not.toBe(first?.link)
    settings.set(undefined)
    await sources[1].has(0)
    await vi.waitFor(() => expect(runner.current).toBeUndefined())
    expect(journal.open).toBe(0)
  })

  it('not with new settings while it is stopped', async () => {
    settings.set(settingsFor(sources[0]))
    start()
    await sources[0].has(1)
    wanted.set(false)
    settings.set(settingsFor(sources[1]))
    await vi.waitFor(() => expect(runner.current?.settings).toBe(settings.value))
    await isStopped()
    wanted.set(true)
    await sources[1].has(1)
    expect(sources[0].connections.value).toEqual([])
  })
})
