import {
  type Decision,
  type Input,
  keyOf,
  type Limits,
  type Member,
  type Message,
  ProtocolNode,
  type RecordHeader,
} from '../../src/cluster/index.ts'
import type { Stream } from './network.ts'
import { crcOf, SimulatedStore } from './simulated-store.ts'
import { endsTransaction, type SourceChunk } from './source.ts'
import type { World } from './world.ts'

type Disk = Extract<
  Decision,
  { kind: 'truncate' | 'start-over' | 'remember' | 'remove' | 'read-digest' }
>
type Bytes = readonly (SourceChunk | undefined)[]

/** A connection to the source. */
export interface Link {
  /** the next position that it reads */
  position: number
}

/** What a real node has around the protocol: disk, streams, etcd, the source; one process after another. */
export class SimulatedNode {
  readonly name: string
  store: SimulatedStore
  /** undefined while no process runs */
  core: ProtocolNode | undefined
  incarnation = 0
  isPaused = false
  /** disk work that was decided and not done */
  disk: Disk[] = []
  link: Link | undefined
  isLinkAllowed = false
  /** what the process has shown */
  visible = 0
  /** the newest epoch that any node had begun when this one's link broke, or its epoch began */
  newestAtBreak = 0
  /** etcd has really lost something, or the store is damaged */
  mayStop = false
  /** the revision up to which its watch has come */
  watched = 0
  #lastStore: number
  #arrived: ReadonlyMap<number, Bytes> = new Map()
  #ingested: Bytes = []
  readonly #world: World
  readonly #limits: Limits

  constructor(world: World, name: string, limits: Limits) {
    this.#world = world
    this.name = name
    this.#limits = limits
    this.#lastStore = 1
    this.store = new SimulatedStore('1')
  }

  get member(): Member {
    return { node: this.name, store: this.store.id }
  }

  get isUp(): boolean {
    return this.core !== undefined
  }

  get known(): number {
    return this.core?.context.facts.now.known ?? 0
  }

  get epoch(): number {
    return this.core?.leader?.epoch ?? 0
  }

  // ---- the process

  start(): void {
    this.incarnation += 1
    const { id: store } = this.store
    const self = { node: this.name, store, incarnation: this.incarnation }
    this.visible = 0
    this.watched = 0
    this.core = new ProtocolNode({
      self,
      limits: this.#limits,
      log: this.store.stored(),
      facts: this.store.facts,
    })
    this.#carryOut(this.core.start())
    const { core } = this
    this.#world.sabotage.afterStart?.(this, core, this.#world)
    this.#afterwards()
  }

  /** The process dies. @param keep the last record that the disk has of those that were not synced */
  die(keep: number): void {
    const { network, etcd } = this.#world
    this.core = undefined
    this.isPaused = false
    this.disk = []
    this.breakLink()
    this.isLinkAllowed = false
    this.store.truncate(Math.max(keep, this.store.durable))
    this.store.durable = this.store.end
    this.#world.sabotage.afterDeath?.(this)
    etcd.forget(this.name)
    for (const stream of network.streams.values()) {
      if (stream.leader.node === this.name) network.closeEnd(stream, 'leader')
      if (stream.follower.node === this.name) network.closeEnd(stream, 'follower')
    }
  }

  /** The disk is gone, and another one takes its place. */
  wipe(): void {
    this.#lastStore += 1
    this.store = new SimulatedStore(
      this.#world.sabotage.keepsStoreId === true ? '1' : String(this.#lastStore),
    )
  }

  give(input: Input): void {
    if (this.core === undefined) return
    this.#carryOut(this.core.step(input))
    this.#afterwards()
  }

