import { isDeepStrictEqual } from 'node:util'
import {
  type CompressedPacket,
  CompressedPacketReader,
  decodeComBinlogDump,
  decodeComBinlogDumpGtid,
  decodeComChangeUser,
  decodeComQuery,
  decodeComRegisterReplica,
  decodeErr,
  decodeGreeting,
  decodeHandshakeResponse,
  decodeOk,
  decodeSemiSyncAck,
  encodeComBinlogDump,
  encodeComBinlogDumpGtid,
  encodeComQuery,
  encodeComRegisterReplica,
  encodeEof,
  encodeErr,
  encodeGreeting,
  encodeHandshakeResponse,
  encodeOk,
  encodePackets,
  encodeSemiSyncAck,
  encodeSslRequest,
  isEof,
  isSslRequest,
  nextSequence,
  PacketReader,
  Reader,
} from '../../../src/mysql/index.ts'
import { capturedPayloads } from '../corpus.ts'
import { splitAnywhere } from '../mutate.ts'
import { require, type Target } from '../target.ts'

const CAPABILITIES_MOST = 0xffffffff
const PACKET_LIMIT = 64 * 1024

/** Packets of one side whose first byte is this. */
function captured(direction: 'C' | 'S', first: number): Buffer[] {
  return capturedPayloads(direction).filter((payload) => payload[0] === first)
}

/** A decoder whose value, encoded and decoded again, must be the same; by its name in src/mysql/index.ts. */
function codec<T>(
  decode: (input: Buffer) => T,
  seeds: () => readonly Buffer[],
  encode?: (value: T) => Buffer,
): Target {
  return {
    name: decode.name,
    covers: [decode.name],
    seeds,
    run(input) {
      const value = decode(input)
      if (encode === undefined) return
      require(isDeepStrictEqual(
        decode(encode(value)),
        value,
      ), 'what is encoded is decoded to the same')
    },
  }
}

const sslRequest = encodeSslRequest({ capabilities: 0xa00, packetMost: 2 ** 24, collation: 255 })
const changeUser = Buffer.from(
  '1172657000140102030405060708090a0b0c0d0e0f101112131464620021006d7973716c5f6e61746976655f70617373776f72640000',
  'hex',
)

const codecs: readonly Target[] = [
  codec(decodeGreeting, () => captured('S', 0x0a), encodeGreeting),
  codec(decodeHandshakeResponse, () =>
    capturedPayloads('C').filter((payload) => payload.length > 60 && payload[0] !== 0x03),
  ),
  codec(decodeErr, () => [
    ...captured('S', 0xff),
    encodeErr({ code: 1045, sqlState: '28000', message: 'Access denied' }),
  ]),
  codec(decodeOk, () => [encodeOk(), Buffer.from('00fcffff0002000000', 'hex')], encodeOk),
  codec(decodeComQuery, () => captured('C', 0x03), encodeComQuery),
  codec(decodeComRegisterReplica, () => captured('C', 0x15), encodeComRegisterReplica),
  codec(decodeComBinlogDump, () => captured('C', 0x12), encodeComBinlogDump),
  codec(decodeComBinlogDumpGtid, () => captured('C', 0x1e), encodeComBinlogDumpGtid),
  codec(decodeSemiSyncAck, () => [encodeSemiSyncAck('binlog.000001', 4)]),
]

function takeAll(pieces: readonly Buffer[]): { payloads: string[]; refused: boolean } {
  const payloads: string[] = []
  const reader = new PacketReader({ limit: PACKET_LIMIT })
  try {
    for (const piece of pieces) {
      reader.push(piece, (payload) => {
        payloads.push(payload.toString('latin1'))
        return undefined
      })
      // The socket uses its buffer again: a payload must not be looked for there later.
      piece.fill(0xee)
    }
  } catch {
    return { payloads, refused: true }
  }
  return { payloads, refused: false }
}

