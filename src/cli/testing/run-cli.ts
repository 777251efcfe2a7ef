import { systemClock, systemDisk, systemRandom } from '../../platform/index.ts'
import { run } from '../run.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

/** Runs one command line, split at its spaces. */
export async function kingbus(
  args: string,
  given: { environment?: Record<string, string>; answers?: string[] } = {},
): Promise<Ran> {
  const texts = { out: '', error: '' }
  const answers = [...(given.answers ?? [])]
  const code = await run(args.split(' '), {
    environment: given.environment ?? {},
    disk: systemDisk,
    random: systemRandom,
    out: (text) => void (texts.out += text),
    error: (text) => void (texts.error += text),
    clock: systemClock,
    errorIsTerminal: false,
    abandoned: () => false,
    askSecret: async () => answers.shift() ?? 'nothing was to be asked',
  })
  return { code, ...texts }
}
