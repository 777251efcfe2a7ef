import { endEverything } from '../../test/e2e/harness/child.ts'

/**
 * Runs what is to be soaked, with real servers, and ends them. The process ends with 1 when there are failures,
 * which are not empty, or something is thrown; then the command that repeats it is printed once more.
 * @param again that command
 */
export async function soakRun(
  again: string,
  run: (say: (line: string) => void) => Promise<{ readonly failed: boolean }>,
): Promise<void> {
  const say = (line: string): void => console.log(line)
  say(again)
  let failed = true
  try {
    failed = (await run(say)).failed
  } catch (thrown) {
    console.error(thrown)
  }
  process.exitCode = failed ? 1 : 0
  if (failed) say(`run it again: ${again}`)
  await endEverything()
  // The clients of a run that has failed are not stopped: they would look for its servers for ever.
  process.exit()
}
