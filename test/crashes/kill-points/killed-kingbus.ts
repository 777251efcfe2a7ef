/*
  `kingbus` with a disk that kills it: the product's own command line, and one part in another's place. Nothing of
  this is in the product.
*/
import { run } from '../../../src/cli/index.ts'
import { terminal } from '../../../src/cli/terminal.ts'
import { type KillOrder, killingDisk } from './killing-disk.ts'

const order = JSON.parse(process.env['KILL_ORDER'] ?? 'null') as KillOrder
process.exitCode = await run(process.argv.slice(2), { ...terminal, disk: killingDisk(order) })
