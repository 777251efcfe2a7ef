/*
  node follow.mjs MODULE: a client made of one of the two zongji. Neither connects again by itself, so that each
  round is a new one that begins where the last has ended.
*/
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const modules = {
  '@powersync/mysql-zongji': () => import('@powersync/mysql-zongji'),
  '@rodrigogs/zongji': () => import('@rodrigogs/zongji'),
}
const { default: ZongJi } = await modules[process.argv[2]]()
const { FOLLOW_PORT, FOLLOW_USER, FOLLOW_PASSWORD, FOLLOW_SERVER_ID } = process.env
const { FOLLOW_FILE, FOLLOW_STATE, FOLLOW_OUTPUT } = process.env
const RETRY_MS = 500

const stateFile = join(FOLLOW_STATE, 'position.json')
const place = existsSync(stateFile)
  ? JSON.parse(readFileSync(stateFile, 'utf8'))
  : { file: FOLLOW_FILE, position: 4 }

const operations = { writerows: 'insert', updaterows: 'update', deleterows: 'delete' }

function tell(event) {
  const table = event.tableMap[event.tableId]
  if (table.parentSchema !== 'app') return
  for (const row of event.rows) {
    const line = [operations[event.getEventName()], table.tableName, row]
    appendFileSync(FOLLOW_OUTPUT, `${JSON.stringify(line)}\n`)
  }
}

/** Follows until the connection breaks. */
function follow() {
  return new Promise((resolve) => {
    const client = new ZongJi({
      host: '127.0.0.1',
      port: Number(FOLLOW_PORT),
      user: FOLLOW_USER,
      password: FOLLOW_PASSWORD,
    })
    const end = (error) => {
      console.log(`cut off: ${error}`)
      client.removeAllListeners()
      client.on('error', () => {})
      client.ctrlConnection.destroy()
      client.connection.destroy()
      resolve()
    }
    client.on('error', end)
    client.on('binlog', (event) => {
      if (event.getEventName() === 'rotate') {
        place.file = event.binlogName
        place.position = event.position
      } else {
        if (event.getEventName() in operations) tell(event)
        if (event.getEventName() !== 'tablemap' && event.nextPosition > 0) {
          place.position = event.nextPosition
        }
      }
      // A row event cannot be read without the table map before it: a transaction is begun anew.
      if (['xid', 'rotate'].includes(event.getEventName())) {
        writeFileSync(stateFile, JSON.stringify(place))
      }
    })
    const from = existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')) : place
    const { file, position } = from
    // The two have their own names for where to begin.
    const begin = { filename: file, position, binlogName: file, binlogNextPos: position }
    client.start({ serverId: Number(FOLLOW_SERVER_ID), ...begin })
  })
}

process.on('SIGTERM', () => process.exit(0))
for (;;) {
  await follow()
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
}
