import type { Context } from '../context.ts'
import type { Base } from './lineage.ts'
import type { Removal } from './record-header.ts'

/**
 * Takes bytes away for cuts and purges (rule 14), in their order: a removal is known to be committed, its record is
 * durable here, and that knowledge is durable, before the first byte goes. So a crash in between repeats it.
 */
export class Removals {
  /** decided and not yet answered */
  underWay: Removal | undefined
  readonly context: Context

  constructor(context: Context) {
    this.context = context
  }

  proceed(): void {
    const next = this.context.log.removals[0]
    if (next === undefined || this.underWay !== undefined || !this.isCommitted(next)) return
    if (!this.isKept(next)) {
      this.context.facts.write()
      return
    }
    this.underWay = next
    this.context.decide({ kind: 'remove', removal: next })
  }

  isCommitted({ sequence }: Removal): boolean {
    return sequence <= this.context.facts.now.known
  }

  /** Whether record and knowledge survive a crash. */
  isKept({ sequence }: Removal): boolean {
    const { log, facts } = this.context
    return log.durable >= sequence && facts.durable.known >= sequence
  }

  removed(sequence: number, floor: Pick<Base, 'digest' | 'tail'>): void {
    if (this.underWay?.sequence !== sequence) return
    this.context.log.removed(this.underWay, floor)
    this.underWay = undefined
  }
}
