import { Kingbus } from '../kingbus.ts'
import type { Mysqld } from '../mysqld.ts'
import { CutProxy } from '../network/cut-proxy.ts'
import { AckChecker } from './ack-checker.ts'
import { ProcessTrace } from './process-trace.ts'

/** Without TLS, so that the checker can read what is said. */
export const CHECKED_FLAGS = { 'source-semi-sync': 'true', 'source-tls': 'disabled' } as const

/** A node that is alone, with the checker of its acknowledgements and what can cut its connections on the way. */
export async function startCheckedNode(source: Mysqld) {
  const cuts = await CutProxy.start(source.port)
  const trace = new ProcessTrace()
  const checker = await AckChecker.start({ port: cuts.port, traces: [trace] })
  const kingbus = await Kingbus.start({
    sourceUrl: checker.sourceUrl,
    flags: CHECKED_FLAGS,
    env: trace.env,
  })
  return { cuts, checker, kingbus }
}
