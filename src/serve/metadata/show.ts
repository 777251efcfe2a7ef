/*
  The forms of SHOW and DESCRIBE that are passed on

    SHOW CREATE TABLE|VIEW table          SHOW CREATE DATABASE|SCHEMA [IF NOT EXISTS] name
    SHOW [EXTENDED] [FULL] COLUMNS|FIELDS FROM|IN table [FROM|IN database] [filter]
    SHOW [EXTENDED] INDEX|INDEXES|KEYS FROM|IN table [FROM|IN database] [WHERE condition]
    SHOW [EXTENDED] [FULL] TABLES [FROM|IN database] [filter]
    SHOW TABLE STATUS [FROM|IN database] [filter]
    SHOW DATABASES|SCHEMAS [filter]
    DESC|DESCRIBE table [column | 'pattern']

  Each reader returns whether the statement needs a default database.
*/
import type { ConditionReader } from './condition.ts'
import type { Rendering } from './rendering.ts'

interface Reading {
  readonly rendering: Rendering
  readonly conditions: ConditionReader
}

const KINDS: ReadonlyArray<readonly [words: readonly string[], read: (at: Reading) => boolean]> = [
  [['CREATE'], create],
  [['COLUMNS', 'FIELDS', 'INDEX', 'INDEXES', 'KEYS'], ofTable],
  [['TABLES'], ofDatabase],
  [['TABLE'], tableStatus],
  [['DATABASES', 'SCHEMAS'], ofServer],
]

/** What may be asked about after SHOW and its EXTENDED and FULL. */
export const SHOWN: readonly string[] = KINDS.flatMap(([words]) => words)

export function readShow(reading: Reading): boolean {
  const { rendering } = reading
  rendering.expectWord('SHOW')
  rendering.takeWord('EXTENDED')
  rendering.takeWord('FULL')
  const kind = KINDS.find(([words]) => rendering.takeWord(...words))
  if (kind === undefined) throw rendering.cursor.error()
  return kind[1](reading)
}

export function readDescribe({ rendering }: Reading): boolean {
  rendering.expectWord('DESC', 'DESCRIBE')
  const table = rendering.expectQualifiedName()
  const { kind } = rendering.cursor.token
  if (kind === 'string') rendering.expectString()
  else if (kind === 'word' || kind === 'quoted') rendering.expectName()
  return table.length === 1
}

function create({ rendering }: Reading): boolean {
  if (rendering.takeWord('TABLE', 'VIEW')) return rendering.expectQualifiedName().length === 1
  rendering.expectWord('DATABASE', 'SCHEMA')
  if (rendering.takeWord('IF')) {
    rendering.expectWord('NOT')
    rendering.expectWord('EXISTS')
  }
  rendering.expectName()
  return false
}

function ofTable({ rendering, conditions }: Reading): boolean {
  rendering.expectWord('FROM', 'IN')
  const table = rendering.expectQualifiedName()
  const hasDatabase = takeDatabase(rendering)
  conditions.filter()
  return table.length === 1 && !hasDatabase
}

function ofDatabase({ rendering, conditions }: Reading): boolean {
  const hasDatabase = takeDatabase(rendering)
  conditions.filter()
  return !hasDatabase
}

function tableStatus(reading: Reading): boolean {
  reading.rendering.expectWord('STATUS')
  return ofDatabase(reading)
}

function ofServer({ conditions }: Reading): boolean {
  conditions.filter()
  return false
}

function takeDatabase(rendering: Rendering): boolean {
  if (!rendering.takeWord('FROM', 'IN')) return false
  rendering.expectName()
  return true
}