function takeCompressed(pieces: readonly Buffer[]): CompressedPacket[] {
  const packets: CompressedPacket[] = []
  const reader = new CompressedPacketReader()
  for (const piece of pieces) {
    for (let found = reader.take(piece); found !== undefined; found = reader.take(found.rest)) {
      packets.push({ ...found.packet, body: Buffer.from(found.packet.body) })
    }
    piece.fill(0xee)
  }
  return packets
}

export const packetTargets: readonly Target[] = [
  ...codecs,
  {
    name: 'encodeHandshakeResponse',
    covers: ['decodeHandshakeResponse'],
    seeds: () =>
      capturedPayloads('C').filter((payload) => payload.length > 60 && payload[0] !== 0x03),
    run(input) {
      const value = decodeHandshakeResponse(input)
      // A client may send more than the flags that it sets stand for; once written anew it is stable.
      const again = decodeHandshakeResponse(encodeHandshakeResponse(value))
      require(again.user === value.user, 'the user is who it was')
      require(Buffer.compare(again.authResponse, value.authResponse) ===
        0, 'the answer to the scramble stays')
    },
  },
  {
    name: 'decodeComChangeUser',
    covers: ['decodeComChangeUser'],
    seeds: () => [changeUser],
    run(input, random) {
      decodeComChangeUser(
        input,
        random.chance(0.5) ? CAPABILITIES_MOST : random.between(0, 2 ** 31),
      )
    },
  },
  {
    name: 'isSslRequest',
    covers: ['isSslRequest'],
    seeds: () => [sslRequest],
    run: (input) =>
      require(!isSslRequest(input) || input.length === 32, 'an SSLRequest has 32 bytes'),
  },
  {
    name: 'isEof',
    covers: ['isEof'],
    seeds: () => [encodeEof()],
    run: (input) =>
      require(!isEof(input) || (input[0] === 0xfe && input.length < 9), 'an EOF packet is short'),
  },
  {
    name: 'packet-reader',
    covers: ['PacketReader', 'nextSequence'],
    seeds: () => [
      Buffer.concat(
        capturedPayloads('C')
          .slice(0, 12)
          .map((payload, at) => encodePackets(payload, at)),
      ),
      Buffer.concat([
        encodePackets(Buffer.alloc(60_000), 0),
        encodePackets(Buffer.alloc(0), nextSequence(0)),
      ]),
      Buffer.from('000000000000000100000002', 'hex'),
    ],
    run(input, random) {
      const whole = takeAll([Buffer.from(input)])
      const parts = takeAll(splitAnywhere(input, random))
      require(isDeepStrictEqual(whole, parts), 'packets are the same however the bytes are split')
    },
  },
  {
    name: 'compressed-packet-reader',
    covers: ['CompressedPacketReader'],
    seeds: () => [
      Buffer.from('0b0000010000000700000100000002000000', 'hex'),
      Buffer.from('0500000357000001020304050000000000000000', 'hex'),
    ],
    run(input, random) {
      const whole = takeCompressed([Buffer.from(input)])
      const parts = takeCompressed(splitAnywhere(input, random))
      require(isDeepStrictEqual(whole, parts), 'packets are the same however the bytes are split')
    },
  },
  {
    name: 'reader',
    covers: ['Reader'],
    seeds: () => capturedPayloads('S').slice(0, 40),
    run(input, random) {
      const reader = new Reader(input, random.between(0, input.length + 2))
      const steps: readonly (() => unknown)[] = [
        () => reader.u8(),
        () => reader.u16(),
        () => reader.u24(),
        () => reader.u32(),
        () => reader.u64(),
        () => reader.lenenc(),
        () => reader.lenencBytes(),
        () => reader.lenencStringOrNull(),
        () => reader.nulString(),
        () => reader.bytes(random.between(-3, 400)),
        () => reader.skip(random.between(-3, 40)),
      ]
      for (let step = 0; step < 5; step += 1) {
        random.pick(steps)()
        require(reader.remaining >= 0 &&
          reader.offset <= input.length, 'a reader stays in its bytes')
      }
    },
  },
]
