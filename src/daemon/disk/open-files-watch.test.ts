import { expect, it } from 'vitest'
import { OperationalError, silentLogger } from '../../lib/index.ts'
import { SimulatedClock } from '../../platform/testing/simulated-clock.ts'
import { OpenFilesWatch } from './open-files-watch.ts'

it('that no file can be opened is told once, and that one can again; between the two it is shown', async () => {
  const time = new SimulatedClock()
  const over = new AbortController()
  const lines: string[] = []
  let looks = 0
  let trouble: OperationalError | undefined
  const watch = new OpenFilesWatch({
    look: async () => {
      looks += 1
      return trouble
    },
    clock: time.process(),
    logger: {
      ...silentLogger,
      info: (_, message) => void lines.push(message),
      error: ({ code }, message) => void lines.push(`${String(code)} ${message}`),
    },
  })
  const running = watch.run(over.signal)
  const look = async (times: number): Promise<void> => {
    const goal = looks + times
    const isDone = (): boolean => looks >= goal
    while (!isDone()) {
      time.step()
      await new Promise(setImmediate)
    }
  }
  await look(2)
  expect(watch.trouble).toBeUndefined()
  trouble = new OperationalError('E_OPEN_FILES', 'too many files are open')
  await look(10)
  expect(watch.trouble).toBe(trouble)
  expect(lines).toEqual(['E_OPEN_FILES new connections are closed: too many files are open'])
  trouble = undefined
  await look(2)
  expect(watch.trouble).toBeUndefined()
  expect(lines.slice(1)).toEqual(['files can be opened again, and connections are taken'])
  over.abort()
  await running
})
