/*
  What inputs are made of: the captured files and packets of test/fixtures, and the files of corpus/ and
  crashes/, one folder for each target: `corpus/TARGET/NAME` are interesting by hand, `crashes/TARGET/NAME`
  have once shown a bug and are run first, ever since.
*/
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fixture } from '../captured-files.ts'

const fuzzFolder = fileURLToPath(new URL('.', import.meta.url))

export const BINLOG_FIXTURES = [
  'plain.000002',
  'tagged-gtids.000003',
  'compressed-trx.000004',
  'ddl-xa.000005',
  'statement-rowsquery-partialjson.000007',
  'anonymous-myisam.000002',
  'active-in-use.bin',
  'mariadb.000001',
  'mariadb-kinds.000001',
  'mariadb-kinds.000002',
] as const

const CAPTURES = [
  'replica-gtid-rsa',
  'replica-filepos',
  'replica-semisync',
  'mysqlbinlog-gtid',
  'mysqlbinlog-nongtid',
  'mariadb-replica-mysql-source',
  'mariadb-replica-mariadb-source',
] as const

/** The payloads that went in one direction, of all captures; C is what clients sent. */
export function capturedPayloads(direction: 'C' | 'S'): Buffer[] {
  return CAPTURES.flatMap((name) => {
    const lines = fixture(`${name}.hex`).toString('latin1').split('\n')
    return lines
      .filter((line) => line.startsWith(`${direction} `) && !line.includes(' RAW '))
      .map((line) => Buffer.from(line.split(' ')[3] ?? '', 'hex'))
  })
}

export interface Kept {
  readonly name: string
  readonly input: Buffer
}

export function keptInputs(kind: 'corpus' | 'crashes', target: string): Kept[] {
  const folder = `${fuzzFolder}${kind}/${target}`
  if (!existsSync(folder)) return []
  return readdirSync(folder).map((name) => ({ name, input: readFileSync(`${folder}/${name}`) }))
}

/** Keeps an input that shows a bug; returns its path in the checkout. */
export function keepCrash(target: string, input: Buffer): string {
  const name = createHash('sha256').update(input).digest('hex').slice(0, 16)
  mkdirSync(`${fuzzFolder}crashes/${target}`, { recursive: true })
  writeFileSync(`${fuzzFolder}crashes/${target}/${name}`, input)
  return `test/fuzz/crashes/${target}/${name}`
}
