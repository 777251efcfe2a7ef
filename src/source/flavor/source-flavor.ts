import type { GtidSet } from '../../mysql/index.ts'
import type { SourcePlace } from '../holdings.ts'
import type { SourceProfile } from '../preflight.ts'
import type { SourceFacts } from '../resume.ts'
import type { SourceConnection } from '../source-connection.ts'

export type SourceHistory = Pick<SourceFacts, 'owned' | 'executed' | 'purged'>

export interface DumpQuestion extends SourcePlace {
  /** DumpFlag */
  readonly flags: number
  readonly serverId: number
  /** transactions to leave out; undefined to begin with the source's oldest file where none is named */
  readonly held: GtidSet | undefined
}

/** What differs between the kinds of server that can be a source. */
export interface SourceFlavor {
  /**
   * @param version its @@version
   * @throws OperationalError E_SOURCE_VERSION for one that is too old, E_SOURCE_REFUSED for a Kingbus that has
   * nothing yet
   */
  readProfile(connection: SourceConnection, version: string): Promise<SourceProfile>
  readHistory(connection: SourceConnection): Promise<SourceHistory>
  /**
   * The payload of the command that asks for a dump, after what has to be said before it.
   * @throws OperationalError E_SOURCE_REFUSED for a place that cannot be asked for
   */
  askForDump(connection: SourceConnection, question: DumpQuestion): Promise<Buffer>
  /** The server id for a look at the source's files, which must end no dump of ours. */
  examinerId(serverId: number): number
  /** files from before a source gave GTIDs can be there, and are refused by it */
  readonly hasAnonymous: boolean
}
