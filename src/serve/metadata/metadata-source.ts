import type { ErrPacket } from '../../mysql/index.ts'

/** One read-only statement about tables, as it goes to the source. */
export interface MetadataStatement {
  readonly sql: string
  /** default database that the statement needs; undefined where it names all that it asks for */
  readonly database: string | undefined
}

/** Payloads of the source's answer: first the columns, then rows in portions; or its refusal at any place. */
export type MetadataPart =
  | { readonly kind: 'columns'; readonly definitions: readonly Buffer[] }
  | { readonly kind: 'rows'; readonly rows: readonly Buffer[] }
  | { readonly kind: 'refused'; readonly error: ErrPacket }

/** Who has the tables; the daemon answers from the source. */
export interface MetadataSource {
  /** Throws OperationalError or ProtocolError when the source cannot be asked. */
  ask(statement: MetadataStatement, signal: AbortSignal): AsyncIterable<MetadataPart>
}
