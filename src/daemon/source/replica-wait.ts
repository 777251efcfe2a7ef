import type { SourceStatus } from '../../admin/index.ts'
import { REPLICAS_LOOK_MS } from '../../config/index.ts'
import type { Ingest } from '../../ingest/index.ts'
import type { Logger } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import { nameOfReplica, type ReplicaAcks, type ReplicaRow } from '../../serve/index.ts'
import { comparePositions, type Position } from '../../store/index.ts'

export interface ReplicaWaitOptions {
  readonly acks: ReplicaAcks
  /** at this moment */
  readonly connected: () => readonly ReplicaRow[]
  readonly source: {
    readonly isHere: boolean
    readonly current:
      | {
          readonly link: { readonly semiSync: { readonly wanted: boolean } }
          readonly ingest: Pick<Ingest, 'lackedByReplicas'>
        }
      | undefined
  }
  readonly clock: Clock
  readonly logger: Logger
}

/** What commits on the source wait for beside this node: serve.wait-for-replicas, as people see it. */
export class ReplicaWait {
  readonly #options: ReplicaWaitOptions
  #areTooFew = false
  #isLate = false

  constructor(options: ReplicaWaitOptions) {
    this.#options = options
  }

  /** How long a commit has been waiting for replicas alone; undefined while none does. */
  get waitedMs(): number | undefined {
    const lacked = this.#lacked
    return lacked && this.#options.clock.monotonicMs() - lacked.arrivedAtMs
  }

  /** null where no replica is waited for */
  status(): SourceStatus['semiSync']['replicas'] {
    const { acks, clock } = this.#options
    const { needed, held } = acks
    if (held === undefined) return null
    const lacked = this.#lacked
    const connected = this.#semiSync
    const { waitedMs } = this
    return {
      needed,
      connected: connected.length,
      held: held.value ?? null,
      waitingSince:
        waitedMs === undefined ? null : new Date(clock.nowMs() - waitedMs).toISOString(),
      waitingFor:
        lacked === undefined
          ? []
          : connected.filter((row) => lacks(row, lacked.end)).map(nameOfReplica),
    }
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { acks, clock } = this.#options
    if (acks.held === undefined) return
    // A replica that has just been told to come back gets the time of a look.
    await clock.sleep(REPLICAS_LOOK_MS, signal)
    while (!signal.aborted) {
      this.look()
      await clock.sleep(REPLICAS_LOOK_MS, signal)
    }
  }

  /** Says once what commits wait for, and once that they no longer do. */
  look(): void {
    this.#lookAtConnected()
    this.#lookAtWaiting()
  }

  #lookAtConnected(): void {
    const { acks, source, logger } = this.#options
    const { needed } = acks
    const connected = this.#semiSync.length
    const isAsked = source.isHere && source.current?.link.semiSync.wanted === true
    const areTooFew = isAsked && connected < needed
    if (areTooFew === this.#areTooFew) return
    this.#areTooFew = areTooFew
    if (areTooFew) logger.warn({ connected, needed }, TOO_FEW)
    else if (isAsked) logger.info({ connected, needed }, ENOUGH)
  }

  #lookAtWaiting(): void {
    const { logger } = this.#options
    const isLate = (this.waitedMs ?? 0) >= REPLICAS_LOOK_MS
    if (isLate === this.#isLate) return
    this.#isLate = isLate
    const { waitingSince, waitingFor } = this.status() ?? {}
    if (isLate) logger.warn({ ...this.#lacked?.end, waitingSince, waitingFor }, LATE)
    else logger.info({}, IN_TIME)
  }

  get #lacked() {
    return this.#options.source.current?.ingest.lackedByReplicas
  }

  get #semiSync(): ReplicaRow[] {
    return this.#options.connected().filter(({ semiSync }) => semiSync !== undefined)
  }
}

const TOO_FEW =
  'fewer semi-sync replicas are connected than serve.wait-for-replicas: commits on the source wait until its ' +
  'rpl_semi_sync_source_timeout; connect replicas with rpl_semi_sync_replica_enabled, or set fewer and start again'
const LATE = 'commits on the source wait for semi-sync replicas, which lack what is stored here'
const IN_TIME = 'commits on the source no longer wait for semi-sync replicas'
const ENOUGH = 'as many semi-sync replicas are connected as serve.wait-for-replicas needs'

function lacks({ semiSync }: ReplicaRow, end: Position): boolean {
  return semiSync?.place === undefined || comparePositions(semiSync.place, end) < 0
}
