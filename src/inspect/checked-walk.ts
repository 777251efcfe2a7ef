/*
  A walk that does not end at damage: it names what is wrong and goes on where the next event begins. Beside
  what each event must be, it checks what the events say of each other: end positions without a jump,
  transactions that begin and end as they may, with the length that their GTID event says, no GTID twice.
*/
import { messageOf, ProtocolError, systemCodeOf } from '../lib/index.ts'
import {
  type ChecksumAlgorithm,
  EventFlag,
  type EventPlace,
  eventTypeSymbol,
  formatGtid,
  type GtidSet,
  isGtidEvent,
  isPreviousGtids,
  TransactionTracker,
} from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import {
  EventWalk,
  type OpenTransaction,
  TransactionFollower,
  type WalkedEvent,
  type WalkOptions,
} from '../store/index.ts'
import { type Damage, nameOf } from './damage.ts'
import { type EventSpace, findEvent, isEventAt, resync } from './resync.ts'

export interface CheckedWalkOptions {
  readonly name: string
  readonly from: number
  readonly limit: number
  /** held before the first event; grows with the walk */
  readonly held: GtidSet
  /** false for a relay log, whose end positions are those of another file */
  readonly hasOwnPositions: boolean
  /** false for another server's files, whose transactions have other bounds */
  readonly hasTransactions: boolean
  /** what is believed of the events when the walk begins behind the file's head */
  readonly checksum?: ChecksumAlgorithm
  readonly sees?: WalkOptions['sees']
}

export interface PassedEvent {
  readonly event: WalkedEvent
  readonly place: EventPlace
  readonly isTrue: boolean
  /** the transaction that it is part of */
  readonly transaction: OpenTransaction | undefined
}

export class CheckedWalk {
  readonly #options: CheckedWalkOptions
  readonly #file: DiskFile
  readonly #walk: EventWalk
  readonly #follower: TransactionFollower
  #damages: Damage[] = []
  #shift = 0
  /** events were lost: what follows up to the next GTID event cannot be judged */
  #doubt: boolean
  #knowsGtids = true
  /** an event that is not true, but whose length may be believed */
  #faulty: { readonly event: WalkedEvent; readonly what: string } | undefined
  #next: number | undefined
  #ended = false

  /** The walk from the first event at or behind `options.from`. */
  static async start(file: DiskFile, options: CheckedWalkOptions): Promise<CheckedWalk> {
    const { from, limit, hasOwnPositions } = options
    const space = { file, limit, shift: 0, hasOwnPositions }
    // A listing from the file's first event names what is wrong with that, too.
    if (from === 4 || isEventAt(space, from)) return new CheckedWalk(file, options)
    return new CheckedWalk(file, { ...options, from: await findEvent(space, from) })
  }

