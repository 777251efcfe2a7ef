import { isDeepStrictEqual } from 'node:util'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeError,
  encodeRequest,
} from '../../../src/cluster/link/call-codec.ts'
import { FRAME_HEADER_BYTES } from '../../../src/cluster/link/frame.ts'
import { FrameReader } from '../../../src/cluster/link/frame-reader.ts'
import {
  decodeGreeting,
  decodeGreetingHead,
  encodeGreeting,
  GREETING_HEAD_BYTES,
} from '../../../src/cluster/link/greeting.ts'
import {
  type Carried,
  decodeMessage,
  encodeMessage,
  MESSAGE_KINDS,
} from '../../../src/cluster/link/message-codec.ts'
import { encodeBody } from '../../../src/cluster/link/record-body.ts'
import { bytesOf, SAMPLES } from '../../../src/cluster/link/testing/sample-messages.ts'
import { crc32, OperationalError, ProtocolError } from '../../../src/lib/index.ts'
import { splitAnywhere } from '../mutate.ts'
import { require, type Target } from '../target.ts'

/** The payload ends where the frame says; what lies behind it are the bytes of records. */
function reframed(input: Buffer): Buffer {
  const output = Buffer.from(input)
  if (output.length < FRAME_HEADER_BYTES) return output
  const size = Math.min(output.readUInt32LE(0), output.length - FRAME_HEADER_BYTES)
  output.writeUInt32LE(size, 0)
  const payload = output.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + size)
  output.writeUInt32LE(crc32(payload, crc32(output.subarray(0, 5))), 5)
  return output
}

function takeAll(pieces: readonly Buffer[]): { received: Carried[]; refused: boolean } {
  const received: Carried[] = []
  const reader = new FrameReader()
  try {
    for (const piece of pieces) {
      for (const one of reader.take(piece)) received.push(one)
      // The socket may use its buffer again: nothing of a message must be looked for there later.
      piece.fill(0xee)
    }
    return { received, refused: false }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    return { received, refused: true }
  }
}

const GREETING = encodeGreeting(
  { oldest: 1, newest: 2, purpose: 'call', node: 'one' },
  Buffer.alloc(32, 5),
)

export const linkTargets: readonly Target[] = [
  {
    name: 'link-frames',
    covers: [],
    seeds: () => [...SAMPLES.map(bytesOf), Buffer.concat(SAMPLES.map(bytesOf))],
    repair: reframed,
    run(input, random) {
      const pieces = splitAnywhere(input, random).map((piece) => Buffer.from(piece))
      const parts = takeAll(pieces)
      const whole = takeAll([Buffer.from(input)])
      require(isDeepStrictEqual(whole, parts), 'frames are the same however the bytes are split')
      for (const one of whole.received) {
        // A GTID set can be written in several ways.
        const again = bytesOf(one)
        const hasSets = one.records.some(({ kind }) => kind === 'file-begin')
        require(hasSets
          ? takeAll([Buffer.from(again)]).received.some((taken) => bytesOf(taken).equals(again))
          : input.includes(again), 'what was taken is encoded to where it came from')
      }
      // What is refused is not counted as taken.
      if (whole.refused) throw new ProtocolError('the stream was refused')
    },
  },
  {
    name: 'link-greeting',
    covers: [],
    seeds: () => [GREETING],
    run(input) {
      const size = decodeGreetingHead(input)
      decodeGreeting(input.subarray(GREETING_HEAD_BYTES, GREETING_HEAD_BYTES + size))
    },
  },
  {
    name: 'link-request',
    covers: [],
    seeds: () => [encodeRequest({ method: 'status', cluster: 'c', body: [1, { two: null }] })],
    run: (input) => void decodeRequest(input),
  },
  {
    name: 'link-answer',
    covers: [],
    seeds: () => [
      encodeAnswer({ one: ['two'] }),
      encodeError(new OperationalError('E_PEER_REFUSED', 'no')),
    ],
    run(input) {
      try {
        decodeAnswer(input)
      } catch (thrown) {
        // An answer may be an error.
        if (!(thrown instanceof OperationalError)) throw thrown
      }
    },
  },
  ...MESSAGE_KINDS.map(
    (kind): Target => ({
      name: `link-${kind}`,
      covers: [],
      seeds: () =>
        SAMPLES.filter(({ message }) => message.kind === kind).map((carried) =>
          encodeMessage(carried, carried.records.map(encodeBody)),
        ),
      run: (input) => void decodeMessage(kind, input),
    }),
  ),
]
