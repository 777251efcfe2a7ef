import type { Message, StreamId } from '../../src/cluster/index.ts'
import type { SourceChunk } from './source.ts'

/** A message with the bytes that travel beside it, or the end of the stream. */
export interface Sent {
  readonly message: Message
  readonly bytes: readonly (readonly (SourceChunk | undefined)[])[]
}

export interface End {
  /** the node, and the process of it: another process does not know the stream */
  readonly node: string
  readonly incarnation: number
  isOpen: boolean
}

/** A stream from a leader to a follower and back. What was sent arrives in order, late, or not any more. */
export interface Stream {
  readonly id: StreamId
  readonly leader: End
  readonly follower: End
  /** to the follower; `undefined` is the end of the stream */
  readonly down: (Sent | undefined)[]
  /** to the leader */
  readonly up: (Sent | undefined)[]
  /** the next record to send; undefined before the leader said so */
  next: number | undefined
  /** the news that was sent last */
  told: string
}

export class SimulatedNetwork {
  readonly streams = new Map<StreamId, Stream>()
  /** `A>B`: nothing from A reaches B */
  readonly blocked = new Set<string>()
  #last = 0

  open(follower: Omit<End, 'isOpen'>, leader: Omit<End, 'isOpen'>): Stream {
    this.#last += 1
    const stream: Stream = {
      id: this.#last,
      leader: { ...leader, isOpen: true },
      follower: { ...follower, isOpen: true },
      down: [],
      up: [],
      next: undefined,
      told: '',
    }
    this.streams.set(stream.id, stream)
    return stream
  }

  passes(from: string, to: string): boolean {
    return !this.blocked.has(`${from}>${to}`)
  }

  /** One end closes: what it sent still arrives, then the end of the stream. */
  closeEnd(stream: Stream, which: 'leader' | 'follower'): void {
    const end = stream[which]
    if (!end.isOpen) return
    end.isOpen = false
    if (which === 'leader') stream.next = undefined
    ;(which === 'leader' ? stream.down : stream.up).push(undefined)
    this.forget(stream)
  }

  /** Streams whose both ends are closed and that carry nothing any more. */
  forget(stream: Stream): void {
    const { leader, follower, up } = stream
    if (!leader.isOpen && !follower.isOpen && up.length === 0) this.streams.delete(stream.id)
  }
}
