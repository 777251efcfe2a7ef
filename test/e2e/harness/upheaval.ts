import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { Kingbus } from './kingbus.ts'
import type { Mysqld } from './mysqld.ts'
import type { CutProxy } from './network/cut-proxy.ts'
import type { Replica } from './replica.ts'
import { pause } from './wait.ts'

/** Who can be disturbed: the three parties and the two connections between them. */
export interface Parties {
  readonly source: Mysqld
  readonly kingbus: Kingbus
  readonly replica: Replica
  readonly sourceProxy: CutProxy
  readonly replicaProxy: CutProxy
}

const disturbances = [
  'kill -9 source',
  'stop source',
  'kill -9 kingbus',
  'stop kingbus',
  'kill -9 replica',
  'stop replica',
  'cut source connection',
  'cut replica connection',
  'cut source connection after some bytes',
  'cut replica connection after some bytes',
  'kill -9 kingbus and source',
] as const

export type Disturbance = (typeof disturbances)[number]

/** Each disturbance once, in random order, and then again: any run of eleven has them all. */
export function* disturbanceOrder(random: SeededRandom): Generator<Disturbance> {
  for (;;) {
    const left: Disturbance[] = [...disturbances]
    while (left.length > 0) {
      const [next] = left.splice(random.between(0, left.length - 1), 1)
      if (next !== undefined) yield next
    }
  }
}

/** Disturbs one party at this moment and brings it back. */
export async function disturb(
  parties: Parties,
  disturbance: Disturbance,
  random: SeededRandom,
): Promise<void> {
  const { source, kingbus, replica, sourceProxy, replicaProxy } = parties
  const rest = random.between(0, 500)
  const comeBack = async (party: Mysqld | Kingbus, gone: Promise<void>): Promise<void> => {
    await gone
    await pause(rest)
    await party.launch()
  }
  switch (disturbance) {
    case 'kill -9 source':
      return await comeBack(source, source.kill9())
    case 'stop source':
      return await comeBack(source, source.stop())
    case 'kill -9 kingbus':
      return await comeBack(kingbus, kingbus.kill9())
    case 'stop kingbus':
      return await comeBack(kingbus, kingbus.stop())
    case 'kill -9 replica':
      return await comeBack(replica.server, replica.server.kill9())
    case 'stop replica':
      return await comeBack(replica.server, replica.server.stop())
    case 'cut source connection':
      return sourceProxy.cut()
    case 'cut replica connection':
      return replicaProxy.cut()
    case 'cut source connection after some bytes':
      return sourceProxy.cutAfter(random.between(1, 300_000))
    case 'cut replica connection after some bytes':
      return replicaProxy.cutAfter(random.between(1, 300_000))
    case 'kill -9 kingbus and source':
      await Promise.all([kingbus.kill9(), source.kill9()])
      await Promise.all([kingbus.launch(), source.launch()])
  }
}
