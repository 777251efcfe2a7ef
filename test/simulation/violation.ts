/** Of one node: each has a planted fault that it catches, in sabotage.ts beside this. */
type NodeChecker =
  | 'the visible end never goes back'
  | 'what is visible lies between transactions'
  | 'what is visible is durable'
  | 'GTIDs agree with the files'
  | 'clients are shown true bytes, in order, once'
  | 'stored files are those of the source'
  | 'the index agrees with the files'
  | 'damage is never sent'
  | 'the node catches up'
  | 'states say what happened'
  | 'safe-to-purge is safe'
  | 'acknowledgements are true'
  | 'the node opens'

/** Of the cluster's protocol: each has a planted violation that it catches, in ../cluster-simulation/sabotage.ts. */
type ProtocolChecker =
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
  | 'a promise is durable'

/** Of retention: each has a planted fault that it catches, in retention/sabotage.ts. */
export type RetentionChecker =
  | 'nothing that is needed is gone'
  | 'files go for a reason'
  | 'files go oldest first'
  | 'limits hold'
  | 'gtid_purged agrees with the files'
  | 'a purge by hand removes what it says'

/** The checkers of the simulations. */
export type Checker =
  | NodeChecker
  | ProtocolChecker
  | RetentionChecker
  | 'no promise of the code breaks'

/** A promise of the product that a simulation saw broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly checker: Checker

  constructor(checker: Checker, message: string) {
    super(message)
    this.checker = checker
  }
}
