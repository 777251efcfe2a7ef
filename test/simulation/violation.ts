/** The checkers of a simulation. Each has a planted fault that it catches: sabotage.ts. */
export type Checker =
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
  | 'the node opens'
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
