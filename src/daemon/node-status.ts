/*
  What a node says of itself: to the HTTP API and to the metrics.
*/
import {
  type AbsentReplica,
  AloneCluster,
  type ClusterFace,
  type FileStatus,
  type NewUser,
  type NodeFace,
  optionsOf,
  type PurgeRequest,
  type PurgeResult,
  type RepairStatus,
  type RepairWish,
  type ReplicaStatus,
  type RetentionChange,
  type RetentionStatus,
  type ServingStatus,
  type ServingWish,
  type SourceChange,
  type SourceStatus,
  type Status,
  type SwitchRequest,
  type SwitchResult,
  statusOfUser,
  type UserStatus,
} from '../admin/index.ts'
import { formatAddress, userEntry } from '../config/index.ts'
import { OperationalError } from '../lib/index.ts'
import { createMetrics, type MetricsPage } from '../observe/index.ts'
import type { ReplicaRow } from '../serve/index.ts'
import type { FileInfo, FileScrub } from '../store/index.ts'
import { aloneNodeOf } from './alone-node.ts'
import type { NodeParts } from './build.ts'
import { ClusterCommands } from './cluster/cluster-face.ts'
import { samplesOf } from './samples.ts'
import type { Serving } from './serving.ts'
import type { SourceDesk } from './source/source-desk.ts'

const iso = (ms: number): string => new Date(ms).toISOString()
const isoOfSeconds = (seconds: number): string | null =>
  seconds === 0 ? null : iso(seconds * 1000)

export class NodeStatus implements NodeFace {
  readonly cluster: ClusterFace
  readonly #parts: NodeParts
  readonly #serving: Serving
  readonly #source: SourceDesk
  readonly #metrics: MetricsPage

  constructor(parts: NodeParts, serving: Serving) {
    const { cluster, config } = parts
    this.cluster =
      cluster === undefined
        ? new AloneCluster(() => aloneNodeOf(parts))
        : new ClusterCommands(cluster.node, config.name)
    this.#parts = parts
    this.#serving = serving
    this.#source = parts.sourceDesk
    this.#metrics = createMetrics(async () =>
      samplesOf({ status: await this.status(), files: this.#parts.store.files(), parts }),
    )
  }

  async status(): Promise<Status> {
    const { config, version, startedMs, dataDir, store, listening, scrub } = this.#parts
    const files = store.files()
    const bytes = files.reduce((sum, { size }) => sum + size, 0)
    const end = store.visible.value
    return {
      name: config.name,
      version,
      startedAt: iso(startedMs),
      serverId: dataDir.identity.serverId,
      serverUuid: dataDir.identity.serverUuid,
      listen: listening.address === undefined ? null : formatAddress(listening.address),
      source: this.#source.own(),
      cluster: this.#standing(),
      gtidExecuted: store.executed().toString(),
      gtidPurged: store.purged().toString(),
      visibleEnd: end === undefined ? null : { file: end.file, position: end.position },
      files: files.length,
      bytes,
      alarms: [...store.alarms.list],
      scrub: scrubStatus(scrub, files.length, bytes),
      disk: this.#disk(),
      replicas: this.replicas(),
      retention: this.#kept(),
    }
  }

  #kept(): Status['retention'] {
    const { keeper, retention } = this.#parts.retention
    const absent = keeper.known?.absent()
    if (absent === undefined) return null
    return {
      absent: absent.filter(({ isGivenUp }) => !isGivenUp).length,
      keptBytes: retention.keptBytes,
      givenUp: absent
        .filter(({ isGivenUp }) => isGivenUp)
        .map(({ uuid, host, needs }) => ({ uuid, host, needs })),
    }
  }

  async source(): Promise<SourceStatus> {
    return await this.#source.show()
  }

