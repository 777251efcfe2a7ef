import type { Fault } from './fault.ts'
import { networkFaults } from './faults/partitions.ts'
import { processFaults } from './faults/processes.ts'

export const allFaults: readonly Fault[] = [...processFaults, ...networkFaults]
