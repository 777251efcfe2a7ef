import { alternate } from '../alternate.ts'
import { ChildProgram } from '../client/child-program.ts'
import type { Lane } from '../programs/dump-client.ts'
import type { SendCommand, Sending } from '../programs/plain-sender.ts'
import type { Measured, Scenario } from '../scenario.ts'

const bytesAtScale1 = 800e6

/** The raw client must not be what is measured: this is the most it could show of any server. */
export const client: Scenario = {
  name: 'client',
  measures: 'the raw client against a sender that does nothing else: the most that it can show',
  shapes: ['small'],
  goals: [],
  async run({ pool, repeats, scale }) {
    const sender = new ChildProgram<SendCommand, Sending>('plain-sender')
    const measured: Measured[] = []
    for (const clients of [1, 8]) {
      const bytes = Math.ceil((bytesAtScale1 * scale) / clients)
      const server = await sender.ask({ kind: 'send', bytes })
      const lanes: Lane[] = Array.from({ length: clients }, () => ({
        position: 4,
        bytesLeast: bytes,
      }))
      const run = async () =>
        (await pool.run(server, { file: '', lanes, passes: 1, login: false })).run
      const parties = [{ who: 'plain sender', run }]
      measured.push(...(await alternate(`receive ${clients}`, parties, { repeats, warmUps: 1 })))
    }
    sender.close()
    return measured
  },
}
