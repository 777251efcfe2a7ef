/*
  A server that costs as little as can be: whoever connects and sends anything gets so many bytes in large writes
  and an EOF packet. What the clients reach with it is what they could reach at most.
*/
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { answerParent } from '../client/answer-parent.ts'

export interface SendCommand {
  readonly kind: 'send'
  /** to each who asks, the EOF packet included */
  readonly bytes: number
}

export interface Sending {
  readonly kind: 'sending'
  readonly port: number
  readonly pid: number
}

const piece = Buffer.alloc(1024 * 1024, 0x5a)
const eofPacket = Buffer.from('05000000fe00000200', 'hex')
let bytesEach = 0

const server = createServer((socket) => {
  // A client that has enough goes away without a word.
  socket.on('error', () => socket.destroy())
  socket.once('data', () => {
    let left = bytesEach - eofPacket.length
    const send = (): void => {
      while (left > 0) {
        const size = Math.min(left, piece.length)
        left -= size
        if (!socket.write(piece.subarray(0, size)) && left > 0) {
          socket.once('drain', send)
          return
        }
      }
      socket.write(eofPacket)
    }
    send()
  })
})

answerParent(async ({ bytes }: SendCommand): Promise<Sending> => {
  bytesEach = bytes
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  return { kind: 'sending', port: (server.address() as AddressInfo).port, pid: process.pid }
})
