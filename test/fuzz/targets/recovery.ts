import { OperationalError, present } from '../../../src/lib/index.ts'
import { RECORD_BYTES_MAX, type Store } from '../../../src/store/index.ts'
import { require, type Target } from '../target.ts'
import { rechained } from './index-files.ts'
import { type Files, FOLDER, LAST_NAME, openStore, storedFiles } from './stored-folder.ts'

const DATA = `${FOLDER}/${LAST_NAME}`
const INDEX = `${DATA}.idx`

/** Everything that is shown of the store, file by file. */
async function readAll(store: Store): Promise<Map<string, Buffer>> {
  const shown = new Map<string, Buffer>()
  for (const { name, size } of store.files()) {
    const reader = await store.openFile(name)
    const parts: Buffer[] = []
    const target = Buffer.allocUnsafe(RECORD_BYTES_MAX)
    try {
      for (let position = 4; position < size; ) {
        const { bytes, end } = reader.read(position, target)
        if (bytes.length === 0) break
        parts.push(Buffer.from(bytes))
        position = end
      }
    } finally {
      await reader.close()
    }
    shown.set(name, Buffer.concat(parts))
  }
  return shown
}

/** Opens the folder twice: what was opened once must open again, and show the same. */
async function openAndRead(files: Files): Promise<Map<string, Buffer>> {
  const shown = await readAll(await openStore(files))
  let again: Map<string, Buffer>
  try {
    again = await readAll(await openStore(files))
  } catch (thrown) {
    throw new Error('a folder that was opened does not open again', { cause: thrown })
  }
  for (const [name, bytes] of shown) {
    require(again.get(name)?.equals(bytes) === true, 'a folder opens again to the same')
  }
  return shown
}

const refuses = (thrown: unknown): boolean => thrown instanceof OperationalError

function target(name: string, path: string, check: (shown: Buffer, whole: Buffer) => void): Target {
  return {
    name,
    covers: [],
    seeds: () => [present(storedFiles().get(path), path)],
    async run(input) {
      const files: Files = new Map(storedFiles())
      files.set(path, Buffer.from(input))
      const shown = await openAndRead(files)
      check(
        present(shown.get(LAST_NAME), LAST_NAME),
        present(storedFiles().get(DATA), DATA).subarray(4),
      )
    },
    refuses,
  }
}

export const recoveryTargets: readonly Target[] = [
  target('recovery-of-file', DATA, (shown, whole) => {
    // The index knows every byte; behind them a file may only have grown by whole, true events.
    const same = Math.min(shown.length, whole.length)
    require(shown
      .subarray(0, same)
      .equals(whole.subarray(0, same)), 'a byte that was not stored is shown')
  }),
  {
    ...target('recovery-of-index', INDEX, (shown, whole) => {
      require(shown.equals(whole.subarray(0, shown.length)), 'a byte that was not stored is shown')
    }),
    repair: rechained,
  },
]
