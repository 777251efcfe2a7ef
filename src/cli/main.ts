import { systemCodeOf } from '../lib/index.ts'
import { run } from './index.ts'
import { terminal } from './terminal.ts'

// Whoever reads our output may stop before its end, as `head` does.
process.stdout.on('error', (error) => {
  if (systemCodeOf(error) !== 'EPIPE') throw error
})

process.exitCode = await run(process.argv.slice(2), terminal)
