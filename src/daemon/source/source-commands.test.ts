import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Desired, type SourceWish } from '../../desired/index.ts'
import { exampleDesired } from '../../desired/testing/example-desired.ts'
import { Watch } from '../../lib/index.ts'
import { systemClock, systemDisk } from '../../platform/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { SilentSource } from '../testing/silent-source.ts'
import { openSourceNode, wishFor } from '../testing/source-node.ts'
import { SourceCommands } from './source-commands.ts'
import { SourceRunner } from './source-runner.ts'

let folder: string
let sources: [SilentSource, SilentSource]
let node: Node | undefined

interface Node {
  readonly runner: SourceRunner
  readonly commands: SourceCommands
  readonly mayRun: Watch<boolean>
  readonly end: () => Promise<void>
}

/** The part of a node that follows the source, as it starts in this folder with this configuration. */
async function start(source: SourceWish | undefined): Promise<Node> {
  const first: Desired = { ...exampleDesired, source }
  const { desired, store, runner, mayRun } = await openSourceNode(folder, first)
  const stopping = new AbortController()
  const running = runner.run(stopping.signal)
  node = {
    runner,
    commands: new SourceCommands({ desired, runner, clock: systemClock }),
    mayRun,
    end: async () => {
      node = undefined
      stopping.abort()
      await running
      await store.close()
    },
  }
  return node
}

const to =
  (source: SourceWish) =>
  (now: Desired): Desired => ({ ...now, source })

beforeEach(async () => {
  folder = temporaryFolder('source-commands')
  await systemDisk.makeFolder(`${folder}/binlogs`)
  sources = [await SilentSource.listen(), await SilentSource.listen()]
})

afterEach(async () => {
  await node?.end()
  for (const source of sources) source.close()
})

describe('a command', () => {
  it('stops the source, over a restart, until another one starts it', async () => {
    const configured = wishFor(sources[0])
    const before = await start(configured)
    await sources[0].has(1)
    await before.commands.stop()
    expect(before.runner.current?.link.state.value.phase).toBe('stopped')
    await sources[0].has(0)
    await before.end()

    const after = await start(configured)
    await after.commands.stop()
    expect(sources[0].accepted).toBe(1)
    await after.commands.start()
    await sources[0].has(1)
    await after.end()
    await start(configured)
    await sources[0].has(1)
  })

  it('gives other settings, which take effect at once and hold after a restart', async () => {
    const configured = wishFor(sources[0])
    const { commands, runner, end } = await start(configured)
    await sources[0].has(1)
    await commands.start(to(wishFor(sources[1])))
    expect(runner.current?.settings.address.port).toBe(sources[1].port)
    await sources[1].has(1)
    await sources[0].has(0)
    await end()
    await start(configured)
    await sources[1].has(1)
    expect(sources[0].connections.value).toEqual([])
  })

  it('gives other settings to a source that is stopped, which stays so until it is started', async () => {
    const { commands, runner } = await start(wishFor(sources[0]))
    await sources[0].has(1)
    await commands.stop()
    await commands.set(to(wishFor(sources[1])))
    expect(runner.current?.settings.address.port).toBe(sources[1].port)
    expect(runner.current?.link.state.value.phase).toBe('stopped')
    expect(sources[1].accepted).toBe(0)
    await commands.start()
    await sources[1].has(1)
  })

  it('gives a source to a node that had none, which refuses to start or stop it before', async () => {
    const { commands } = await start(undefined)
    for (const refused of [commands.start(), commands.stop()]) {
      await expect(refused).rejects.toMatchObject({ code: 'E_SOURCE_UNCONFIGURED' })
    }
    await commands.start(to(wishFor(sources[0])))
    await sources[0].has(1)
  })

  it('changes nothing of a link that runs when it starts it with the settings that it has', async () => {
    const { commands, runner } = await start(wishFor(sources[0]))
    await sources[0].has(1)
    const link = runner.current?.link
    const [connection] = sources[0].connections.value
    await commands.start(to(wishFor(sources[0])))
    expect(runner.current?.link).toBe(link)
    expect(sources[0].connections.value).toEqual([connection])
  })

  it('does not wait for a link that another node has', async () => {
    const { commands, mayRun } = await start(wishFor(sources[0]))
    mayRun.set(false)
    await sources[0].has(0)
    const began = performance.now()
    await commands.stop()
    await commands.start()
    expect(performance.now() - began).toBeLessThan(1000)
    expect(sources[0].connections.value).toEqual([])
  })
})
