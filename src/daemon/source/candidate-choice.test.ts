import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../lib/index.ts'
import type { SourceTrial } from '../../source/index.ts'
import { chooseCandidate } from './candidate-choice.ts'

const writable: SourceTrial = { address: 'db2:3306', isReadOnly: false }
const replica: SourceTrial = { address: 'db3:3306', isReadOnly: true }
const gone: SourceTrial = {
  address: 'db1:3306',
  refusal: new OperationalError('E_SOURCE_UNREACHABLE', 'connection refused'),
}
const behind: SourceTrial = {
  address: 'db4:3306',
  isReadOnly: false,
  refusal: new OperationalError('E_SOURCE_OTHER', 'it lacks transactions'),
}

const choosing = (...trials: SourceTrial[]) => {
  return () => chooseCandidate(trials)
}

describe('of the candidates', () => {
  it('the only one is followed that takes writes', () => {
    expect(choosing(gone, replica, writable)()).toBe(writable)
  })

  it('none is where none takes writes, and why is told of each', () => {
    const silent: SourceTrial = { address: 'db5:3306' }
    expect(choosing(gone, replica, silent)).toThrow(
      'none is known to take writes (db1:3306: connection refused [E_SOURCE_UNREACHABLE]; ' +
        'db3:3306 is read_only; db5:3306: it does not say)',
    )
  })

  it('none is where two take writes, be it that only one has all of ours', () => {
    const other = { ...writable, address: 'db3:3306' }
    expect(choosing(writable, other)).toThrow('db2:3306 and db3:3306 take writes')
    expect(choosing(writable, behind)).toThrow('db2:3306 and db4:3306 take writes')
  })

  it('none is where the one that takes writes lacks something of ours', () => {
    expect(choosing(replica, behind)).toThrow('it lacks transactions [E_SOURCE_OTHER]')
  })
})
