import { expect, test } from 'vitest'
import { capturedEvents, capturedFiles } from './testing/captures.ts'
import { dumpsOver, until } from './testing/run-dumps.ts'

const FILES = capturedFiles(capturedEvents('mysqlbinlog-gtid.hex'))
const file = 'binlog.000003'

test.each([
  ['at the visible end has all before it', 474, [{ file, position: 474, replica: 'server_id 7' }]],
  ['beyond the visible end has acknowledged nothing', 761, []],
])('a semi-sync replica that begins by file and position %s', async (_, position, acks) => {
  const { dump, binlogs, replicas } = dumpsOver(FILES)
  binlogs.show(file, 474)
  const replica = { serverId: 7, uuid: undefined, connectionId: 1, user: 'repl', address: 'a:1' }
  const { sink, end } = dump({ from: { file, position }, isSemiSync: true, replica })
  await until(() => replicas.list([])[0]?.semiSync !== undefined)
  expect(replicas.acks.all()).toEqual(acks)
  sink.end('KILL')
  await end
})
