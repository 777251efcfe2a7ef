/*
  What a command needs of the terminal and of the machine; tests put their own in its place.
*/
import type { Environment } from '../config/index.ts'
import { OperationalError } from '../lib/index.ts'
import {
  type Clock,
  type Disk,
  type Random,
  systemClock,
  systemDisk,
  systemRandom,
} from '../platform/index.ts'

export interface Terminal {
  readonly environment: Environment
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  /** whether messages go to a terminal, where a line can be rewritten */
  readonly errorIsTerminal: boolean
  /** whether whoever read our output is gone, as `head` is after its last line */
  abandoned(): boolean
  /** Asks on the terminal without showing what is typed. @throws E_CONFIG_INVALID where there is no terminal */
  askSecret(question: string): Promise<string>
}

const ENTER = /[\r\n]/
const INTERRUPT = '\u0003'
const BACKSPACE = /[\b\u007f]/
const SECRET_LENGTH_MOST = 1024

export const terminal: Terminal = {
  environment: process.env,
  disk: systemDisk,
  clock: systemClock,
  random: systemRandom,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  errorIsTerminal: process.stderr.isTTY,
  abandoned: () => process.stdout.errored !== null,
  async askSecret(question) {
    const { stdin, stderr } = process
    if (!stdin.isTTY) {
      throw new OperationalError(
        'E_CONFIG_INVALID',
        'there is no terminal to ask for the password: give it in a file, --password-file FILE',
      )
    }
    stderr.write(question)
    stdin.setRawMode(true)
    stdin.setEncoding('utf8')
    try {
      return await typed(stdin)
    } finally {
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
    }
  },
}

async function typed(input: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const part of input) {
    for (const character of String(part)) {
      if (ENTER.test(character)) return text
      if (character === INTERRUPT) throw new OperationalError('E_CONFIG_INVALID', 'interrupted')
      text = BACKSPACE.test(character) ? text.slice(0, -1) : text + character
      if (text.length > SECRET_LENGTH_MOST) return text
    }
  }
  return text
}
