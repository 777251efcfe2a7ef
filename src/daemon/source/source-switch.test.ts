import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Desired, FileDesired } from '../../desired/index.ts'
import { exampleDesired } from '../../desired/testing/example-desired.ts'
import { LocalJournal } from '../../journal/index.ts'
import { OperationalError, present, Watch, waitUntil } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { type Clock, systemClock, systemDisk, systemRandom } from '../../platform/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import type { SourcePhase, SourceTrial } from '../../source/index.ts'
import { Store } from '../../store/index.ts'
import { SilentSource } from '../testing/silent-source.ts'
import { openSourceNode, wishFor } from '../testing/source-node.ts'
import { SourceRunner } from './source-runner.ts'
import { SourceSwitch } from './source-switch.ts'

const LACKING = GtidSet.parse('3e11fa47-71ca-11e1-9e33-c80aa9429562:7')

const GOOD: SourceTrial = { address: 'db2:3306' }
const BEHIND: SourceTrial = {
  address: 'db2:3306',
  lacking: LACKING,
  refusal: new OperationalError('E_SOURCE_OTHER', 'it lacks transactions'),
}
const UNFIT: SourceTrial = {
  address: 'db2:3306',
  refusal: new OperationalError('E_SOURCE_CONFIG', 'its gtid_mode is OFF'),
}

let sources: [SilentSource, SilentSource]
let store: Store
let desired: FileDesired
let runner: SourceRunner
let running: Promise<void>
let stopping: AbortController
let mayRun: Watch<boolean>
/** the phase of the old link at each look at the new server */
let looks: (string | undefined)[]
/** each phase that the old link has entered since the beginning of the test */
let phases: SourcePhase[]

beforeEach(async () => {
  sources = [await SilentSource.listen(), await SilentSource.listen()]
  looks = []
  const folder = temporaryFolder('source-switch')
  await systemDisk.makeFolder(`${folder}/binlogs`)
  const first: Desired = { ...exampleDesired, source: wishFor(sources[0]) }
  ;({ desired, store, runner, mayRun } = await openSourceNode(folder, first))
  stopping = new AbortController()
  running = runner.run(stopping.signal)
  await sources[0].has(1)
  phases = []
  present(runner.current, 'a source').link.state.follow(({ phase }) => phases.push(phase))
})

afterEach(async () => {
  stopping.abort()
  await running
  for (const source of sources) source.close()
  await store.close()
})

/** Whose sleep takes no time, and is told. */
function quickClock(slept: { ms: number }): Clock {
  return {
    ...systemClock,
    monotonicMs: () => slept.ms,
    sleep: async (ms) => void (slept.ms += ms),
  }
}

/** Finds these, one after the other; the last one again and again. */
function switching(trials: readonly SourceTrial[], slept = { ms: 0 }): SourceSwitch {
  return new SourceSwitch({
    desired,
    runner,
    journal: new LocalJournal(store),
    disk: systemDisk,
    clock: quickClock(slept),
    random: systemRandom,
    trial: async () => {
      looks.push(runner.current?.link.state.value.phase)
      return trials[Math.min(looks.length, trials.length) - 1] ?? GOOD
    },
  })
}

const request = (dryRun = false) => ({
  address: { host: '127.0.0.1', port: sources[1].port },
  password: 'secret of db2',
  dryRun,
})

const followed = (): number | undefined => desired.value.value.source?.port

/** The old source sees the end of a connection later than the beginning of the next one. */
async function isFollowedAgain(): Promise<void> {
  const [{ connections }] = sources
  await waitUntil(connections, ({ length }) => length === 1 && sources[0].accepted === 2)
}

describe('a switch of the source', () => {
  it('looks at the new server while the old one is followed, and once more when it is not', async () => {
    const result = await switching([GOOD]).run(request())
    expect(result).toMatchObject({ switched: true, refusal: null })
    expect(looks).toEqual(['connecting', 'stopped'])
    await sources[1].has(1)
    await sources[0].has(0)
    expect(followed()).toBe(sources[1].port)
    expect(sources[0].accepted).toBe(1)
  })

  it('only looks, where it is a dry run', async () => {
    const result = await switching([BEHIND]).run(request(true))
    expect(result).toMatchObject({
      dryRun: true,
      switched: false,
      lacking: LACKING.toString(),
      refusal: { code: 'E_SOURCE_OTHER' },
    })
    expect(looks).toEqual(['connecting'])
    expect(phases).toEqual([])
    expect(followed()).toBe(sources[0].port)
  })

  it('gives a server that lacks something time to get it', async () => {
    const result = await switching([BEHIND, BEHIND, BEHIND, GOOD]).run(request())
    expect(result.switched).toBe(true)
    expect(looks).toEqual(['connecting', 'stopped', 'stopped', 'stopped'])
    await sources[1].has(1)
  })

  it('goes on with the old source when the server does not get it in time', async () => {
    const slept = { ms: 0 }
    const refused = switching([BEHIND], slept).run(request())
    await expect(refused).rejects.toMatchObject({
      code: 'E_SWITCH_REFUSED',
      message: expect.stringContaining('it lacks transactions [E_SOURCE_OTHER]'),
    })
    expect(slept.ms).toBe(10_000)
    await isFollowedAgain()
    expect(followed()).toBe(sources[0].port)
  })

  it('does not touch the old link for a server that will not do', async () => {
    const refused = switching([UNFIT]).run(request())
    await expect(refused).rejects.toMatchObject({ code: 'E_SWITCH_REFUSED' })
    expect(looks).toEqual(['connecting'])
    expect(phases).toEqual([])
  })

  it('goes on with the old source when the second look speaks against the server', async () => {
    const refused = switching([GOOD, UNFIT]).run(request())
    await expect(refused).rejects.toMatchObject({ code: 'E_SWITCH_REFUSED' })
    await isFollowedAgain()
  })

  it('changes nothing once another node leads', async () => {
    const inTime = switching([GOOD])
    const run = inTime.run(request())
    mayRun.set(false)
    await expect(run).rejects.toMatchObject({ code: 'E_NOT_LEADER' })
    expect(followed()).toBe(sources[0].port)
  })

  it('changes nothing where the source has been changed meanwhile', async () => {
    const inTime = switching([GOOD])
    const run = inTime.run(request())
    await desired.change((now) => ({ ...now, source: { ...wishFor(sources[0]), semiSync: true } }))
    await expect(run).rejects.toMatchObject({ code: 'E_SWITCH_REFUSED' })
    expect(desired.value.value.source).toMatchObject({ port: sources[0].port, semiSync: true })
  })

  it('leaves a source that is stopped so', async () => {
    await desired.change((now) => ({ ...now, isSourceRunning: false }))
    await sources[0].has(0)
    expect((await switching([GOOD]).run(request())).switched).toBe(true)
    expect(followed()).toBe(sources[1].port)
    expect(runner.current?.settings.address.port).toBe(sources[1].port)
    expect(runner.current?.link.state.value.phase).toBe('stopped')
    expect(sources[1].accepted).toBe(0)
  })

  it('is refused while another one is under way, and needs the password of another server', async () => {
    const one = switching([GOOD])
    const run = one.run(request())
    await expect(one.run(request())).rejects.toMatchObject({ code: 'E_SWITCH_REFUSED' })
    await run
    const { password: _, ...without } = request()
    const address = { host: '127.0.0.1', port: sources[0].port }
    const refused = one.run({ ...without, address })
    await expect(refused).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' })
  })
})
