/** The checkers of the cluster's simulation. Each has a planted violation that it catches: sabotage.ts. */
export type Checker =
  | 'committed records are on every in-sync store'
  | 'in-sync is a majority of the voters'
  | 'what is committed is never replaced'
  | 'logs with the same record are the same up to it'
  | 'one leader per epoch'
  | 'a report speaks of what is durable'
  | 'what is shown is committed'
  | 'what is shown is whole'
  | 'what was shown stays'
  | 'an acknowledgement is for what is committed'
  | 'the source is asked by the newest leader'
  | 'bytes go by what is committed'
  | 'the transactions come once, in order, whole'
  | 'a register that went back stops the node'
  | 'ingest goes on'
  | 'no promise of the code breaks'

/** A promise of the protocol that a simulation saw broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly checker: Checker

  constructor(checker: Checker, message: string) {
    super(message)
    this.checker = checker
  }
}
