import type { Key } from './keys.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting as it was written, and where. */
export interface Given {
  readonly text: string
  /** for people: `--source-tls`, `KINGBUS_SOURCE_TLS`, `kingbus.yaml:12` */
  readonly place: string
}

export type GivenKeys = ReadonlyMap<Key, Given>
