import type { Verifier } from '../mysql/index.ts'

/*
  replicate    may dump, register as a replica and see the binlogs
  monitor      may see the binlogs and everybody's sessions
  administer   may end everybody's sessions, change the source, purge, and what monitor may
*/
export type Right = 'replicate' | 'monitor' | 'administer'

export interface User {
  readonly name: string
  readonly verifier: Verifier
  readonly rights: readonly Right[]
  readonly requires: Requirements
  /** for clients that choke on what a tag does to a binlog */
  readonly hidesTaggedGtids: boolean
}

/** What the user's connections must have, as MySQL's REQUIRE has it. */
export interface Requirements {
  readonly tls: boolean
  /** one that our authority has signed */
  readonly certificate: boolean
  /** of that certificate, as `/CN=replica1`; undefined: any */
  readonly subject: string | undefined
  readonly issuer: string | undefined
}

/** The users of the users file as it is now. */
export interface Users {
  find(name: string): User | undefined
}
