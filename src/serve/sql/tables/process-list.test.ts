import { expect, test } from 'vitest'
import { outcomeOf, runStatement } from '../../testing/run-statement.ts'
import { makeScope } from '../../testing/scope.ts'
import type { Scope } from '../scope.ts'

/** A scope of one who may see all, with a dump of another user beside it. */
function withDump(rights: Scope['session']['rights'] = ['monitor']): Scope {
  const scope = makeScope({ rights, statement: 'SELECT 1' })
  const dump = { connectionId: 9, user: 'other', host: '10.0.0.8', command: 'Binlog Dump GTID' }
  const state = { ...scope.session, ...dump, statement: undefined } as Scope['session']
  scope.sessions.add({ state, kill: () => {}, interrupt: () => {} })
  return { ...scope, monotonicMs: 7000 }
}

const DUMPS = "command IN ('Binlog Dump', 'Binlog Dump GTID')"

test.each(['information_schema.processlist', '`performance_schema`.PROCESSLIST p'])(
  'orchestrator finds the replicas in %s',
  async (table) => {
    const sql = `select substring_index(host, ':', 1) as slave_hostname from ${table} where ${DUMPS}`
    expect(await outcomeOf(sql, withDump())).toEqual([['10.0.0.8']])
    expect(await outcomeOf(sql, withDump(['replicate']))).toEqual([])
  },
)

test('all columns have their names and values, whatever the case in the statement', async () => {
  const scope = withDump()
  const found = await runStatement('SELECT * FROM INFORMATION_SCHEMA.PROCESSLIST LIMIT 1', scope)
  if (typeof found !== 'object' || !('rows' in found)) throw new Error(String(found))
  expect(found.columns.map(({ name }) => name).join()).toBe(
    'ID,USER,HOST,DB,COMMAND,TIME,STATE,INFO',
  )
  expect(found.rows).toEqual([
    ['5', 'repl', '10.0.0.7:51244', null, 'Query', '7', null, 'SELECT 1'],
  ])
  const some = await runStatement(
    'SELECT id, p.User AS who FROM performance_schema.processlist p ORDER BY ID DESC',
    scope,
  )
  expect(some).toMatchObject({
    columns: [{ name: 'ID' }, { name: 'who' }],
    rows: [
      ['9', 'other'],
      ['5', 'repl'],
    ],
  })
})

test('sessions are counted, sorted, and cut off', async () => {
  const scope = withDump()
  const from = 'FROM information_schema.processlist'
  expect(await outcomeOf(`SELECT COUNT(*) ${from}`, scope)).toEqual([['2']])
  expect(await outcomeOf(`SELECT COUNT(*) n ${from} WHERE ID > 100`, scope)).toEqual([['0']])
  expect(await outcomeOf(`SELECT ID ${from} ORDER BY 1 DESC LIMIT 1`, scope)).toEqual([['9']])
  expect(await outcomeOf(`SELECT ID ${from} LIMIT 1, 1`, scope)).toEqual([['9']])
  expect(await outcomeOf(`SELECT DISTINCT TIME ${from}`, scope)).toEqual([['7']])
  expect(await outcomeOf(`SELECT ALL TIME ${from}`, scope)).toEqual([['7'], ['7']])
  expect(await outcomeOf(`SELECT ID ${from} WHERE 0`, scope)).toEqual([])
  expect(await outcomeOf(`SELECT ID ${from} GROUP BY ID`, scope)).toBe(1064)
})
