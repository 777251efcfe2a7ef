/*
  npm run demo [-- --cluster] [-- --keep]

  A source, Kingbus and two replicas on this machine, all real, before your eyes: scripts/demo/single.ts, and
  with --cluster scripts/demo/cluster.ts. --keep leaves all running and says how to connect.
*/
import { parseArgs } from 'node:util'
import { endEverything } from '../test/e2e/harness/child.ts'
import { playCluster } from './demo/cluster.ts'
import { playSingle } from './demo/single.ts'
import { secondsSince } from './demo/stage.ts'

const { values } = parseArgs({
  options: {
    cluster: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
if (values.keep) process.env['KINGBUS_KEEP_FOLDERS'] = '1'

const began = performance.now()
const play = values.cluster ? playCluster : playSingle
const good = await play(values.keep).catch((thrown: unknown) => {
  console.error(thrown)
  return false
})
await endEverything()
console.log(`\n${good ? 'PASS' : 'FAIL'} after ${secondsSince(began)}`)
process.exit(good ? 0 : 1)