  #afterwards(): void {
    const { core } = this
    if (core?.leader === undefined) this.breakLink(false)
    this.#world.witness.look(this)
  }

  // ---- decisions

  #carryOut(decisions: readonly Decision[]): void {
    for (const decision of decisions) this.#do(decision)
  }

  #do(decision: Decision): void {
    const { etcd, witness } = this.#world
    const { name: node, incarnation } = this
    switch (decision.kind) {
      case 'send':
        return this.#send(decision.stream, decision.message)
      case 'close':
        return this.#close(decision.stream)
      case 'feed': {
        const stream = this.#world.network.streams.get(decision.stream)
        if (stream !== undefined) stream.next = decision.from
        return
      }
      case 'append':
        return this.#append(decision.headers)
      case 'truncate':
      case 'start-over':
      case 'remember':
      case 'remove':
      case 'read-digest':
        this.disk.push(decision)
        return
      case 'write-state': {
        const { id, compare, state } = decision
        etcd.writes.push({ id, node, incarnation, compare, state })
        return
      }
      case 'read-state':
        etcd.reads.push({ id: decision.id, node, incarnation, revision: undefined })
        return
      case 'committed':
        return witness.committed(this, decision.sequence)
      case 'visible':
        this.visible = decision.sequence
        return witness.shown(this, decision.sequence)
      case 'acknowledge':
        return this.#acknowledge(decision.sequence)
      case 'link':
        this.isLinkAllowed = decision.isAllowed
        if (!decision.isAllowed) this.breakLink()
        return
      case 'leads':
        if (decision.epoch === undefined) return
        witness.begins(this, decision.epoch)
        this.newestAtBreak = witness.newestEpoch
        return
      case 'resign':
        return
      case 'stopped':
        this.#world.note(`${this.name} stops: ${decision.alarm}`)
        return witness.stops(this, decision.alarm)
    }
  }

  #append(headers: readonly RecordHeader[]): void {
    for (const header of headers) {
      const own = header.kind === 'bytes' ? this.#ingested : []
      const isOwn = this.core?.leader !== undefined
      this.#world.sabotage.beforeAppend?.(this.store, header)
      this.store.append(header, isOwn ? own : (this.#arrived.get(header.sequence) ?? []))
    }
  }

  // ---- streams

  #send(id: number, message: Message): void {
    const stream = this.#world.network.streams.get(id)
    if (stream === undefined) return
    if (message.kind === 'report') this.#world.witness.reported(this, message.end)
    const isFollower = stream.follower.node === this.name
    ;(isFollower ? stream.up : stream.down).push({ message, bytes: [] })
  }

  #close(id: number): void {
    const stream = this.#world.network.streams.get(id)
    if (stream === undefined) return
    const which = stream.follower.node === this.name ? 'follower' : 'leader'
    this.#world.network.closeEnd(stream, which)
  }

  join(leader: SimulatedNode): void {
    const { name: node, incarnation } = this
    const stream = this.#world.network.open(
      { node, incarnation },
      { node: leader.name, incarnation: leader.incarnation },
    )
    this.give({ kind: 'stream-opened', stream: stream.id })
  }

  /** The next records of the log go out on a stream that is fed. */
  feed(stream: Stream, count: number): void {
    const news = this.core?.leader?.news()
    if (stream.next === undefined || news === undefined) return
    if (stream.next <= this.store.base.sequence) return this.breakStream(stream, 'leader')
    const headers: RecordHeader[] = []
    const bytes: Bytes[] = []
    while (headers.length < count) {
      const header = this.store.header(stream.next)
      if (header === undefined) break
      const chunks = this.store.bytesOf(stream.next)
      headers.push(chunks.includes(undefined) ? { ...header, isShort: true } : header)
      bytes.push(chunks)
      stream.next += 1
      if (header.kind === 'cut') break
    }
    stream.told = JSON.stringify(news)
    if (headers.length > 0)
      stream.down.push({ message: { kind: 'records', headers, ...news }, bytes })
  }

  tell(stream: Stream): void {
    const news = this.core?.leader?.news()
    if (news === undefined) return
    stream.told = JSON.stringify(news)
    stream.down.push({ message: { kind: 'known', ...news }, bytes: [] })
  }

  isUntold(stream: Stream): boolean {
    const news = this.core?.leader?.news()
    return stream.next !== undefined && news !== undefined && stream.told !== JSON.stringify(news)
  }

  /** This end of the stream is gone. */
  breakStream(stream: Stream, which: 'leader' | 'follower'): void {
    this.#world.network.closeEnd(stream, which)
    this.give({ kind: 'stream-closed', stream: stream.id })
  }

  /** Takes the next message that has arrived. */
  receive(stream: Stream, which: 'leader' | 'follower'): void {
    const queue = which === 'follower' ? stream.down : stream.up
    const sent = queue.shift()
    const end = stream[which]
    if (end.isOpen && end.incarnation === this.incarnation && this.isUp) {
      if (sent === undefined) this.breakStream(stream, which)
      else this.#takeMessage(stream, sent.message, sent.bytes)
    } else if (sent !== undefined) {
      this.#world.sabotage.lateMessage?.(this.#world, stream, sent.message)
    }
    this.#world.network.forget(stream)
  }

  #takeMessage(stream: Stream, message: Message, bytes: readonly Bytes[]): void {
    if (message.kind === 'records') {
      this.#arrived = new Map(
        message.headers.map((header, index) => [header.sequence, bytes[index] ?? []]),
      )
    }
    this.give({ kind: 'message', stream: stream.id, message })
  }

  // ---- the disk

  /** Does the next piece of work; a log is cut record by record, so that a crash may come in between. */
  work(): void {
    const [next] = this.disk
    if (next?.kind === 'truncate' && this.store.end > next.to) {
      this.#world.witness.cuts(this, this.store.end)
      this.store.truncate(this.store.end - 1)
      if (this.store.end > next.to) return
    }
    this.disk.shift()
    if (next !== undefined) this.#finish(next)
  }

  #finish(done: Disk): void {
    const { store } = this
    switch (done.kind) {
      case 'truncate':
        return this.give({ kind: 'truncated', to: done.to, tail: store.tail })
      case 'start-over':
        store.startOver(done.base, done.lineage)
        return this.give({ kind: 'started-over', base: done.base, lineage: done.lineage })
      case 'remember':
        store.facts = done.facts
        return this.give({ kind: 'remembered', facts: done.facts })
      case 'read-digest': {
        const { stream, sequence } = done
        return this.give({
          kind: 'digest-read',
          stream,
          sequence,
          digest: store.digestAt(sequence),
        })
      }
      case 'remove': {
        const { sequence } = done.removal
        this.#world.witness.removes(this, done.removal)
        store.remove(done.removal)
        const { digest, tail } = store.base
        return this.give({ kind: 'removed', sequence, digest, tail })
      }
    }
  }

  sync(sequence: number): void {
    this.store.sync(sequence)
    this.give({ kind: 'durable', sequence })
  }

  // ---- the source

  connect(): void {
    const { source, witness } = this.#world
    const position = this.store.tail.end
    this.#world.replaceDump(this)
    witness.connectsAt(this, position)
    this.link = { position }
    source.acknowledged = Math.max(source.acknowledged, position)
    this.give({ kind: 'link-opened' })
  }

  breakLink(tell = true): void {
    if (this.link === undefined) return
    this.link = undefined
    this.newestAtBreak = this.#world.witness.newestEpoch
    if (tell) this.give({ kind: 'link-broke' })
  }

  ingest(count: number): void {
    const { source } = this.#world
    const start = this.store.tail.end
    const chunks = source.chunks.slice(start, start + count)
    const end = start + chunks.length
    const boundary = source.boundary(end, this.store.tail.boundary)
    this.#ingested = chunks
    const piece = { kind: 'bytes', crc: crcOf(chunks), end, boundary } as const
    this.give({ kind: 'ingest', piece })
  }

  beginFile(): void {
    const { end, boundary } = this.store.tail
    this.give({ kind: 'ingest', piece: { kind: 'file-begin', crc: 1, end, boundary } })
  }

  #acknowledge(sequence: number): void {
    const position = this.store.boundaryAt(sequence)
    this.#world.witness.acknowledges(this, position)
    const { source } = this.#world
    source.acknowledged = Math.max(source.acknowledged, position)
  }

  // ---- for people

  describe(): string {
    const { core, store } = this
    const log = store.headers.map((header) => {
      const start = (store.header(header.sequence - 1) ?? store.base.tail).end
      const bytes = store.content.slice(start, header.end)
      const text = bytes.map((one) => (one ? `${one.transaction}.${one.index}` : '?')).join()
      return `${header.epoch}:${header.kind === 'bytes' ? text : header.kind}`
    })
    const role =
      core === undefined ? 'down' : core.leader ? `leads ${core.leader.epoch}` : 'follows'
    const ends = `end ${store.durable}/${store.end} known ${core?.context.facts.now.known}`
    const name = `${keyOf(this.member)}${this.isPaused ? ' paused' : ''}`
    return `${name} ${role} promised ${store.facts.promised} ${ends} [${log.join(' ')}]`
  }

  /** Whether the file it has is whole transactions. */
  get isWhole(): boolean {
    const last = this.store.content.at(-1)
    return last === undefined || endsTransaction(last)
  }
}
