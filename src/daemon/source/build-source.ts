import { picked, type Watched } from '../../lib/index.ts'
import type { ReplicaAcks, ReplicaRow } from '../../serve/index.ts'
import { trySource } from '../../source/index.ts'
import { SourceKeeper } from '../cluster/source-keeper.ts'
import type { RoomJournal } from '../disk/room-journal.ts'
import type { Engine } from '../engine.ts'
import type { NodeOptions } from '../node-options.ts'
import { MirroredVariables } from './mirrored-variables.ts'
import { ReplicaWait } from './replica-wait.ts'
import { SourceDesk } from './source-desk.ts'
import { SourceFailover } from './source-failover.ts'
import { SourceRunner, type SourceSettings } from './source-runner.ts'
import { sourceSettings } from './source-settings.ts'
import { SourceSwitch } from './source-switch.ts'

/** What of a node has to do with its source. */
export interface SourceGroup {
  readonly settings: Watched<SourceSettings | undefined>
  readonly source: SourceRunner
  readonly replicaWait: ReplicaWait
  readonly failover: SourceFailover
  readonly sourceDesk: SourceDesk
  readonly variables: MirroredVariables
  /** undefined on a node that is alone */
  readonly sourceKeeper: SourceKeeper | undefined
}

interface SourceNeeds extends NodeOptions, Omit<Engine, 'journal'> {
  readonly journal: RoomJournal
  readonly acks: ReplicaAcks
  /** whose dumps run, and who have registered for one */
  readonly connected: () => readonly ReplicaRow[]
}

/** What follows the source, and what tells people of it. */
export function buildSource(parts: SourceNeeds): SourceGroup {
  const { config, desired, cluster, journal, disk, clock, random, logger } = parts
  const { acks, connected } = parts
  const settings = sourceSettings(desired.value, disk)
  const source = new SourceRunner({
    settings,
    wanted: picked(desired.value, ({ isSourceRunning }) => isSourceRunning),
    mayRun: parts.leads,
    journal,
    heldByReplicas: acks.held,
    clock,
    random,
    logger: logger.child({ part: 'source' }),
  })
  const replicaWait = new ReplicaWait({
    acks,
    connected,
    source,
    clock,
    logger: logger.child({ part: 'source' }),
  })
  const sourceKeeper =
    cluster &&
    new SourceKeeper({
      node: cluster.node,
      desired: desired.value,
      runner: source,
      hasRoom: () => journal.hasRoom && !journal.space.isReadOnly,
      clock,
      random,
      logger: logger.child({ part: 'cluster' }),
    })
  const sourceSwitch = new SourceSwitch({ ...parts, runner: source, trial: trySource })
  const failover = new SourceFailover({
    candidates: config['source.candidates'] ?? [],
    afterMs: config['source.failover-after'],
    desired,
    runner: source,
    sourceSwitch,
    reachedBy: async () => await sourceKeeper?.reachedBy(),
    clock,
    random,
    logger: logger.child({ part: 'source' }),
  })
  const sourceDesk = new SourceDesk({ ...parts, source, replicaWait, sourceSwitch, failover })
  const variables = new MirroredVariables({ source, show: () => sourceDesk.show(), clock })
  return { settings, source, replicaWait, failover, sourceDesk, variables, sourceKeeper }
}
