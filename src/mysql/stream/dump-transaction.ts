import { ProtocolError } from '../../lib/index.ts'
import type { ChecksumAlgorithm } from '../binlog/checksum.ts'
import { decodeGtidEvent, isGtidEvent } from '../binlog/gtid-event.ts'
import { isStandalone } from '../binlog/mariadb-gtid.ts'
import { queryTextPrefix } from '../binlog/query.ts'
import { type EventPlace, TransactionTracker } from '../binlog/transaction-tracker.ts'
import type { Gtid } from '../gtid/gtid.ts'
import { type EventKernel, KernelPhase } from './event-kernel.ts'

/** The transaction that a dump is inside of, whether its events go through the kernel or not. */
export class DumpTransaction {
  readonly #tracker = new TransactionTracker()
  #gtid: Gtid | undefined
  /** where it must end, from its GTID event; 0 when it does not say */
  #expectedEnd = 0
  /** the kernel has read its GTID event */
  #kernelKnows = false

  get inTransaction(): boolean {
    return this.#tracker.inTransaction
  }

  /** Where the kernel may begin; undefined where nothing that comes can be plain. */
  get phase(): KernelPhase | undefined {
    const { state } = this.#tracker
    if (state === 'outside') return KernelPhase.outside
    if (state === 'gtid') return this.#kernelKnows ? KernelPhase.gtid : undefined
    if (state !== 'statements') return undefined
    return this.#kernelKnows ? KernelPhase.statements : KernelPhase.foreignStatements
  }

  /** Goes on where the kernel has come to. */
  followKernel(kernel: EventKernel): void {
    const { phase } = kernel
    if (phase === KernelPhase.foreignStatements) return
    if (phase === KernelPhase.outside) {
      this.#tracker.moveTo('outside')
      this.#forget()
      return
    }
    this.#tracker.moveTo(phase === KernelPhase.gtid ? 'gtid' : 'statements')
    const { uuid, gno, end } = kernel.open
    this.#gtid = { origin: uuid, gno }
    this.#expectedEnd = end
    this.#kernelKnows = true
  }

  /**
   * Takes the next event.
   * @param event its first bytes, as many as queryTextPrefix and decodeGtidEvent need
   * @param at its position in the file, and its size in bytes
   * @throws ProtocolError
   */
  take(
    event: Buffer,
    checksum: ChecksumAlgorithm,
    at: { readonly position: number; readonly size: number },
  ): EventPlace {
    const type = event[4] ?? 0
    const text = TransactionTracker.needsQueryText(type)
      ? (queryTextPrefix(event, at.size, checksum) ?? '')
      : ''
    const standalone = TransactionTracker.needsStandalone(type) && isStandalone(event)
    const place = this.#tracker.take(type, event.readUInt16LE(17), text, standalone)
    if (isGtidEvent(type)) {
      const { gtid, transactionLength } = decodeGtidEvent(event, checksum)
      // A source with GTID mode ON sends none: a replica that goes by GTIDs could not take it.
      if (gtid === undefined) {
        throw new ProtocolError(`an anonymous transaction, without a GTID, is at ${at.position}`)
      }
      this.#gtid = gtid
      this.#expectedEnd = transactionLength > 0 ? at.position + transactionLength : 0
      this.#kernelKnows = false
    }
    return place
  }

  /** The GTID of the transaction, which has ended at `position`. @throws ProtocolError */
  end(position: number): Gtid | undefined {
    if (this.#expectedEnd !== 0 && this.#expectedEnd !== position) {
      throw new ProtocolError(
        `a transaction ends at ${position} where its GTID event says ${this.#expectedEnd}`,
      )
    }
    const gtid = this.#gtid
    this.#forget()
    return gtid
  }

  #forget(): void {
    this.#gtid = undefined
    this.#expectedEnd = 0
    this.#kernelKnows = false
  }
}
