import type { Flavor } from '../mysql/index.ts'

export type Severity =
  /** as it should be */
  | 'ok'
  /** to know; nothing has to be done */
  | 'note'
  /** it works, with less or at a risk */
  | 'warning'
  /** it cannot work */
  | 'problem'

/** MariaDB has no SET PERSIST: what is to outlast a restart stands in its option file, too. */
export function remedyFor(flavor: Flavor, remedy: string): string {
  return flavor === 'mariadb' ? remedy.replaceAll('SET PERSIST', 'SET GLOBAL') : remedy
}

/** What was found about one thing, with what to do about it. */
export interface Finding<Id extends string> {
  readonly id: Id
  readonly severity: Severity
  readonly found: string
  /** a statement, a command or a setting; empty where nothing is to be done */
  readonly remedy: string
}
