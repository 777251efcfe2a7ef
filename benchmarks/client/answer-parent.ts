import type { Failed } from './child-program.ts'

/** Serves the parent's commands one at a time until it goes away; ChildProgram's types say which. */
export function answerParent(answer: (command: never) => Promise<object>): void {
  process.on('message', (command) => {
    const failed = (thrown: unknown): Failed => ({ kind: 'failed', reason: String(thrown) })
    void answer(command as never)
      .catch(failed)
      .then((report) => process.send?.(report))
  })
  process.on('disconnect', () => process.exit(0))
}
