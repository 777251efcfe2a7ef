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
  let good = true
  const here = await tableChecksums(source)
  for (const [index, replica] of replicas.entries()) {
    const there = await tableChecksums(replica)
    for (const name of new Set([...here.keys(), ...there.keys()])) {
      const [ours, theirs] = [here.get(name), there.get(name)]
      const text = `checksum of ${name} on source and replica ${index + 1}`
      good = state(ours === theirs, `${text}: ${ours}, ${theirs}`) && good
    }
  }
  return good && here.size > 0
}

async function checkGtids({ source, kingbus, replicas }: DemoParties): Promise<boolean> {
  const ours = await source.gtidExecuted()
  let good = true
  const compare = (name: string, set: string): void => {
    const same = set.replaceAll('\n', '') === ours
    good =
      state(same, `GTID set of source and ${name}${same ? '' : `: ${ours} against ${set}`}`) && good
  }
  compare('Kingbus', (await kingbus.status()).gtidExecuted)
  for (const [index, replica] of replicas.entries()) {
    compare(`replica ${index + 1}`, await replica.gtidExecuted())
  }
  console.log(`              ${ours}`)
  return good
}

async function checkFiles({ source, kingbus }: DemoParties): Promise<boolean> {
  const { files, bytes, differences } = await compareBinlogs(source, kingbus)
  for (const { name, what } of differences) state(false, `binlog file ${name}: ${what}`)
  const text = `${files} binlog files of source and Kingbus, byte by byte (${bytes} bytes)`
  return state(differences.length === 0, text) && files > 1
}
