import type { StateVersion } from '../state/cluster-state.ts'

/** What a node keeps durably beside its log. */
export interface DurableFacts {
  /** the highest epoch that it accepted or leads (rule 4); never goes back */
  readonly promised: number
  /** the highest committed end that it heard (rule 10): a hint, but before bytes are taken away it is durable */
  readonly known: number
  /** the cluster that it belongs to, once it belongs to one */
  readonly cluster: string | undefined
  /** the newest state that it has seen (rule 11) */
  readonly seen: StateVersion
}

export const NO_FACTS: DurableFacts = {
  promised: 0,
  known: 0,
  cluster: undefined,
  seen: { epoch: 0, version: 0 },
}
