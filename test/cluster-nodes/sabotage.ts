/*
  Violations planted into what stands around the protocol, one for each promise of it: a check that does not notice its
  violation checks nothing. docs/internals/testing.md lists them.
*/
import { Follower, ProtocolNode } from '../../src/cluster/index.ts'
import type { ClusterJournal } from '../../src/cluster/node/cluster-journal.ts'
import { Feed } from '../../src/cluster/node/disk/feed.ts'
import type { Driver } from '../../src/cluster/node/driver.ts'
import { crc32, Watch } from '../../src/lib/index.ts'
import type { Disk, DiskFile } from '../../src/platform/index.ts'
import type { LogRecord, VisibleEnd } from '../../src/store/index.ts'
import { original, replace } from '../cluster-simulation/planted.ts'
import type { Checker } from '../simulation/violation.ts'
import type { SimulatedNode } from './node.ts'
import type { Sabotage } from './world.ts'

export interface PlantedViolation {
  readonly name: string
  readonly caughtBy: readonly Checker[]
  readonly sabotage: Sabotage
}

const begin = original(Feed, 'begin')

/** The disk with other files. */
function withFiles(disk: Disk, change: (file: DiskFile) => void): Disk {
  const open = disk.open.bind(disk)
  disk.open = async (path, mode) => {
    const file = await open(path, mode)
    change(file)
    return file
  }
  return disk
}

/** What is appended is said to be durable at once. */
function durableTooSoon(driver: Driver): void {
  const { work } = driver
  const { append } = work
  work.append = (records) => {
    append.call(work, records)
    const sequence = records.at(-1)?.sequence ?? 0
    queueMicrotask(() => driver.give({ kind: 'durable', sequence }))
  }
}

/** What was given is acknowledged, not what is committed. */
function acknowledgesWhatWasGiven(driver: Driver, journal: ClusterJournal): void {
  const visible = new Watch<VisibleEnd | undefined>(journal.visible.value)
  Object.defineProperty(journal, 'visible', { configurable: true, get: () => visible })
  driver.stepped.follow(() => {
    const { end } = journal
    if (end === undefined) return
    const sequence = driver.node.context.log.written
    visible.set({ file: end.file, position: end.boundary, sequence })
  })
}

/** A follower stores other bytes than it was sent: one record of them, with a checksum that agrees. */
function storesOtherBytes(driver: Driver, _: ClusterJournal, node: SimulatedNode): void {
  const { work } = driver
  const { append } = work
  work.append = (records) => {
    append.call(work, driver.node.leader === undefined ? records.map(other) : records)
  }
  const other = (record: LogRecord): LogRecord => {
    if (node.mayStop || record.kind !== 'bytes' || record.bytes === undefined) return record
    node.mayStop = true
    const bytes = Buffer.from(record.bytes)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    return { ...record, bytes, crc: crc32(bytes) }
  }
}

export const PLANTED_VIOLATIONS: readonly PlantedViolation[] = [
  {
    name: 'a record is said to be durable before it is synced',
    caughtBy: ['a report speaks of what is durable'],
    sabotage: { begins: durableTooSoon },
  },
  {
    name: 'fdatasync of an index does nothing',
    caughtBy: ['a report speaks of what is durable', 'the node opens'],
    sabotage: {
      disk: (disk) =>
        withFiles(disk, (file) => {
          if (file.path.endsWith('.idx')) file.sync = async () => {}
        }),
    },
  },
  {
    name: 'fdatasync of a binlog file does nothing',
    caughtBy: ['what was shown stays', 'a report speaks of what is durable', 'the node opens'],
    sabotage: {
      disk: (disk) =>
        withFiles(disk, (file) => {
          if (!file.path.endsWith('.idx')) file.sync = async () => {}
        }),
    },
  },
  {
    name: 'facts are said to be durable before they are written',
    caughtBy: ['a promise is durable'],
    sabotage: {
      begins: (driver) => {
        const { node } = driver
        const step = node.step.bind(node)
        node.step = (input) => {
          const decisions = step(input)
          for (const decision of decisions) {
            if (decision.kind !== 'remember') continue
            queueMicrotask(() => driver.give({ kind: 'remembered', facts: decision.facts }))
          }
          return decisions
        }
      },
    },
  },
  {
    name: 'a record is left out of what a follower is sent',
    caughtBy: ['ingest goes on'],
    sabotage: {
      methods: replace(Feed, {
        begin(from, told) {
          begin.call(this, from > 20 ? from + 1 : from, told)
        },
      }),
    },
  },
  {
    name: 'the source is told before the commit',
    caughtBy: ['an acknowledgement is for what is committed'],
    sabotage: { begins: acknowledgesWhatWasGiven },
  },
  {
    name: 'what is durable is shown before it is committed',
    caughtBy: ['what is shown is committed'],
    sabotage: {
      methods: replace(ProtocolNode, {
        showable() {
          return this.context.log.durable
        },
      }),
    },
  },
  {
    name: 'a follower stores other bytes, and no digest is compared',
    caughtBy: ['what was shown stays', 'logs with the same record are the same up to it'],
    sabotage: { begins: storesOtherBytes, methods: replace(Follower, { agrees: () => true }) },
  },
]
