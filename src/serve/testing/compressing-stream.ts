import { Duplex } from 'node:stream'
import * as zlib from 'node:zlib'
import {
  type CompressedPacket,
  CompressedPacketReader,
  encodeCompressedHeader,
} from '../../mysql/index.ts'

/**
 * A client's side of protocol compression with zlib, over a connection that has just been answered OK. What
 * comes is kept in `received` too.
 * @param contentMost bytes that go into one compressed packet
 */
export function compressing(
  stream: Duplex,
  contentMost = Number.POSITIVE_INFINITY,
): Duplex & { readonly received: readonly CompressedPacket[] } {
  const reader = new CompressedPacketReader()
  const received: CompressedPacket[] = []
  stream.removeAllListeners('data')
  const inner = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _, done) => {
      const packets: Buffer[] = []
      // As the clients do: the number begins anew with each command.
      for (let at = 0; at < bytes.length; at += contentMost) {
        packets.push(compressedPacket(bytes.subarray(at, at + contentMost), packets.length))
      }
      stream.write(Buffer.concat(packets), done)
    },
    destroy: (error, done) => {
      stream.destroy()
      done(error)
    },
  })
  stream.on('data', (bytes: Buffer) => {
    for (let found = reader.take(bytes); found !== undefined; found = reader.take(found.rest)) {
      const { packet } = found
      received.push(packet)
      inner.push(packet.contentSize === 0 ? packet.body : zlib.inflateSync(packet.body))
    }
  })
  stream.on('end', () => inner.push(null))
  return Object.assign(inner, { received })
}

export function compressedPacket(content: Uint8Array, sequence: number): Buffer {
  const body = zlib.deflateSync(content)
  const header = encodeCompressedHeader(body.length, { sequence, contentSize: content.length })
  return Buffer.concat([header, body])
}
