import type { Flavor, GtidSet } from '../mysql/index.ts'

/** What the stand-in says of itself and of what it holds; the daemon answers from the store. */
export interface ServerFacts {
  readonly serverId: number
  /** lower case, with dashes */
  readonly serverUuid: string
  /** the source's version with our suffix; begins with digits */
  readonly version: string
  /** of the source: clients are to see a server of its kind */
  readonly flavor: Flavor
  readonly port: number
  readonly hostname: string
  /** when the process started, milliseconds since 1970 */
  readonly startedMs: number
  executed(): GtidSet
  purged(): GtidSet
  /** server_uuid of the source that the newest file is of; '' while nobody knows */
  sourceUuid(): string
  /** server_id of that source; 0 while nobody knows */
  sourceServerId(): number
  /** a global variable of the source, where it is mirrored and known */
  sourceVariable(name: string): string | undefined
  /** of the newest file */
  checksum(): 'CRC32' | 'NONE'
  /** oldest first; sizes are those of what may be seen */
  files(): readonly { readonly name: string; readonly size: number }[]
  /** undefined while nothing was ever received */
  visibleEnd(): { readonly file: string; readonly position: number } | undefined
}
