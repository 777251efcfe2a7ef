import { messageOf, OperationalError, ProtocolError } from '../../lib/index.ts'
import {
  Capability,
  type ErrPacket,
  encodeEndOfRows,
  encodeEof,
  encodeErr,
  STATUS_AUTOCOMMIT,
  STATUS_MORE_RESULTS,
  Writer,
} from '../../mysql/index.ts'
import type { MetadataSource, MetadataStatement } from './metadata-source.ts'

export interface MetadataClient {
  /** of both sides */
  readonly capabilities: number
  /** fires when the client is gone */
  readonly gone: AbortSignal
  send(...payloads: readonly Uint8Array[]): Promise<void>
}

/**
 * Sends the source's answers on, each as it came but for its EOF packets, which depend on the client. Ends with the
 * first one that is an error, as MySQL does.
 * @param source undefined: nobody is to be asked
 */
export async function answerMetadata(
  statements: readonly MetadataStatement[],
  source: MetadataSource | undefined,
  client: MetadataClient,
): Promise<void> {
  if (source === undefined) {
    await client.send(encodeErr(SWITCHED_OFF))
    return
  }
  for (const [index, statement] of statements.entries()) {
    const isLast = index === statements.length - 1
    const error = await answerOne({ statement, source, client, isLast })
    if (error === undefined) continue
    await client.send(encodeErr(error))
    return
  }
}

interface Turn {
  readonly statement: MetadataStatement
  readonly source: MetadataSource
  readonly client: MetadataClient
  readonly isLast: boolean
}

/** Sends one answer but for the error that ends it, which is returned. */
async function answerOne({
  statement,
  source,
  client,
  isLast,
}: Turn): Promise<ErrPacket | undefined> {
  const deprecateEof = (client.capabilities & Capability.DEPRECATE_EOF) !== 0
  const status = STATUS_AUTOCOMMIT | (isLast ? 0 : STATUS_MORE_RESULTS)
  try {
    for await (const part of source.ask(statement, client.gone)) {
      if (part.kind === 'refused') return part.error
      if (part.kind === 'rows') {
        await client.send(...part.rows)
        continue
      }
      const count = new Writer().lenenc(part.definitions.length).finish()
      const between = deprecateEof ? [] : [encodeEof({ warnings: 0, status })]
      await client.send(count, ...part.definitions, ...between)
    }
  } catch (thrown) {
    if (!(thrown instanceof OperationalError || thrown instanceof ProtocolError)) throw thrown
    return unanswered(messageOf(thrown))
  }
  const end = { affectedRows: 0, lastInsertId: 0, warnings: 0, status }
  await client.send(deprecateEof ? encodeEndOfRows(end) : encodeEof(end))
  return undefined
}

/** ER_CONNECT_TO_FOREIGN_DATA_SOURCE: the tables are elsewhere, and elsewhere does not answer. */
function unanswered(why: string): ErrPacket {
  return { code: 1429, sqlState: 'HY000', message: `Unable to ask the source about tables: ${why}` }
}

const SWITCHED_OFF: ErrPacket = {
  code: 1235,
  sqlState: '42000',
  message:
    'Kingbus has no tables: set serve.metadata to pass-through, so that questions about them are ' +
    'answered by the source, or ask the source itself',
}
