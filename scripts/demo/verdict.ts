import { compareBinlogs, tableChecksums } from '../../test/e2e/harness/compare.ts'
import type { DemoParties } from './party-watch.ts'

/** Compares everything, prints each result, and tells whether all agree. */
export async function stateVerdict(parties: DemoParties): Promise<boolean> {
  const checks = [await checkTables(parties), await checkGtids(parties), await checkFiles(parties)]
  return checks.every(Boolean)
}

function state(good: boolean, text: string): boolean {
  console.log(`   ${good ? 'equal    ' : 'DIFFERENT'}  ${text}`)
  return good
}

async function checkTables({ source, replicas }: DemoParties): Promise<boolean> {
  const here = await tableChecksums(source)
  const there: Map<string, string>[] = []
  for (const replica of replicas) there.push(await tableChecksums(replica))
  const names = new Set([here, ...there].flatMap((checksums) => [...checksums.keys()]))
  let good = names.size > 0
  for (const name of names) {
    const all = [here, ...there].map((checksums) => checksums.get(name) ?? 'no table')
    const same = new Set(all).size === 1
    const text = same ? `${all[0]} everywhere` : all.join(', ')
    good = state(same, `checksum of ${name} on source and both replicas: ${text}`) && good
  }
  return good
}

async function checkGtids({ source, nodes, replicas }: DemoParties): Promise<boolean> {
  const ours = await source.gtidExecuted()
  let good = true
  const compare = (name: string, set: string): void => {
    const same = set.replaceAll('\n', '') === ours
    good =
      state(same, `GTID set of source and ${name}${same ? '' : `: ${ours} against ${set}`}`) && good
  }
  for (const { name, kingbus } of nodes) compare(name, (await kingbus.status()).gtidExecuted)
  for (const [index, replica] of replicas.entries()) {
    compare(`replica ${index + 1}`, await replica.gtidExecuted())
  }
  console.log(`              ${ours}`)
  return good
}

async function checkFiles({ source, nodes }: DemoParties): Promise<boolean> {
  let good = true
  for (const { name: node, kingbus } of nodes) {
    const { files, bytes, differences } = await compareBinlogs(source, kingbus)
    for (const { name, what } of differences)
      state(false, `binlog file ${name} of ${node}: ${what}`)
    const text = `${files} binlog files of source and ${node}, byte by byte (${bytes} bytes)`
    good = state(differences.length === 0, text) && files > 1 && good
  }
  return good
}
