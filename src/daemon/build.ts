/*
  The composition root: makes the parts of one node and hands each what it needs. Nothing here is a global, so that
  several channels in one process stay a matter of composition.
*/
import { hostname } from 'node:os'
import { type Address, type Config, REPLICAS_LOOK_MS, RETENTION_LOOK_MS } from '../config/index.ts'
import { openFilesTrouble } from '../platform/index.ts'
import {
  type AskSource,
  ReplicaAcks,
  type ReplicaRow,
  ReplicationServer,
  type ReplicationServerOptions,
  SERVE_LIMITS,
} from '../serve/index.ts'
import { METADATA_LIMITS, MetadataPool, readSourceGtids, SOURCE_LIMITS } from '../source/index.ts'
import { type DataDir, FileScrub, minFreeBytes, openDataDir } from '../store/index.ts'
import { DiskWatch } from './disk/disk-watch.ts'
import { OpenFilesWatch } from './disk/open-files-watch.ts'
import { RoomJournal } from './disk/room-journal.ts'
import { type Engine, openEngine } from './engine.ts'
import { FormatFacts } from './format-facts.ts'
import type { NodeOptions } from './node-options.ts'
import { RepairDesk } from './repair/repair-desk.ts'
import { buildRetention, type RetentionParts } from './retention/build-retention.ts'
import { loadServeMaterial } from './serve-material.ts'
import { buildSource, type SourceGroup } from './source/build-source.ts'
import { metadataAddress } from './source/metadata-address.ts'
import { SqlAdministration } from './sql-administration.ts'

export interface NodeParts
  extends NodeOptions,
    Omit<Engine, 'journal'>,
    Omit<SourceGroup, 'settings'> {
  readonly startedMs: number
  readonly dataDir: DataDir
  readonly journal: RoomJournal
  readonly diskWatch: DiskWatch
  readonly openFiles: OpenFilesWatch
  readonly facts: FormatFacts
  /** `disk.min-free`, in bytes */
  readonly minFree: number
  readonly server: ReplicationServer
  readonly retention: RetentionParts
  /** answers questions about tables; undefined: they are refused */
  readonly metadata: MetadataPool | undefined
  readonly scrub: FileScrub
  readonly repairs: RepairDesk
  /** where replicas connect; undefined while nothing listens */
  readonly listening: { address: Address | undefined }
}

/** @throws OperationalError: the data directory, the store, the users file, certificates */
export async function buildNode(options: NodeOptions): Promise<NodeParts> {
  const { config, disk, random } = options
  const dataDir = await openDataDir({
    disk,
    random,
    path: config['data-dir'],
    wishes: identityWishes(config),
  })
  try {
    return await buildInside(options, dataDir)
  } catch (thrown) {
    await dataDir.release()
    throw thrown
  }
}

async function buildInside(options: NodeOptions, dataDir: DataDir): Promise<NodeParts> {
  const { config, disk, clock, logger } = options
  const listening: NodeParts['listening'] = { address: undefined }
  const material = await loadServeMaterial({ disk, clock }, config, dataDir.path)
  const engine = await openEngine(options, dataDir, listening)
  const { store, desired } = engine
  const minFree = config['disk.min-free'] ?? (await minFreeBytes(disk, dataDir.path))
  const journal = new RoomJournal(engine.journal, { disk, folder: dataDir.path, minFree })
  const facts = new FormatFacts(store, logger)
  await facts.look()
  const startedMs = clock.nowMs()
  const acks = new ReplicaAcks(config['serve.wait-for-replicas'])
  const connected = (): readonly ReplicaRow[] => server.replicas.list([])
  const { settings, ...desks } = buildSource({ ...options, ...engine, journal, acks, connected })
  const scrub = buildScrub(options, engine, dataDir)
  const repairs = new RepairDesk({
    ...options,
    store,
    folder: dataDir.binlogs,
    storeId: dataDir.identity.storeId,
    scrub,
    settings,
    peers: engine.cluster?.node.files,
    logger: logger.child({ part: 'repair' }),
  })
  const diskWatch = new DiskWatch({
    room: journal,
    figures: options.diskFigures,
    failure: () => failureOf(engine),
    source: desks.source,
    folder: dataDir.path,
    clock,
    logger: logger.child({ part: 'disk' }),
  })
  const openFiles = new OpenFilesWatch({
    look: openFilesTrouble,
    clock,
    logger: logger.child({ part: 'open-files' }),
  })
  const watches = { diskWatch, openFiles }
  const own = { scrub, repairs, startedMs, dataDir, journal, ...watches, facts, listening }
  const inside = { ...options, ...engine, ...desks, ...own }
  const base = { ...inside, minFree, metadata: buildMetadata(inside) }
  const administration = new SqlAdministration(desks.sourceDesk, (wish) =>
    retention.purgeDesk.purge(wish),
  )
  const askSource: AskSource = async (signal) => {
    const address = settings.value?.address
    return address && (await readSourceGtids(address, SOURCE_LIMITS, signal))
  }
  const server = buildServer(base, { administration, acks, askSource }, material)
  const retention = buildRetention({
    ...base,
    server,
    name: config.name,
    folder: dataDir.path,
    wish: () => desired.value.value.retention,
    process: options.random.uuid(),
    looks: { replicasMs: REPLICAS_LOOK_MS, filesMs: RETENTION_LOOK_MS },
  })
  return { ...base, server, retention }
}

