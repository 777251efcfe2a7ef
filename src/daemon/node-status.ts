/*
  What a node says of itself: to the HTTP API and to the metrics.
*/
import {
  AloneCluster,
  type ClusterFace,
  type FileStatus,
  type NodeFace,
  type ReplicaStatus,
  type ServingStatus,
  type ServingWish,
  type SourceStatus,
  type SourceWish,
  type Status,
} from '../admin/index.ts'
import { formatAddress } from '../config/index.ts'
import { createMetrics, type MetricsPage } from '../observe/index.ts'
import type { SourceLink } from '../source/index.ts'
import type { FileInfo } from '../store/index.ts'
import { aloneNodeOf } from './alone-node.ts'
import type { NodeParts } from './build.ts'
import { ClusterCommands } from './cluster/cluster-face.ts'
import { samplesOf } from './samples.ts'
import type { Serving } from './serving.ts'
import { SourceCommands } from './source/source-commands.ts'
import { withSource } from './source/source-wish.ts'

const iso = (ms: number): string => new Date(ms).toISOString()
const isoOfSeconds = (seconds: number): string | null =>
  seconds === 0 ? null : iso(seconds * 1000)

export class NodeStatus implements NodeFace {
  readonly cluster: ClusterFace
  readonly #parts: NodeParts
  readonly #serving: Serving
  readonly #commands: SourceCommands
  readonly #metrics: MetricsPage

  constructor(parts: NodeParts, serving: Serving) {
    const { cluster, config } = parts
    this.cluster =
      cluster === undefined
        ? new AloneCluster(() => aloneNodeOf(parts))
        : new ClusterCommands(cluster.node, config.name)
    this.#parts = parts
    this.#serving = serving
    const { desired, source, clock } = parts
    this.#commands = new SourceCommands({ desired, runner: source, clock })
    this.#metrics = createMetrics(async () =>
      samplesOf({ status: await this.status(), files: this.#parts.store.files(), parts }),
    )
  }

  async status(): Promise<Status> {
    const { config, version, startedMs, dataDir, store, disk, listening } = this.#parts
    const files = store.files()
    const end = store.visible.value
    const space = await disk.space(dataDir.path)
    return {
      name: config.name,
      version,
      startedAt: iso(startedMs),
      serverId: dataDir.identity.serverId,
      serverUuid: dataDir.identity.serverUuid,
      listen: listening.address === undefined ? null : formatAddress(listening.address),
      source: this.source(),
      gtidExecuted: store.executed().toString(),
      gtidPurged: store.purged().toString(),
      visibleEnd: end === undefined ? null : { file: end.file, position: end.position },
      files: files.length,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      disk: space,
      replicas: this.replicas(),
    }
  }

  source(): SourceStatus {
    const { current } = this.#parts.source
    if (current === undefined) return UNCONFIGURED
    const { link, ingest, settings } = current
    const state = link.state.value
    const { code, reason } = state
    return {
      state: state.phase,
      since: iso(state.sinceMs),
      address: state.address,
      user: settings.address.user,
      tls: settings.address.tls.mode,
      replicaServerId: settings.self.serverId,
      replicaUuid: settings.self.uuid,
      serverUuid: state.serverUuid ?? null,
      serverVersion: state.serverVersion ?? null,
      file: link.progress.place?.file ?? null,
      position: link.progress.place?.position ?? null,
      lagSeconds: link.lagSeconds() ?? null,
      safeToPurgeTo: ingest.safeToPurgeTo ?? null,
      semiSync: semiSyncStatus(link),
      attempts: state.attempts,
      error: code === undefined ? null : { code, message: reason ?? '' },
    }
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
      since: iso(row.connectedAtMs),
    }))
  }

  notReady(): string | undefined {
    const { listening } = this.#parts
    return listening.address === undefined ? 'the listener for replicas is closed' : undefined
  }

  async startSource(wish?: SourceWish): Promise<void> {
    await this.#commands.start(wish && ((now) => withSource(now, wish)))
  }

  async stopSource(): Promise<void> {
    await this.#commands.stop()
  }

  async startServing(wish?: ServingWish): Promise<void> {
    await this.#serving.start(wish)
  }

  async stopServing(): Promise<void> {
    await this.#serving.stop()
  }

  serving(): ServingStatus {
    return this.#serving.status()
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#metrics.contentType, text: await this.#metrics.render() }
  }
}

const UNCONFIGURED: SourceStatus = {
  state: 'unconfigured',
  since: null,
  address: null,
  user: null,
  tls: null,
  replicaServerId: null,
  replicaUuid: null,
  serverUuid: null,
  serverVersion: null,
  file: null,
  position: null,
  lagSeconds: null,
  safeToPurgeTo: null,
  semiSync: { wanted: false, active: false, reason: null, acknowledged: null },
  attempts: 0,
  error: null,
}

function semiSyncStatus({ semiSync, state }: SourceLink): SourceStatus['semiSync'] {
  const { phase } = state.value
  const { wanted, active, reason, acknowledged } = semiSync
  return {
    wanted,
    active: active && (phase === 'streaming' || phase === 'paused'),
    reason: reason ?? null,
    acknowledged: acknowledged ?? null,
  }
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
