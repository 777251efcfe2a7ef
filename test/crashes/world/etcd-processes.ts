import { readdirSync, readFileSync } from 'node:fs'
import { signalQuietly } from '../../cluster-faults/world/fault-node.ts'
import type { Kingbus } from '../../e2e/harness/kingbus.ts'

/** The etcds that these nodes run, known by the data directories on their command lines. */
export function etcdsOf(nodes: readonly Kingbus[]): number[] {
  const folders = nodes.map(({ dataFolder }) => `${dataFolder}/`)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [program = '', ...args] = commandLineOf(pid)
      const isOurs = args.some((arg) => folders.some((folder) => arg.includes(folder)))
      return program.endsWith('etcd') && isOurs
    })
    .map(Number)
}

export function killEtcds(nodes: readonly Kingbus[]): void {
  for (const pid of etcdsOf(nodes)) signalQuietly(pid, 'SIGKILL')
}

function commandLineOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has ended since.
    return []
  }
}
