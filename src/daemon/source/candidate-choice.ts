import { OperationalError } from '../../lib/index.ts'
import type { SourceTrial } from '../../source/index.ts'

/**
 * Which candidate is followed: the only one that takes writes, if nothing speaks against it. Of two which both take
 * writes nobody knows here which one the applications write to, even where only one has all of ours.
 * @throws OperationalError E_SOURCE_NO_CANDIDATE, which says of each why not
 */
export function chooseCandidate(trials: readonly SourceTrial[]): SourceTrial {
  const writable = trials.filter(({ isReadOnly }) => isReadOnly === false)
  const [only, ...others] = writable
  if (only === undefined)
    throw none(`none is known to take writes (${trials.map(whyNot).join('; ')})`)
  if (others.length > 0) {
    const addresses = writable.map(({ address }) => address).join(' and ')
    throw none(`${addresses} take writes, and only one may: set read_only on the others`)
  }
  if (only.refusal !== undefined) {
    throw none(
      `only ${only.address} takes writes, and it cannot be followed: ${reasonOf(only.refusal)}`,
    )
  }
  return only
}

function whyNot({ address, isReadOnly, refusal }: SourceTrial): string {
  if (isReadOnly === true) return `${address} is read_only`
  return `${address}: ${refusal === undefined ? 'it does not say' : reasonOf(refusal)}`
}

function reasonOf({ code, message }: OperationalError): string {
  return `${message} [${code}]`
}

function none(why: string): OperationalError {
  return new OperationalError(
    'E_SOURCE_NO_CANDIDATE',
    `no server of source.candidates is followed: ${why}`,
  )
}
