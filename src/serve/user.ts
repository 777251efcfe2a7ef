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
}

/** The users of the users file as it is now. */
export interface Users {
  find(name: string): User | undefined
}