  private constructor(file: DiskFile, options: CheckedWalkOptions) {
    const { from, limit, sees, hasOwnPositions, checksum } = options
    this.#file = file
    this.#options = options
    this.#doubt = from !== 4
    this.#walk = new EventWalk(file, {
      from,
      limit,
      verifyFrom: from,
      hasOwnPositions,
      ...(sees === undefined ? {} : { sees }),
      ...(checksum === undefined ? {} : { checksum }),
    })
    this.#follower = new TransactionFollower(this.#walk, options.held)
  }

  get checksum(): ChecksumAlgorithm {
    return this.#walk.checksum
  }

  /** where the next event begins */
  get position(): number {
    return this.#walk.position
  }

  /** whether no event that names GTIDs was damaged or lost */
  get knowsGtids(): boolean {
    return this.#knowsGtids
  }

  /** whether the events passed so far end inside a transaction */
  get inTransaction(): boolean {
    return this.#follower.inTransaction
  }

  prefix(event: WalkedEvent, sizeMax: number): Buffer {
    return this.#walk.prefix(event, sizeMax)
  }

  whole(event: WalkedEvent): Buffer {
    return this.#walk.whole(event)
  }

  /** Reads on, over damage too; false at the end, or where the disk cannot read. */
  async load(): Promise<boolean> {
    if (this.#ended) return false
    try {
      return await this.#load()
    } catch (thrown) {
      const code = systemCodeOf(thrown)
      if (code === undefined) throw thrown
      this.#follower.settle()
      this.report(this.#walk.position, `what is there cannot be read (${code})`)
      this.#lose()
      this.#ended = true
      return false
    }
  }

  async #load(): Promise<boolean> {
    if (this.#next !== undefined) this.#walk.goOn(this.#next)
    this.#next = undefined
    if (await this.#walk.load()) return true
    if (this.#walk.fault === undefined) {
      this.#end()
      this.#ended = true
      return false
    }
    const { fault } = this.#walk
    const found = await resync(this.#space(), fault)
    this.#next = found.next
    if (found.isEvent && fault.event !== undefined) {
      this.#faulty = { event: fault.event, what: found.what }
    } else {
      this.#follower.settle()
      this.report(fault.position, found.what, found.next)
      this.#lose()
    }
    return true
  }

  /** The next event; undefined where more must be loaded. */
  next(): PassedEvent | undefined {
    if (this.#faulty !== undefined) {
      const { event, what } = this.#faulty
      this.#faulty = undefined
      return this.#take(event, what)
    }
    if (this.#next !== undefined) return undefined
    const event = this.#walk.next()
    return event === undefined ? undefined : this.#take(event, undefined)
  }

  /** What was found since the last call. */
  takeDamages(): readonly Damage[] {
    const found = this.#damages
    if (found.length > 0) this.#damages = []
    return found
  }

  /** Adds to the set of GTIDs what the last event has ended. */
  settle(): void {
    this.#follower.settle()
  }

  report(position: number, what: string, end = position): void {
    const open = this.#follower.transaction
    const transaction = open === undefined ? undefined : nameOf(open)
    this.#damages.push({ file: this.#options.name, position, end, what, transaction })
  }

  #take(event: WalkedEvent, fault: string | undefined): PassedEvent {
    const isTrue = fault === undefined
    if (isPreviousGtids(event.type) && !isTrue) this.#knowsGtids = false
    const place = this.#follow(event, isTrue)
    if (fault === undefined) this.#checkEnd(event)
    else this.report(event.position, fault, event.end)
    const { transaction } = this.#follower
    if (isGtidEvent(event.type)) this.#checkGtid(event, isTrue)
    if (place === 'ended' && transaction !== undefined) this.#checkLength(event, transaction)
    return { event, place, isTrue, transaction }
  }

  #follow(event: WalkedEvent, isTrue: boolean): EventPlace {
    const { type, flags, position } = event
    if (!this.#options.hasTransactions || !TransactionTracker.knows(type, flags)) {
      this.#follower.settle()
      return this.#follower.inTransaction ? 'inside' : 'outside'
    }
    if (this.#doubt && (isGtidEvent(type) || this.#isPast(position))) {
      this.#follower.reset()
      this.#doubt = !isGtidEvent(type)
    }
    try {
      return this.#follower.take(event, isTrue)
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown
      if (isTrue && !this.#doubt) {
        const what = `the ${eventTypeSymbol(type)} event cannot stand there (${messageOf(thrown)})`
        this.report(position, this.#inWords(type) ?? what)
      }
    }
    this.#follower.reset()
    if (isGtidEvent(type)) return this.#takeAgain(event, isTrue)
    this.#doubt = true
    return 'outside'
  }

  /** Whether the transaction that has begun is over, by the length that it names. */
  #isPast(position: number): boolean {
    const open = this.#follower.transaction
    const length = open?.facts.transactionLength ?? 0
    return open !== undefined && length > 0 && position >= open.begin + length
  }

  /** A GTID event begins a transaction, whatever was before it. */
  #takeAgain(event: WalkedEvent, isTrue: boolean): EventPlace {
    try {
      return this.#follower.take(event, isTrue)
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown
      this.#lose()
      return 'outside'
    }
  }

  #inWords(type: number): string | undefined {
    if (!isGtidEvent(type) || !this.#follower.inTransaction) return undefined
    return `the next transaction begins, and the one before has not ended`
  }

  #checkEnd(event: WalkedEvent): void {
    if (!this.#options.hasOwnPositions || (event.flags & EventFlag.ARTIFICIAL) !== 0) return
    const shift = (((event.logPos - event.end) % 2 ** 32) + 2 ** 32) % 2 ** 32
    if (shift === this.#shift) return
    this.#shift = shift
    const name = eventTypeSymbol(event.type)
    this.report(
      event.position,
      `the ${name} event says that it ends at ${event.logPos}, and it ends at ${event.end}`,
    )
  }

  #checkGtid(event: WalkedEvent, isTrue: boolean): void {
    if (!isTrue) this.#knowsGtids = false
    const gtid = this.#follower.transaction?.facts.gtid
    if (gtid === undefined || !isTrue) return
    if (!this.#options.held.has(gtid)) return
    this.report(event.position, `the GTID ${formatGtid(gtid)} was there before`)
  }

  #checkLength(event: WalkedEvent, { begin, facts }: OpenTransaction): void {
    const { transactionLength } = facts
    if (this.#doubt || transactionLength === 0) return
    if (begin + transactionLength === event.end) return
    const says = `its GTID event says ${transactionLength}`
    this.report(event.position, `the transaction ends with ${event.end - begin} bytes, and ${says}`)
  }

  /** The file ends: between transactions, if all is well. */
  #end(): void {
    this.#follower.settle()
    if (!this.#follower.inTransaction || this.#doubt) return
    this.report(this.#walk.position, 'the file ends before the transaction does')
  }

  #lose(): void {
    this.#doubt = true
    this.#knowsGtids = false
  }

  #space(): EventSpace {
    const { limit, hasOwnPositions } = this.#options
    return { file: this.#file, limit, shift: this.#shift, hasOwnPositions }
  }
}
