import type { ClusterState, WriteOutcome } from '../../src/cluster/index.ts'

/** Who asked: one process of one node. Its answers die with it. */
export interface Asker {
  readonly node: string
  readonly incarnation: number
}

export interface WriteUnderWay extends Asker {
  readonly id: number
  readonly compare: number
  readonly state: ClusterState
}

interface Answer extends Asker {
  readonly id: number
  readonly outcome: WriteOutcome
}

interface Read extends Asker {
  readonly id: number
  /** what it showed, once it was carried out */
  revision: number | undefined
}

/** etcd as one linearizable register: writes are applied late or never, answers come late or get lost. */
export class SimulatedEtcd {
  /** the index is the revision less one */
  readonly history: ClusterState[]
  writes: WriteUnderWay[] = []
  answers: Answer[] = []
  reads: Read[] = []
  /** planted violation */
  comparesNothing = false

  constructor(first: ClusterState) {
    this.history = [first]
  }

  get revision(): number {
    return this.history.length
  }

  get state(): ClusterState {
    return this.at(this.revision)
  }

  at(revision: number): ClusterState {
    const state = this.history[revision - 1]
    if (state === undefined) throw new Error(`no revision ${revision}`)
    return state
  }

  /** Carries a write out. @returns whether it changed anything */
  apply(write: WriteUnderWay): boolean {
    this.writes = this.writes.filter((other) => other !== write)
    const isApplied = write.compare === this.revision || this.comparesNothing
    if (isApplied) this.history.push(write.state)
    const { id, node, incarnation } = write
    const outcome: WriteOutcome = isApplied
      ? { kind: 'applied', revision: this.revision }
      : { kind: 'refused' }
    this.answers.push({ id, node, incarnation, outcome })
    return isApplied
  }

  /** The write never arrives; who sent it hears nothing, and gives up waiting some time. */
  dropWrite(write: WriteUnderWay): void {
    this.writes = this.writes.filter((other) => other !== write)
    const { id, node, incarnation } = write
    this.answers.push({ id, node, incarnation, outcome: { kind: 'unknown' } })
  }

  takeAnswer(answer: Answer): void {
    this.answers = this.answers.filter((other) => other !== answer)
  }

  takeRead(read: Read): void {
    this.reads = this.reads.filter((other) => other !== read)
  }

  /** Whoever asked is gone. Its writes are still on their way. */
  forget(node: string): void {
    this.answers = this.answers.filter((answer) => answer.node !== node)
    this.reads = this.reads.filter((read) => read.node !== node)
  }
}
