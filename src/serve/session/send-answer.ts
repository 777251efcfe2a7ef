import {
  encodeOk,
  encodeResultSet,
  encodeResultSetEnd,
  encodeResultSetHead,
  encodeRow,
} from '../../mysql/index.ts'
import type { OwnAnswer } from '../sql/answer.ts'
import type { PacketChannel } from './packet-channel.ts'

/**
 * Sends what a statement answers. Rows that are made piece by piece wait until the client has taken those
 * before, and are not made for a client that is gone. What they throw comes back: an error may follow rows.
 */
export async function sendAnswer(
  channel: PacketChannel,
  answer: OwnAnswer,
  deprecateEof: boolean,
): Promise<void> {
  if (answer.kind === 'ok') return await channel.send(encodeOk({ warnings: answer.warnings ?? 0 }))
  if (answer.kind === 'rows') {
    return await channel.send(...encodeResultSet(answer.result, deprecateEof))
  }
  await channel.send(...encodeResultSetHead(answer.columns, deprecateEof))
  for await (const rows of answer.pieces) {
    if (channel.connection.gone.aborted) return
    await channel.send(...rows.map(encodeRow))
  }
  await channel.send(encodeResultSetEnd(deprecateEof))
}
