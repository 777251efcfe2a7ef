/** Where a server runs: a network namespace of this machine, with an address of its own. */
export interface Place {
  readonly namespace: string
  readonly address: string
}
