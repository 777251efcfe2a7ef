import type { Fault } from './fault.ts'
import { diskFaults } from './faults/disks.ts'
import { networkFaults } from './faults/partitions.ts'
import { processFaults } from './faults/processes.ts'
import { storeFaults } from './faults/stores.ts'
import { storms } from './faults/storms.ts'

export const allFaults: readonly Fault[] = [
  ...processFaults,
  ...networkFaults,
  ...diskFaults,
  ...storeFaults,
  ...storms,
]
