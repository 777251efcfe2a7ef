import { CommanderError } from 'commander'
import { InvariantError, messageOf, OperationalError } from '../lib/index.ts'
import { ExitCode } from './exit-codes.ts'
import { buildProgram } from './program.ts'
import type { Terminal } from './terminal.ts'

/** Runs one command line; returns the exit code. Never throws. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const outcome = { exitCode: ExitCode.OK as number }
  try {
    await buildProgram(terminal, outcome).parseAsync([...args], { from: 'user' })
    return outcome.exitCode
  } catch (thrown) {
    return explain(thrown, terminal)
  }
}

function explain(thrown: unknown, terminal: Terminal): number {
  // Commander has printed its own message already; help and version end with 0.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : ExitCode.USAGE
  if (thrown instanceof OperationalError) {
    terminal.error(`kingbus: ${thrown.message} [${thrown.code}]\n`)
    return thrown.exitCode
  }
  const what = thrown instanceof InvariantError ? 'a promise of the code was broken' : 'unexpected'
  const trace = thrown instanceof Error ? `\n${thrown.stack ?? ''}` : ''
  terminal.error(`kingbus: ${what}: ${messageOf(thrown)}${trace}\n`)
  return ExitCode.BUG
}