  #disk(): Status['disk'] {
    const { journal, diskWatch, diskFigures } = this.#parts
    const { freeBytes, totalBytes } = journal.space
    const { state = 'ok', sinceMs, error } = diskWatch.trouble ?? {}
    return {
      state,
      since: sinceMs === undefined ? null : iso(sinceMs),
      error: error === undefined ? null : { code: error.code, message: error.message },
      freeBytes,
      totalBytes,
      unsyncedBytes: journal.unsyncedBytes,
      lastSyncMs: diskFigures.lastSyncMs ?? null,
    }
  }

  #standing(): Status['cluster'] {
    const { cluster } = this.#parts
    if (cluster === undefined) return null
    const { leader, management, trouble } = cluster.node
    const { role, epoch } = management
    return { leader: leader ?? null, role, epoch, trouble: trouble.value ?? null }
  }

  /** A node that has just started would tell its configuration for what is wanted. */
  #requireKnown(): void {
    if (this.#parts.cluster?.wishes.desired.isKnown.value !== false) return
    const message = 'etcd has not told this node yet what holds in the cluster'
    throw new OperationalError('E_ETCD_UNAVAILABLE', message)
  }

  files(): FileStatus[] {
    return this.#parts.store.files().map(fileStatus)
  }

  /** Those whose dump runs, and those that have registered for one. */
  replicas(): ReplicaStatus[] {
    const { server, store } = this.#parts
    return server.replicas.list(store.files()).map((row) => ({
      id: row.connectionId,
      user: row.user,
      address: row.address,
      serverId: row.serverId,
      uuid: row.uuid ?? null,
      file: row.dump === undefined || row.dump.file === '' ? null : row.dump.file,
      position: row.dump === undefined || row.dump.file === '' ? null : row.dump.position,
      state: row.dump?.state ?? 'registered',
      lagBytes: row.dump?.lagBytes ?? null,
      bytesSent: row.dump?.bytesSent ?? 0,
      semiSync: acknowledgedBy(row),
      since: iso(row.connectedAtMs),
    }))
  }

  async absentReplicas(): Promise<AbsentReplica[]> {
    return await this.#parts.retention.replicaDesk.absent()
  }

  async forgetReplica(name: string): Promise<void> {
    await this.#parts.retention.replicaDesk.forget(name)
  }

  async purge({ to, before, force, dryRun }: PurgeRequest): Promise<PurgeResult> {
    const beforeMs = before === undefined ? undefined : Date.parse(before)
    return await this.#parts.retention.purgeDesk.purge({
      to,
      beforeMs,
      force,
      dryRun,
      partial: false,
    })
  }

  notReady(): string | undefined {
    const { listening, cluster } = this.#parts
    if (listening.address === undefined) return 'the listener for replicas is closed'
    // It shows what it has, and nobody would tell a replica that nothing more comes.
    const trouble = cluster?.node.trouble.value
    return trouble?.code === 'E_MEMBER_REMOVED' ? trouble.message : undefined
  }

  async startSource(change?: SourceChange): Promise<SourceStatus> {
    return await this.#source.start(change)
  }

  async stopSource(): Promise<SourceStatus> {
    return await this.#source.stop()
  }

  async setSource(change: SourceChange): Promise<SourceStatus> {
    return await this.#source.set(change)
  }

  async switchSource(request: SwitchRequest): Promise<SwitchResult> {
    return await this.#source.goOnWith(request)
  }

  retention(): RetentionStatus {
    this.#requireKnown()
    const { maxSizeBytes, maxAgeMs, ceilingBytes, ...rest } =
      this.#parts.desired.value.value.retention
    return {
      ...rest,
      maxSizeBytes: maxSizeBytes ?? null,
      maxAgeMs: maxAgeMs ?? null,
      ceilingBytes: ceilingBytes ?? null,
    }
  }

  async setRetention(change: RetentionChange): Promise<void> {
    await this.#parts.desired.change((now) => ({
      ...now,
      retention: {
        maxSizeBytes: changed(now.retention.maxSizeBytes, change.maxSizeBytes),
        maxAgeMs: changed(now.retention.maxAgeMs, change.maxAgeMs),
        keepForAbsentReplicasMs:
          change.keepForAbsentReplicasMs ?? now.retention.keepForAbsentReplicasMs,
        ceilingBytes: changed(now.retention.ceilingBytes, change.ceilingBytes),
      },
    }))
  }

  async users(): Promise<UserStatus[]> {
    this.#requireKnown()
    const entries = await this.#parts.users.list()
    return entries.map(statusOfUser)
  }

  async addUser(user: NewUser): Promise<void> {
    const { users, random } = this.#parts
    const { name, password = '', passwordHash, rights, plugin } = user
    const options = optionsOf(user)
    const entry =
      passwordHash === undefined
        ? await userEntry(random, { name, password, rights, plugin, options })
        : { name, 'password-hash': passwordHash, rights, ...options }
    await users.add(entry)
  }

  async removeUser(name: string): Promise<void> {
    await this.#parts.users.remove(name)
  }

  async startServing(wish?: ServingWish): Promise<void> {
    await this.#serving.start(wish)
  }

  async stopServing(): Promise<void> {
    await this.#serving.stop()
  }

  repair(): RepairStatus {
    return this.#parts.repairs.status()
  }

  startRepair(wish: RepairWish): RepairStatus {
    return this.#parts.repairs.start(wish)
  }

  serving(): ServingStatus {
    return this.#serving.status()
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#metrics.contentType, text: await this.#metrics.render() }
  }
}

function scrubStatus(scrub: FileScrub, files: number, bytes: number): Status['scrub'] {
  const { bytesPerSecond, checking, lastRound } = scrub
  return {
    rate: bytesPerSecond ?? null,
    checking: checking ?? null,
    roundSeconds: scrub.roundSeconds(files, bytes) ?? null,
    lastRound:
      lastRound === undefined
        ? null
        : {
            beganAt: iso(lastRound.beganMs),
            seconds: lastRound.tookMs / 1000,
            bytes: lastRound.bytes,
          },
  }
}

function acknowledgedBy({ semiSync }: ReplicaRow): ReplicaStatus['semiSync'] {
  if (semiSync === undefined) return null
  const { place, atMs, acks } = semiSync
  return { acknowledged: place ?? null, at: place === undefined ? null : iso(atMs), acks }
}

/** @param change null for none, undefined leaves it as it is */
function changed(now: number | undefined, change: number | null | undefined): number | undefined {
  return change === undefined ? now : (change ?? undefined)
}

function fileStatus(file: FileInfo): FileStatus {
  return {
    name: file.name,
    size: file.size,
    firstEventAt: isoOfSeconds(file.firstTimestamp),
    lastEventAt: isoOfSeconds(file.lastTimestamp),
    sourceFile: file.sourceFile,
    sourceUuid: file.sourceUuid,
    active: file.active,
    readers: file.readers,
  }
}