/** Why nothing is written any more. */
function failureOf({ journal, cluster }: Engine): Error | undefined {
  return cluster === undefined ? journal.failed.value : cluster.node.diskFailure
}

function identityWishes(config: Config) {
  const wishes = {
    serverId: config['server-id'],
    serverUuid: config['server-uuid'],
    sourceReplicaServerId: config['source.server-id'],
    sourceReplicaUuid: config['source.server-uuid'],
  }
  return Object.fromEntries(Object.entries(wishes).filter(([, wish]) => wish !== undefined))
}

function buildScrub(
  { config, disk, clock, logger }: NodeOptions,
  { store, cluster }: Engine,
  { binlogs: folder }: DataDir,
): FileScrub {
  const comparison = cluster?.node.comparison
  return new FileScrub({
    name: config.name,
    disk,
    folder,
    store,
    bytesPerSecond: config['scrub.rate'],
    ...(comparison && { compare: (name, checked) => comparison.isDifferent(name, checked) }),
    clock,
    logger: logger.child({ part: 'scrub' }),
  })
}

function buildMetadata({
  config,
  secrets,
  desired,
  disk,
  clock,
}: NodeOptions & Pick<Engine, 'desired'>): MetadataPool | undefined {
  const user = config['serve.metadata-user']
  if (config['serve.metadata'] === 'off' || user === undefined) return undefined
  const account = { user, password: secrets.metadataPassword }
  const address = metadataAddress(desired.value, account, disk)
  return new MetadataPool({ address, limits: METADATA_LIMITS, clock })
}

function buildServer(
  parts: Omit<NodeParts, 'server' | 'retention'>,
  own: Pick<ReplicationServerOptions, 'administration' | 'acks' | 'askSource'>,
  material: Awaited<ReturnType<typeof loadServeMaterial>>,
): ReplicationServer {
  const { store, facts, users, metadata, clock, random, logger } = parts
  const { dataDir, config, listening } = parts
  return new ReplicationServer({
    store,
    users,
    ...own,
    ...material,
    metadata,
    limits: SERVE_LIMITS,
    clock,
    random,
    logger: logger.child({ part: 'serve' }),
    facts: {
      serverId: dataDir.identity.serverId,
      serverUuid: dataDir.identity.serverUuid,
      get version() {
        return facts.version
      },
      get flavor() {
        return facts.flavor
      },
      get port() {
        return (listening.address ?? config['serve.listen']).port
      },
      hostname: hostname(),
      startedMs: parts.startedMs,
      executed: () => store.executed(),
      purged: () => store.purged(),
      sourceUuid: () => store.files().at(-1)?.sourceUuid ?? '',
      sourceServerId: () => facts.serverId,
      sourceVariable: (name) => parts.variables.get(name),
      checksum: () => facts.checksum,
      files: () => store.files(),
      visibleEnd: () => store.visible.value,
    },
  })
}
