import { readdirSync, readFileSync } from 'node:fs'
import type { Kingbus } from '../kingbus.ts'
import { signalQuietly, stopAtDisk } from '../signals.ts'
import { waitFor } from '../wait.ts'

/** The etcds that these nodes run, known by the data directories on their command lines. */
function etcdsOf(nodes: readonly Kingbus[]): number[] {
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

/** An etcd outlives the node that started it for a while. */
export function killEtcds(nodes: readonly Kingbus[]): void {
  for (const pid of etcdsOf(nodes)) signalQuietly(pid, 'SIGKILL')
}

/** A node and its etcd do nothing more; their disk may still be at what it was asked for. */
export function freezeWithEtcd(node: Kingbus): void {
  node.freezeAtDisk()
  for (const pid of etcdsOf([node])) stopAtDisk(pid)
}

/** These nodes die with their etcds, all in the same moment; returns when nothing of them runs. */
export async function killWithEtcds(nodes: readonly Kingbus[]): Promise<void> {
  killEtcds(nodes)
  await Promise.all(nodes.map((node) => node.kill9()))
  // A node may have started its etcd again between the two.
  killEtcds(nodes)
  const what = 'the etcds to be gone'
  await waitFor({ what, stepMs: 10 }, async () => etcdsOf(nodes).length === 0)
}

function commandLineOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has ended since.
    return []
  }
}
